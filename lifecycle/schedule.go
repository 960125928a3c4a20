package lifecycle

import (
	"time"

	"tcpstate/tcp"
)

// The constants of TCP's timers (include/net/tcp.h).
const (
	// TimeWaitLength is how long TIME_WAIT lasts: a constant of Linux
	// (TCP_TIMEWAIT_LEN), not net.ipv4.tcp_fin_timeout.
	TimeWaitLength = 60 * time.Second

	// initialRTO is the first wait for the answer to a SYN or a SYN-ACK
	// (TCP_TIMEOUT_INIT; RFC 6298 section 2).
	initialRTO = time.Second

	// maxRTO is the longest possible wait (TCP_RTO_MAX).
	// net.ipv4.tcp_rto_max_ms may shorten it.
	maxRTO = 120 * time.Second

	// modelRTO is the first timeout that the kernel uses to compute how long
	// resends may go on. It is always TCP_RTO_MIN: neither
	// net.ipv4.tcp_rto_min_us nor the socket's own timeout changes it.
	modelRTO = 200 * time.Millisecond
)

// Schedule says when a socket sends again if its peer does not answer, and when
// the kernel gives up and ends the socket. Times count from the start of the
// wait: from the first time that the segment was sent, and for keepalive from
// the last segment of the peer.
//
// Timers fire late, by up to an eighth of their wait, because the kernel keeps
// them in a timer wheel with coarse slots (kernel/time/timer.c).
type Schedule struct {
	Resends []time.Duration // when each resend or probe is sent
	GivenUp time.Duration   // when the kernel ends the socket
}

// fires returns when the timer fires after n resends, and whether the schedule
// has that many.
func (c Schedule) fires(n int) (time.Duration, bool) {
	switch {
	case n < 0 || n > len(c.Resends):
		return 0, false
	case n < len(c.Resends):
		return c.Resends[n], true
	}
	return c.GivenUp, true
}

// SYNSchedule returns the schedule of SYN_SENT: tcp_syn_retries resends, and
// tcp_syn_linear_timeouts more that are sent a second apart before the waits
// double. There are two limits: the count of resends, and the time that
// tcp_syn_retries doubling resends would take. The kernel gives up at the limit
// that comes first, which with a small tcp_syn_retries is the time
// (tcp_write_timeout and tcp_retransmit_timer, net/ipv4/tcp_timer.c).
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

// SYNACKSchedule returns the schedule of SYN_RECV: tcp_synack_retries resends,
// with waits that double up to 120 s (reqsk_timer_handler,
// net/ipv4/inet_connection_sock.c). Up to Linux 6.18 tcp_rto_max_ms does not
// shorten the waits (measured). The kernel resends fewer times, but at least
// twice, while the listener's queue of half-open requests is more than half
// full and most of them are old.
//
// A program may have set its own count with TCP_SYNCNT. With TCP_DEFER_ACCEPT,
// some waits end without a resend.
func (s Settings) SYNACKSchedule() Schedule {
	s = s.Effective()
	return doubling(initialRTO, maxRTO, func(n int, _ time.Duration) bool { return n >= count(s.SynackRetries) })
}

// DataSchedule returns the schedule of unacknowledged data, or of an
// unacknowledged FIN, in a socket that a program holds. rto is the socket's own
// timeout: the waits begin with it and double up to tcp_rto_max_ms. The kernel
// gives up when the time since the first resend reaches DataTimeout. So the
// count of resends follows from tcp_retries2 but may differ from it
// (tcp_write_timeout, retransmits_timed_out, net/ipv4/tcp_timer.c).
// TCP_USER_TIMEOUT sets another time. A tail loss probe may be sent before the
// first resend (tcp_early_retrans).
func (s Settings) DataSchedule(rto time.Duration) Schedule {
	limit, longest := s.DataTimeout(), s.Effective().longestRTO()
	return retransmissions(rto, longest, func(time.Duration) time.Duration { return limit })
}

// DataTimeout returns the shortest time for which the kernel resends data,
// counted from the first resend. It is the time that tcp_retries2 resends take
// if the first wait is 200 ms. The socket's own timeout does not matter. For
// tcp_retries2 = 15 it is 924.6 s (tcp_model_timeout, net/ipv4/tcp_timer.c).
func (s Settings) DataTimeout() time.Duration {
	s = s.Effective()
	return modelTimeout(count(s.Retries2), modelRTO, s.longestRTO())
}

// OrphanSchedule returns the schedule of an unacknowledged FIN, or of data
// before it, in a socket that no program holds: FIN_WAIT1, CLOSING, LAST_ACK.
// It is DataSchedule with tcp_orphan_retries in place of tcp_retries2. 0 means
// 8, until the wait has reached tcp_rto_max_ms (tcp_orphan_retries,
// net/ipv4/tcp_timer.c). The kernel gives up on orphans sooner if there are too
// many of them or if memory is short (tcp_out_of_resources).
func (s Settings) OrphanSchedule(rto time.Duration) Schedule {
	s = s.Effective()
	longest := s.longestRTO()
	return retransmissions(rto, longest, func(wait time.Duration) time.Duration {
		return modelTimeout(s.orphanRetries(wait < longest), modelRTO, longest)
	})
}

// orphanRetries returns the number of resends from which the kernel computes
// the time of an orphan. alive means that the waits have not yet reached the
// longest.
func (s Settings) orphanRetries(alive bool) int {
	retries := count(s.OrphanRetries)
	if retries == 0 && alive {
		return 8
	}
	return retries
}

