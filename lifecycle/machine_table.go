package lifecycle

import (
	"slices"

	"tcpstate/tcp"
)

// Kernel files that implement many of the transitions.
const (
	srcInput = "net/ipv4/tcp_input.c: "
	srcMini  = "net/ipv4/tcp_minisocks.c: "
	srcTimer = "net/ipv4/tcp_timer.c: "
	srcTCP   = "net/ipv4/tcp.c: "
	srcCSK   = "net/ipv4/inet_connection_sock.c: "
	srcInet  = "net/ipv4/af_inet.c: "
)

// Sections of RFC 9293.
const (
	rfcOpen     = "RFC 9293 3.10.1"
	rfcSend     = "RFC 9293 3.10.2"
	rfcClose    = "RFC 9293 3.10.4"
	rfcAbort    = "RFC 9293 3.10.5"
	rfcNoSocket = "RFC 9293 3.10.7.1"
	rfcListen   = "RFC 9293 3.10.7.2"
	rfcSynSent  = "RFC 9293 3.10.7.3"
	rfcArrives  = "RFC 9293 3.10.7.4"
	rfcTimeouts = "RFC 9293 3.10.8"
	rfcHalf     = "RFC 9293 3.6.1"
	rfcFailure  = "RFC 9293 3.8.3"
	rfcAlive    = "RFC 9293 3.8.4"
	rfcProbes   = "RFC 9293 3.8.6.1"
	rfcICMP     = "RFC 9293 3.9.2.2"
)

// transitions is the state machine. Nothing changes it after the start.
var transitions = slices.Concat(opening, handshake, established, closing, ends, everywhere())

// opening has the transitions before there is a peer.
var opening = []Transition{
	{From: NoSocket, Event: EventSocket, To: tcp.Close, ToForm: Held, Standing: LinuxOnly,
		Linux: "A new socket is in CLOSE. The kernel lists it only once it has a port.", Source: srcInet + "inet_create"},
	{From: tcp.Close, FromForm: Held, Event: EventBind, To: tcp.BoundInactive, ToForm: Held, Standing: LinuxOnly,
		Linux: "The socket stays in CLOSE and is listed as BOUND_INACTIVE from Linux 6.8 on.", Source: srcInet + "__inet_bind"},
	{From: tcp.Close, FromForm: Held, Event: EventListen, To: tcp.Listen, ToForm: Held, Role: PassiveOpener, RFC: rfcOpen,
		Linux: "The kernel chooses a port if none was bound.", Source: srcCSK + "inet_csk_listen_start"},
	{From: tcp.BoundInactive, FromForm: Held, Event: EventListen, To: tcp.Listen, ToForm: Held, Role: PassiveOpener, RFC: rfcOpen,
		Source: srcCSK + "inet_csk_listen_start"},
	{From: tcp.Close, FromForm: Held, Event: EventConnect, Sent: SYN, To: tcp.SynSent, ToForm: Held, Role: ActiveOpener, RFC: rfcOpen,
		Linux: "The kernel chooses a port if none was bound. A socket that was reset or that timed out may connect again.", Source: "net/ipv4/tcp_ipv4.c: tcp_v4_connect"},
	{From: tcp.BoundInactive, FromForm: Held, Event: EventConnect, Sent: SYN, To: tcp.SynSent, ToForm: Held, Role: ActiveOpener, RFC: rfcOpen,
		Source: "net/ipv4/tcp_ipv4.c: tcp_v4_connect"},
	{From: tcp.Close, FromForm: Held, Event: EventClose, To: NoSocket, Standing: LinuxOnly, Source: srcTCP + "__tcp_close"},
	{From: tcp.BoundInactive, FromForm: Held, Event: EventClose, To: NoSocket, Standing: LinuxOnly, Source: srcTCP + "__tcp_close"},
	{From: tcp.Listen, FromForm: Held, Event: EventSend, Sent: SYN, To: tcp.SynSent, Role: ActiveOpener, Standing: RFCOnly, RFC: rfcSend,
		Linux: "A listener cannot connect: send() fails with EPIPE, connect() with EISCONN.", Source: srcInet + "__inet_stream_connect"},
	{From: tcp.Listen, FromForm: Held, Event: EventClose, To: NoSocket, RFC: rfcClose,
		Linux: "Connections that the program has not accepted are reset. Half-open requests end when their timers fire.", Source: srcCSK + "inet_csk_listen_stop"},
	{From: tcp.Listen, FromForm: Held, Event: EventShutdownListener, To: tcp.BoundInactive, ToForm: Held, Standing: LinuxOnly,
		Linux: "The listener stops listening and keeps a port that was bound by number.", Source: srcInet + "inet_shutdown"},
	{From: NoSocket, Event: EventReceiveStray, Sent: RST, To: NoSocket, RFC: rfcNoSocket,
		Linux: "A stray RST is not answered.", Source: "net/ipv4/tcp_ipv4.c: tcp_v4_send_reset"},
}

