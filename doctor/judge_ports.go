package doctor

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"tcpstate/lifecycle"
	"tcpstate/tcp"
	"tcpstate/wording"
)

// This file judges the use of local ports and the number of TIME_WAITs.

func judgePorts(o *Observation) []Finding {
	usable, known := o.UsablePorts()
	if !known {
		return nil
	}
	var findings []Finding
	full := map[netip.Addr]bool{} // local addresses that a finding is about
	near := func(taken int64) bool { return o.Thresholds.reaches(portsNear, taken, usable) }
	for _, u := range o.PortUses(near) {
		full[u.Local] = true
		findings = append(findings, o.exhausted(u, usable))
	}
	return o.cut(append(findings, o.boundPorts(full, usable)...))
}

// PortUse is how many local ports of a local address are taken for connections to
// one destination. There are usable ports for each destination and each local
// address: the number of connections that a host can open is local addresses x
// usable ports x addresses of the peer x ports of the peer.
type PortUse struct {
	Local netip.Addr
	Peer  netip.AddrPort
	Taken int64 // ports that connect() cannot take for this destination

	entry *entry[destination]
}

// PortUses returns the use of ports for each destination of which enough ports are
// taken, the highest first.
func (o *Observation) PortUses(enough func(taken int64) bool) []PortUse {
	var uses []PortUse
	for i := range o.Survey.destinations.entries {
		e := &o.Survey.destinations.entries[i]
		taken := int64(e.held)
		if !o.reusesTimeWait(e.key) {
			taken += int64(e.timeWait)
		}
		if enough(taken) {
			uses = append(uses, PortUse{e.key.local, e.key.peer, taken, e})
		}
	}
	slices.SortFunc(uses, func(a, b PortUse) int {
		return cmp.Or(cmp.Compare(b.Taken, a.Taken), compareDestinations(destination{a.Local, a.Peer}, destination{b.Local, b.Peer}))
	})
	return uses
}

// UsablePorts returns how many ports connect() chooses from for each destination.
func (o *Observation) UsablePorts() (int64, bool) {
	all, known := o.Settings.LocalPortRange.Get()
	if !known {
		return 0, false
	}
	return int64(all.Len() - o.Settings.LocalReservedPorts.Or(nil).Within(all)), true
}

// exhausted returns the finding on a destination for which the ports run out.
func (o *Observation) exhausted(u PortUse, usable int64) Finding {
	f := Finding{Severity: Warning}
	if o.Thresholds.reaches(portsFull, u.Taken, usable) {
		f.Severity = Critical
	}
	o.wantDestinations(u.Peer.Addr())
	holders := u.entry.pids.busiest()
	if len(holders) == 0 {
		holders = o.othersTowards(u)
		if len(holders) > 0 {
			f.Confidence = Likely
			f.Inference = wording.Say("doctor.port-exhaustion.inferred.holder")
		}
		f.with("next_to", u.Peer.String())
	}
	by := o.heldBy(&f, holders)
	f.Title = wording.Say("doctor.port-exhaustion.title", "local", u.Local, "n", u.Taken, "ports", usable, "peer", u.Peer, "by", by)
	f.Evidence.Add("local", u.Local.String())
	f.Evidence.Add("destination", u.Peer.String())
	f.Evidence.Add("ports_taken", u.Taken)
	f.Evidence.Add("ports", usable)
	f.Evidence.Add("ports_free", max(0, usable-u.Taken))
	f.Evidence.Add("ports_taken_percent", percent(u.Taken, usable))
	f.Evidence.Add("time_wait", int64(u.entry.timeWait))
	if o.Survey.destinations.lost > 0 {
		f.Inference = wording.Say("doctor.port-exhaustion.inferred")
	}
	f.with("peer", u.Peer.String())
	if u.entry.timeWait > u.entry.held && o.Settings.TWReuse.Or(1) != 1 && o.Settings.Timestamps.Or(0) != 0 {
		f.variant = timeWaits
	}
	o.widen(&f)
	return f
}

