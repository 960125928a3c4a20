package lifecycle

import (
	"time"

	"tcpstate/tcp"
)

// The constants that TCP's timers run by (include/net/tcp.h).
const (
	// TimeWaitLength is how long TIME_WAIT lasts: a constant of the kernel
	// (TCP_TIMEWAIT_LEN), not net.ipv4.tcp_fin_timeout.
	TimeWaitLength = 60 * time.Second

	// initialRTO is the first wait for the answer to a SYN or a SYN-ACK
	// (TCP_TIMEOUT_INIT; RFC 6298 section 2).
	initialRTO = time.Second

	// maxRTO is the longest wait there can be (TCP_RTO_MAX), which
	// net.ipv4.tcp_rto_max_ms may shorten.
	maxRTO = 120 * time.Second

	// modelRTO is the timeout that the kernel reckons from when it decides that
	// resends have gone on for long enough: TCP_RTO_MIN, whatever
	// net.ipv4.tcp_rto_min_us says, and whatever the socket's own timeout is.
	modelRTO = 200 * time.Millisecond
)

// Schedule is when a socket whose peer says nothing sends again, and when the
// kernel gives it up. Times are counted from when it began to wait: from the
// first sending, and for keepalive from the last segment of the peer.
//
// Timers fire late, by up to an eighth of their wait: the kernel keeps them in a
// wheel of coarse slots (kernel/time/timer.c).
type Schedule struct {
	Resends []time.Duration // of the segment; or probes
	GivenUp time.Duration
}

// fires returns when the timer fires for the time after n resends, and whether
// it does.
func (c Schedule) fires(n int) (time.Duration, bool) {
	switch {
	case n < 0 || n > len(c.Resends):
		return 0, false
	case n < len(c.Resends):
		return c.Resends[n], true
	}
	return c.GivenUp, true
}

// SYNSchedule is that of SYN_SENT: tcp_syn_retries resends, and
// tcp_syn_linear_timeouts more that go out a second apart before the waits
// double. A short tcp_syn_retries ends it sooner than the count would, by the
// time that so many doubling resends take: the kernel gives up at what comes
// first (tcp_write_timeout and tcp_retransmit_timer, net/ipv4/tcp_timer.c).
//
// A program may have set its own count with TCP_SYNCNT.
func (s Settings) SYNSchedule() Schedule {
	s = s.Effective()
	retries, linear, longest := count(s.SynRetries), count(s.SynLinearTimeouts), s.longestRTO()
	limit := modelTimeout(retries, initialRTO, longest)
	var c Schedule
	for wait, at := initialRTO, initialRTO; ; at += wait {
		n := len(c.Resends)
		if n >= retries+linear || n > 0 && at >= limit {
			c.GivenUp = at
			return c
		}
		c.Resends = append(c.Resends, at)
		wait = nextSYNWait(wait, n+1, linear, longest)
	}
}

// nextSYNWait returns the wait that follows the n-th resend of a SYN.
func nextSYNWait(wait time.Duration, n, linear int, longest time.Duration) time.Duration {
	if n > linear {
		return min(2*wait, longest)
	}
	return wait
}

// SYNACKSchedule is that of SYN_RECV: tcp_synack_retries resends, the waits
// doubling up to 120 s (reqsk_timer_handler, net/ipv4/inet_connection_sock.c).
// Up to Linux 6.18 tcp_rto_max_ms does not shorten them (seen). The kernel
// resends less often, down to twice, while a listener's queue of half-open
// requests is more than half full and mostly old.
//
// A program may have set its own count with TCP_SYNCNT, or TCP_DEFER_ACCEPT,
// which lets some waits pass in silence.
func (s Settings) SYNACKSchedule() Schedule {
	s = s.Effective()
	return doubling(initialRTO, maxRTO, func(n int, _ time.Duration) bool { return n >= count(s.SynackRetries) })
}

