package doctor

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"tcpstate/wording"
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
func (o *Observation) attribute(f *Finding, who owner) wording.Message {
	if p, ok := o.process(who.pid); ok {
		f.about(p)
		f.with("which", "pid = "+strconv.Itoa(p.PID))
		return p.Message()
	}
	if l := o.Survey.listeners[who.listener]; l != nil {
		f.at(l)
		f.with("which", "sport = :"+strconv.Itoa(int(l.Local.Port())))
		return wording.Say("doctor.not-accepted", "listener", l)
	}
	if uid, known := who.uid.Get(); known {
		f.Evidence.Add("uid", int64(uid))
		f.with("which", fmt.Sprintf("user = %d", uid))
		return wording.Say("doctor.user", "uid", uid)
	}
	return wording.Say("doctor.others")
}

// by returns a text such as " of nginx (pid 812)" if one process holds all the
// sockets.
func (o *Observation) of(g *group) wording.Message {
	if p, ok := o.process(g.pid); ok {
		return wording.Say("doctor.of", "process", p)
	}
	return wording.Message{}
}

// towards returns ", all with 10.0.0.9:5432" where all sockets have that peer,
// else the peer of the socket that has lasted longest, if that is known.
func (g *group) towards(f *Finding) wording.Message {
	switch {
	case g.count == 0, g.apart && g.examples.list[0].score < int64(time.Second):
		return wording.Message{}
	case g.apart:
		return wording.Say("doctor.longest-with", "peer", g.examples.list[0].socket.Peer)
	}
	address := g.peer.Addr().String()
	if g.peer.Port() != 0 {
		address = g.peer.String()
	}
	f.Evidence.Add("peer", address)
	f.with("peer", address)
	f.with("peer_address", g.peer.Addr().String())
	if g.count == 1 {
		return wording.Say("doctor.peer", "peer", address)
	}
	return wording.Say("doctor.all-with", "peer", address)
}

func judgeSynSent(o *Observation) []Finding {
	var findings []Finding
	var few []*group
	for to, g := range o.Survey.synSent.worst(netip.AddrPort.Compare) {
		switch {
		case g.standing == 0:
		case to.IsValid() && int64(g.standing) >= o.Thresholds.number(synSentCount):
			findings = append(findings, o.unanswered(to, g, Warning))
		default:
			few = append(few, g)
		}
	}
	findings = cut(findings)
	if len(few) == 1 && !few[0].apart {
		return append(findings, o.unanswered(few[0].peer, few[0], Info))
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
		f := o.unanswered(netip.AddrPort{}, all, o.atLeastCount(synSentScattered, all.standing))
		addHolders(&f, all)
		findings = append(findings, f)
	}
	return findings
}

// unanswered returns the finding for unanswered attempts to connect to one
// destination, or to several.
func (o *Observation) unanswered(to netip.AddrPort, g *group, severity Severity) Finding {
	f := Finding{Severity: severity, Sockets: g.examples.sockets()}
	target := wording.Say("doctor.syn-sent-stuck.various")
	if !g.apart {
		target = wording.Say("doctor.listener.unowned", "address", to)
		f.Evidence.Add("destination", to.String())
		f.with("peer", to.String())
		f.with("peer_address", g.peer.Addr().String())
		f.with("peer_port", strconv.Itoa(int(g.peer.Port())))
	}
	var by wording.Message
	if g.process != nil {
		f.about(*g.process)
		by = wording.Say("doctor.by", "process", *g.process)
	}
	f.Title = wording.Say("doctor.syn-sent-stuck.title", "target", target, "n", g.standing, "by", by, "age", forAtLeast(g.oldest))
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
			f.Confidence, f.Inference = Likely, wording.Say("doctor.close-wait-leak.inferred")
		}
		most := mostOf(g.kinds)
		f.variant = closeWaitCauses[most]
		if who.listener.IsValid() {
			f.variant = notAccepted
		}
		cause := wording.Say(f.variant)
		if f.variant != notAccepted && g.kinds[most] < g.count {
			cause = wording.Say("doctor.close-wait-leak.cause-of-some", "cause", cause, "n", g.kinds[most])
		}
		holder := o.attribute(&f, who)
		f.Title = wording.Say("doctor.close-wait-leak.title", "n", g.count, "holder", holder,
			"peer", g.towards(&f), "age", forAtLeast(g.oldest), "cause", cause)
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
	closeWaitRead:   "doctor.cause.end-read",
	closeWaitUnread: "doctor.cause.end-unread",
	closeWaitData:   "doctor.cause.data-unread",
}