// othersTowards returns the processes that have sockets from another address to a
// destination whose own sockets no process holds, else to another port of it.
func (o *Observation) othersTowards(u PortUse) []int {
	var same, near pids
	for _, e := range o.Survey.destinations.entries {
		switch {
		case e.pid == 0:
		case e.key.peer == u.Peer:
			same.add(int(e.pid))
		case e.key.peer.Addr() == u.Peer.Addr():
			near.add(int(e.pid))
		}
	}
	if list := same.busiest(); len(list) > 0 {
		return list
	}
	return near.busiest()
}

// heldBy adds processes to a finding, and returns the words of its title that name
// them.
func (o *Observation) heldBy(f *Finding, holders []int) wording.Message {
	var first wording.Message
	others := -1
	for _, pid := range holders {
		p, ok := o.process(pid)
		if !ok {
			continue
		}
		if others++; others == 0 {
			f.about(p)
			first = p.Message()
		} else {
			f.Processes = append(f.Processes, p)
		}
	}
	switch {
	case others < 0:
		return wording.Message{}
	case others == 0:
		return wording.Say("doctor.by", "process", first)
	}
	return wording.Say("doctor.by-several", "process", first)
}

// widen gives the advice a wider range of ports, where there is one.
func (o *Observation) widen(f *Finding) {
	all := o.Settings.LocalPortRange.Or(lifecycle.PortRange{})
	if all.Last < 60999 || all.First > 10240 {
		f.with("first", strconv.Itoa(min(int(all.First), 10240)))
		f.with("last", strconv.Itoa(max(int(all.Last), 60999)))
	}
}

// boundPorts returns findings on local addresses of which nearly all ports are
// taken, for whatever destinations. Such a port is free for connect() to other
// destinations, but not for bind() of port 0 (inet_csk_get_port). Where hardly any
// two sockets share a port, programs bind before they connect: connect() would
// have chosen some ports for several destinations. One destination alone has a port
// for each socket in any case, and is judged as a destination.
func (o *Observation) boundPorts(full map[netip.Addr]bool, usable int64) []Finding {
	var findings []Finding
	for local, use := range o.Survey.localPorts {
		if full[local] || !o.Thresholds.reaches(portsBound, int64(use.distinct), usable) {
			continue
		}
		destinations, largest := 0, int64(0)
		for i := range o.Survey.destinations.entries {
			if e := &o.Survey.destinations.entries[i]; e.key.local == local {
				destinations++
				largest = max(largest, int64(e.total()))
			}
		}
		if !o.Thresholds.reaches(portsShared, int64(use.sockets)-largest, int64(use.distinct)) {
			continue
		}
		f := Finding{Severity: Info, Confidence: Possible, variant: bindFails}
		f.Inference = wording.Say("doctor.port-exhaustion.inferred.shared", "n", use.sockets-use.distinct)
		if shared := int64(use.sockets - use.distinct); !o.Thresholds.reaches(portsShared, shared, int64(use.distinct)) {
			f.Severity = Warning
			f.Inference = wording.Say("doctor.port-exhaustion.inferred.bound")
		}
		if o.wanted != nil {
			o.wanted.ports = true
			o.wanted.add(use.inodes...)
		}
		by := o.heldBy(&f, use.pids.busiest())
		f.Title = wording.Say("doctor.port-exhaustion.bound", "local", local, "n", use.distinct, "ports", usable, "by", by)
		f.Evidence.Add("local", local.String())
		f.Evidence.Add("ports_taken", use.distinct)
		f.Evidence.Add("ports", usable)
		f.Evidence.Add("ports_free", max(0, usable-int64(use.distinct)))
		f.Evidence.Add("ports_taken_percent", percent(int64(use.distinct), usable))
		f.Evidence.Add("sockets", use.sockets)
		f.Evidence.Add("destinations", destinations)
		f.with("local", hostInFilter(local))
		o.widen(&f)
		findings = append(findings, f)
	}
	slices.SortFunc(findings, func(a, b Finding) int {
		return cmp.Compare(fmt.Sprint(a.Evidence.Get("local")), fmt.Sprint(b.Evidence.Get("local")))
	})
	return findings
}

// hostInFilter returns an address as a filter reads it.
func hostInFilter(a netip.Addr) string {
	if a.Is6() {
		return "[" + a.WithZone("").String() + "]"
	}
	return a.String()
}

