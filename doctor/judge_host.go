package doctor

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"tcpstate/tcp"
	"tcpstate/wording"
)

// This file judges the limits of processes and of the host.

func judgeLimits(o *Observation) []Finding {
	limits := slices.Clone(o.Limits)
	slices.SortFunc(limits, func(a, b Limit) int {
		return cmp.Or(cmp.Compare(percent(int64(b.Open), int64(b.Soft)), percent(int64(a.Open), int64(a.Soft))), cmp.Compare(a.PID, b.PID))
	})
	var findings []Finding
	for _, l := range limits {
		if !o.NearLimit(l.Open, l.Soft) {
			continue
		}
		f := Finding{Severity: Warning}
		if o.Thresholds.reaches(fdFull, int64(l.Open), int64(l.Soft)) {
			f.Severity = Critical
		}
		f.Title = wording.Say("doctor.fd-limit-near.title", "process", l.Process, "n", l.Open, "most", l.Soft)
		f.about(l.Process)
		f.resembles(fmt.Sprint(f.Severity, l.Soft, l.Name), fmt.Sprint("pid ", l.PID))
		f.Evidence.Add("open", l.Open)
		f.Evidence.Add("limit", l.Soft)
		f.Evidence.Add("open_percent", percent(int64(l.Open), int64(l.Soft)))
		if held := o.Survey.processes[l.PID]; held != nil {
			held.addTo(&f.Evidence)
		}
		if g := o.Survey.closeWait.of[owner{pid: l.PID}]; g != nil {
			f.Evidence.Add("close_wait", g.count)
		}
		f.with("limit", fmt.Sprint(max(65536, 2*int64(l.Soft))))
		findings = append(findings, f)
	}
	return o.cut(findings)
}

func judgeEnded(o *Observation) []Finding {
	list := slices.Clone(o.Ended)
	slices.SortFunc(list, func(a, b Ended) int { return cmp.Or(cmp.Compare(b.Sockets, a.Sockets), cmp.Compare(a.PID, b.PID)) })
	var findings []Finding
	for _, e := range list {
		if e.Sockets == 0 || int64(e.Sockets) < o.Thresholds.number(endedCount) {
			continue
		}
		f := Finding{Severity: Warning, Confidence: Likely}
		f.Title = wording.Say("doctor.ended-not-closed.title", "process", e.Process, "n", e.Sockets)
		f.Inference = wording.Say("doctor.ended-not-closed.inferred")
		f.about(e.Process)
		f.resembles(e.Name, fmt.Sprint("pid ", e.PID))
		f.Evidence.Add("ended_not_closed", e.Sockets)
		f.Evidence.Add("open", e.Open)
		if held := o.Survey.processes[e.PID]; held != nil {
			held.addTo(&f.Evidence)
		}
		o.addHalted(&f)
		findings = append(findings, f)
	}
	return o.cut(findings)
}

// addTo adds how many sockets a process holds, if that is known.
func (p *processSockets) addTo(e *Evidence) {
	if !p.cut {
		e.Add("tcp_sockets", p.sockets)
	}
}

func judgeOrphans(o *Observation) []Finding {
	orphans, known := o.SockStat["TCP.orphan"]
	limit, hasLimit := o.Settings.MaxOrphans.Get()
	if !known || !hasLimit || !o.Thresholds.reaches(orphansShare, orphans, int64(limit)) || orphans == 0 {
		return nil
	}
	f := Finding{Severity: Warning}
	if o.Thresholds.reaches(orphansFull, orphans, int64(limit)) || o.rises("TcpExt.TCPAbortOnMemory") > 0 {
		f.Severity = Critical
	}
	f.Title = wording.Say("doctor.orphans-high.title", "n", orphans, "most", limit)
	f.Evidence.Add("orphans", orphans)
	f.Evidence.Add("tcp_max_orphans", limit)
	f.Evidence.Add("orphans_percent", percent(orphans, int64(limit)))
	o.addRises(&f.Evidence, "TcpExt.TCPAbortOnMemory", "TcpExt.TCPAbortOnTimeout")
	for _, s := range []tcp.State{tcp.FinWait1, tcp.FinWait2, tcp.LastAck, tcp.Closing} {
		f.Evidence.Add(strings.ToLower(s.String()), o.Survey.Counts.Of(s))
	}
	f.Sockets = o.Survey.closing.examples.sockets()
	f.with("value", fmt.Sprint(2*int64(max(limit, 4096))))
	return []Finding{f}
}