// DataSchedule is that of data or a FIN that is not acknowledged, in a socket
// that a program holds. Waits begin with the socket's own timeout and double up
// to tcp_rto_max_ms. It is given up when, counted from the first resend, as much
// time has passed as DataTimeout says, so that the count of resends is not
// tcp_retries2 but follows from it (tcp_write_timeout, retransmits_timed_out,
// net/ipv4/tcp_timer.c). TCP_USER_TIMEOUT sets a time instead. A tail loss probe
// may go out before the first resend (tcp_early_retrans).
func (s Settings) DataSchedule(rto time.Duration) Schedule {
	limit, longest := s.DataTimeout(), s.Effective().longestRTO()
	return retransmissions(rto, longest, func(time.Duration) time.Duration { return limit })
}

// DataTimeout is the least time for which data is resent, counted from the first
// resend: as long as tcp_retries2 resends take that begin 200 ms after the
// first sending, whatever the socket's own timeout is. 15 is 924.6 s
// (tcp_model_timeout, net/ipv4/tcp_timer.c).
func (s Settings) DataTimeout() time.Duration {
	s = s.Effective()
	return modelTimeout(count(s.Retries2), modelRTO, s.longestRTO())
}

// OrphanSchedule is that of a FIN that is not acknowledged, or data before it, in
// a socket that no program holds: FIN_WAIT1, CLOSING, LAST_ACK. It is
// DataSchedule with tcp_orphan_retries in place of tcp_retries2; 0 stands for
// 8, until the wait has reached tcp_rto_max_ms (tcp_orphan_retries,
// net/ipv4/tcp_timer.c). Orphans are given up sooner where there are too many,
// or memory is short (tcp_out_of_resources).
func (s Settings) OrphanSchedule(rto time.Duration) Schedule {
	s = s.Effective()
	longest := s.longestRTO()
	return retransmissions(rto, longest, func(wait time.Duration) time.Duration {
		return modelTimeout(s.orphanRetries(wait < longest), modelRTO, longest)
	})
}

// orphanRetries returns how many resends of an orphan the kernel reckons with;
// alive says that its waits have not grown to the longest.
func (s Settings) orphanRetries(alive bool) int {
	retries := count(s.OrphanRetries)
	if retries == 0 && alive {
		return 8
	}
	return retries
}

// ProbeSchedule is that of the probes of a zero window that the peer does not
// answer: tcp_retries2 of them, the waits doubling. Each answer starts the count
// again, so that a peer which answers and keeps its window shut is never given
// up (tcp_probe_timer, net/ipv4/tcp_timer.c; RFC 9293 section 3.8.6.1).
func (s Settings) ProbeSchedule(rto time.Duration) Schedule {
	s = s.Effective()
	return doubling(max(rto, modelRTO), s.longestRTO(), func(n int, _ time.Duration) bool { return n >= count(s.Retries2) })
}

// KeepaliveSchedule is that of a connection that is idle, where the program has
// set SO_KEEPALIVE and no times of its own (TCP_KEEPIDLE, TCP_KEEPINTVL,
// TCP_KEEPCNT): probes from tcp_keepalive_time on. When one more would be due
// than tcp_keepalive_probes, the connection is reset (tcp_keepalive_timer,
// net/ipv4/tcp_timer.c).
func (s Settings) KeepaliveSchedule() Schedule {
	s = s.Effective()
	var c Schedule
	at := s.KeepaliveTime.Or(0)
	for range count(s.KeepaliveProbes) {
		c.Resends = append(c.Resends, at)
		at += s.KeepaliveInterval.Or(0)
	}
	c.GivenUp = at
	return c
}

// OrphanFinWait2 returns how long FIN_WAIT2 lasts once no program holds the
// socket: first as a full socket, then as a small one. Up to a minute of
// tcp_fin_timeout it is a small one all the while. Of more, it stays a full
// one for what is over a minute, and is then a small one for as long again
// (tcp_rcv_state_process, net/ipv4/tcp_input.c; tcp_keepalive_timer,
// net/ipv4/tcp_timer.c; seen on Linux 6.18). It is never less than three and a
// half times the socket's retransmission timeout (tcp_fin_time,
// include/net/tcp.h). A program may have set its own time with TCP_LINGER2.
func (s Settings) OrphanFinWait2(rto time.Duration) (full, small time.Duration) {
	least := 7 * max(rto, modelRTO) / 2
	total := max(s.Effective().FinTimeout.Or(0), least)
	if total <= TimeWaitLength {
		return 0, total
	}
	over := total - TimeWaitLength
	return over, max(over, least)
}

