package explain

import "tcpstate/tcp"

// Condition is what distinguishes sockets of the same state. Sockets with the
// same state and condition get the same explanation. The condition is the key
// of its text in stories.md.
type Condition string

// WaitsFor says who has to act next.
type WaitsFor string

// What a socket may wait for.
const (
	WaitsForPeer    WaitsFor = "peer"    // a segment from the other end
	WaitsForProgram WaitsFor = "program" // a call by the local program
	WaitsForClock   WaitsFor = "clock"   // a timer of the kernel
	WaitsForEither  WaitsFor = "either"  // a segment from the other end or a call by the local program
)

// conditions lists all conditions in the order in which they are explained, and
// what each waits for.
var conditions = []struct {
	is    Condition
	state tcp.State
	waits WaitsFor
}{
	{"listen-full", tcp.Listen, WaitsForProgram},
	{"listen-waiting", tcp.Listen, WaitsForProgram},
	{"listen-quiet", tcp.Listen, WaitsForPeer},
	{"syn-sent-first", tcp.SynSent, WaitsForPeer},
	{"syn-sent-resent", tcp.SynSent, WaitsForPeer},
	{"syn-recv-first", tcp.SynRecv, WaitsForPeer},
	{"syn-recv-resent", tcp.SynRecv, WaitsForPeer},
	{"syn-recv-full", tcp.SynRecv, WaitsForPeer},
	{"established-resending", tcp.Established, WaitsForPeer},
	{"established-zero-window", tcp.Established, WaitsForPeer},
	{"established-probing", tcp.Established, WaitsForPeer},
	{"established-unaccepted", tcp.Established, WaitsForProgram},
	{"established-unread", tcp.Established, WaitsForProgram},
	{"established-sending", tcp.Established, WaitsForPeer},
	{"established-keepalive", tcp.Established, WaitsForEither},
	{"established-idle", tcp.Established, WaitsForEither},
	{"fin-wait1-zero-window", tcp.FinWait1, WaitsForPeer},
	{"fin-wait1-orphan", tcp.FinWait1, WaitsForPeer},
	{"fin-wait1-held", tcp.FinWait1, WaitsForPeer},
	{"fin-wait2-held", tcp.FinWait2, WaitsForPeer},
	{"fin-wait2-orphan", tcp.FinWait2, WaitsForPeer},
	{"fin-wait2-small", tcp.FinWait2, WaitsForPeer},
	{"closing-orphan", tcp.Closing, WaitsForPeer},
	{"closing-held", tcp.Closing, WaitsForPeer},
	{"time-wait", tcp.TimeWait, WaitsForClock},
	{"close-wait-leak", tcp.CloseWait, WaitsForProgram},
	{"close-wait-data", tcp.CloseWait, WaitsForProgram},
	{"close-wait-fin", tcp.CloseWait, WaitsForProgram},
	{"close-wait-unaccepted", tcp.CloseWait, WaitsForProgram},
	{"last-ack-zero-window", tcp.LastAck, WaitsForPeer},
	{"last-ack-orphan", tcp.LastAck, WaitsForPeer},
	{"last-ack-held", tcp.LastAck, WaitsForPeer},
	{"mptcp-open", tcp.Established, WaitsForEither},
	{"mptcp-unread", tcp.Established, WaitsForProgram},
	{"mptcp-unaccepted", tcp.Established, WaitsForProgram},
	{"mptcp-fin-wait1", tcp.FinWait1, WaitsForPeer},
	{"mptcp-fin-wait2", tcp.FinWait2, WaitsForPeer},
	{"mptcp-closing", tcp.Closing, WaitsForPeer},
	{"mptcp-close-wait-read", tcp.CloseWait, WaitsForProgram},
	{"mptcp-close-wait-data", tcp.CloseWait, WaitsForProgram},
	{"mptcp-close-wait-unaccepted", tcp.CloseWait, WaitsForProgram},
	{"mptcp-last-ack", tcp.LastAck, WaitsForPeer},
	{"close", tcp.Close, WaitsForProgram},
	{"bound-inactive", tcp.BoundInactive, WaitsForProgram},
}

// conditionOf returns the condition of a socket. A socket whose state is
// unknown has none: "". So has one whose story another socket tells: a subflow of
// multipath TCP, and a listener of MPTCP, which is listed as one of TCP too.
func conditionOf(s *tcp.Socket) Condition {
	switch is := conditionOfTCP(s); {
	case s.IsConnection():
		return connectionCondition(s)
	case s.IsSubflow() && !subflowConditions[is]:
		return ""
	default:
		return is
	}
}

