package doctor

import (
	"strconv"
	"time"

	"tcpstate/wording"
)

// This file judges accept queues.

func judgeAcceptQueue(o *Observation) []Finding {
	var findings []Finding
	for _, l := range o.Survey.Listeners() {
		waiting := l.unaccepted.standing > 0 && l.AcceptQueue > 0
		if l.full == 0 && l.near == 0 && !waiting {
			continue
		}
		f := Finding{Severity: Warning}
		switch {
		case l.full > 0:
			f.Severity = Critical
			f.Title = wording.Say("doctor.accept-queue-full.full", "listener", l, "fill", l.fill(), "dropping", l.dropping(), "age", forAtLeast(l.unaccepted.oldest))
		case waiting:
			f.Title = wording.Say("doctor.accept-queue-full.unaccepted", "listener", l, "n", l.unaccepted.standing, "age", forAtLeast(l.unaccepted.oldest))
		default:
			f.Title = wording.Say("doctor.accept-queue-full.nearly", "listener", l, "fill", l.fill())
		}
		f.at(l)
		if l.worst != nil {
			f.Sockets = append(f.Sockets, l.worst)
		}
		f.Sockets = append(f.Sockets, l.unaccepted.examples.sockets()...)
		f.Evidence.Add("accept_queue", l.AcceptQueue)
		if most, known := l.AcceptQueueMax.Get(); known {
			f.Evidence.Add("accept_queue_max", most)
		}
		f.Evidence.Add("listeners", l.Sockets)
		f.Evidence.Add("listeners_full", l.full)
		if l.unaccepted.oldest > 0 {
			f.Evidence.Add("longest_wait_at_least_ms", l.unaccepted.oldest)
		}
		f.Evidence.Add("syn_recv", l.SynRecv)
		o.raisesSomaxconn(&f, l)
		findings = append(findings, f)
	}
	return cut(findings)
}

// fill returns a text such as "129 of 128 wait". With several sockets it
// describes the fullest.
func (l *Listener) fill() wording.Message {
	if l.worst == nil {
		return wording.Say("doctor.accept-queue-full.waiting", "n", l.AcceptQueue)
	}
	fill := wording.Say("doctor.accept-queue-full.waiting-of", "n", l.worst.AcceptQueue, "most", l.worst.AcceptQueueMax.Or(0))
	if l.Sockets > 1 {
		fill = wording.Joined(fill, wording.Say("doctor.accept-queue-full.fullest", "n", l.Sockets))
	}
	return fill
}

// dropping returns a text that says that new connections are dropped, or "".
// The kernel drops them when the queue holds one more than its maximum
// (sk_acceptq_is_full).
func (l *Listener) dropping() wording.Message {
	if l.worst != nil && int64(l.worst.AcceptQueue) > int64(l.worst.AcceptQueueMax.Or(0)) {
		return wording.Say("doctor.accept-queue-full.dropping")
	}
	return wording.Message{}
}

// raisesSomaxconn suggests a higher somaxconn if that limits the listener's
// backlog. Otherwise the backlog that the program passed to listen() limits it.
func (o *Observation) raisesSomaxconn(f *Finding, l *Listener) {
	limit, known := o.Settings.Somaxconn.Get()
	if known && l.worst != nil && int(l.worst.AcceptQueueMax.Or(0)) >= limit && limit <= 1<<24 {
		f.with("somaxconn", strconv.Itoa(max(4096, 2*limit)))
	}
}

func judgeOverflows(o *Observation) []Finding {
	if total, known := o.sinceBoot("TcpExt.ListenOverflows"); known {
		accepted := o.After["Tcp.PassiveOpens"]
		if total == 0 || !o.Thresholds.reaches(overflowsShare, total, accepted+total) {
			return nil
		}
		f := Finding{Severity: Info, Title: wording.Say("doctor.accept-queue-overflows.since-boot", "n", total)}
		f.Evidence.Add("listen_overflows_since_boot", total)
		f.Evidence.Add("passive_opens_since_boot", accepted)
		return []Finding{f}
	}
	n := o.rises("TcpExt.ListenOverflows")
	if n == 0 || n < o.Thresholds.number(overflowsCount) {
		return nil
	}
	f := Finding{Severity: Warning, Confidence: Measured}
	f.Evidence.Add("listen_overflows", n)
	f.Evidence.Add("interval_ms", o.Interval)
	o.addRises(&f.Evidence, "TcpExt.ListenDrops", "TcpExt.TCPFastOpenListenOverflow")
	where := wording.Say("doctor.accept-queue-overflows.unknown")
	if l := o.overflowing(); l != nil {
		f.at(l)
		f.Confidence = Likely
		f.Inference = wording.Say("doctor.accept-queue-overflows.inferred", "listener", l)
		where = wording.Say("doctor.probably-of", "listener", l)
		o.raisesSomaxconn(&f, l)
	}
	f.Title = wording.Say("doctor.accept-queue-overflows.within", "n", n, "time", formatDuration(o.Interval.Round(time.Millisecond)), "where", where)
	return []Finding{f}
}

// overflowing returns the listener with the fullest accept queue, if any queue
// is at least half full.
func (o *Observation) overflowing() *Listener {
	var fullest *Listener
	for _, l := range o.Survey.Listeners() {
		if l.worst != nil && l.worstFill >= 0.5 && (fullest == nil || l.worstFill > fullest.worstFill) {
			fullest = l
		}
	}
	return fullest
}