const notAccepted = "doctor.cause.not-accepted"

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
		holder := o.attribute(&f, who)
		f.Title = wording.Say("doctor.fin-wait2-held.title", "n", g.standing, "holder", holder, "peer", g.towards(&f), "age", forAtLeast(g.oldest))
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
	peer, age := g.towards(&f), forAtLeast(g.oldest)
	f.Title = wording.Say("doctor.closing-stuck.one-peer", "n", g.standing, "peer", peer, "age", age)
	if g.apart {
		f.Title = wording.Say("doctor.closing-stuck.peers", "n", g.standing, "peer", peer, "age", age)
	}
	if n := o.Survey.closingWindow; n == g.standing {
		f.Title = wording.Say("doctor.closing-stuck.windows", "n", n, "peer", peer, "age", age)
	}
	f.Evidence.Add("fin_wait1", g.kinds[0])
	f.Evidence.Add("closing", g.kinds[1])
	f.Evidence.Add("last_ack", g.kinds[2])
	f.Evidence.Add("window_closed", o.Survey.closingWindow)
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
	of, peer, age := o.of(g), g.towards(&f), forAtLeast(g.oldest)
	f.Title = wording.Say("doctor.dead-path.one-peer", "n", g.standing, "of", of, "peer", peer, "age", age)
	if g.apart {
		f.Title = wording.Say("doctor.dead-path.peers", "n", g.standing, "of", of, "peer", peer, "age", age)
	}
	f.Evidence.Add("connections", g.standing)
	f.Evidence.Add("unacknowledged_bytes", g.bytes)
	f.Evidence.Add("longest_silence_ms", g.oldest)
	if n := g.kinds[deadPathProbed]; n > 0 {
		f.Evidence.Add("window_probes_unanswered", n)
	}
	o.addRises(&f.Evidence, "Tcp.RetransSegs", "TcpExt.TCPTimeouts", "TcpExt.TCPAbortOnTimeout", "TcpExt.TCPRetransFail")
	f.with("which", "timer = on,persist sendq gt 0")
	if g.kinds[deadPathCounted] > 0 {
		f.with("which", "retrans ge "+strconv.FormatInt(min(o.Thresholds.number(deadPathProbes), o.Thresholds.number(deadPathResends)), 10))
	}
	o.addLostAddress(&f)
	if n := o.rises("TcpExt.TCPRetransFail"); n > 0 && f.Inference.IsZero() {
		f.Inference = wording.Say("doctor.dead-path.inferred.own-host", "n", n)
	}
	addHolders(&f, g)
	return []Finding{f}
}

// addLostAddress adds that a local address of the finding's sockets is on no
// interface, if that is so. Nothing can then arrive for them.
func (o *Observation) addLostAddress(f *Finding) bool {
	address, lost := o.lostAddress(f.Sockets)
	if lost {
		f.Title = wording.Say("doctor.address-gone", "title", f.Title, "address", address)
		f.Evidence.Add("local_address_gone", address.String())
		f.with("address", address.String())
	}
	return lost
}

