package lifecycle

import (
	"cmp"
	"time"

	"tcpstate/tcp"
)

// Clocks are the settings of a host from which SetAge computes ages.
type Clocks struct {
	FinTimeout        time.Duration // net.ipv4.tcp_fin_timeout
	TimeWait          time.Duration // net.ipv4.tcp_tw_timeout of Alibaba Cloud Linux; elsewhere TimeWaitLength
	SynLinearTimeouts int           // net.ipv4.tcp_syn_linear_timeouts; 0 on kernels before 6.5
	RTOMax            time.Duration // net.ipv4.tcp_rto_max_ms; 120 s on kernels before 6.15

	// Unset is what a clock of tcp_info shows that was never set, when the
	// reading of the sockets began: the time since the kernel's clock was 0. 0
	// means that this is not known.
	Unset time.Duration
}

// Clocks returns the settings from which ages are computed.
func (s Settings) Clocks() Clocks {
	s = s.Effective()
	return Clocks{FinTimeout: s.FinTimeout.Or(0), TimeWait: s.TWTimeout.Or(0), SynLinearTimeouts: s.SynLinearTimeouts.Or(0), RTOMax: s.RTOMax.Or(0)}
}

// IsClock reports whether Settings.Clocks uses the setting.
func (d *Setting) IsClock() bool {
	switch d.Name {
	case "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_tw_timeout", "net.ipv4.tcp_syn_linear_timeouts", "net.ipv4.tcp_rto_max_ms":
		return true
	}
	return false
}

// SetAge sets Age, AgeExact and Idle of s from its timer and its Info, where
// these determine them:
//
//   - TIME_WAIT: the age is exactly the time that the timer has run. A segment
//     that arrives from the peer restarts the timer, and the age with it (RFC
//     9293 section 3.10.7.4).
//   - SYN_SENT: before the first resend, the age is exactly the time that the
//     timer has run. After it, the age is the sum of the waits before each
//     resend. That is an estimate, because timers fire a little late.
//   - SYN_RECV: the age is a lower bound. SetAge takes the shortest wait that
//     the timer can be in, and adds the waits before that. The resend count
//     does not help: a SYN that the client repeats adds to the count and
//     restarts the present wait (tcp_check_req, net/ipv4/tcp_minisocks.c), and
//     with TCP_DEFER_ACCEPT the waits pass without a resend.
//   - FIN_WAIT2 of an orphan: the age is the part of tcp_fin_timeout that has
//     passed. That is an estimate, because the program may have set TCP_LINGER2
//     or may have half-closed the connection long before. Where a program holds
//     the socket, or TCP_LINGER2 was longer: the age is at least the time since
//     the last ACK arrived, because the state began with an ACK.
//   - CLOSE_WAIT: the age is at least the time since the last ACK arrived,
//     because the FIN carried an ACK. ESTABLISHED: the age is at least the time
//     since the oldest event that Info records.
//
// A connection of multipath TCP has these ages in ESTABLISHED, FIN_WAIT2 and
// CLOSE_WAIT, from clocks of its own.
//
// In the other states no clock shows the age, and Age stays unknown. A clock of
// Info that was never set shows the time since the kernel's clock was 0, and is
// not used: see wasSet.
func (c Clocks) SetAge(s *tcp.Socket) {
	if s.IsConnection() {
		setConnectionAge(s)
		return
	}
	switch s.State {
	case tcp.TimeWait:
		if s.Timer.Kind == tcp.TimerTimeWait {
			setAge(s, cmp.Or(c.TimeWait, TimeWaitLength)-s.Timer.Expires, exact)
		}
	case tcp.SynRecv:
		setRequestAge(s)
	case tcp.SynSent:
		c.setConnectAge(s)
	case tcp.FinWait2:
		if s.Owner.Inode == 0 {
			c.setOrphanAge(s)
		}
		if !s.Age.IsKnown() && reaches(s.Info, infoClocksEnd) {
			setAge(s, s.Info.LastAckRecv, atLeast)
		}
	case tcp.CloseWait:
		if reaches(s.Info, infoClocksEnd) {
			setAge(s, s.Info.LastAckRecv, atLeast)
		}
	case tcp.Established:
		if reaches(s.Info, infoClocksEnd) {
			setAge(s, c.oldest(s.Info), atLeast)
		}
	}
	if reaches(s.Info, infoClocksEnd) && tcp.Synchronized.Has(s.State) && s.State != tcp.SynRecv {
		c.setIdle(s)
	}
}

// setConnectionAge sets the age and the idle time of a connection of multipath TCP
// from its own clocks, which start with the connection. Its states begin and last
// as those of TCP do, with an acknowledgement of data in place of an ACK.
func setConnectionAge(s *tcp.Socket) {
	sent, known := s.Connection.LastDataSent.Get()
	received, acked := s.Connection.LastDataRecv.Or(0), s.Connection.LastAckRecv.Or(0)
	if !known {
		return
	}
	switch s.State {
	case tcp.Established:
		setAge(s, max(sent, received, acked), atLeast)
	case tcp.CloseWait, tcp.FinWait2:
		setAge(s, acked, atLeast)
	}
	if tcp.Synchronized.Has(s.State) {
		s.Idle = tcp.Known(min(sent, received))
	}
}