// handshake has the transitions from the first SYN to ESTABLISHED, and those of
// a failed handshake.
var handshake = []Transition{
	{From: tcp.Listen, FromForm: Held, Event: EventReceiveSYN, Sent: SYN | ACK, To: tcp.SynRecv, ToForm: Request, Spawns: true, Role: PassiveOpener, RFC: rfcListen,
		Linux: "The listener stays in LISTEN. The SYN_RECV is a separate request socket.", Source: srcInput + "tcp_conn_request"},
	{From: tcp.Listen, FromForm: Held, Event: EventReceiveFastOpen, Sent: SYN | ACK, To: tcp.SynRecv, ToForm: Held, Spawns: true, Role: PassiveOpener, RFC: "RFC 7413 4.2.2",
		Linux: "The child is a full socket from the start. The program may accept and use it in SYN_RECV.", Source: "net/ipv4/tcp_fastopen.c: tcp_fastopen_create_child"},
	{From: tcp.Listen, FromForm: Held, Event: EventReceiveCookie, To: tcp.Established, ToForm: Held, Spawns: true, Role: PassiveOpener, RFC: "RFC 4987 3.6",
		Linux: "The SYN left no SYN_RECV: the cookie in the acknowledgement number replaces it.", Source: "net/ipv4/syncookies.c: cookie_v4_check"},

	{From: tcp.SynSent, FromForm: Held, Event: EventReceiveSYNACK, Sent: ACK, To: tcp.Established, ToForm: Held, Role: ActiveOpener, RFC: rfcSynSent,
		Source: srcInput + "tcp_rcv_synsent_state_process"},
	{From: tcp.SynSent, FromForm: Held, Event: EventReceiveSYN, Sent: SYN | ACK, To: tcp.SynRecv, ToForm: Held, RFC: rfcSynSent,
		Linux: "This SYN_RECV is a full socket that a program holds.", Source: srcInput + "tcp_rcv_synsent_state_process"},
	{From: tcp.SynSent, FromForm: Held, Event: EventReceiveRST, To: tcp.Close, ToForm: Held, Role: ActiveOpener, RFC: rfcSynSent,
		Linux: "The program gets ECONNREFUSED.", Source: srcInput + "tcp_reset"},
	{From: tcp.SynSent, FromForm: Held, Event: EventICMPError, To: tcp.Close, ToForm: Held, Role: ActiveOpener, RFC: rfcICMP,
		Linux: "Every destination unreachable ends the attempt, even those that the standard calls soft. The program gets EHOSTUNREACH, ENETUNREACH or ECONNREFUSED.", Source: "net/ipv4/tcp_ipv4.c: tcp_v4_err"},
	{From: tcp.SynSent, FromForm: Held, Event: EventSYNGivenUp, To: tcp.Close, ToForm: Held, Role: ActiveOpener, RFC: rfcFailure,
		Linux: "The program gets ETIMEDOUT.", Source: srcTimer + "tcp_write_timeout"},
	{From: tcp.SynSent, FromForm: Held, Event: EventClose, To: NoSocket, Role: ActiveOpener, RFC: rfcClose, Source: srcTCP + "__tcp_close"},

	{From: tcp.SynRecv, FromForm: Request, Event: EventReceiveACK, To: tcp.Established, ToForm: Held, Role: PassiveOpener, RFC: rfcArrives,
		Linux: "The request becomes a full socket in the accept queue. If that queue is full, the kernel drops the ACK and keeps the request.", Source: srcMini + "tcp_check_req"},
	{From: tcp.SynRecv, FromForm: Held, Event: EventReceiveACK, To: tcp.Established, ToForm: Held, RFC: rfcArrives,
		Source: srcInput + "tcp_rcv_state_process"},
	{From: tcp.SynRecv, FromForm: Request, Event: EventReceiveRST, To: NoSocket, Role: PassiveOpener, RFC: rfcArrives,
		Linux: "The request ends. Its listener never left LISTEN.", Source: srcMini + "tcp_check_req"},
	{From: tcp.SynRecv, Event: EventReceiveRST, To: tcp.Listen, Role: PassiveOpener, Standing: RFCOnly, RFC: rfcArrives,
		Linux: "The listener is a separate socket and never left LISTEN.", Source: srcMini + "tcp_check_req"},
	{From: tcp.SynRecv, FromForm: Request, Event: EventReceiveBadSYN, Sent: RST, To: NoSocket, Role: PassiveOpener, RFC: rfcArrives,
		Source: srcMini + "tcp_check_req"},
	{From: tcp.SynRecv, FromForm: Request, Event: EventReceiveACKOverflow, Sent: RST, To: NoSocket, Role: PassiveOpener, Standing: LinuxOnly,
		Source: srcMini + "tcp_check_req"},
	{From: tcp.SynRecv, FromForm: Request, Event: EventSYNACKGivenUp, To: NoSocket, Role: PassiveOpener, RFC: rfcFailure,
		Source: srcCSK + "reqsk_timer_handler"},
	{From: tcp.SynRecv, FromForm: Request, Event: EventListenerGone, To: NoSocket, Role: PassiveOpener, Standing: LinuxOnly,
		Linux: "The kernel answers an ACK that arrives before that with RST.", Source: srcCSK + "reqsk_timer_handler"},
	{From: tcp.SynRecv, FromForm: Held, Event: EventReceiveRST, To: tcp.Close, ToForm: Held, RFC: rfcArrives, Source: srcInput + "tcp_reset"},
	{From: tcp.SynRecv, FromForm: Held, Event: EventSYNACKGivenUp, To: tcp.Close, ToForm: Held, RFC: rfcFailure,
		Source: srcTimer + "tcp_write_timeout"},
	{From: tcp.SynRecv, FromForm: Held, Event: EventClose, Sent: FIN | ACK, To: tcp.FinWait1, ToForm: Orphan, Role: ActiveCloser, RFC: rfcClose,
		Linux: "Only a full socket can be closed: one from a simultaneous open or from Fast Open. If the SYN,ACK was resent, the FIN waits until the SYN,ACK is acknowledged.", Source: srcTCP + "tcp_close_state"},
}