func judgeBlocked(o *Observation) []Finding {
	g := &o.Survey.blocked
	if g.standing == 0 {
		return nil
	}
	f := Finding{Severity: o.atLeastCount(blockedCount, g.standing), Confidence: Likely, Sockets: g.examples.sockets()}
	f.Title = wording.Say("doctor.send-blocked.title", "n", g.standing, "of", o.of(g), "peer", g.towards(&f), "age", forAtLeast(g.oldest))
	f.Evidence.Add("connections", g.standing)
	f.Evidence.Add("closed_by_program", g.kinds[blockedEnding])
	f.Evidence.Add("unsent_bytes", g.bytes)
	f.Evidence.Add("longest_at_least_ms", g.oldest)
	o.addRises(&f.Evidence, "TcpExt.TCPRetransFail", "Ip.OutDiscards", "Ip.OutNoRoutes")
	f.Inference = wording.Say("doctor.send-blocked.inferred")
	if o.addLostAddress(&f) {
		f.Inference = wording.Say("doctor.send-blocked.inferred.address")
	}
	f.with("peer_address", g.examples.list[0].socket.Peer.Addr().Unmap().WithZone("").String())
	addHolders(&f, g)
	return []Finding{f}
}

func judgePeerNotReading(o *Observation) []Finding {
	g := &o.Survey.unreadPeer
	if g.standing == 0 {
		return nil
	}
	f := Finding{Severity: o.atLeastCount(peerCount, g.standing), Sockets: g.examples.sockets()}
	of, peer, age := o.of(g), g.towards(&f), forAtLeast(g.oldest)
	f.Title = wording.Say("doctor.peer-not-reading.one-peer", "n", g.standing, "of", of, "peer", peer, "age", age)
	if g.apart {
		f.Title = wording.Say("doctor.peer-not-reading.peers", "n", g.standing, "of", of, "peer", peer, "age", age)
	}
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
		holder := o.attribute(&f, who)
		f.Title = wording.Say("doctor.app-not-reading.title", "holder", holder, "n", g.standing, "peer", g.towards(&f), "age", forAtLeast(g.oldest))
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
		holder := o.attribute(&f, who)
		f.Title = wording.Say("doctor.no-keepalive.title", "n", g.standing, "holder", holder,
			"time", formatDuration(o.Thresholds.span(keepaliveIdle)), "peer", g.towards(&f))
		f.Evidence.Add("connections", g.standing)
		f.Evidence.Add("longest_idle_ms", g.oldest)
		findings = append(findings, f)
	}
	return cut(findings)
}

func judgeHalfOpen(o *Observation) []Finding {
	var findings []Finding
	if g := &o.Survey.probed; g.standing > 0 {
		f := Finding{Severity: o.atLeastCount(halfOpenCount, g.standing), variant: probesUnanswered}
		f.Title = wording.Say("doctor.half-open-suspects.probes-unanswered", "n", g.standing, "of", o.of(g), "peer", g.towards(&f), "silent", silentFor(g.oldest))
		f.Evidence.Add("probes_unanswered", g.standing)
		f.Evidence.Add("probes_in_a_row_at_least", max(o.Thresholds.number(halfOpenProbes), 1))
		f.with("probes", strconv.FormatInt(max(o.Thresholds.number(halfOpenProbes), 1), 10))
		findings = append(findings, o.tellSilence(f, g))
	}
	if g := &o.Survey.suspects; g.standing > 0 {
		f := Finding{Severity: Info, Confidence: Possible, variant: noProbes}
		f.Inference = wording.Say("doctor.half-open-suspects.inferred.idle")
		f.Title = wording.Say("doctor.half-open-suspects.title", "n", g.standing, "of", o.of(g), "peer", g.towards(&f), "silent", silentFor(g.oldest))
		f.Evidence.Add("silent_without_keepalive", g.standing)
		f.with("idle", formatDuration(o.Thresholds.span(halfOpenIdle)))
		findings = append(findings, o.tellSilence(f, g))
	}
	return findings
}

// tellSilence adds what both kinds of silent connections have.
func (o *Observation) tellSilence(f Finding, g *group) Finding {
	f.Sockets = g.examples.sockets()
	f.Evidence.Add("longest_silence_ms", g.oldest)
	addHolders(&f, g)
	return f
}

// The causes for which the advice on silent connections differs.
const (
	probesUnanswered = "doctor.cause.probes-unanswered"
	noProbes         = "doctor.cause.no-probes"
)

func silentFor(d time.Duration) wording.Message {
	if d < time.Second {
		return wording.Message{}
	}
	return wording.Say("doctor.silent", "time", inTwoUnits(d))
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
