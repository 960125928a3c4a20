package tcp

import "slices"

// Kernel files that many transitions are in.
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

// transitions is the machine. Nothing changes it.
var transitions = slices.Concat(opening, handshake, established, closing, ends, everywhere())

// opening is what a program does before there is a peer.
var opening = []Transition{
	{From: NoSocket, Event: EventSocket, To: Close, ToForm: Held, Standing: LinuxOnly,
		Linux: "A new socket is in CLOSE; it is listed nowhere before it has a port.", Source: srcInet + "inet_create"},
	{From: Close, FromForm: Held, Event: EventBind, To: BoundInactive, ToForm: Held, Standing: LinuxOnly,
		Linux: "The socket stays in CLOSE and is listed as BOUND_INACTIVE from Linux 6.8 on.", Source: srcInet + "__inet_bind"},
	{From: Close, FromForm: Held, Event: EventListen, To: Listen, ToForm: Held, Role: PassiveOpener, RFC: rfcOpen,
		Linux: "A port is chosen where none was bound.", Source: srcCSK + "inet_csk_listen_start"},
	{From: BoundInactive, FromForm: Held, Event: EventListen, To: Listen, ToForm: Held, Role: PassiveOpener, RFC: rfcOpen,
		Source: srcCSK + "inet_csk_listen_start"},
	{From: Close, FromForm: Held, Event: EventConnect, Sent: SYN, To: SynSent, ToForm: Held, Role: ActiveOpener, RFC: rfcOpen,
		Linux: "A port is chosen where none was bound; a socket that was reset or given up may connect again.", Source: "net/ipv4/tcp_ipv4.c: tcp_v4_connect"},
	{From: BoundInactive, FromForm: Held, Event: EventConnect, Sent: SYN, To: SynSent, ToForm: Held, Role: ActiveOpener, RFC: rfcOpen,
		Source: "net/ipv4/tcp_ipv4.c: tcp_v4_connect"},
	{From: Close, FromForm: Held, Event: EventClose, To: NoSocket, Standing: LinuxOnly, Source: srcTCP + "__tcp_close"},
	{From: BoundInactive, FromForm: Held, Event: EventClose, To: NoSocket, Standing: LinuxOnly, Source: srcTCP + "__tcp_close"},
	{From: Listen, FromForm: Held, Event: EventSend, Sent: SYN, To: SynSent, Role: ActiveOpener, Standing: RFCOnly, RFC: rfcSend,
		Linux: "A listener cannot connect: send() fails with EPIPE, connect() with EISCONN.", Source: srcInet + "__inet_stream_connect"},
	{From: Listen, FromForm: Held, Event: EventClose, To: NoSocket, RFC: rfcClose,
		Linux: "Connections that nobody has accepted are reset; half-open requests go when their timers fire.", Source: srcCSK + "inet_csk_listen_stop"},
	{From: Listen, FromForm: Held, Event: EventShutdownListener, To: BoundInactive, ToForm: Held, Standing: LinuxOnly,
		Linux: "The listener stops listening and keeps a port that was bound by number.", Source: srcInet + "inet_shutdown"},
	{From: NoSocket, Event: EventReceiveStray, Sent: RST, To: NoSocket, RFC: rfcNoSocket,
		Linux: "A stray RST is not answered.", Source: "net/ipv4/tcp_ipv4.c: tcp_v4_send_reset"},
}