func judgeMemory(o *Observation) []Finding {
	pages, known := o.SockStat["TCP.mem"]
	limits, hasLimits := o.Settings.Mem.Get()
	if !known || !hasLimits || limits[1] <= 0 {
		return nil
	}
	f := Finding{}
	switch {
	case limits[2] > 0 && pages >= limits[2] || o.rises("TcpExt.TCPAbortOnMemory") > 0 && pages >= limits[1]:
		f.Severity = Critical
		f.Title = wording.Say("doctor.tcp-memory-pressure.none", "n", pages, "most", limits[2])
	case pages >= limits[1]:
		f.Severity = Warning
		f.Title = wording.Say("doctor.tcp-memory-pressure.short", "n", pages, "pressure", limits[1], "most", limits[2])
	case o.Thresholds.reaches(memoryNear, pages, limits[1]):
		f.Severity = Info
		f.Title = wording.Say("doctor.tcp-memory-pressure.soon", "n", pages, "pressure", limits[1])
	default:
		return nil
	}
	f.Evidence.Add("pages", pages)
	f.Evidence.Add("low_pages", limits[0])
	f.Evidence.Add("pressure_pages", limits[1])
	f.Evidence.Add("max_pages", limits[2])
	o.addRises(&f.Evidence, "TcpExt.TCPMemoryPressures", "TcpExt.TCPMemoryPressuresChrono", "TcpExt.PruneCalled",
		"TcpExt.RcvPruned", "TcpExt.TCPRcvCollapsed", "TcpExt.TCPAbortOnMemory")
	return []Finding{f}
}

// aborts lists the counters of connections that were ended early, the worst
// first.
var aborts = []struct {
	counter   string
	severity  Severity
	threshold thresholdID
	reason    func(n int64) wording.Message
}{
	{"TcpExt.TCPAbortOnMemory", Critical, abortsMemory, func(n int64) wording.Message { return wording.Say("doctor.aborts-rising.memory-full", "n", n) }},
	{"TcpExt.TCPAbortFailed", Warning, abortsMemory, func(n int64) wording.Message { return wording.Say("doctor.aborts-rising.no-reset", "n", n) }},
	{"TcpExt.TCPAbortOnTimeout", Warning, abortsCount, func(n int64) wording.Message { return wording.Say("doctor.aborts-rising.timeout", "n", n) }},
	{"TcpExt.TCPAbortOnClose", Info, abortsCount, func(n int64) wording.Message { return wording.Say("doctor.aborts-rising.close", "n", n) }},
	{"TcpExt.TCPAbortOnData", Info, abortsCount, func(n int64) wording.Message { return wording.Say("doctor.aborts-rising.data", "n", n) }},
	{"TcpExt.TCPAbortOnLinger", Info, abortsCount, func(n int64) wording.Message { return wording.Say("doctor.aborts-rising.linger", "n", n) }},
}

func judgeAborts(o *Observation) []Finding {
	f := Finding{}
	var reasons wording.Message
	rising := false
	for _, a := range aborts {
		n := o.rises(a.counter)
		rising = rising || n > 0 && n >= o.Thresholds.number(a.threshold)
	}
	for _, a := range aborts {
		n, since := o.rises(a.counter), ""
		reached := n >= o.Thresholds.number(a.threshold)
		if a.threshold == abortsCount {
			reached = o.perSecond(a.threshold, n, a.counter)
		}
		severity := a.severity
		if total, known := o.sinceBoot(a.counter); known && a.threshold == abortsMemory && !rising {
			n, since, severity = total, "_since_boot", Info
			reached = n >= o.Thresholds.number(a.threshold)
		}
		if n == 0 || !reached {
			continue
		}
		f.Evidence.Add(counterFact(a.counter)+since, n)
		f.Severity = max(f.Severity, severity)
		if reasons.IsZero() {
			reasons = a.reason(n)
		} else {
			reasons = wording.Say("doctor.aborts-rising.and", "first", reasons, "next", a.reason(n))
		}
	}
	if reasons.IsZero() {
		return nil
	}
	f.Title = wording.Say("doctor.aborts-rising.since-boot", "reasons", reasons, "now", o.notNow())
	if rising {
		f.Title = wording.Say("doctor.aborts-rising.within", "time", formatDuration(o.Interval.Round(time.Millisecond)), "reasons", reasons)
		f.Evidence.Add("interval_ms", o.Interval)
		o.addRises(&f.Evidence, "Tcp.EstabResets", "Tcp.OutRsts")
	}
	return []Finding{f}
}