// precision is what an age guarantees.
type precision uint8

const (
	estimate precision = iota // worked out: near the true age
	atLeast                   // the true age or less
	exact                     // from a clock that started with the state
)

// setAge sets the age, unless it is negative. A negative age means that the
// timer was started with another length than SetAge assumed.
func setAge(s *tcp.Socket, age time.Duration, is precision) {
	if age < 0 {
		return
	}
	s.Age, s.AgeExact, s.AgeAtLeast = tcp.Known(age), is == exact, is == atLeast
}

// setIdle finds the time since data last moved in either direction.
func (c Clocks) setIdle(s *tcp.Socket) {
	sent := c.wasSet(s.Info.LastDataSent, s.Info.DataSegsOut)
	received := c.wasSet(s.Info.LastDataRecv, s.Info.DataSegsIn)
	switch {
	case sent && received:
		s.Idle = tcp.Known(min(s.Info.LastDataSent, s.Info.LastDataRecv))
	case sent:
		s.Idle = tcp.Known(s.Info.LastDataSent)
	case received:
		s.Idle = tcp.Known(s.Info.LastDataRecv)
	}
}

// setRequestAge finds the shortest wait that the timer can be in. Each wait for
// the last ACK of the handshake is twice as long as the one before.
func setRequestAge(s *tcp.Socket) {
	if s.Timer.Kind != tcp.TimerOn {
		return
	}
	wait, elapsed := initialRTO, time.Duration(0)
	for wait < s.Timer.Expires {
		elapsed += wait
		wait *= 2
	}
	setAge(s, elapsed+wait-s.Timer.Expires, atLeast)
}

// setConnectAge adds up the waits for an answer to a SYN. The first
// SynLinearTimeouts+1 waits last initialRTO each. Each later wait is twice as
// long as the one before.
func (c Clocks) setConnectAge(s *tcp.Socket) {
	if s.Timer.Kind != tcp.TimerOn {
		return
	}
	wait, elapsed := initialRTO, time.Duration(0)
	for resend := range int(s.Timer.Retransmits) {
		elapsed += wait
		wait = nextSYNWait(wait, resend+1, c.SynLinearTimeouts, c.RTOMax)
	}
	if s.Timer.Expires > wait {
		return // the timer is in a longer wait than the resend count says
	}
	if s.Timer.Retransmits == 0 {
		setAge(s, wait-s.Timer.Expires, exact)
		return
	}
	setAge(s, elapsed+wait-s.Timer.Expires, estimate)
}

// setOrphanAge computes how much of tcp_fin_timeout has passed. If
// tcp_fin_timeout is at most a minute, the kernel keeps a small socket for that
// time. If it is longer, the kernel keeps the full socket for the part over a
// minute, and then a small one for the same time again (tcp_rcv_state_process
// in net/ipv4/tcp_input.c, tcp_keepalive_timer in net/ipv4/tcp_timer.c).
func (c Clocks) setOrphanAge(s *tcp.Socket) {
	over := c.FinTimeout - TimeWaitLength
	switch {
	case s.Timer.Kind == tcp.TimerKeepalive:
		setAge(s, over-s.Timer.Expires, estimate)
	case s.Timer.Kind == tcp.TimerTimeWait && over > 0:
		setAge(s, 2*over-s.Timer.Expires, estimate)
	case s.Timer.Kind == tcp.TimerTimeWait:
		setAge(s, c.FinTimeout-s.Timer.Expires, estimate)
	}
}

// infoClocksEnd is the offset of the end of tcpi_last_ack_recv in the kernel's
// structure.
const infoClocksEnd = 60

// reaches reports whether the kernel filled the structure up to end.
func reaches(i *tcp.Info, end int) bool { return i != nil && i.Len >= end }

// oldest returns the longest time since one of the events that Info records.
// Each of these clocks starts with the connection or with a later segment. The
// clock of sent data is used only if data was sent, because older kernels start
// it at boot.
func (c Clocks) oldest(i *tcp.Info) time.Duration {
	age := i.LastAckRecv
	if c.wasSet(i.LastDataRecv, i.DataSegsIn) {
		age = max(age, i.LastDataRecv)
	}
	if i.DataSegsOut > 0 {
		age = max(age, i.LastDataSent)
	}
	return age
}

// The time that an unset clock may differ from Unset: the socket was read after
// Unset, and each value is rounded to a tick of the kernel.
const (
	unsetBefore = 20 * time.Millisecond
	unsetAfter  = 5 * time.Second
)

// wasSet reports whether a clock of data was set. Data in its direction sets it,
// and so does the end of a handshake, but not that of a simultaneous open, after
// which the clock of received data is 0 until data comes
// (tcp_rcv_synsent_state_process in net/ipv4/tcp_input.c). Such a clock shows
// the time since the kernel's own clock was 0, five minutes after boot.
func (c Clocks) wasSet(shown time.Duration, segments uint32) bool {
	return segments > 0 || c.Unset == 0 || shown < c.Unset-unsetBefore || shown > c.Unset+unsetAfter
}