// handshake is from the first SYN to ESTABLISHED, and how it fails.
var handshake = []Transition{
	{From: Listen, FromForm: Held, Event: EventReceiveSYN, Sent: SYN | ACK, To: SynRecv, ToForm: Request, Spawns: true, Role: PassiveOpener, RFC: rfcListen,
		Linux: "The listener stays in LISTEN; what is in SYN_RECV is a request socket of its own.", Source: srcInput + "tcp_conn_request"},
	{From: Listen, FromForm: Held, Event: EventReceiveFastOpen, Sent: SYN | ACK, To: SynRecv, ToForm: Held, Spawns: true, Role: PassiveOpener, RFC: "RFC 7413 4.2.2",
		Linux: "The child is a full socket at once, and may be accepted and used in SYN_RECV.", Source: "net/ipv4/tcp_fastopen.c: tcp_fastopen_create_child"},
	{From: Listen, FromForm: Held, Event: EventReceiveCookie, To: Established, ToForm: Held, Spawns: true, Role: PassiveOpener, RFC: "RFC 4987 3.6",
		Linux: "The SYN left no SYN_RECV behind: the cookie in the acknowledgement number stands for it.", Source: "net/ipv4/syncookies.c: cookie_v4_check"},

	{From: SynSent, FromForm: Held, Event: EventReceiveSYNACK, Sent: ACK, To: Established, ToForm: Held, Role: ActiveOpener, RFC: rfcSynSent,
		Source: srcInput + "tcp_rcv_synsent_state_process"},
	{From: SynSent, FromForm: Held, Event: EventReceiveSYN, Sent: SYN | ACK, To: SynRecv, ToForm: Held, RFC: rfcSynSent,
		Linux: "This SYN_RECV is a full socket, which its program holds.", Source: srcInput + "tcp_rcv_synsent_state_process"},
	{From: SynSent, FromForm: Held, Event: EventReceiveRST, To: Close, ToForm: Held, Role: ActiveOpener, RFC: rfcSynSent,
		Linux: "The program gets ECONNREFUSED.", Source: srcInput + "tcp_reset"},
	{From: SynSent, FromForm: Held, Event: EventICMPError, To: Close, ToForm: Held, Role: ActiveOpener, RFC: rfcICMP,
		Linux: "Every destination unreachable ends the attempt, also those the standard calls soft; the program gets EHOSTUNREACH, ENETUNREACH or ECONNREFUSED.", Source: "net/ipv4/tcp_ipv4.c: tcp_v4_err"},
	{From: SynSent, FromForm: Held, Event: EventSYNGivenUp, To: Close, ToForm: Held, Role: ActiveOpener, RFC: rfcFailure,
		Linux: "The program gets ETIMEDOUT.", Source: srcTimer + "tcp_write_timeout"},
	{From: SynSent, FromForm: Held, Event: EventClose, To: NoSocket, Role: ActiveOpener, RFC: rfcClose, Source: srcTCP + "__tcp_close"},

	{From: SynRecv, FromForm: Request, Event: EventReceiveACK, To: Established, ToForm: Held, Role: PassiveOpener, RFC: rfcArrives,
		Linux: "The request becomes a full socket in the accept queue. Where that is full the ACK is dropped, and the request stays.", Source: srcMini + "tcp_check_req"},
	{From: SynRecv, FromForm: Held, Event: EventReceiveACK, To: Established, ToForm: Held, RFC: rfcArrives,
		Source: srcInput + "tcp_rcv_state_process"},
	{From: SynRecv, FromForm: Request, Event: EventReceiveRST, To: NoSocket, Role: PassiveOpener, RFC: rfcArrives,
		Linux: "The request goes; its listener has never left LISTEN.", Source: srcMini + "tcp_check_req"},
	{From: SynRecv, Event: EventReceiveRST, To: Listen, Role: PassiveOpener, Standing: RFCOnly, RFC: rfcArrives,
		Linux: "The listener is a socket of its own, and has never left LISTEN.", Source: srcMini + "tcp_check_req"},
	{From: SynRecv, FromForm: Request, Event: EventReceiveBadSYN, Sent: RST, To: NoSocket, Role: PassiveOpener, RFC: rfcArrives,
		Source: srcMini + "tcp_check_req"},
	{From: SynRecv, FromForm: Request, Event: EventReceiveACKOverflow, Sent: RST, To: NoSocket, Role: PassiveOpener, Standing: LinuxOnly,
		Source: srcMini + "tcp_check_req"},
	{From: SynRecv, FromForm: Request, Event: EventSYNACKGivenUp, To: NoSocket, Role: PassiveOpener, RFC: rfcFailure,
		Source: srcCSK + "reqsk_timer_handler"},
	{From: SynRecv, FromForm: Request, Event: EventListenerGone, To: NoSocket, Role: PassiveOpener, Standing: LinuxOnly,
		Linux: "An ACK that comes before is answered by RST.", Source: srcCSK + "reqsk_timer_handler"},
	{From: SynRecv, FromForm: Held, Event: EventReceiveRST, To: Close, ToForm: Held, RFC: rfcArrives, Source: srcInput + "tcp_reset"},
	{From: SynRecv, FromForm: Held, Event: EventSYNACKGivenUp, To: Close, ToForm: Held, RFC: rfcFailure,
		Source: srcTimer + "tcp_write_timeout"},
	{From: SynRecv, FromForm: Held, Event: EventClose, Sent: FIN | ACK, To: FinWait1, ToForm: Orphan, Role: ActiveCloser, RFC: rfcClose,
		Linux: "Only a full socket can be closed: one of a simultaneous open, or of Fast Open. Once the SYN,ACK has been resent, the FIN waits until that is acknowledged.", Source: srcTCP + "tcp_close_state"},
}

