package doctor

import (
	"cmp"
	"slices"
	"strconv"

	"tcpstate/wording"
)

// This file judges accept queues.

func judgeAcceptQueue(o *Observation) []Finding {
	var findings []Finding
	for _, l := range o.Survey.Listeners() {
		waiting := l.unaccepted.standing > 0 && l.AcceptQueue > 0
		if l.full == 0 && l.near == 0 && !waiting && l.timesFull == 0 {
			continue
		}
		f := Finding{Severity: Warning}
		behind := l.behind()
		listener := l.of(behind)
		switch {
		case l.full > 0:
			f.Severity = Critical
			f.Title = wording.Say("doctor.accept-queue-full.full", "listener", listener, "fill", l.fill(), "dropping", o.dropping(l), "age", forAtLeast(l.unaccepted.oldest))
		case waiting:
			f.Title = wording.Say("doctor.accept-queue-full.unaccepted", "listener", listener, "n", l.unaccepted.standing, "age", forAtLeast(l.unaccepted.oldest))
		case l.timesFull > 0:
			f.Title = wording.Say("doctor.accept-queue-full.at-times", "listener", listener, "n", l.timesFull, "readings", o.Readings(), "time", o.within())
		default:
			f.Title = wording.Say("doctor.accept-queue-full.nearly", "listener", listener, "fill", l.fill())
		}
		f.atOf(l, behind)
		kind := "nearly"
		switch {
		case l.full > 0:
			kind = "full"
		case waiting:
			kind = "waiting"
		case l.timesFull > 0:
			kind = "at times"
		}
		of := strconv.Itoa(int(l.Local.Port())) // where no process is seen, the twin has the same port
		if len(behind) > 0 {
			of = behind[0].Name
		}
		f.resembles(kind+" "+of, l.Local.String())
		f.Sockets = append(f.Sockets, l.members.sockets()...)
		f.Sockets = append(f.Sockets, l.unaccepted.examples.sockets()...)
		f.Evidence.Add("accept_queue", l.AcceptQueue)
		if most, known := l.AcceptQueueMax.Get(); known {
			f.Evidence.Add("accept_queue_max", most)
		}
		f.Evidence.Add("listeners", l.Sockets)
		f.Evidence.Add("listeners_full", l.full)
		if l.Sockets > 1 {
			f.Evidence.Add("others_accept_queue_at_most", l.other)
		}
		if n := o.Readings(); n > 0 {
			f.Evidence.Add("accept_queue_peak", int64(l.peak))
			f.Evidence.Add("readings_full", l.timesFull)
			f.Evidence.Add("readings", n)
		}
		if l.unaccepted.oldest > 0 {
			f.Evidence.Add("longest_wait_at_least_ms", l.unaccepted.oldest)
		}
		f.Evidence.Add("syn_recv", l.SynRecv)
		f.addDrops(l)
		o.raisesSomaxconn(&f, l)
		o.addHalted(&f)
		findings = append(findings, f)
	}
	return o.cut(findings)
}

// fill returns a text such as "129 of 128 wait". With several sockets it
// describes the fullest.
func (l *Listener) fill() wording.Message {
	if l.worst == nil {
		return wording.Say("doctor.accept-queue-full.waiting", "n", l.AcceptQueue)
	}
	fill := wording.Say("doctor.accept-queue-full.waiting-of", "n", l.worst.AcceptQueue, "most", l.worst.AcceptQueueMax.Or(0))
	switch {
	case l.full > 0 && l.full < l.Sockets:
		fill = wording.Joined(fill, wording.Say("doctor.accept-queue-full.others", "full", l.full, "n", l.Sockets, "most", l.other))
	case l.Sockets > 1:
		fill = wording.Joined(fill, wording.Say("doctor.accept-queue-full.fullest", "n", l.Sockets))
	}
	return fill
}

// addDrops adds what the kernel has dropped for a listener.
func (f *Finding) addDrops(l *Listener) {
	if n, known := l.Dropped.Get(); known {
		f.Evidence.Add("dropped", n)
	}
	if n, known := l.Drops.Get(); known {
		f.Evidence.Add("dropped_since_opened", n)
	}
}

// dropping returns a text that says that new connections are dropped, or "".
// The kernel drops them when the queue holds one more than its maximum
// (sk_acceptq_is_full).
func (o *Observation) dropping(l *Listener) wording.Message {
	if n := l.Dropped.Or(0); n > 0 {
		return wording.Say("doctor.accept-queue-full.dropped", "n", n, "time", o.within())
	}
	if l.worst != nil && int64(l.worst.AcceptQueue) > int64(l.worst.AcceptQueueMax.Or(0)) {
		return wording.Say("doctor.accept-queue-full.dropping")
	}
	return wording.Message{}
}

