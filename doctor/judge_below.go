package doctor

import (
	"fmt"
	"time"

	"tcpstate/tcp"
	"tcpstate/wording"
)

// This file judges what drops packets before TCP, or before its sockets, see
// them.

func judgeConntrack(o *Observation) []Finding {
	if o.ConntrackMax <= 0 {
		return nil
	}
	if !o.Thresholds.reaches(conntrackNear, o.Conntrack, o.ConntrackMax) {
		return nil // what is dropped then has another reason
	}
	drops, known := o.rise("Conntrack.Drop")
	f := Finding{Severity: Warning}
	if o.Thresholds.reaches(conntrackFull, o.Conntrack, o.ConntrackMax) || known && drops > 0 {
		f.Severity = Critical
	}
	f.Title = wording.Say("doctor.conntrack-full.title", "n", o.Conntrack, "most", o.ConntrackMax)
	if known && drops > 0 {
		f.Title = wording.Say("doctor.conntrack-full.drops", "title", f.Title, "n", drops)
	}
	f.Evidence.Add("tracked", o.Conntrack)
	f.Evidence.Add("nf_conntrack_max", o.ConntrackMax)
	f.Evidence.Add("tracked_percent", percent(o.Conntrack, o.ConntrackMax))
	if known {
		f.Evidence.Add("dropped", drops)
	}
	f.with("value", fmt.Sprint(2*o.ConntrackMax))
	return []Finding{f}
}

// addConntrack adds to the advice of a finding about packets without an answer that
// the table of connections of this host is nearly full, if that is so.
func (o *Observation) addConntrack(f *Finding) {
	if o.ConntrackMax > 0 && o.Thresholds.reaches(conntrackNear, o.Conntrack, o.ConntrackMax) {
		f.with("conntrack", fmt.Sprintf("%d of %d", o.Conntrack, o.ConntrackMax))
	}
}

// early lists the counters of packets that no socket got, from the device up.
var early = []struct {
	counter  string
	severity Severity
	reason   func(n int64) wording.Message
}{
	{"Softnet.Dropped", Warning, func(n int64) wording.Message { return wording.Say("doctor.dropped-early.softnet", "n", n) }},
	{"TcpExt.IPReversePathFilter", Warning, func(n int64) wording.Message { return wording.Say("doctor.dropped-early.path", "n", n) }},
	{"Tcp.InCsumErrors", Warning, func(n int64) wording.Message { return wording.Say("doctor.dropped-early.checksum", "n", n) }},
	{"TcpExt.TCPBacklogDrop", Warning, func(n int64) wording.Message { return wording.Say("doctor.dropped-early.backlog", "n", n) }},
	{"TcpExt.TCPRcvQDrop", Warning, func(n int64) wording.Message { return wording.Say("doctor.dropped-early.queue", "n", n) }},
	{"TcpExt.PruneCalled", Info, func(n int64) wording.Message { return wording.Say("doctor.dropped-early.prune", "n", n) }},
}

func judgeEarly(o *Observation) []Finding {
	f := Finding{}
	var reasons wording.Message
	for _, e := range early {
		n := o.rises(e.counter)
		if !o.often(earlyRate, n) {
			continue
		}
		f.Evidence.Add(counterFact(e.counter), n)
		f.Severity = max(f.Severity, e.severity)
		if reasons.IsZero() {
			reasons = e.reason(n)
		} else {
			reasons = wording.Say("doctor.dropped-early.and", "first", reasons, "next", e.reason(n))
		}
	}
	if reasons.IsZero() {
		return nil
	}
	f.Title = wording.Say("doctor.dropped-early.title", "time", formatDuration(o.Interval.Round(time.Millisecond)), "reasons", reasons)
	if g := &o.Survey.dropping; g.standing > 0 {
		f.Sockets = g.examples.sockets()
		f.Evidence.Add("sockets_with_drops", g.standing)
		f.Evidence.Add("dropped_for_sockets", g.bytes)
		addHolders(&f, g)
	}
	f.Evidence.Add("interval_ms", o.Interval)
	return []Finding{f}
}

// addDropping examines what the kernel dropped for a connection between the
// readings, because its queue or the one behind a busy program was full.
func (v *Survey) addDropping(s *tcp.Socket) {
	if s.Memory == nil {
		return
	}
	drops := s.Memory.Drops.Or(0)
	if drops == 0 {
		return
	}
	if past, known := v.earlier.Of(s); known && drops > past.Drops {
		v.dropping.addStanding(s, time.Duration(drops-past.Drops), drops-past.Drops)
	}
}
