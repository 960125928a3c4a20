package doctor

import (
	"strconv"
	"time"

	"tcpstate/wording"
)

// This file judges connections whose data does not move, and connections that are
// silent.

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
	o.addConntrack(&f)
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

func judgeMTU(o *Observation) []Finding {
	g := &o.Survey.full
	if g.standing == 0 {
		return nil
	}
	f := Finding{Severity: o.atLeastCount(mtuCount, g.standing), Confidence: Likely, Sockets: g.examples.sockets()}
	f.Inference = wording.Say("doctor.mtu-blackhole.inferred.several")
	if dead := o.Survey.deadPath.standing; f.Severity == Info || dead >= g.standing {
		f.Severity, f.Confidence = Info, Possible
		f.Inference = wording.Say("doctor.mtu-blackhole.inferred.few")
	}
	f.Title = wording.Say("doctor.mtu-blackhole.title", "n", g.standing, "of", o.of(g), "peer", g.towards(&f), "age", forAtLeast(g.oldest))
	s := g.examples.list[0].socket
	peer, headers := s.Peer.Addr().Unmap().WithZone(""), uint32(20+8)
	if peer.Is6() {
		headers = 40 + 8
	}
	f.Evidence.Add("connections", g.standing)
	f.Evidence.Add("segment_bytes", int64(s.Info.SendMSS))
	f.Evidence.Add("path_mtu_bytes", int64(s.Info.PathMTU))
	f.Evidence.Add("acknowledged_bytes", int64(s.Info.AckedBytes))
	f.Evidence.Add("unacknowledged_bytes", g.bytes)
	f.Evidence.Add("longest_silence_ms", g.oldest)
	f.with("segment", strconv.FormatInt(o.Thresholds.number(mtuSegment), 10))
	f.with("resends", strconv.FormatInt(max(o.Thresholds.number(mtuResends), 1), 10))
	f.with("peer_address", peer.String())
	if s.Info.PathMTU > headers {
		f.with("size", strconv.Itoa(int(s.Info.PathMTU-headers)))
	}
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
	return o.cut(append(o.judgeUnread(&o.Survey.unreadApp, false), o.judgeUnread(&o.Survey.mptcpUnread, true)...))
}

// judgeUnread judges sockets of TCP, or connections of multipath TCP.
func (o *Observation) judgeUnread(groups *groups[owner], mptcp bool) []Finding {
	var list []held
	for who, g := range groups.worst(compareOwners) {
		if !o.reportsStanding(g) {
			continue
		}
		list = append(list, held{[]owner{who}, g, o.atLeastCount(appCount, g.standing)})
	}
	var findings []Finding
	for _, h := range o.together(list, sameCause) {
		g := h.group
		f := Finding{Severity: h.severity, Sockets: g.examples.sockets()}
		holder := o.attribute(&f, h)
		f.Title = wording.Say("doctor.app-not-reading.title", "holder", holder, "n", g.standing, "peer", g.towards(&f), "age", forAtLeast(g.oldest))
		f.with("ls", listing(mptcp))
		f.Evidence.Add("connections", g.standing)
		f.Evidence.Add("with_unread_data", g.count)
		if mptcp {
			f.Title = wording.Say("doctor.app-not-reading.mptcp", "holder", holder, "n", g.standing, "peer", g.towards(&f), "age", forAtLeast(g.oldest))
			f.Evidence.Add("mptcp_connections", g.count)
			f.Evidence.Add("unread_memory_bytes", g.bytes)
		} else {
			f.Evidence.Add("unread_bytes", g.bytes)
		}
		if o.Earlier != nil {
			f.Evidence.Add("queues_that_grew", g.grew)
			f.Evidence.Add("interval_ms", o.Interval)
		}
		f.Evidence.Add("longest_at_least_ms", g.oldest)
		o.addHalted(&f)
		findings = append(findings, f)
	}
	return findings
}

func judgeKeepalive(o *Observation) []Finding {
	var list []held
	for who, g := range o.Survey.silent.worst(compareOwners) {
		if !o.reportsSilent(g) {
			continue
		}
		list = append(list, held{[]owner{who}, g, Info})
	}
	var findings []Finding
	for _, h := range o.together(list, sameCause) {
		g := h.group
		f := Finding{Severity: h.severity, Sockets: g.examples.sockets()}
		holder := o.attribute(&f, h)
		f.Title = wording.Say("doctor.no-keepalive.title", "n", g.standing, "holder", holder,
			"time", formatDuration(o.Thresholds.span(keepaliveIdle)), "peer", g.towards(&f))
		f.Evidence.Add("connections", g.standing)
		f.Evidence.Add("longest_idle_ms", g.oldest)
		findings = append(findings, f)
	}
	return o.cut(findings)
}

// reportsSilent reports whether the idle connections of an owner are a finding.
func (o *Observation) reportsSilent(g *group) bool {
	return g.standing > 0 && int64(g.standing) >= o.Thresholds.number(keepaliveCount)
}

func judgeHalfOpen(o *Observation) []Finding {
	var findings []Finding
	if g := &o.Survey.probed; g.standing > 0 {
		f := Finding{Severity: o.atLeastCount(halfOpenCount, g.standing), variant: probesUnanswered}
		f.Title = wording.Say("doctor.half-open-suspects.probes-unanswered", "n", g.standing, "of", o.of(g), "peer", g.towards(&f), "silent", silentFor(g.oldest))
		f.Evidence.Add("probes_unanswered", g.standing)
		f.Evidence.Add("probes_in_a_row_at_least", max(o.Thresholds.number(halfOpenProbes), 1))
		f.with("probes", strconv.FormatInt(max(o.Thresholds.number(halfOpenProbes), 1), 10))
		findings = append(findings, o.reportSilence(f, g))
	}
	if g := &o.Survey.suspects; g.standing > 0 {
		f := Finding{Severity: Info, Confidence: Possible, variant: noProbes}
		f.Inference = wording.Say("doctor.half-open-suspects.inferred.idle")
		f.Title = wording.Say("doctor.half-open-suspects.title", "n", g.standing, "of", o.of(g), "peer", g.towards(&f), "silent", silentFor(g.oldest))
		f.Evidence.Add("silent_without_keepalive", g.standing)
		f.with("idle", formatDuration(o.Thresholds.span(halfOpenIdle)))
		findings = append(findings, o.reportSilence(f, g))
	}
	return findings
}

// reportSilence adds what both kinds of silent connections have.
func (o *Observation) reportSilence(f Finding, g *group) Finding {
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
