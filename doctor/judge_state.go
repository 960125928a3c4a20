package doctor

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"tcpstate/tcp"
)

// This file judges connections that stay where they should pass.

// atLeastCount returns Warning for at least so many, else Info.
func (o *Observation) atLeastCount(id thresholdID, n int) Severity {
	if int64(n) >= o.Thresholds.number(id) {
		return Warning
	}
	return Info
}

// blame names whom sockets are laid to, and returns it as titles do.
func (o *Observation) blame(f *Finding, who owner) string {
	if p, ok := o.process(who.pid); ok {
		f.about(p)
		return p.String()
	}
	if l := o.Survey.listeners[who.listener]; l != nil {
		f.at(l)
		return "nobody yet, for they wait to be accepted on " + l.String()
	}
	if uid, known := who.uid.Get(); known {
		f.Evidence.Add("uid", int64(uid))
		return fmt.Sprintf("user %d (process not seen)", uid)
	}
	return "processes that are not told apart"
}

// towards returns ", all to 10.0.0.9:5432" where all sockets have that peer.
func (g *group) towards(f *Finding) string {
	if g.apart || g.count == 0 {
		return ""
	}
	address := g.peer.Addr().String()
	if g.peer.Port() != 0 {
		address = g.peer.String()
	}
	f.Evidence.Add("peer", address)
	f.with("peer", address)
	f.with("peer_address", g.peer.Addr().String())
	if g.count == 1 {
		return " (peer " + address + ")"
	}
	return ", all with " + address
}

func judgeSynSent(o *Observation) []Finding {
	var findings []Finding
	var few []*group
	for to, g := range o.Survey.synSent.worst(netip.AddrPort.Compare) {
		switch {
		case g.standing == 0:
		case to.IsValid() && int64(g.standing) >= o.Thresholds.number(synSentCount):
			findings = append(findings, o.unanswered(to.String(), g, Warning))
		default:
			few = append(few, g)
		}
	}
	findings = cut(findings)
	if len(few) == 1 && !few[0].apart {
		return append(findings, o.unanswered(few[0].peer.String(), few[0], Info))
	}
	if len(few) > 0 {
		// They are told together: one of each is no news, many at once may be.
		all := &group{apart: true}
		for _, g := range few {
			all.standing += g.standing
			all.count += g.count
			all.oldest = max(all.oldest, g.oldest)
			for _, x := range g.examples.list {
				all.examples.add(x.score, x.socket)
			}
		}
		f := o.unanswered("various destinations", all, o.atLeastCount(synSentScattered, all.standing))
		addHolders(&f, all)
		findings = append(findings, f)
	}
	return findings
}

// unanswered tells of attempts at a destination, or at various ones.
func (o *Observation) unanswered(target string, g *group, severity Severity) Finding {
	f := Finding{Severity: severity, Sockets: g.examples.sockets()}
	f.Evidence.Add("destination", target)
	if !g.apart {
		f.with("peer", target)
		f.with("peer_address", g.peer.Addr().String())
		f.with("peer_port", strconv.Itoa(int(g.peer.Port())))
	}
	by := ""
	if g.process != nil {
		f.about(*g.process)
		by = " by " + g.process.String()
	}
	f.Title = fmt.Sprintf("no answer from %s to %s%s%s", target, count(int64(g.standing), "connection attempt", "connection attempts"), by, forAtLeast(g.oldest))
	f.Evidence.Add("syn_sent", g.count)
	f.Evidence.Add("unanswered", g.standing)
	f.Evidence.Add("oldest_ms", g.oldest)
	return f
}

func judgeCloseWait(o *Observation) []Finding {
	t := &o.Thresholds
	var findings []Finding
	for who, g := range o.Survey.closeWait.worst(compareOwners) {
		leaks := g.standing > 0 && int64(g.standing) >= t.number(closeWaitCount)
		leaks = leaks || g.count > g.unaged && g.oldest >= t.span(closeWaitOld)
		unknown := g.unaged > 0 && int64(g.unaged) >= t.number(closeWaitUnknown)
		if !leaks && !unknown {
			continue
		}
		f := Finding{Severity: Warning, Sockets: g.examples.sockets()}
		if int64(g.standing) >= t.number(closeWaitMany) {
			f.Severity = Critical
		}
		if !leaks {
			f.Confidence, f.Inference = Likely, "how old they are is not known; so many at one moment are no passing state"
		}
		f.variant = closeWaitCauses[mostOf(g.kinds)]
		if who.listener.IsValid() {
			f.variant = notAccepted
		}
		holder := o.blame(&f, who)
		f.Title = fmt.Sprintf("%s of %s%s%s: %s", count(int64(g.count), "CLOSE_WAIT", "CLOSE_WAITs"), holder,
			g.towards(&f), forAtLeast(g.oldest), f.variant)
		f.Evidence.Add("close_wait", g.count)
		f.Evidence.Add("older_than_age", g.standing)
		f.Evidence.Add("age_unknown", g.unaged)
		f.Evidence.Add("oldest_at_least_ms", g.oldest)
		f.Evidence.Add("end_of_file_read", g.kinds[closeWaitRead])
		f.Evidence.Add("end_of_file_unread", g.kinds[closeWaitUnread])
		f.Evidence.Add("data_unread", g.kinds[closeWaitData])
		findings = append(findings, f)
	}
	return cut(findings)
}