// established is what happens in ESTABLISHED and ends it.
var established = []Transition{
	{From: Established, FromForm: Held, Event: EventClose, Sent: FIN | ACK, To: FinWait1, ToForm: Orphan, Role: ActiveCloser, RFC: rfcClose,
		Linux: "The socket is an orphan from here on.", Source: srcTCP + "__tcp_close"},
	{From: Established, FromForm: Held, Event: EventShutdown, Sent: FIN | ACK, To: FinWait1, ToForm: Held, Role: ActiveCloser, RFC: rfcClose,
		Linux: "This is the standard's CLOSE: the program may still read.", Source: srcTCP + "tcp_shutdown"},
	{From: Established, FromForm: Held, Event: EventReceiveFIN, Sent: ACK, To: CloseWait, ToForm: Held, Role: PassiveCloser, RFC: rfcArrives,
		Source: srcInput + "tcp_fin"},
	{From: Established, FromForm: Held, Event: EventCloseListener, Sent: RST | ACK, To: NoSocket, Standing: LinuxOnly,
		Linux: "A connection that nobody has accepted ends with its listener.", Source: srcCSK + "inet_csk_listen_stop"},
}

// closing is from the first FIN to the last ACK.
var closing = []Transition{
	{From: FinWait1, FromForm: Held, Event: EventReceiveACKOfFIN, To: FinWait2, ToForm: Held, Role: ActiveCloser, RFC: rfcArrives,
		Linux: "It lasts as long as the program and the peer like: tcp_fin_timeout bounds orphans alone.", Source: srcInput + "tcp_rcv_state_process"},
	{From: FinWait1, FromForm: Orphan, Event: EventReceiveACKOfFIN, To: FinWait2, ToForm: Small, Role: ActiveCloser, RFC: rfcArrives,
		Linux: "A small socket takes its place for tcp_fin_timeout, or TCP_LINGER2, up to 60 s.", Source: srcInput + "tcp_rcv_state_process"},
	{From: FinWait1, FromForm: Orphan, Event: EventReceiveACKOfFIN, To: FinWait2, ToForm: Orphan, Role: ActiveCloser, RFC: rfcArrives,
		Linux: "Of tcp_fin_timeout, or TCP_LINGER2, it stays a full socket for what is over 60 s.", Source: srcInput + "tcp_rcv_state_process"},
	{From: FinWait1, Event: EventReceiveFIN, Sent: ACK, To: Closing, Role: ActiveCloser, RFC: rfcArrives, Source: srcInput + "tcp_fin"},
	{From: FinWait1, Event: EventReceiveFINACK, Sent: ACK, To: TimeWait, ToForm: Small, Role: ActiveCloser, RFC: rfcArrives,
		Linux: "The program's own socket, where it holds one still, is in CLOSE.", Source: srcInput + "tcp_fin"},
	{From: FinWait2, FromForm: Held, Event: EventReceiveFIN, Sent: ACK, To: TimeWait, ToForm: Small, Role: ActiveCloser, RFC: rfcArrives,
		Linux: "The program's own socket is in CLOSE.", Source: srcInput + "tcp_fin"},
	{From: FinWait2, FromForm: Orphan, Event: EventReceiveFIN, Sent: ACK, To: TimeWait, ToForm: Small, Role: ActiveCloser, RFC: rfcArrives,
		Source: srcInput + "tcp_fin"},
	{From: FinWait2, FromForm: Small, Event: EventReceiveFIN, Sent: ACK, To: TimeWait, ToForm: Small, Role: ActiveCloser, RFC: rfcArrives,
		Source: srcMini + "tcp_timewait_state_process"},
	{From: FinWait2, FromForm: Held, Event: EventClose, To: FinWait2, ToForm: Small, Role: ActiveCloser, Standing: LinuxOnly,
		Linux: "A small socket takes its place for tcp_fin_timeout, or TCP_LINGER2, up to 60 s.", Source: srcTCP + "__tcp_close"},
	{From: FinWait2, FromForm: Held, Event: EventClose, To: FinWait2, ToForm: Orphan, Role: ActiveCloser, Standing: LinuxOnly,
		Linux: "Of tcp_fin_timeout, or TCP_LINGER2, it stays a full socket for what is over 60 s.", Source: srcTCP + "__tcp_close"},
	{From: FinWait2, FromForm: Held, Event: EventCloseLinger2, Sent: RST | ACK, To: NoSocket, Role: ActiveCloser, Standing: LinuxOnly, Source: srcTCP + "__tcp_close"},
	{From: FinWait2, FromForm: Orphan, Event: EventFinWait2Shrink, To: FinWait2, ToForm: Small, Role: ActiveCloser, Standing: LinuxOnly,
		Linux: "The small socket lasts for as long again.", Source: srcTimer + "tcp_keepalive_timer"},
	{From: FinWait2, FromForm: Small, Event: EventFinWait2End, To: NoSocket, Role: ActiveCloser, Standing: LinuxOnly,
		Linux: "The standard would wait for the peer's FIN forever.", Source: "net/ipv4/inet_timewait_sock.c: tw_timer_handler"},
	{From: FinWait2, FromForm: Small, Event: EventReceiveRST, To: NoSocket, Role: ActiveCloser, RFC: rfcArrives, Source: srcMini + "tcp_timewait_state_process"},
	{From: FinWait2, FromForm: Small, Event: EventReceiveLate, Sent: RST, To: NoSocket, Role: ActiveCloser, RFC: rfcHalf,
		Linux: "A SYN does the same.", Source: srcMini + "tcp_timewait_state_process"},
	{From: FinWait2, FromForm: Small, Event: EventDestroy, To: NoSocket, Role: ActiveCloser, Standing: LinuxOnly, Source: srcTCP + "tcp_abort"},
	{From: Closing, Event: EventReceiveACKOfFIN, To: TimeWait, ToForm: Small, Role: ActiveCloser, RFC: rfcArrives,
		Linux: "The program's own socket, where it holds one still, is in CLOSE.", Source: srcInput + "tcp_rcv_state_process"},

	{From: CloseWait, FromForm: Held, Event: EventClose, Sent: FIN | ACK, To: LastAck, ToForm: Orphan, Role: PassiveCloser, RFC: rfcClose,
		Linux: "Only the program's close() or shutdown() ends CLOSE_WAIT in order; it has no timer of its own.", Source: srcTCP + "__tcp_close"},
	{From: CloseWait, FromForm: Held, Event: EventShutdown, Sent: FIN | ACK, To: LastAck, ToForm: Held, Role: PassiveCloser, RFC: rfcClose, Source: srcTCP + "tcp_shutdown"},
	{From: LastAck, FromForm: Orphan, Event: EventReceiveACKOfFIN, To: NoSocket, Role: PassiveCloser, RFC: rfcArrives, Source: srcInput + "tcp_rcv_state_process"},
	{From: LastAck, FromForm: Held, Event: EventReceiveACKOfFIN, To: Close, ToForm: Held, Role: PassiveCloser, RFC: rfcArrives,
		Linux: "The program still holds the socket.", Source: srcInput + "tcp_rcv_state_process"},
}

