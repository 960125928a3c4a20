package doctor

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"time"
)

// This file judges connections that stay too long in one state.

// atLeastCount returns Warning if n reaches the threshold, and otherwise Info.
func (o *Observation) atLeastCount(id thresholdID, n int) Severity {
	if int64(n) >= o.Thresholds.number(id) {
		return Warning
	}
	return Info
}

// blame sets the owner of sockets as the subject of the finding, and returns
// its text for the title.
func (o *Observation) blame(f *Finding, who owner) string {
	if p, ok := o.process(who.pid); ok {
		f.about(p)
		f.with("which", "pid = "+strconv.Itoa(p.PID))
		return p.String()
	}
	if l := o.Survey.listeners[who.listener]; l != nil {
		f.at(l)
		f.with("which", "sport = :"+strconv.Itoa(int(l.Local.Port())))
		return "clients not yet accepted on " + l.String()
	}
	if uid, known := who.uid.Get(); known {
		f.Evidence.Add("uid", int64(uid))
		f.with("which", fmt.Sprintf("user = %d", uid))
		return fmt.Sprintf("user %d (process not seen)", uid)
	}
	return "processes that are not told apart"
}

// by returns a text such as " of nginx (pid 812)" if one process holds all the
// sockets.
func (o *Observation) by(g *group) string {
	if p, ok := o.process(g.pid); ok {
		return " of " + p.String()
	}
	return ""
}

// either returns one if all sockets have the same peer address, and otherwise
// several.
func (g *group) either(one, several string) string {
	if g.apart {
		return several
	}
	return one
}

// towards returns a text such as ", all with 10.0.0.9:5432" if all sockets have
// the same peer. Otherwise it names the peer of the oldest socket, if its age
// is known.
func (g *group) towards(f *Finding) string {
	switch {
	case g.count == 0, g.apart && g.examples.list[0].score < int64(time.Second):
		return ""
	case g.apart:
		return ", the longest with " + g.examples.list[0].socket.Peer.String()
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
		// They are reported together: one attempt to one destination means
		// little, but many at once may mean something.
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

// unanswered returns the finding for unanswered attempts to connect to one
// destination, or to several.
func (o *Observation) unanswered(target string, g *group, severity Severity) Finding {
	f := Finding{Severity: severity, Sockets: g.examples.sockets()}
	if !g.apart {
		f.Evidence.Add("destination", target)
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
		most := mostOf(g.kinds)
		f.variant = closeWaitCauses[most]
		cause := f.variant
		switch {
		case who.listener.IsValid():
			f.variant, cause = notAccepted, notAccepted
		case g.kinds[most] < g.count:
			cause += fmt.Sprintf(" (%d of them)", g.kinds[most])
		}
		holder := o.blame(&f, who)
		f.Title = fmt.Sprintf("%s of %s%s%s: %s", count(int64(g.count), "CLOSE_WAIT", "CLOSE_WAITs"), holder,
			g.towards(&f), forAtLeast(g.oldest), cause)
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

// The causes for which the advice on CLOSE_WAIT differs, by the kinds of a
// Survey.
var closeWaitCauses = [...]string{
	closeWaitRead:   "the program has read the end of file and does not close",
	closeWaitUnread: "the program does not read, and has not noticed the end of file",
	closeWaitData:   "the program does not read, and leaves data behind",
}

const notAccepted = "the program does not accept"

// mostOf returns the index of the highest number, the first one of equal
// numbers.
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
	f.Title = fmt.Sprintf("%s cannot finish%s%s: %s", count(int64(g.standing), "connection", "connections"), g.towards(&f), forAtLeast(g.oldest),
		g.either("the peer does not acknowledge the end", "their peers do not acknowledge the end"))
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
	f.Title = fmt.Sprintf("%s%s to %s%s%s: data is resent in vain", count(int64(g.standing), "connection", "connections"), o.by(g),
		g.either("a peer that does not answer", "peers that do not answer"), g.towards(&f), forAtLeast(g.oldest))
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
	f.Title = fmt.Sprintf("%s%s to %s%s%s: %s", count(int64(g.standing), "connection", "connections"), o.by(g),
		g.either("a peer that does not read", "peers that do not read"), g.towards(&f), forAtLeast(g.oldest),
		g.either("its window is closed", "their windows are closed"))
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
		f.Title = fmt.Sprintf("%s of %s idle without keepalive for at least %s%s", count(int64(g.standing), "connection", "connections"), holder,
			formatDuration(o.Thresholds.span(keepaliveIdle)), g.towards(&f))
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
	f.Title = fmt.Sprintf("%s%s may have lost the other end%s%s", count(int64(g.standing), "connection", "connections"), o.by(g), g.towards(&f), silentFor(g.oldest))
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

// addHolders adds the processes that hold the examples to the finding.
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