// established has the transitions out of ESTABLISHED.
var established = []Transition{
	{From: tcp.Established, FromForm: Held, Event: EventClose, Sent: FIN | ACK, To: tcp.FinWait1, ToForm: Orphan, Role: ActiveCloser, RFC: rfcClose,
		Linux: "From now on the socket is an orphan.", Source: srcTCP + "__tcp_close"},
	{From: tcp.Established, FromForm: Held, Event: EventShutdown, Sent: FIN | ACK, To: tcp.FinWait1, ToForm: Held, Role: ActiveCloser, RFC: rfcClose,
		Linux: "This is the standard's CLOSE: the program may still read.", Source: srcTCP + "tcp_shutdown"},
	{From: tcp.Established, FromForm: Held, Event: EventReceiveFIN, Sent: ACK, To: tcp.CloseWait, ToForm: Held, Role: PassiveCloser, RFC: rfcArrives,
		Source: srcInput + "tcp_fin"},
	{From: tcp.Established, FromForm: Held, Event: EventCloseListener, Sent: RST | ACK, To: NoSocket, Standing: LinuxOnly,
		Linux: "A connection that the program has not accepted ends with its listener.", Source: srcCSK + "inet_csk_listen_stop"},
}

// closing has the transitions from the first FIN to the last ACK.
var closing = []Transition{
	{From: tcp.FinWait1, FromForm: Held, Event: EventReceiveACKOfFIN, To: tcp.FinWait2, ToForm: Held, Role: ActiveCloser, RFC: rfcArrives,
		Linux: "It lasts until the program or the peer ends it: tcp_fin_timeout limits only orphans.", Source: srcInput + "tcp_rcv_state_process"},
	{From: tcp.FinWait1, FromForm: Orphan, Event: EventReceiveACKOfFIN, To: tcp.FinWait2, ToForm: Small, Role: ActiveCloser, RFC: rfcArrives,
		Linux: "A small socket replaces it for tcp_fin_timeout or TCP_LINGER2, if that is at most 60 s.", Source: srcInput + "tcp_rcv_state_process"},
	{From: tcp.FinWait1, FromForm: Orphan, Event: EventReceiveACKOfFIN, To: tcp.FinWait2, ToForm: Orphan, Role: ActiveCloser, RFC: rfcArrives,
		Linux: "If tcp_fin_timeout or TCP_LINGER2 is over 60 s, it stays a full socket for the part over 60 s.", Source: srcInput + "tcp_rcv_state_process"},
	{From: tcp.FinWait1, Event: EventReceiveFIN, Sent: ACK, To: tcp.Closing, Role: ActiveCloser, RFC: rfcArrives, Source: srcInput + "tcp_fin"},
	{From: tcp.FinWait1, Event: EventReceiveFINACK, Sent: ACK, To: tcp.TimeWait, ToForm: Small, Role: ActiveCloser, RFC: rfcArrives,
		Linux: "If the program still holds its socket, that socket is in CLOSE.", Source: srcInput + "tcp_fin"},
	{From: tcp.FinWait2, FromForm: Held, Event: EventReceiveFIN, Sent: ACK, To: tcp.TimeWait, ToForm: Small, Role: ActiveCloser, RFC: rfcArrives,
		Linux: "The socket that the program holds is in CLOSE.", Source: srcInput + "tcp_fin"},
	{From: tcp.FinWait2, FromForm: Orphan, Event: EventReceiveFIN, Sent: ACK, To: tcp.TimeWait, ToForm: Small, Role: ActiveCloser, RFC: rfcArrives,
		Source: srcInput + "tcp_fin"},
	{From: tcp.FinWait2, FromForm: Small, Event: EventReceiveFIN, Sent: ACK, To: tcp.TimeWait, ToForm: Small, Role: ActiveCloser, RFC: rfcArrives,
		Source: srcMini + "tcp_timewait_state_process"},
	{From: tcp.FinWait2, FromForm: Held, Event: EventClose, To: tcp.FinWait2, ToForm: Small, Role: ActiveCloser, Standing: LinuxOnly,
		Linux: "A small socket replaces it for tcp_fin_timeout or TCP_LINGER2, if that is at most 60 s.", Source: srcTCP + "__tcp_close"},
	{From: tcp.FinWait2, FromForm: Held, Event: EventClose, To: tcp.FinWait2, ToForm: Orphan, Role: ActiveCloser, Standing: LinuxOnly,
		Linux: "If tcp_fin_timeout or TCP_LINGER2 is over 60 s, it stays a full socket for the part over 60 s.", Source: srcTCP + "__tcp_close"},
	{From: tcp.FinWait2, FromForm: Held, Event: EventCloseLinger2, Sent: RST | ACK, To: NoSocket, Role: ActiveCloser, Standing: LinuxOnly, Source: srcTCP + "__tcp_close"},
	{From: tcp.FinWait2, FromForm: Orphan, Event: EventFinWait2Shrink, To: tcp.FinWait2, ToForm: Small, Role: ActiveCloser, Standing: LinuxOnly,
		Linux: "The small socket lasts as long as the full socket did.", Source: srcTimer + "tcp_keepalive_timer"},
	{From: tcp.FinWait2, FromForm: Small, Event: EventFinWait2End, To: NoSocket, Role: ActiveCloser, Standing: LinuxOnly,
		Linux: "The standard would wait for the peer's FIN forever.", Source: "net/ipv4/inet_timewait_sock.c: tw_timer_handler"},
	{From: tcp.FinWait2, FromForm: Small, Event: EventReceiveRST, To: NoSocket, Role: ActiveCloser, RFC: rfcArrives, Source: srcMini + "tcp_timewait_state_process"},
	{From: tcp.FinWait2, FromForm: Small, Event: EventReceiveLate, Sent: RST, To: NoSocket, Role: ActiveCloser, RFC: rfcHalf,
		Linux: "A SYN has the same effect.", Source: srcMini + "tcp_timewait_state_process"},
	{From: tcp.FinWait2, FromForm: Small, Event: EventDestroy, To: NoSocket, Role: ActiveCloser, Standing: LinuxOnly, Source: srcTCP + "tcp_abort"},
	{From: tcp.Closing, Event: EventReceiveACKOfFIN, To: tcp.TimeWait, ToForm: Small, Role: ActiveCloser, RFC: rfcArrives,
		Linux: "If the program still holds its socket, that socket is in CLOSE.", Source: srcInput + "tcp_rcv_state_process"},

	{From: tcp.CloseWait, FromForm: Held, Event: EventClose, Sent: FIN | ACK, To: tcp.LastAck, ToForm: Orphan, Role: PassiveCloser, RFC: rfcClose,
		Linux: "Only close() or shutdown() by the program ends CLOSE_WAIT in order. CLOSE_WAIT has no timer.", Source: srcTCP + "__tcp_close"},
	{From: tcp.CloseWait, FromForm: Held, Event: EventShutdown, Sent: FIN | ACK, To: tcp.LastAck, ToForm: Held, Role: PassiveCloser, RFC: rfcClose, Source: srcTCP + "tcp_shutdown"},
	{From: tcp.LastAck, FromForm: Orphan, Event: EventReceiveACKOfFIN, To: NoSocket, Role: PassiveCloser, RFC: rfcArrives, Source: srcInput + "tcp_rcv_state_process"},
	{From: tcp.LastAck, FromForm: Held, Event: EventReceiveACKOfFIN, To: tcp.Close, ToForm: Held, Role: PassiveCloser, RFC: rfcArrives,
		Linux: "The program still holds the socket.", Source: srcInput + "tcp_rcv_state_process"},
}