// heldSynRecvSchedule returns the schedule of a SYN_RECV that a program holds, as
// simultaneous open makes one: tcp_syn_retries resends, without the linear ones
// of SYN_SENT (tcp_write_timeout, net/ipv4/tcp_timer.c). A child of Fast Open
// gives up after one resend more than tcp_synack_retries
// (tcp_fastopen_synack_timer): the same, unless these were changed.
func (s Settings) heldSynRecvSchedule() Schedule {
	s = s.Effective()
	return doubling(initialRTO, s.longestRTO(), func(n int, _ time.Duration) bool { return n >= count(s.SynRetries) })
}

// Outlook is what the kernel will do with a socket if its peer says nothing and
// its program does nothing.
type Outlook struct {
	Left  int           // how often it will still send: resends or probes
	At    time.Duration // until it ends the socket
	Exact bool          // no setting of the program and no load can make it another time
}

// Outlook returns the outlook of a socket that a timer runs for. None is known
// where no timer runs that ends it: then it waits for its peer or its program,
// as long as they like. Only the clocks of the kernel's small sockets are exact:
// what a program has set for its own socket (TCP_SYNCNT, TCP_USER_TIMEOUT,
// TCP_KEEPIDLE and their kin) the kernel tells nobody else.
//
// Info makes it closer where data is resent.
func (s Settings) Outlook(socket *tcp.Socket) (Outlook, bool) {
	timer, orphan := socket.Timer, socket.Owner.Inode == 0
	switch {
	case timer.Kind == tcp.TimerTimeWait:
		return Outlook{At: timer.Expires, Exact: true}, true
	case timer.Kind == tcp.TimerKeepalive && socket.State == tcp.FinWait2 && orphan:
		full, small := s.OrphanFinWait2(0)
		if full == 0 {
			small = timer.Expires // TCP_LINGER2: as long again as it was, which is not less
		}
		return Outlook{At: timer.Expires + small}, true
	case timer.Kind == tcp.TimerKeepalive:
		return s.KeepaliveSchedule().outlook(timer)
	case timer.Kind == tcp.TimerPersist:
		return s.probeOutlook(socket, orphan)
	case timer.Kind != tcp.TimerOn:
		return Outlook{}, false
	}
	switch socket.State {
	case tcp.SynSent:
		return s.SYNSchedule().outlook(timer)
	case tcp.SynRecv:
		if !orphan {
			return s.heldSynRecvSchedule().outlook(timer)
		}
		return s.SYNACKSchedule().requestOutlook(timer)
	case tcp.FinWait1, tcp.Closing, tcp.LastAck:
		if orphan {
			return s.OrphanSchedule(s.firstRTO(socket)).outlook(timer)
		}
	}
	if i := socket.Info; reaches(i, sendWindowEnd) && i.SendWindow == 0 {
		return Outlook{}, false // its resends are probes of a window that was taken back
	}
	return s.DataSchedule(s.firstRTO(socket)).outlook(timer)
}

// sendWindowEnd is the end of tcpi_snd_wnd in the kernel's structure.
const sendWindowEnd = 232

// outlook finds the timer's place in its schedule by the resends it counts. More
// than the schedule has show that the program has set a schedule of its own.
func (c Schedule) outlook(t tcp.Timer) (Outlook, bool) {
	n := int(t.Retransmits)
	next, ok := c.fires(n)
	if !ok {
		return Outlook{}, false
	}
	return Outlook{Left: len(c.Resends) - n, At: t.Expires + c.GivenUp - next}, true
}