// bindFails is the cause where bind() of port 0 runs out of ports.
const bindFails = "doctor.cause.bind"

func judgeSelfConnect(o *Observation) []Finding {
	var findings []Finding
	for _, s := range o.Survey.selfConnect {
		f := Finding{Severity: Warning, Sockets: []*tcp.Socket{s}}
		holder := wording.Say("doctor.others")
		if len(s.Processes) > 0 {
			p := Process{PID: s.Processes[0].PID, Name: s.Processes[0].Name}
			f.about(p)
			holder = p.Message()
		} else if uid, known := s.Owner.UID.Get(); known {
			holder = wording.Say("doctor.user", "uid", uid)
		}
		f.Title = wording.Say("doctor.self-connect.title", "holder", holder, "address", s.Local)
		f.Evidence.Add("local", s.Local.String())
		f.Evidence.Add("peer", s.Peer.String())
		f.Evidence.Add("state", s.State.String())
		f.with("peer", s.Peer.String())
		if o.Survey.choosable.has(s.Local.Port()) {
			reserved := strconv.Itoa(int(s.Local.Port()))
			if setting, ok := lifecycle.SettingOf("net.ipv4.ip_local_reserved_ports"); ok {
				if before, known := setting.Text(&o.Settings); known && before != "" {
					reserved = before + "," + reserved
				}
			}
			f.with("reserved", reserved)
		}
		findings = append(findings, f)
	}
	return o.cut(findings)
}

// timeWaits is the cause on which advice about ports depends.
const timeWaits = "doctor.cause.time-wait"

// reusesTimeWait reports whether connect() may reuse the ports of connections
// in TIME_WAIT to a destination. It may with tcp_tw_reuse 1, and with 2 over
// the loopback, in both cases only with timestamps (tcp_twsk_unique in
// net/ipv4/tcp_ipv4.c).
func (o *Observation) reusesTimeWait(to destination) bool {
	if o.Settings.Timestamps.Or(0) == 0 {
		return false
	}
	switch o.Settings.TWReuse.Or(0) {
	case 1:
		return true
	case 2:
		return to.local.IsLoopback() && to.peer.Addr().IsLoopback()
	}
	return false
}

func judgeTimeWait(o *Observation) []Finding {
	f := Finding{}
	inUse := int64(o.Survey.Counts.Of(tcp.TimeWait))
	if n, known := o.SockStat["TCP.tw"]; known {
		inUse = n
	}
	limit, known := o.Settings.MaxTWBuckets.Get()
	near := known && o.Thresholds.reaches(timeWaitNear, inUse, int64(limit))
	n, total := o.rises("TcpExt.TCPTimeWaitOverflow"), int64(0)
	if sinceBoot, known := o.sinceBoot("TcpExt.TCPTimeWaitOverflow"); known {
		total = sinceBoot
	}
	switch {
	case n > 0:
		f.Severity = Warning
		f.Title = wording.Say("doctor.time-wait-overflow.within", "n", n, "time", formatDuration(o.Interval.Round(time.Millisecond)))
		f.Evidence.Add("tcp_time_wait_overflow", n)
		f.Evidence.Add("interval_ms", o.Interval)
	case near:
		f.Severity = Warning
		f.Title = wording.Say("doctor.time-wait-overflow.soon", "n", inUse, "most", limit)
		if total > 0 { // it has happened before
			f.Title = wording.Say("doctor.time-wait-overflow.again", "n", inUse, "most", limit, "total", total)
			f.Evidence.Add("tcp_time_wait_overflow_since_boot", total)
		}
	case total > 0:
		f.Severity = Info
		f.Title = wording.Say("doctor.time-wait-overflow.since-boot", "n", total, "now", o.notNow())
		f.Evidence.Add("tcp_time_wait_overflow_since_boot", total)
	default:
		return nil
	}
	f.Evidence.Add("time_wait", inUse)
	if known {
		f.Evidence.Add("tcp_max_tw_buckets", limit)
		if near || n > 0 {
			f.with("value", strconv.Itoa(max(65536, 2*limit)))
		}
	}
	return []Finding{f}
}