// raisesSomaxconn suggests a higher somaxconn if that limits the listener's
// backlog. Otherwise the backlog that the program passed to listen() limits it,
// and only the program can change that.
func (o *Observation) raisesSomaxconn(f *Finding, l *Listener) {
	limit, known := o.Settings.Somaxconn.Get()
	if !known || l.worst == nil {
		return
	}
	switch most := int(l.worst.AcceptQueueMax.Or(0)); {
	case most < limit:
		f.with("backlog", strconv.Itoa(most))
		f.Evidence.Add("somaxconn", limit)
	case limit <= 1<<24:
		f.with("somaxconn", strconv.Itoa(max(4096, 2*limit)))
	}
}

func judgeOverflows(o *Observation) []Finding {
	if total, known := o.sinceBoot("TcpExt.ListenOverflows"); known {
		accepted := o.After["Tcp.PassiveOpens"]
		if total == 0 || !o.Thresholds.reaches(overflowsShare, total, accepted+total) {
			return nil
		}
		f := Finding{Severity: Info, Title: wording.Say("doctor.accept-queue-overflows.since-boot", "n", total, "now", o.notNow())}
		f.Evidence.Add("listen_overflows_since_boot", total)
		f.Evidence.Add("passive_opens_since_boot", accepted)
		if l := o.mostDrops(); l != nil {
			f.at(l)
			f.addDrops(l)
			f.Title = wording.Say("doctor.accept-queue-overflows.since-opened", "since", f.Title, "listener", l, "n", l.Drops.Or(0))
		}
		return []Finding{f}
	}
	n := o.rises("TcpExt.ListenOverflows")
	if n == 0 || n < o.Thresholds.number(overflowsCount) {
		return nil
	}
	if findings := o.overflowsMeasured(n); len(findings) > 0 {
		return o.cut(findings)
	}
	f := o.overflows(n)
	where := wording.Say("doctor.accept-queue-overflows.unknown")
	if l := o.overflowing(); l != nil {
		f.at(l)
		f.Confidence = Likely
		f.Inference = wording.Say("doctor.accept-queue-overflows.inferred", "listener", l)
		where = wording.Say("doctor.probably-of", "listener", l)
		o.raisesSomaxconn(&f, l)
	}
	f.Title = wording.Say("doctor.accept-queue-overflows.within", "n", n, "time", o.within(), "where", where)
	return []Finding{f}
}

// overflows returns a finding with what the counters report about n overflows.
func (o *Observation) overflows(n int64) Finding {
	f := Finding{Severity: Warning}
	f.Evidence.Add("listen_overflows", n)
	f.Evidence.Add("interval_ms", o.Interval)
	o.addRises(&f.Evidence, "TcpExt.ListenDrops", "TcpExt.TCPFastOpenListenOverflow")
	return f
}

// overflowsMeasured returns a finding for each listener that dropped something
// between the readings. Each overflow of an accept queue is one drop of its
// listener (tcp_v4_syn_recv_sock in net/ipv4/tcp_ipv4.c), but a listener also
// drops SYNs for other reasons. It returns none if it cannot be measured which
// drops were overflows: there were others too, and several listeners dropped.
func (o *Observation) overflowsMeasured(n int64) []Finding {
	droppers := o.droppers()
	others := o.rises("TcpExt.ListenDrops") - n
	if others > 0 && len(droppers) > 1 {
		return nil
	}
	var findings []Finding
	for _, l := range droppers {
		f := o.overflows(n)
		f.at(l)
		f.addDrops(l)
		f.Title = wording.Say("doctor.accept-queue-overflows.of", "listener", l, "n", min(n, l.Dropped.Or(0)), "time", o.within())
		o.raisesSomaxconn(&f, l)
		findings = append(findings, f)
	}
	return findings
}

// droppers returns the listeners that dropped SYNs or final ACKs between the
// readings, those that dropped most first.
func (o *Observation) droppers() []*Listener {
	list := slices.DeleteFunc(o.Survey.Listeners(), func(l *Listener) bool { return l.Dropped.Or(0) <= 0 })
	slices.SortStableFunc(list, func(a, b *Listener) int { return cmp.Compare(b.Dropped.Or(0), a.Dropped.Or(0)) })
	return list
}

// mostDrops returns the listener that has dropped most since it was opened, or
// nil if none has dropped anything.
func (o *Observation) mostDrops() *Listener {
	var most *Listener
	for _, l := range o.Survey.Listeners() {
		if n := l.Drops.Or(0); n > 0 && (most == nil || n > most.Drops.Or(0)) {
			most = l
		}
	}
	return most
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