// ends has the transitions out of TIME_WAIT and within it.
var ends = []Transition{
	{From: tcp.TimeWait, FromForm: Small, Event: EventTimeWaitEnd, To: NoSocket, Role: ActiveCloser, RFC: rfcTimeouts,
		Linux: "2MSL is 4 minutes in the standard. In Linux it is a constant of 60 s (TCP_TIMEWAIT_LEN).", Source: "net/ipv4/inet_timewait_sock.c: tw_timer_handler"},
	{From: tcp.TimeWait, FromForm: Small, Event: EventReceiveFINAgain, Sent: ACK, To: tcp.TimeWait, ToForm: Small, Role: ActiveCloser, RFC: rfcArrives,
		Linux: "The 60 s start again, as for any other segment with ACK and without RST.", Source: srcMini + "tcp_timewait_state_process"},
	{From: tcp.TimeWait, FromForm: Small, Event: EventReceiveRST, To: NoSocket, Role: ActiveCloser, RFC: rfcArrives,
		Linux: "Only an RST with exactly the next sequence number counts. With tcp_rfc1337 no RST counts (RFC 1337).", Source: srcMini + "tcp_timewait_state_process"},
	{From: tcp.TimeWait, FromForm: Small, Event: EventReceiveNewSYN, Sent: SYN | ACK, To: tcp.SynRecv, ToForm: Request, Role: PassiveOpener, RFC: "RFC 9293 3.6.1, RFC 6191",
		Linux: "Its timestamp or its sequence number must be newer, and there must be a listener. Otherwise the kernel answers with ACK.", Source: srcMini + "tcp_timewait_state_process"},
	{From: tcp.TimeWait, FromForm: Small, Event: EventReuse, Sent: SYN, To: tcp.SynSent, ToForm: Held, Role: ActiveOpener, RFC: "RFC 6191",
		Linux: "Needs tcp_tw_reuse 1, or 2 over the loopback. Also needs timestamps, and a wait of tcp_tw_reuse_delay (1 s).", Source: "net/ipv4/tcp_ipv4.c: tcp_twsk_unique"},
	{From: tcp.TimeWait, FromForm: Small, Event: EventDestroy, To: NoSocket, Role: ActiveCloser, Standing: LinuxOnly, Source: srcTCP + "tcp_abort"},
}