// The causes that advice on CLOSE_WAIT tells apart, by the kinds of a Survey.
var closeWaitCauses = [...]string{
	closeWaitRead:   "the program has read the end of file and does not close",
	closeWaitUnread: "the program does not read, and has not noticed the end of file",
	closeWaitData:   "the program does not read, and leaves data behind",
}

const notAccepted = "the program does not accept"

// mostOf returns the index of the greatest number, the first of equals.
func mostOf(numbers [3]int) int {
	return slices.Index(numbers[:], max(numbers[0], numbers[1], numbers[2]))
}

func judgeFinWait2(o *Observation) []Finding {
	var findings []Finding
	for who, g := range o.Survey.finWait2.worst(compareOwners) {
		if g.standing == 0 {
			continue
		}
		f := Finding{Severity: o.atLeastCount(finWait2Count, g.standing), Sockets: g.examples.sockets()}
		holder := o.blame(&f, who)
		f.Title = fmt.Sprintf("%s held by %s%s%s: the peer does not close", count(int64(g.standing), "FIN_WAIT2", "FIN_WAIT2s"), holder, g.towards(&f), forAtLeast(g.oldest))
		f.Evidence.Add("fin_wait2_held", g.count)
		f.Evidence.Add("older_than_age", g.standing)
		f.Evidence.Add("oldest_at_least_ms", g.oldest)
		findings = append(findings, f)
	}
	return cut(findings)
}

func judgeClosing(o *Observation) []Finding {
	g := &o.Survey.closing
	if g.standing == 0 || int64(g.standing) < o.Thresholds.number(closingCount) {
		return nil
	}
	f := Finding{Severity: o.atLeastCount(closingMany, g.standing), Sockets: g.examples.sockets()}
	f.Title = fmt.Sprintf("%s cannot finish%s: the peer does not acknowledge the end%s", count(int64(g.standing), "connection", "connections"), g.towards(&f), forAtLeast(g.oldest))
	f.Evidence.Add("fin_wait1", g.kinds[0])
	f.Evidence.Add("closing", g.kinds[1])
	f.Evidence.Add("last_ack", g.kinds[2])
	f.Evidence.Add("longest_silence_ms", g.oldest)
	f.Evidence.Add("unacknowledged_bytes", g.bytes)
	return []Finding{f}
}

func judgeDeadPath(o *Observation) []Finding {
	g := &o.Survey.deadPath
	if g.standing == 0 {
		return nil
	}
	f := Finding{Severity: o.atLeastCount(deadPathCount, g.standing), Sockets: g.examples.sockets()}
	f.Title = fmt.Sprintf("%s to a peer that does not answer%s%s: data is resent in vain", count(int64(g.standing), "connection", "connections"), g.towards(&f), forAtLeast(g.oldest))
	f.Evidence.Add("connections", g.standing)
	f.Evidence.Add("unacknowledged_bytes", g.bytes)
	f.Evidence.Add("longest_silence_ms", g.oldest)
	o.addRises(&f.Evidence, "Tcp.RetransSegs", "TcpExt.TCPTimeouts", "TcpExt.TCPAbortOnTimeout")
	addHolders(&f, g)
	return []Finding{f}
}

func judgePeerNotReading(o *Observation) []Finding {
	g := &o.Survey.unreadPeer
	if g.standing == 0 {
		return nil
	}
	f := Finding{Severity: o.atLeastCount(peerCount, g.standing), Sockets: g.examples.sockets()}
	f.Title = fmt.Sprintf("%s to a peer that does not read%s%s: its window is closed", count(int64(g.standing), "connection", "connections"), g.towards(&f), forAtLeast(g.oldest))
	f.Evidence.Add("connections", g.standing)
	f.Evidence.Add("window_closed", g.count)
	f.Evidence.Add("unsent_bytes", g.bytes)
	f.Evidence.Add("longest_ms", g.oldest)
	addHolders(&f, g)
	return []Finding{f}
}

