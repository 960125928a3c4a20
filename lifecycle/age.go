package lifecycle

import (
	"time"

	"tcpstate/tcp"
)

// Clocks are the settings of a host that its timers run by.
type Clocks struct {
	FinTimeout        time.Duration // net.ipv4.tcp_fin_timeout
	SynLinearTimeouts int           // net.ipv4.tcp_syn_linear_timeouts; 0 on kernels before 6.5
	RTOMax            time.Duration // net.ipv4.tcp_rto_max_ms; 120 s on kernels before 6.15
}

// Clocks returns the settings that ages are told from.
func (s Settings) Clocks() Clocks {
	s = s.Effective()
	return Clocks{FinTimeout: s.FinTimeout.Or(0), SynLinearTimeouts: s.SynLinearTimeouts.Or(0), RTOMax: s.RTOMax.Or(0)}
}

// IsClock reports whether Settings.Clocks looks at the setting.
func (d *Setting) IsClock() bool {
	switch d.Name {
	case "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_syn_linear_timeouts", "net.ipv4.tcp_rto_max_ms":
		return true
	}
	return false
}

// SetAge sets Age, AgeExact and Idle of s from its timer and its Info, as far
// as they tell:
//
//   - TIME_WAIT is exactly as old as its timer has run. A segment of the peer
//     that arrives meanwhile starts the timer again, and the state with it
//     (RFC 9293 section 3.10.7.4).
//   - SYN_SENT is exactly as old as its timer before the first resend. After it
//     the resends and their doubling waits are added up, which is an estimate,
//     for timers fire a little late.
//   - SYN_RECV is at least as old as the shortest wait that its timer can be in,
//     and the waits before that. The resends do not tell more: a client's own
//     resent SYN is counted among them and starts the present wait again
//     (tcp_check_req, net/ipv4/tcp_minisocks.c), and with TCP_DEFER_ACCEPT the
//     waits pass without a resend.
//   - An orphaned FIN_WAIT2 has run down some of tcp_fin_timeout; an estimate,
//     since the program may have set TCP_LINGER2 or half-closed long before.
//   - CLOSE_WAIT is at least as old as the last ACK received, for the FIN bore
//     one. ESTABLISHED is at least as old as the oldest thing that happened.
//
// In the other states no clock tells, and Age stays unknown.
func (c Clocks) SetAge(s *tcp.Socket) {
	switch s.State {
	case tcp.TimeWait:
		if s.Timer.Kind == tcp.TimerTimeWait {
			setAge(s, TimeWaitLength-s.Timer.Expires, true)
		}
	case tcp.SynRecv:
		setRequestAge(s)
	case tcp.SynSent:
		c.setConnectAge(s)
	case tcp.FinWait2:
		c.setOrphanAge(s)
	case tcp.CloseWait:
		if reaches(s.Info, infoClocksEnd) {
			setAge(s, s.Info.LastAckRecv, false)
		}
	case tcp.Established:
		if reaches(s.Info, infoClocksEnd) {
			setAge(s, oldest(s.Info), false)
		}
	}
	if reaches(s.Info, infoClocksEnd) && tcp.Synchronized.Has(s.State) && s.State != tcp.SynRecv {
		s.Idle = tcp.Known(min(s.Info.LastDataSent, s.Info.LastDataRecv))
	}
}

// setAge sets the age, unless the arithmetic shows that the clock it came from
// was set to something else than it was taken for.
func setAge(s *tcp.Socket, age time.Duration, exact bool) {
	if age < 0 {
		return
	}
	s.Age, s.AgeExact = tcp.Known(age), exact
}

// setRequestAge finds the shortest wait that the timer can be in: of the waits
// for the last ACK each lasts twice the one before.
func setRequestAge(s *tcp.Socket) {
	if s.Timer.Kind != tcp.TimerOn {
		return
	}
	wait, elapsed := initialRTO, time.Duration(0)
	for wait < s.Timer.Expires {
		elapsed += wait
		wait *= 2
	}
	setAge(s, elapsed+wait-s.Timer.Expires, false)
}

// setConnectAge adds up the waits for an answer to a SYN: the first of them, one
// more than SynLinearTimeouts, last initialRTO each, later ones twice the one
// before.
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
		return // not the wait it was taken for
	}
	setAge(s, elapsed+wait-s.Timer.Expires, s.Timer.Retransmits == 0)
}

// setOrphanAge tells how much of tcp_fin_timeout has run down. Up to a minute of
// it, the kernel keeps a small socket for so long. Of more, it keeps the full
// socket for what is over a minute, and then a small one for as long again
// (tcp_rcv_state_process in net/ipv4/tcp_input.c, tcp_keepalive_timer in
// net/ipv4/tcp_timer.c).
func (c Clocks) setOrphanAge(s *tcp.Socket) {
	over := c.FinTimeout - TimeWaitLength
	switch {
	case s.Timer.Kind == tcp.TimerKeepalive && s.Owner.Inode == 0:
		setAge(s, over-s.Timer.Expires, false)
	case s.Timer.Kind == tcp.TimerTimeWait && over > 0:
		setAge(s, 2*over-s.Timer.Expires, false)
	case s.Timer.Kind == tcp.TimerTimeWait:
		setAge(s, c.FinTimeout-s.Timer.Expires, false)
	}
}

// infoClocksEnd is the end of tcpi_last_ack_recv in the kernel's structure.
const infoClocksEnd = 60

// reaches reports whether the kernel filled the structure up to end.
func reaches(i *tcp.Info, end int) bool { return i != nil && i.Len >= end }

// oldest returns the longest time that one of the clocks has run. Each of them
// starts with the connection or with a segment later on; that of data sent
// counts only where data was sent, since older kernels start it at boot.
func oldest(i *tcp.Info) time.Duration {
	age := max(i.LastDataRecv, i.LastAckRecv)
	if i.DataSegsOut > 0 {
		age = max(age, i.LastDataSent)
	}
	return age
}
