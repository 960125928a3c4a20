package doctor

import (
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

// by returns a text such as " of nginx (pid 812)" if one process holds all the
// sockets.
func (o *Observation) of(g *group) wording.Message {
	o.want(g)
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
		if g.standing > 0 {
			o.want(g)
		}
		switch local := o.localListener(to, g); {
		case g.standing == 0:
		case local != nil && local.full > 0:
			f := o.unanswered(to, g, Warning)
			f.Title = wording.Say("doctor.syn-sent-stuck.local", "n", g.standing, "by", g.by(), "listener", local, "fill", local.fill())
			f.Listeners = append(f.Listeners, local)
			findings = append(findings, f)
		case o.cutOff(g):
			f := o.unanswered(to, g, Warning)
			f.Title = wording.Say("doctor.syn-sent-stuck.only", "title", f.Title)
			f.Evidence.Add("connections_out", 0)
			findings = append(findings, f)
		case to.IsValid() && int64(g.standing) >= o.Thresholds.number(synSentCount):
			findings = append(findings, o.unanswered(to, g, Warning))
		default:
			few = append(few, g)
		}
	}
	findings = o.cut(findings)
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

// localListener returns the listener of this host to which a group of attempts
// to connect goes, or nil. A listener on all addresses has the address of the
// destination only if that is an address of this host.
func (o *Observation) localListener(to netip.AddrPort, g *group) *Listener {
	if !to.IsValid() || len(g.examples.list) == 0 {
		return nil
	}
	l := o.Survey.findListener(to)
	if l == nil || l.Local.Addr().Unmap() == to.Addr() || to.Addr().IsLoopback() {
		return l
	}
	// The kernel chooses the address of the destination as the source, where
	// both are of this host (fib_lookup of a local route).
	if g.examples.list[0].socket.Local.Addr().Unmap() == to.Addr() {
		return l
	}
	return nil
}

// cutOff reports whether attempts to connect are all that a server has towards
// other servers: it listens for clients, and none of its connections out is
// established.
func (o *Observation) cutOff(g *group) bool {
	if g.apart || g.process == nil {
		return false
	}
	held := o.Survey.processes[g.process.PID]
	return held != nil && held.listens && held.out == 0
}

// by returns a text such as " by nginx (pid 812)" for the first process that
// tries to connect, if one is known.
func (g *group) by() wording.Message {
	if g.process == nil {
		return wording.Message{}
	}
	return wording.Say("doctor.by", "process", *g.process)
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
	if g.process != nil {
		f.about(*g.process)
		f.Evidence.Add("attempts_by", g.process.String())
	}
	f.Title = wording.Say("doctor.syn-sent-stuck.title", "target", target, "n", g.standing, "by", g.by(), "age", forAtLeast(g.oldest))
	f.Evidence.Add("syn_sent", g.count)
	f.Evidence.Add("unanswered", g.standing)
	f.Evidence.Add("oldest_ms", g.oldest)
	o.addConntrack(&f)
	return f
}

func judgeCloseWait(o *Observation) []Finding {
	return o.cut(append(o.judgeCloseWaits(&o.Survey.closeWait, false), o.judgeCloseWaits(&o.Survey.mptcpEnded, true)...))
}

// judgeCloseWaits judges sockets of TCP, or connections of multipath TCP.
func (o *Observation) judgeCloseWaits(groups *groups[owner], mptcp bool) []Finding {
	t := &o.Thresholds
	var leaking []held
	for who, g := range groups.worst(compareOwners) {
		if !o.reportsCloseWait(g) {
			continue
		}
		h := held{[]owner{who}, g, Warning}
		if int64(g.standing) >= t.number(closeWaitMany) {
			h.severity = Critical
		}
		leaking = append(leaking, h)
	}
	var findings []Finding
	for _, h := range o.together(leaking, o.closeWaitCause) {
		g := h.group
		f := Finding{Severity: h.severity, Sockets: g.examples.sockets(), variant: o.closeWaitCause(h)}
		switch leaks, unknown := o.leaks(g); {
		case leaks:
		case unknown:
			f.Confidence, f.Inference = Likely, wording.Say("doctor.close-wait-leak.inferred")
		default:
			f.Confidence, f.Inference = Possible, wording.Say("doctor.close-wait-leak.inferred.young")
		}
		most := mostOf(g.kinds)
		cause := wording.Say(f.variant)
		if f.variant != notAccepted && f.variant != young && g.kinds[most] < g.count {
			cause = wording.Say("doctor.close-wait-leak.cause-of-some", "cause", cause, "n", g.kinds[most])
		}
		holder := o.attribute(&f, h)
		f.with("ls", listing(mptcp))
		f.Title = wording.Say("doctor.close-wait-leak.title", "n", g.count, "holder", holder,
			"peer", g.towards(&f), "age", o.ageAndGrowth(g), "cause", cause)
		if mptcp {
			f.Title = wording.Say("doctor.close-wait-leak.mptcp", "n", g.count, "holder", holder,
				"peer", g.towards(&f), "age", o.ageAndGrowth(g), "cause", cause)
			f.Evidence.Add("mptcp_connections", g.count)
			f.Evidence.Add("data_read", g.kinds[closeWaitAllRead])
		}
		f.Evidence.Add("close_wait", g.count)
		f.Evidence.Add("older_than_age", g.standing)
		f.Evidence.Add("age_unknown", g.unaged)
		f.Evidence.Add("oldest_at_least_ms", g.oldest)
		if !mptcp { // whether the end of file is read is not known of MPTCP
			f.Evidence.Add("end_of_file_read", g.kinds[closeWaitRead])
			f.Evidence.Add("end_of_file_unread", g.kinds[closeWaitUnread])
		}
		f.Evidence.Add("data_unread", g.kinds[closeWaitData])
		o.addHalted(&f)
		if o.Earlier != nil {
			f.Evidence.Add("new_between_readings", g.entered)
			f.Evidence.Add("interval_ms", o.Interval)
		}
		findings = append(findings, f)
	}
	return findings
}

// reportsCloseWait reports whether the CLOSE_WAITs of an owner are a finding.
func (o *Observation) reportsCloseWait(g *group) bool {
	leaks, unknown := o.leaks(g)
	return leaks || unknown || int64(g.count) >= o.Thresholds.number(closeWaitCrowd)
}

// leaks reports whether CLOSE_WAITs are leaked, as far as their ages are known,
// and whether so many have an unknown age that they are likely to be.
func (o *Observation) leaks(g *group) (leaks, unknown bool) {
	t := &o.Thresholds
	leaks = g.standing > 0 && int64(g.standing) >= t.number(closeWaitCount) || g.count > g.unaged && g.oldest >= t.span(closeWaitOld)
	return leaks, g.unaged > 0 && int64(g.unaged) >= t.number(closeWaitUnknown)
}

// closeWaitCause returns the cause that most of the sockets have. Of many that are
// young it is not known whether they are leaked.
func (o *Observation) closeWaitCause(h held) string {
	if h.owners[0].listener.IsValid() {
		return notAccepted
	}
	if leaks, unknown := o.leaks(h.group); !leaks && !unknown {
		return young
	}
	return closeWaitCauses[mostOf(h.group.kinds)]
}

// ageAndGrowth returns a text about the age of the sockets of a group, and about
// those that came into the state between the readings.
func (o *Observation) ageAndGrowth(g *group) wording.Message {
	age := forAtLeast(g.oldest)
	if g.entered == 0 {
		return age
	}
	return wording.Joined(age, wording.Say("doctor.close-wait-leak.growing", "n", g.entered, "time", o.within()))
}

// The causes for which the advice on CLOSE_WAIT differs, by the kinds of a
// Survey.
var closeWaitCauses = [...]string{
	closeWaitRead:   "doctor.cause.end-read",
	closeWaitUnread: "doctor.cause.end-unread",
	closeWaitData:   "doctor.cause.data-unread",

	closeWaitAllRead: "doctor.cause.all-read",
}

const (
	notAccepted = "doctor.cause.not-accepted"
	young       = "doctor.cause.young"
)

// mostOf returns the index of the highest number, the first one of equal
// numbers.
func mostOf(numbers [4]int) int {
	return slices.Index(numbers[:], slices.Max(numbers[:]))
}

func judgeFinWait2(o *Observation) []Finding {
	var list []held
	for who, g := range o.Survey.finWait2.worst(compareOwners) {
		if !o.reportsStanding(g) {
			continue
		}
		list = append(list, held{[]owner{who}, g, o.atLeastCount(finWait2Count, g.standing)})
	}
	var findings []Finding
	for _, h := range o.together(list, sameCause) {
		g := h.group
		f := Finding{Severity: h.severity, Sockets: g.examples.sockets()}
		holder := o.attribute(&f, h)
		f.Title = wording.Say("doctor.fin-wait2-held.title", "n", g.standing, "holder", holder, "peer", g.towards(&f), "age", forAtLeast(g.oldest))
		f.Evidence.Add("fin_wait2_held", g.count)
		f.Evidence.Add("older_than_age", g.standing)
		f.Evidence.Add("oldest_at_least_ms", g.oldest)
		findings = append(findings, f)
	}
	return o.cut(findings)
}

func judgeOrphaned(o *Observation) []Finding {
	var findings []Finding
	for peer, g := range o.Survey.orphaned.worst(netip.Addr.Compare) {
		if !peer.IsValid() || g.count == 0 || int64(g.count) < o.Thresholds.number(orphanedCount) {
			continue
		}
		f := Finding{Severity: Info, Sockets: g.examples.sockets()}
		f.Title = wording.Say("doctor.fin-wait2-orphans.title", "n", g.count, "peer", peer)
		f.Evidence.Add("fin_wait2_orphans", g.count)
		f.Evidence.Add("peer", peer.String())
		if timeout, known := o.Settings.FinTimeout.Get(); known {
			f.Evidence.Add("tcp_fin_timeout_ms", timeout)
		}
		f.with("peer_address", peer.String())
		findings = append(findings, f)
	}
	return o.cut(findings)
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
	holders := f.Processes
	f.Processes = nil
	f.aboutAll(holders)
}
