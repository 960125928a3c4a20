package doctor

import (
	"fmt"
	"strconv"
	"time"
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
			f.Title = fmt.Sprintf("the accept queue of %v is full: %s%s%s", l, l.fill(), l.dropping(), forAtLeast(l.unaccepted.oldest))
		case waiting:
			f.Title = fmt.Sprintf("%v does not accept: %s%s",
				l, count(int64(l.unaccepted.standing), "connection waits", "connections wait"), forAtLeast(l.unaccepted.oldest))
		default:
			f.Title = fmt.Sprintf("the accept queue of %v is nearly full: %s", l, l.fill())
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
func (l *Listener) fill() string {
	if l.worst == nil {
		return strconv.FormatInt(l.AcceptQueue, 10) + " wait"
	}
	text := fmt.Sprintf("%d wait, of at most %d", l.worst.AcceptQueue, l.worst.AcceptQueueMax.Or(0))
	if l.Sockets > 1 {
		text += fmt.Sprintf(", in the fullest of %d sockets", l.Sockets)
	}
	return text
}

// dropping returns a text that says that new connections are dropped, or "".
// The kernel drops them when the queue holds one more than its maximum
// (sk_acceptq_is_full).
func (l *Listener) dropping() string {
	if l.worst != nil && int64(l.worst.AcceptQueue) > int64(l.worst.AcceptQueueMax.Or(0)) {
		return ", and newcomers are dropped"
	}
	return ""
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
		f := Finding{Severity: Info, Title: fmt.Sprintf("since boot an accept queue was found full %s", count(total, "time", "times"))}
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
	whose := "no queue is full now, so which one is not known"
	if l := o.overflowing(); l != nil {
		f.at(l)
		f.Confidence = Likely
		f.Inference = fmt.Sprintf("the counter is of all listeners together; %v is the one whose accept queue is fullest", l)
		whose = "probably that of " + l.String()
		o.raisesSomaxconn(&f, l)
	}
	f.Title = fmt.Sprintf("an accept queue was found full %s within %s: %s", count(n, "time", "times"), formatDuration(o.Interval.Round(time.Millisecond)), whose)
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
