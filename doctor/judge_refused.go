package doctor

import (
	"net/netip"
	"time"

	"tcpstate/wording"
)

// This file judges connections that are refused: by others, when programs of
// this host connect, and by this host.
//
// A refused connection leaves no socket behind with its peer, even where the
// program keeps the socket (tcp_disconnect in net/ipv4/tcp.c). So the counters
// show how many there were, and the sockets show at most an attempt that is
// under way.

// refusals is what the counters report about refused connections.
type refusals struct {
	opens  int64 // attempts to connect
	failed int64 // of them, those that failed
	resets int64 // resets that this host sent because there was no socket
	half   int64 // half-open connections that were reset
}

// refusals returns the numbers between the readings. AttemptFails counts failed
// attempts, and also half-open connections of listeners that their clients reset
// (tcp_check_req in net/ipv4/tcp_minisocks.c). OutRsts counts all resets; those
// that programs caused have counters of their own.
func (o *Observation) refusals() refusals {
	r := refusals{opens: o.rises("Tcp.ActiveOpens")}
	fails := o.rises("Tcp.AttemptFails")
	r.failed = min(fails, r.opens)
	r.half = fails - r.failed
	r.resets = o.rises("Tcp.OutRsts")
	for _, a := range []string{"TCPAbortOnClose", "TCPAbortOnData", "TCPAbortOnLinger", "TCPAbortOnMemory"} {
		r.resets -= o.rises("TcpExt." + a)
	}
	if o.Settings.AbortOnOverflow.Or(0) != 0 {
		r.resets -= o.rises("TcpExt.ListenOverflows")
	}
	r.resets = max(r.resets, 0)
	return r
}

// often reports whether n events between the readings are as many in a second
// as the threshold. Less than a second counts as one: a burst is no rate.
func (o *Observation) often(id thresholdID, n int64) bool {
	return n > 0 && float64(n) >= float64(o.Thresholds.number(id))*max(o.Interval.Seconds(), 1)
}

func judgeRefused(o *Observation) []Finding {
	r := o.refusals()
	within := formatDuration(o.Interval.Round(time.Millisecond))
	f := Finding{Severity: Info, Confidence: Likely}
	switch {
	case o.often(refusedRate, r.failed):
		if o.Thresholds.reaches(refusedShare, r.failed, r.opens) {
			f.Severity = Warning
		}
		o.tellRefusedAttempts(&f, &r, within)
	case o.often(refusedRate, r.resets):
		if o.often(refusedMany, r.resets) {
			f.Severity = Warning
		}
		f.variant = refusedHere
		f.Title = wording.Say("doctor.connections-refused.here", "n", r.resets, "time", within)
		f.Inference = wording.Say("doctor.connections-refused.inferred.here")
	default:
		return nil
	}
	f.Evidence.Add("attempts", r.opens)
	f.Evidence.Add("attempts_failed", r.failed)
	f.Evidence.Add("resets_without_socket", r.resets)
	f.Evidence.Add("half_open_reset", r.half)
	f.Evidence.Add("interval_ms", o.Interval)
	o.addRises(&f.Evidence, "Tcp.AttemptFails", "Tcp.OutRsts")
	return []Finding{f}
}

// tellRefusedAttempts tells of attempts of this host. As many resets that this
// host sent mean that the attempts were to ports of this host.
func (o *Observation) tellRefusedAttempts(f *Finding, r *refusals, within string) {
	g := o.Survey.attempt()
	if g != nil {
		o.want(g)
	}
	known := g != nil && !g.apart
	var to wording.Message
	switch {
	case known:
		at := netip.AddrPortFrom(g.peer.Addr().Unmap(), g.peer.Port())
		to = wording.Say("doctor.connections-refused.to", "address", at)
		f.Evidence.Add("destination", at.String())
		f.Sockets = g.examples.sockets()
		if g.process != nil {
			f.about(*g.process)
			to = wording.Say("doctor.connections-refused.to-by", "address", at, "process", *g.process)
		}
	case r.resets >= r.failed:
		to = wording.Say("doctor.connections-refused.local")
	}
	f.variant = refusedThere
	f.Inference = wording.Say("doctor.connections-refused.inferred.there")
	if r.resets >= r.failed {
		f.Evidence.Add("refused_by_this_host", true)
		f.variant = refusedLocally
		f.Inference = wording.Say("doctor.connections-refused.inferred.locally")
	}
	f.Title = wording.Say("doctor.connections-refused.attempts", "n", r.failed, "of", r.opens, "time", within, "to", to)
	if known {
		f.Inference = wording.Joined(f.Inference, wording.Say("doctor.connections-refused.inferred.socket"))
	}
}

// The causes for which the advice on refused connections differs.
const (
	refusedThere   = "doctor.cause.refused-there"
	refusedLocally = "doctor.cause.refused-locally"
	refusedHere    = "doctor.cause.refused-here"
)

// attempt returns the attempts under way at the destination that has the most.
// It returns nil if there are none.
func (v *Survey) attempt() *group {
	var most *group
	for to, g := range v.synSent.worst(netip.AddrPort.Compare) {
		if to.IsValid() && (most == nil || g.count > most.count) {
			most = g
		}
	}
	return most
}