// ProbeSchedule returns the schedule of zero-window probes that the peer does
// not answer: tcp_retries2 probes, with waits that double. Each answer restarts
// the count. So the kernel never gives up on a peer that answers and keeps its
// window closed (tcp_probe_timer, net/ipv4/tcp_timer.c; RFC 9293 section
// 3.8.6.1).
func (s Settings) ProbeSchedule(rto time.Duration) Schedule {
	s = s.Effective()
	return doubling(max(rto, modelRTO), s.longestRTO(), func(n int, _ time.Duration) bool { return n >= count(s.Retries2) })
}

// KeepaliveSchedule returns the schedule of an idle connection whose program
// has set SO_KEEPALIVE, but no times of its own (TCP_KEEPIDLE, TCP_KEEPINTVL,
// TCP_KEEPCNT). The first probe is sent after tcp_keepalive_time. The kernel
// sends tcp_keepalive_probes probes, and resets the connection when the next
// one would be due (tcp_keepalive_timer, net/ipv4/tcp_timer.c).
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
// socket: first as a full socket, then as a small one. If tcp_fin_timeout is at
// most a minute, the socket is small for the whole time. If it is longer, the
// socket is full for the part over a minute and then small for the same time
// again (tcp_rcv_state_process, net/ipv4/tcp_input.c; tcp_keepalive_timer,
// net/ipv4/tcp_timer.c; measured on Linux 6.18). The time is at least three and
// a half times the socket's retransmission timeout (tcp_fin_time,
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

// heldSynRecvSchedule returns the schedule of a SYN_RECV that a program holds,
// such as one from a simultaneous open: tcp_syn_retries resends, without the
// linear ones of SYN_SENT (tcp_write_timeout, net/ipv4/tcp_timer.c). A child of
// Fast Open gives up after tcp_synack_retries+1 resends
// (tcp_fastopen_synack_timer). With the default settings both numbers are the
// same.
func (s Settings) heldSynRecvSchedule() Schedule {
	s = s.Effective()
	return doubling(initialRTO, s.longestRTO(), func(n int, _ time.Duration) bool { return n >= count(s.SynRetries) })
}

// Outlook is what the kernel will do with a socket if its peer sends nothing
// and its program does nothing.
type Outlook struct {
	Left  int           // how many resends or probes it will still send
	At    time.Duration // time from now until it ends the socket
	Exact bool          // neither a setting of the program nor load can change the time
}

// Outlook returns the outlook of a socket, and whether there is one. There is
// none if no timer runs that can end the socket: it then waits for its peer or
// its program without a limit. Only the timers of the kernel's small sockets
// are exact. A program may have set other times for its own socket (TCP_SYNCNT,
// TCP_USER_TIMEOUT, TCP_KEEPIDLE and similar options), and the kernel does not
// report these to others.
//
// With Info the outlook of a socket that resends data is more accurate.
func (s Settings) Outlook(socket *tcp.Socket) (Outlook, bool) {
	timer, orphan := socket.Timer, socket.Owner.Inode == 0
	switch {
	case timer.Kind == tcp.TimerTimeWait:
		return Outlook{At: timer.Expires, Exact: true}, true
	case timer.Kind == tcp.TimerKeepalive && socket.State == tcp.FinWait2 && orphan:
		full, small := s.OrphanFinWait2(0)
		if full == 0 {
			small = timer.Expires // TCP_LINGER2 has set the time: the small socket lasts at least as long as the rest of the full one
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
		return Outlook{}, false // its resends probe a window that the peer has closed again
	}
	return s.DataSchedule(s.firstRTO(socket)).outlook(timer)
}

// sendWindowEnd is the offset of the end of tcpi_snd_wnd in the kernel's
// structure.
const sendWindowEnd = 232

// outlook finds the timer's place in its schedule by its count of resends. A
// count above that of the schedule shows that the program has set its own
// limit. Then there is no outlook.
func (c Schedule) outlook(t tcp.Timer) (Outlook, bool) {
	n := int(t.Retransmits)
	next, ok := c.fires(n)
	if !ok {
		return Outlook{}, false
	}
	return Outlook{Left: len(c.Resends) - n, At: t.Expires + c.GivenUp - next}, true
}

// requestOutlook is outlook for SYN_RECV. The count of resends of a SYN_RECV
// may be higher or lower than the number of its waits (see Clocks.SetAge), so
// requestOutlook corrects it to a wait that the timer can be in.
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

// probeOutlook counts the probes that are left. The waits continue to double
// when an answer restarts the count, so their length is computed from Backoff
// and not from the count.
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

// infoRTOEnd is the offset of the end of tcpi_rto in the kernel's structure.
const infoRTOEnd = 12

// firstRTO returns the timeout of a socket's first wait: the present timeout,
// halved as often as the kernel has doubled it. If the present timeout has
// reached the longest, this is not possible, and firstRTO computes the timeout
// from the round-trip time.
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

// longestRTO returns tcp_rto_max_ms. The kernel keeps it between 1 s and 120 s.
func (s Settings) longestRTO() time.Duration {
	return min(max(s.RTOMax.Or(0), time.Second), maxRTO)
}

// count returns a number of resends, limited to the eight bits in which the
// kernel keeps it.
func count(n tcp.Optional[int]) int { return min(max(n.Or(0), 0), 255) }

// retransmissions returns a schedule of waits that begin with rto, a socket's
// own timeout, and double up to longest. It ends when the time since the first
// resend reaches the limit for the wait that has just ended.
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
// longest. It ends when over returns true. over gets the number of resends so
// far and the time.
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

// modelTimeout returns how long resends take if the first wait is base and the
// waits double up to longest. It counts from the first transmission to the end
// of the wait after the last resend (tcp_model_timeout, net/ipv4/tcp_timer.c).
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