// ends is what becomes of TIME_WAIT.
var ends = []Transition{
	{From: TimeWait, FromForm: Small, Event: EventTimeWaitEnd, To: NoSocket, Role: ActiveCloser, RFC: rfcTimeouts,
		Linux: "2MSL is 4 minutes in the standard, and 60 s in Linux, a constant (TCP_TIMEWAIT_LEN).", Source: "net/ipv4/inet_timewait_sock.c: tw_timer_handler"},
	{From: TimeWait, FromForm: Small, Event: EventReceiveFINAgain, Sent: ACK, To: TimeWait, ToForm: Small, Role: ActiveCloser, RFC: rfcArrives,
		Linux: "The 60 s begin again, as at any other segment with ACK and without RST.", Source: srcMini + "tcp_timewait_state_process"},
	{From: TimeWait, FromForm: Small, Event: EventReceiveRST, To: NoSocket, Role: ActiveCloser, RFC: rfcArrives,
		Linux: "Only an RST at the very next sequence number counts; with tcp_rfc1337 none does (RFC 1337).", Source: srcMini + "tcp_timewait_state_process"},
	{From: TimeWait, FromForm: Small, Event: EventReceiveNewSYN, Sent: SYN | ACK, To: SynRecv, ToForm: Request, Role: PassiveOpener, RFC: "RFC 9293 3.6.1, RFC 6191",
		Linux: "Its timestamp or its sequence number must be newer, and a listener must be there; else it is answered by ACK.", Source: srcMini + "tcp_timewait_state_process"},
	{From: TimeWait, FromForm: Small, Event: EventReuse, Sent: SYN, To: SynSent, ToForm: Held, Role: ActiveOpener, RFC: "RFC 6191",
		Linux: "With tcp_tw_reuse 1, or 2 over the loopback; with timestamps, and after tcp_tw_reuse_delay (1 s).", Source: "net/ipv4/tcp_ipv4.c: tcp_twsk_unique"},
	{From: TimeWait, FromForm: Small, Event: EventDestroy, To: NoSocket, Role: ActiveCloser, Standing: LinuxOnly, Source: srcTCP + "tcp_abort"},
}