// connected has the states that a full socket may have after the handshake.
// finSent has those of them in which the FIN was sent and is not acknowledged.
const (
	connected tcp.StateSet = 1<<tcp.Established | 1<<tcp.FinWait1 | 1<<tcp.FinWait2 | 1<<tcp.Closing | 1<<tcp.CloseWait | 1<<tcp.LastAck
	finSent   tcp.StateSet = 1<<tcp.FinWait1 | 1<<tcp.Closing | 1<<tcp.LastAck
)

// everywhere has the transitions that are the same in many states: resets,
// aborts and timeouts.
func everywhere() []Transition {
	return slices.Concat(
		from(tcp.Set(tcp.Established, tcp.FinWait1, tcp.FinWait2), Transition{FromForm: Held, Event: EventReceiveRST, To: tcp.Close, ToForm: Held, RFC: rfcArrives,
			Linux: "The program gets ECONNRESET.", Source: srcInput + "tcp_reset"}),
		from(tcp.Set(tcp.CloseWait), Transition{FromForm: Held, Event: EventReceiveRST, To: tcp.Close, ToForm: Held, RFC: rfcArrives,
			Linux: "read() still gives end of file, write() gives EPIPE.", Source: srcInput + "tcp_reset"}),
		from(tcp.Set(tcp.Closing, tcp.LastAck), Transition{FromForm: Held, Event: EventReceiveRST, To: tcp.Close, ToForm: Held, RFC: rfcArrives,
			Linux: "read() still gives end of file.", Source: srcInput + "tcp_reset"}),
		from(tcp.Set(tcp.FinWait1, tcp.FinWait2, tcp.Closing, tcp.LastAck), Transition{FromForm: Orphan, Event: EventReceiveRST, To: NoSocket, RFC: rfcArrives,
			Source: srcInput + "tcp_reset"}),
		within(connected, Transition{FromForm: Held, Event: EventReceiveOldSYN, Sent: ACK, ToForm: Held, RFC: rfcArrives,
			Linux: "Always a challenge ACK (RFC 5961). A peer that does not know the connection answers it with RST.", Source: srcInput + "tcp_validate_incoming"}),
		within(tcp.Set(tcp.FinWait1, tcp.FinWait2, tcp.Closing, tcp.LastAck), Transition{FromForm: Orphan, Event: EventReceiveOldSYN, Sent: ACK, ToForm: Orphan, RFC: rfcArrives,
			Linux: "Always a challenge ACK (RFC 5961).", Source: srcInput + "tcp_validate_incoming"}),

		from(connected, Transition{FromForm: Held, Event: EventDataGivenUp, To: tcp.Close, ToForm: Held, RFC: rfcFailure,
			Linux: "The program gets ETIMEDOUT, or the error that ICMP reported.", Source: srcTimer + "tcp_write_timeout"}, tcp.FinWait2),
		from(finSent, Transition{FromForm: Orphan, Event: EventDataGivenUp, To: NoSocket, RFC: rfcFailure,
			Linux: "The limit is tcp_orphan_retries, not tcp_retries2.", Source: srcTimer + "tcp_write_timeout"}),
		from(connected, Transition{FromForm: Held, Event: EventProbesGivenUp, To: tcp.Close, ToForm: Held, RFC: rfcProbes,
			Linux: "The kernel never gives up on a peer that answers the probes.", Source: srcTimer + "tcp_probe_timer"}, tcp.FinWait2),
		from(finSent, Transition{FromForm: Orphan, Event: EventProbesGivenUp, To: NoSocket, RFC: rfcProbes,
			Linux: "Data before the FIN waits for the peer's window.", Source: srcTimer + "tcp_probe_timer"}),
		from(tcp.Set(tcp.Established, tcp.FinWait2, tcp.CloseWait), Transition{FromForm: Held, Event: EventKeepaliveGivenUp, Sent: RST | ACK, To: tcp.Close, ToForm: Held, RFC: rfcAlive,
			Linux: "Only if the program has set SO_KEEPALIVE.", Source: srcTimer + "tcp_keepalive_timer"}),

		from(connected, Transition{FromForm: Held, Event: EventCloseUnread, Sent: RST | ACK, To: NoSocket, RFC: rfcHalf,
			Linux: "The data that the program has not read is lost. The RST reports this to the peer.", Source: srcTCP + "__tcp_close"}),
		from(tcp.Set(tcp.SynRecv, tcp.Established, tcp.FinWait1, tcp.FinWait2, tcp.CloseWait), Transition{FromForm: Held, Event: EventAbort, Sent: RST | ACK, To: NoSocket, RFC: rfcAbort,
			Source: srcTCP + "tcp_disconnect"}),
		from(tcp.Set(tcp.Closing, tcp.LastAck), Transition{FromForm: Held, Event: EventAbort, To: NoSocket, RFC: rfcAbort,
			Linux: "The kernel sends no RST after the FIN.", Source: srcTCP + "tcp_disconnect"}),
		from(tcp.Set(tcp.Listen, tcp.SynSent), Transition{FromForm: Held, Event: EventDisconnect, To: tcp.Close, ToForm: Held, Standing: LinuxOnly,
			Linux: "A port that was bound by number stays bound. The socket is then BOUND_INACTIVE.", Source: srcTCP + "tcp_disconnect"}),
		from(tcp.Set(tcp.SynRecv, tcp.Established, tcp.FinWait1, tcp.FinWait2, tcp.CloseWait), Transition{FromForm: Held, Event: EventDisconnect, Sent: RST | ACK, To: tcp.Close, ToForm: Held, RFC: rfcAbort,
			Linux: "A port that was bound by number stays bound. The socket is then BOUND_INACTIVE.", Source: srcTCP + "tcp_disconnect"}),

		within(finSent, Transition{FromForm: Held, Event: EventClose, ToForm: Orphan, Standing: LinuxOnly,
			Linux: "The FIN has been sent. From now on the socket is an orphan.", Source: srcTCP + "__tcp_close"}),
		from(tcp.Set(tcp.FinWait1, tcp.FinWait2), Transition{FromForm: Held, Event: EventReceiveLate, Sent: RST, To: tcp.Close, ToForm: Held, Role: ActiveCloser, RFC: rfcHalf,
			Linux: "Only after shutdown(SHUT_RDWR). Counter TCPAbortOnData.", Source: srcInput + "tcp_rcv_state_process"}),
		from(tcp.Set(tcp.FinWait1, tcp.FinWait2), Transition{FromForm: Orphan, Event: EventReceiveLate, Sent: RST, To: NoSocket, Role: ActiveCloser, RFC: rfcHalf,
			Linux: "Counter TCPAbortOnData.", Source: srcInput + "tcp_rcv_state_process"}),
		from(tcp.Set(tcp.FinWait1, tcp.FinWait2, tcp.Closing), Transition{FromForm: Orphan, Event: EventBucketsFull, To: NoSocket, Role: ActiveCloser, Standing: LinuxOnly,
			Linux: "Counter TCPTimeWaitOverflow.", Source: srcMini + "tcp_time_wait"}),
		from(finSent, Transition{FromForm: Orphan, Event: EventNoResources, Sent: RST | ACK, To: NoSocket, Standing: LinuxOnly,
			Linux: "Counter TCPAbortOnMemory.", Source: srcTimer + "tcp_out_of_resources"}),

		from(tcp.Set(tcp.Listen, tcp.SynSent), Transition{FromForm: Held, Event: EventDestroy, To: tcp.Close, ToForm: Held, Standing: LinuxOnly,
			Linux: "The program gets ECONNABORTED.", Source: srcTCP + "tcp_abort"}),
		from(tcp.Set(tcp.SynRecv), Transition{FromForm: Request, Event: EventDestroy, To: NoSocket, Standing: LinuxOnly, Source: srcTCP + "tcp_abort"}),
		from(tcp.Set(tcp.Established, tcp.FinWait1, tcp.FinWait2, tcp.CloseWait), Transition{FromForm: Held, Event: EventDestroy, Sent: RST | ACK, To: tcp.Close, ToForm: Held, Standing: LinuxOnly,
			Linux: "The program gets ECONNABORTED.", Source: srcTCP + "tcp_abort"}),
	)
}

// from returns t once for each of the states, except those in but.
func from(states tcp.StateSet, t Transition, but ...tcp.State) []Transition {
	var list []Transition
	for s := range (states &^ tcp.Set(but...)).States() {
		t.From = s
		list = append(list, t)
	}
	return list
}

// within returns t once for each of the states, as a transition that stays in
// the state.
func within(states tcp.StateSet, t Transition) []Transition {
	list := from(states, t)
	for i := range list {
		list[i].To = list[i].From
	}
	return list
}
