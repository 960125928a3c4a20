package doctor

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"tcpstate/tcp"
	"tcpstate/wording"
)

// This file judges the use of local ports and the number of TIME_WAITs.

func judgePorts(o *Observation) []Finding {
	all, known := o.Settings.LocalPortRange.Get()
	if !known {
		return nil
	}
	usable := int64(all.Len() - o.Settings.LocalReservedPorts.Or(nil).Within(all))
	type use struct {
		destination
		tally
		taken int64
	}
	var uses []use
	for _, e := range o.Survey.destinations.entries {
		taken := int64(e.held)
		if !o.reusesTimeWait(e.key) {
			taken += int64(e.timeWait)
		}
		if o.Thresholds.reaches(portsNear, taken, usable) {
			uses = append(uses, use{e.key, e.tally, taken})
		}
	}
	slices.SortFunc(uses, func(a, b use) int {
		return cmp.Or(cmp.Compare(b.taken, a.taken), compareDestinations(a.destination, b.destination))
	})
	var findings []Finding
	for _, u := range uses {
		f := Finding{Severity: Warning}
		if o.Thresholds.reaches(portsFull, u.taken, usable) {
			f.Severity = Critical
		}
		var by wording.Message
		if p, ok := o.process(int(u.pid)); ok {
			f.about(p)
			by = wording.Say("doctor.by", "process", p)
		}
		f.Title = wording.Say("doctor.port-exhaustion.title", "local", u.local, "n", u.taken, "ports", usable, "peer", u.peer, "by", by)
		f.Evidence.Add("local", u.local.String())
		f.Evidence.Add("destination", u.peer.String())
		f.Evidence.Add("ports_taken", u.taken)
		f.Evidence.Add("ports", usable)
		f.Evidence.Add("ports_taken_percent", percent(u.taken, usable))
		f.Evidence.Add("time_wait", int64(u.timeWait))
		if o.Survey.destinations.lost > 0 {
			f.Inference = wording.Say("doctor.port-exhaustion.inferred")
		}
		f.with("peer", u.peer.String())
		if u.timeWait > u.held && o.Settings.TWReuse.Or(1) != 1 && o.Settings.Timestamps.Or(0) != 0 {
			f.variant = timeWaits
		}
		if all.Last < 60999 || all.First > 10240 {
			f.with("first", strconv.Itoa(min(int(all.First), 10240)))
			f.with("last", strconv.Itoa(max(int(all.Last), 60999)))
		}
		findings = append(findings, f)
	}
	return cut(findings)
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
	case total > 0:
		f.Severity = Info
		f.Title = wording.Say("doctor.time-wait-overflow.since-boot", "n", total)
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