// The states of a connection that full sockets may have, once it has been
// opened; of them, those in which the program may still have closed nothing.
const (
	connected StateSet = 1<<Established | 1<<FinWait1 | 1<<FinWait2 | 1<<Closing | 1<<CloseWait | 1<<LastAck
	finSent   StateSet = 1<<FinWait1 | 1<<Closing | 1<<LastAck
)

// everywhere is what may happen in many states alike: resets, aborts, the ends of
// patience.
func everywhere() []Transition {
	return slices.Concat(
		from(Set(Established, FinWait1, FinWait2), Transition{FromForm: Held, Event: EventReceiveRST, To: Close, ToForm: Held, RFC: rfcArrives,
			Linux: "The program gets ECONNRESET.", Source: srcInput + "tcp_reset"}),
		from(Set(CloseWait), Transition{FromForm: Held, Event: EventReceiveRST, To: Close, ToForm: Held, RFC: rfcArrives,
			Linux: "read() still gives end of file, write() gives EPIPE.", Source: srcInput + "tcp_reset"}),
		from(Set(Closing, LastAck), Transition{FromForm: Held, Event: EventReceiveRST, To: Close, ToForm: Held, RFC: rfcArrives,
			Linux: "read() still gives end of file.", Source: srcInput + "tcp_reset"}),
		from(Set(FinWait1, FinWait2, Closing, LastAck), Transition{FromForm: Orphan, Event: EventReceiveRST, To: NoSocket, RFC: rfcArrives,
			Source: srcInput + "tcp_reset"}),
		within(connected, Transition{FromForm: Held, Event: EventReceiveOldSYN, Sent: ACK, ToForm: Held, RFC: rfcArrives,
			Linux: "Always a challenge ACK (RFC 5961), by which a peer that knows nothing of the connection resets it.", Source: srcInput + "tcp_validate_incoming"}),
		within(Set(FinWait1, FinWait2, Closing, LastAck), Transition{FromForm: Orphan, Event: EventReceiveOldSYN, Sent: ACK, ToForm: Orphan, RFC: rfcArrives,
			Linux: "Always a challenge ACK (RFC 5961).", Source: srcInput + "tcp_validate_incoming"}),

		from(connected, Transition{FromForm: Held, Event: EventDataGivenUp, To: Close, ToForm: Held, RFC: rfcFailure,
			Linux: "The program gets ETIMEDOUT, or what ICMP has told.", Source: srcTimer + "tcp_write_timeout"}, FinWait2),
		from(finSent, Transition{FromForm: Orphan, Event: EventDataGivenUp, To: NoSocket, RFC: rfcFailure,
			Linux: "tcp_orphan_retries counts, not tcp_retries2.", Source: srcTimer + "tcp_write_timeout"}),
		from(connected, Transition{FromForm: Held, Event: EventProbesGivenUp, To: Close, ToForm: Held, RFC: rfcProbes,
			Linux: "A peer that answers the probes is never given up.", Source: srcTimer + "tcp_probe_timer"}, FinWait2),
		from(finSent, Transition{FromForm: Orphan, Event: EventProbesGivenUp, To: NoSocket, RFC: rfcProbes,
			Linux: "Data before the FIN waits for the peer's window.", Source: srcTimer + "tcp_probe_timer"}),
		from(Set(Established, FinWait2, CloseWait), Transition{FromForm: Held, Event: EventKeepaliveGivenUp, Sent: RST | ACK, To: Close, ToForm: Held, RFC: rfcAlive,
			Linux: "Only where the program has set SO_KEEPALIVE.", Source: srcTimer + "tcp_keepalive_timer"}),

		from(connected, Transition{FromForm: Held, Event: EventCloseUnread, Sent: RST | ACK, To: NoSocket, RFC: rfcHalf,
			Linux: "What the program has not read is lost, and the peer is told so.", Source: srcTCP + "__tcp_close"}),
		from(Set(SynRecv, Established, FinWait1, FinWait2, CloseWait), Transition{FromForm: Held, Event: EventAbort, Sent: RST | ACK, To: NoSocket, RFC: rfcAbort,
			Source: srcTCP + "tcp_disconnect"}),
		from(Set(Closing, LastAck), Transition{FromForm: Held, Event: EventAbort, To: NoSocket, RFC: rfcAbort,
			Linux: "No RST is sent once the FIN has been.", Source: srcTCP + "tcp_disconnect"}),
		from(Set(Listen, SynSent), Transition{FromForm: Held, Event: EventDisconnect, To: Close, ToForm: Held, Standing: LinuxOnly,
			Linux: "A port that was bound by number stays bound: then it is BOUND_INACTIVE.", Source: srcTCP + "tcp_disconnect"}),
		from(Set(SynRecv, Established, FinWait1, FinWait2, CloseWait), Transition{FromForm: Held, Event: EventDisconnect, Sent: RST | ACK, To: Close, ToForm: Held, RFC: rfcAbort,
			Linux: "A port that was bound by number stays bound: then it is BOUND_INACTIVE.", Source: srcTCP + "tcp_disconnect"}),

		within(finSent, Transition{FromForm: Held, Event: EventClose, ToForm: Orphan, Standing: LinuxOnly,
			Linux: "The FIN has been sent; the socket is an orphan now.", Source: srcTCP + "__tcp_close"}),
		from(Set(FinWait1, FinWait2), Transition{FromForm: Orphan, Event: EventReceiveLate, Sent: RST, To: NoSocket, Role: ActiveCloser, RFC: rfcHalf,
			Linux: "Counter TCPAbortOnData.", Source: srcInput + "tcp_rcv_state_process"}),
		from(Set(FinWait1, FinWait2, Closing), Transition{FromForm: Orphan, Event: EventBucketsFull, To: NoSocket, Role: ActiveCloser, Standing: LinuxOnly,
			Linux: "Counter TCPTimeWaitOverflow.", Source: srcMini + "tcp_time_wait"}),
		from(finSent, Transition{FromForm: Orphan, Event: EventNoResources, Sent: RST | ACK, To: NoSocket, Standing: LinuxOnly,
			Linux: "Counter TCPAbortOnMemory.", Source: srcTimer + "tcp_out_of_resources"}),

		from(Set(Listen, SynSent), Transition{FromForm: Held, Event: EventDestroy, To: Close, ToForm: Held, Standing: LinuxOnly,
			Linux: "The program gets ECONNABORTED.", Source: srcTCP + "tcp_abort"}),
		from(Set(SynRecv), Transition{FromForm: Request, Event: EventDestroy, To: NoSocket, Standing: LinuxOnly, Source: srcTCP + "tcp_abort"}),
		from(Set(Established, FinWait1, FinWait2, CloseWait), Transition{FromForm: Held, Event: EventDestroy, Sent: RST | ACK, To: Close, ToForm: Held, Standing: LinuxOnly,
			Linux: "The program gets ECONNABORTED.", Source: srcTCP + "tcp_abort"}),
	)
}

// from returns t for each of the states but those left out.
func from(states StateSet, t Transition, but ...State) []Transition {
	var list []Transition
	for s := range (states &^ Set(but...)).States() {
		t.From = s
		list = append(list, t)
	}
	return list
}

// within returns t for each of the states, staying in it.
func within(states StateSet, t Transition) []Transition {
	list := from(states, t)
	for i := range list {
		list[i].To = list[i].From
	}
	return list
}