// subflowConditions are those of the path, which are the subflow's own.
var subflowConditions = map[Condition]bool{
	"syn-sent-first": true, "syn-sent-resent": true, "syn-recv-first": true, "syn-recv-resent": true, "syn-recv-full": true,
	"established-resending": true, "established-zero-window": true, "established-probing": true,
}

// connectionCondition returns the condition of a connection of multipath TCP. Its
// receive queue is memory, and does not count the end of file. While it is being
// opened, its first subflow tells the story.
func connectionCondition(s *tcp.Socket) Condition {
	unaccepted, unread := s.Owner.Inode == 0, s.RecvQueue > 0
	switch s.State {
	case tcp.Established:
		switch {
		case unaccepted:
			return "mptcp-unaccepted"
		case unread:
			return "mptcp-unread"
		}
		return "mptcp-open"
	case tcp.FinWait1:
		return "mptcp-fin-wait1"
	case tcp.FinWait2:
		return "mptcp-fin-wait2"
	case tcp.Closing:
		return "mptcp-closing"
	case tcp.CloseWait:
		switch {
		case unaccepted:
			return "mptcp-close-wait-unaccepted"
		case unread:
			return "mptcp-close-wait-data"
		}
		return "mptcp-close-wait-read"
	case tcp.LastAck:
		return "mptcp-last-ack"
	}
	return ""
}

func conditionOfTCP(s *tcp.Socket) Condition {
	held := s.Owner.Inode != 0
	choose := func(orphan, owned Condition) Condition {
		if held {
			return owned
		}
		return orphan
	}
	switch s.State {
	case tcp.Listen:
		return listenerCondition(s)
	case tcp.SynSent:
		if s.Timer.Retransmits > 0 {
			return "syn-sent-resent"
		}
		return "syn-sent-first"
	case tcp.SynRecv:
		switch {
		case held:
			return "syn-recv-full"
		case s.Timer.Retransmits > 0:
			return "syn-recv-resent"
		}
		return "syn-recv-first"
	case tcp.Established:
		return establishedCondition(s)
	case tcp.FinWait1:
		if s.Timer.Kind == tcp.TimerPersist {
			return "fin-wait1-zero-window"
		}
		return choose("fin-wait1-orphan", "fin-wait1-held")
	case tcp.FinWait2:
		if s.Timer.Kind == tcp.TimerTimeWait {
			return "fin-wait2-small"
		}
		return choose("fin-wait2-orphan", "fin-wait2-held")
	case tcp.Closing:
		return choose("closing-orphan", "closing-held")
	case tcp.TimeWait:
		return "time-wait"
	case tcp.CloseWait:
		return closeWaitCondition(s)
	case tcp.LastAck:
		if s.Timer.Kind == tcp.TimerPersist {
			return "last-ack-zero-window"
		}
		return choose("last-ack-orphan", "last-ack-held")
	case tcp.Close:
		return "close"
	case tcp.BoundInactive:
		return "bound-inactive"
	}
	return ""
}

func listenerCondition(s *tcp.Socket) Condition {
	most, known := s.AcceptQueueMax.Get()
	switch {
	case s.AcceptQueue == 0:
		return "listen-quiet"
	case known && s.AcceptQueue >= most:
		return "listen-full"
	}
	return "listen-waiting"
}

// establishedCondition checks first for what blocks the connection: data that
// is not acknowledged, a closed window, a silent peer, a program that does not
// accept or read.
func establishedCondition(s *tcp.Socket) Condition {
	switch {
	case s.Timer.Kind == tcp.TimerOn && s.Timer.Retransmits > 0:
		return "established-resending"
	case s.Timer.Kind == tcp.TimerPersist:
		return "established-zero-window"
	case s.Timer.Kind == tcp.TimerKeepalive && s.Timer.Retransmits > 0:
		return "established-probing"
	case s.Owner.Inode == 0:
		return "established-unaccepted"
	case s.RecvQueue > 0:
		return "established-unread"
	case s.SendQueue > 0:
		return "established-sending"
	case s.Timer.Kind == tcp.TimerKeepalive:
		return "established-keepalive"
	}
	return "established-idle"
}

// closeWaitCondition distinguishes the kinds of CLOSE_WAIT. The peer's FIN
// counts as one byte in the receive queue until the program has read the end of
// file, because it takes one sequence number (tcp_diag_get_info in
// net/ipv4/tcp_diag.c: rcv_nxt less copied_seq).
func closeWaitCondition(s *tcp.Socket) Condition {
	switch {
	case s.Owner.Inode == 0:
		return "close-wait-unaccepted"
	case s.RecvQueue == 0:
		return "close-wait-leak"
	case s.RecvQueue == 1:
		return "close-wait-fin"
	}
	return "close-wait-data"
}