// requestOutlook is outlook for SYN_RECV, whose resends may be more than its
// waits, or fewer (see Clocks.SetAge): the wait must be one that the timer can
// be in.
func (c Schedule) requestOutlook(t tcp.Timer) (Outlook, bool) {
	var begun time.Duration
	for n := range len(c.Resends) {
		if c.Resends[n]-begun >= t.Expires {
			t.Retransmits = max(t.Retransmits, uint8(n))
			break
		}
		begun = c.Resends[n]
	}
	t.Retransmits = min(t.Retransmits, uint8(len(c.Resends)))
	return c.outlook(t)
}

// probeOutlook counts the probes that are left. The waits go on doubling when an
// answer starts the count again, so they are told by Backoff.
func (s Settings) probeOutlook(socket *tcp.Socket, orphan bool) (Outlook, bool) {
	s = s.Effective()
	n, longest, base := int(socket.Timer.Retransmits), s.longestRTO(), modelRTO
	backoff := n
	if i := socket.Info; reaches(i, infoRTOEnd) {
		base, backoff = max(i.RTO, modelRTO), int(i.Backoff)
	}
	wait := base
	for range backoff {
		wait = min(2*wait, longest)
	}
	most := func() int { return count(s.Retries2) }
	if orphan {
		most = func() int { return s.orphanRetries(wait < longest) }
	}
	o := Outlook{At: socket.Timer.Expires}
	for ; n < most(); n++ {
		o.Left++
		wait = min(2*wait, longest)
		o.At += wait
	}
	return o, true
}

// infoRTOEnd is the end of tcpi_rto in the kernel's structure.
const infoRTOEnd = 12

// firstRTO returns the timeout that the waits of a socket began with: what it is
// now, halved as often as it has been doubled. Once it has been cut to the
// longest it tells no more, and is worked out from the round-trip time.
func (s Settings) firstRTO(socket *tcp.Socket) time.Duration {
	i := socket.Info
	if !reaches(i, infoRTOEnd) {
		return modelRTO
	}
	s = s.Effective()
	if i.RTO < s.longestRTO() {
		return i.RTO >> i.Backoff
	}
	return i.RTT + s.RTOMin.Or(modelRTO)
}

// longestRTO returns tcp_rto_max_ms, which the kernel keeps from 1 s to 120 s.
func (s Settings) longestRTO() time.Duration {
	return min(max(s.RTOMax.Or(0), time.Second), maxRTO)
}

// count returns a number of resends, which the kernel keeps in eight bits.
func count(n tcp.Optional[int]) int { return min(max(n.Or(0), 0), 255) }

// retransmissions is doubling from a socket's own timeout on, until, counted
// from the first resend, the time has passed that limit gives for the wait that
// has just ended.
func retransmissions(rto, longest time.Duration, limit func(wait time.Duration) time.Duration) Schedule {
	rto = min(max(rto, time.Millisecond), longest)
	first, wait := rto, rto
	return doubling(rto, longest, func(n int, at time.Duration) bool {
		if n > 0 {
			wait = min(2*wait, longest)
		}
		return n > 0 && at-first >= limit(wait)
	})
}

// doubling returns the schedule whose waits begin with first and double up to
// longest, until over, given the resends so far and the time, is true.
func doubling(first, longest time.Duration, over func(n int, at time.Duration) bool) Schedule {
	var c Schedule
	wait := min(first, longest)
	for at := wait; ; at += wait {
		if over(len(c.Resends), at) {
			c.GivenUp = at
			return c
		}
		c.Resends = append(c.Resends, at)
		wait = min(2*wait, longest)
	}
}

// modelTimeout returns how long resends take, from the first sending to the end
// of the wait after the last, if the first wait is base and they double up to
// longest (tcp_model_timeout, net/ipv4/tcp_timer.c).
func modelTimeout(resends int, base, longest time.Duration) time.Duration {
	total, wait := base, base
	for range resends {
		wait *= 2
		if wait > longest {
			wait = longest
		}
		total += wait
	}
	return total
}