func judgeAppNotReading(o *Observation) []Finding {
	var findings []Finding
	for who, g := range o.Survey.unreadApp.worst(compareOwners) {
		if g.standing == 0 {
			continue
		}
		f := Finding{Severity: o.atLeastCount(appCount, g.standing), Sockets: g.examples.sockets()}
		holder := o.blame(&f, who)
		f.Title = fmt.Sprintf("%s does not read %s%s%s", holder, count(int64(g.standing), "connection", "connections"), g.towards(&f), forAtLeast(g.oldest))
		f.Evidence.Add("connections", g.standing)
		f.Evidence.Add("with_unread_data", g.count)
		f.Evidence.Add("unread_bytes", g.bytes)
		f.Evidence.Add("longest_at_least_ms", g.oldest)
		findings = append(findings, f)
	}
	return cut(findings)
}

func judgeKeepalive(o *Observation) []Finding {
	var findings []Finding
	for who, g := range o.Survey.silent.worst(compareOwners) {
		if int64(g.standing) < o.Thresholds.number(keepaliveCount) || g.standing == 0 {
			continue
		}
		f := Finding{Severity: Info, Sockets: g.examples.sockets()}
		holder := o.blame(&f, who)
		f.Title = fmt.Sprintf("%s of %s%s idle without keepalive for at least %s", count(int64(g.standing), "connection", "connections"), holder,
			g.towards(&f), formatDuration(o.Thresholds.span(keepaliveIdle)))
		f.Evidence.Add("connections", g.standing)
		f.Evidence.Add("longest_idle_ms", g.oldest)
		findings = append(findings, f)
	}
	return cut(findings)
}

func judgeHalfOpen(o *Observation) []Finding {
	g := &o.Survey.suspects
	if g.standing == 0 {
		return nil
	}
	f := Finding{Severity: Info, Confidence: Possible, Sockets: g.examples.sockets()}
	f.Inference = "a peer that is silent may also have nothing to say"
	if g.kinds[suspectProbes] > 0 {
		f.Confidence, f.Inference = Likely, "a peer that is there answers keepalive probes"
	}
	f.Title = fmt.Sprintf("%s may have lost the other end%s%s", count(int64(g.standing), "connection", "connections"), g.towards(&f), silentFor(g.oldest))
	f.Evidence.Add("probes_unanswered", g.kinds[suspectProbes])
	f.Evidence.Add("silent_without_keepalive", g.kinds[suspectIdle])
	f.Evidence.Add("longest_silence_ms", g.oldest)
	addHolders(&f, g)
	return []Finding{f}
}

func silentFor(d time.Duration) string {
	if d < time.Second {
		return ""
	}
	return ", silent for " + formatDuration(d.Truncate(time.Second))
}

// addHolders names the processes that hold the examples.
func addHolders(f *Finding, g *group) {
	for _, x := range g.examples.list {
		for _, p := range x.socket.Processes {
			holder := Process{PID: p.PID, Name: p.Name}
			if !slices.Contains(f.Processes, holder) {
				f.Processes = append(f.Processes, holder)
			}
		}
	}
	if len(f.Processes) > 0 {
		f.with("pid", strconv.Itoa(f.Processes[0].PID))
	}
}

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
		by := ""
		if p, ok := o.process(int(u.pid)); ok {
			f.about(p)
			by = " by " + p.String()
		}
		f.Title = fmt.Sprintf("%v has %d of %d local ports taken towards %v%s", u.local, u.taken, usable, u.peer, by)
		f.Evidence.Add("local", u.local.String())
		f.Evidence.Add("destination", u.peer.String())
		f.Evidence.Add("ports_taken", u.taken)
		f.Evidence.Add("ports", usable)
		f.Evidence.Add("ports_taken_percent", percent(u.taken, usable))
		f.Evidence.Add("time_wait", int64(u.timeWait))
		if o.Survey.destinations.lost > 0 {
			f.Inference = "there are so many destinations that rare ones were not counted through: the number is a lower bound"
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

// timeWaits is the cause that advice on ports tells apart.
const timeWaits = "most of them are in TIME_WAIT"

// reusesTimeWait reports whether connect() takes the ports of connections in
// TIME_WAIT towards a destination: tcp_tw_reuse 1 does, 2 over the loopback, both
// with timestamps alone (tcp_twsk_unique in net/ipv4/tcp_ipv4.c).
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
		f.Title = fmt.Sprintf("TIME_WAIT was left out %s within %s: tcp_max_tw_buckets is reached", count(n, "time", "times"), formatDuration(o.Interval.Round(time.Millisecond)))
		f.Evidence.Add("tcp_time_wait_overflow", n)
		f.Evidence.Add("interval_ms", o.Interval)
	case near:
		f.Severity = Warning
		f.Title = fmt.Sprintf("%s of at most %d: soon it is left out", count(inUse, "TIME_WAIT", "TIME_WAITs"), limit)
	case total > 0:
		f.Severity = Info
		f.Title = fmt.Sprintf("since boot TIME_WAIT was left out %s", count(total, "time", "times"))
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
