package tcp

import (
	"net/netip"
	"slices"
	"strconv"
	"time"
)

// Family is the address family of a socket. An IPv6 socket may carry IPv4
// traffic. Its addresses are then IPv4-mapped, and it is still an IPv6 socket.
type Family uint8

// The families that TCP has on Linux.
const (
	IPv4 Family = iota + 1
	IPv6
)

// String returns "ipv4" or "ipv6".
func (f Family) String() string {
	switch f {
	case IPv4:
		return "ipv4"
	case IPv6:
		return "ipv6"
	}
	return "unknown"
}

// MarshalText returns what String returns.
func (f Family) MarshalText() ([]byte, error) { return []byte(f.String()), nil }

// Socket is one TCP socket as its source describes it at one moment. Every
// source produces this type.
//
// A source that yields sockets reuses one Socket: the Socket and everything
// that it points to are valid until the next one. Use Clone to keep it.
type Socket struct {
	State  State
	Family Family
	Local  netip.AddrPort // an IPv6 link-local address has its zone if the source knows it
	Peer   netip.AddrPort // for a listener, the unspecified address of its family and port 0

	// RecvQueue counts the bytes that arrived and that the program has not
	// read. The peer's FIN counts as one byte. SendQueue counts the bytes that
	// were not sent or not acknowledged. Our SYN or FIN counts as one byte. A
	// listener has neither queue: see AcceptQueue.
	RecvQueue uint32
	SendQueue uint32

	// AcceptQueue counts the connections of a listener that are complete and
	// that its program has not accepted. AcceptQueueMax is the maximum for this
	// queue: the smaller of listen()'s backlog and net.core.somaxconn. Only
	// LISTEN has them.
	AcceptQueue    uint32
	AcceptQueueMax Optional[uint32]

	Owner     Owner
	Processes []Process // the processes that have its file open; DetailProcesses
	Listener  *Listener // the listener of its connection, if no process has it open; DetailProcesses
	Cookie    Cookie
	Timer     Timer

	// MPTCPToken identifies the connection of multipath TCP that the socket is, or
	// of which it is a subflow. It is known if the source was asked for it. The
	// RecvQueue of a connection is the memory that unread data takes, not its
	// length, which the kernel does not report (mptcp_diag_get_info in
	// net/mptcp/mptcp_diag.c).
	MPTCPToken Optional[uint32]
	Connection *Connection // nil for a socket of TCP

	// Age is how long the socket has been in its state, if it can be computed
	// from the kernel's timers and clocks. AgeExact means that it comes from a
	// timer that started with the state. AgeAtLeast means that it is a lower
	// bound. If both are false, Age is an estimate: see SetAge of
	// lifecycle.Clocks.
	Age        Optional[time.Duration]
	AgeExact   bool
	AgeAtLeast bool

	// Idle is how long no data has been sent or received. DetailAge.
	Idle Optional[time.Duration]

	InterfaceIndex uint32 // of the interface to which the socket is bound; 0: none, or unknown
	Interface      string // the name of that interface
	Netns          string // the name of its network namespace, if the request named other namespaces than the caller's
	NetnsLabel     string // how people see a namespace without a name: its process, and the container of that

	LocalName Name // the names for Local; DetailNames
	PeerName  Name // the names for Peer; DetailNames

	Info       *Info       // DetailInfo; nil for the kernel's small sockets
	Congestion *Congestion // DetailInfo
	Memory     *Memory     // DetailMemory
	Extended   *Extended   // DetailExtended

	ProcLine Optional[ProcLine] // from /proc/net/tcp only
}

// Reset clears the socket, so that another can be decoded into it.
func (s *Socket) Reset() { *s = Socket{} }

// Clone returns a copy that shares nothing with s.
func (s *Socket) Clone() *Socket {
	c := *s
	c.Processes = cloneProcesses(s.Processes)
	if c.Listener = copied(s.Listener); c.Listener != nil {
		c.Listener.Processes = cloneProcesses(s.Listener.Processes)
	}
	c.Connection = copied(s.Connection)
	c.Info, c.Congestion, c.Memory = copied(s.Info), copied(s.Congestion), copied(s.Memory)
	if c.Extended = copied(s.Extended); c.Extended != nil {
		c.Extended.TLS, c.Extended.MPTCP = copied(s.Extended.TLS), copied(s.Extended.MPTCP)
		c.Extended.MD5Keys = slices.Clone(s.Extended.MD5Keys)
	}
	return &c
}

func cloneProcesses(list []Process) []Process {
	clone := slices.Clone(list)
	for i := range clone {
		clone[i].FDs, clone[i].Cmdline = slices.Clone(clone[i].FDs), slices.Clone(clone[i].Cmdline)
	}
	return clone
}

// copied returns a pointer to a copy of what p points to, or nil for nil.
func copied[T any](p *T) *T {
	if p == nil {
		return nil
	}
	c := *p
	return &c
}

// DualStack reports whether a socket on the unspecified IPv6 address, [::], also
// takes IPv4 connections: it does unless IPV6_V6ONLY is set. applies is false for
// every other socket. The kernel reports the option with DetailExtended for
// listeners and bound sockets; /proc does not report it.
func (s *Socket) DualStack() (both Optional[bool], applies bool) {
	if s.Family != IPv6 || !s.Local.Addr().IsUnspecified() || s.State != Listen && s.State != BoundInactive {
		return both, false
	}
	if s.Extended != nil {
		if only, known := s.Extended.V6Only.Get(); known {
			both = Known(!only)
		}
	}
	return both, true
}

// Owner is what the kernel reports about the owner of a socket. SYN_RECV,
// TIME_WAIT and the orphaned FIN_WAIT2 that the kernel keeps as a small socket
// have no owner, and neither field is known. A socket has no inode if it has no
// file: its program has closed it or has not accepted it yet.
type Owner struct {
	UID   Optional[uint32] // user id, as seen from the reader's user namespace
	User  string           // the name of that user, if it has one; DetailExtended
	Inode uint32           // the inode of the socket's file, as in /proc/PID/fd; 0: no file, or unknown

	// Kernel means that no process has the socket open, although all processes
	// could be read: the kernel itself serves it, as nfsd does. DetailProcesses.
	Kernel bool
}

// FullSocketOwner returns the owner of a socket that is not a small one. For a
// socket without a file, kernels before 6.17 report user 0, whatever the user
// was (sock_i_uid in net/core/sock.c). FullSocketOwner treats that 0 as
// unknown, not as root.
func FullSocketOwner(uid, inode uint32) Owner {
	if uid == 0 && inode == 0 {
		return Owner{}
	}
	return Owner{UID: Known(uid), Inode: inode}
}

// Process is a process that has the file of a socket open. Several processes
// may have it open, after fork(2) or after one passed the descriptor over a
// Unix socket. The process itself sets its names, so they may hold any bytes.
type Process struct {
	PID  int
	FD   int    // the lowest of its descriptors of the socket
	FDs  []int  // all of them, in ascending order
	Name string // /proc/PID/comm: the name of its main thread, at most 15 bytes

	// With DetailCommands, if they could be read.
	UID     Optional[uint32] // effective user id, as seen from the reader's user namespace
	User    string           // the name of that user, if it has one
	Exe     string           // the file that it runs, followed by " (deleted)" if the file was deleted
	Cmdline []string         // its arguments, the first of which is its command
}

// Listener is the listener to which a connection without a process probably
// belongs: a half-open request, a connection that was not accepted, or one that
// outlived its program. The kernel does not report this. It is inferred from
// the addresses.
type Listener struct {
	Local     netip.AddrPort
	Processes []Process // the processes that have it open, and those that share the address with SO_REUSEPORT
}

// Name holds the names of an address and a port. "" means no name, or unknown.
type Name struct {
	Host    string // as the resolver returned it; the owner of the DNS zone chooses it, so it may hold any bytes
	Service string // such as https
}

// ProcLine holds the columns of /proc/net/tcp whose meaning depends on the
// socket. netstat prints them without regard to their meaning, and so does the
// command of the same name. Owner and Timer of the Socket hold their meaning.
type ProcLine struct {
	UID     uint32 // column uid: for SYN_RECV that of the listener, for TIME_WAIT 0
	Resends uint8  // column retrnsmt, for every kind of timer
	Probes  uint8  // column timeout: unanswered probes, for every kind of timer
}

// Cookie is the kernel's identifier of a socket. It is the same from the
// handshake to TIME_WAIT, and the kernel never uses it again. 0 is unknown.
type Cookie uint64

// String returns the cookie in hexadecimal, as ss(8) shows it after "sk:".
func (c Cookie) String() string { return string(c.Append(nil)) }

// Append appends what String returns, such as 0x248c4d.
func (c Cookie) Append(b []byte) []byte {
	return strconv.AppendUint(append(b, "0x"...), uint64(c), 16)
}

// MarshalText returns what String returns. In JSON the cookie is a string,
// because 64 bits do not fit in a JSON number.
func (c Cookie) MarshalText() ([]byte, error) { return c.Append(nil), nil }

// Detail is a set of the details that a source can add to the base fields. A
// detail that is not requested costs nothing. A requested one takes time for
// every socket.
type Detail uint16

// The details.
const (
	DetailInfo      Detail = 1 << iota // Info and Congestion
	DetailMemory                       // Memory
	DetailExtended                     // Extended
	DetailProcesses                    // Processes and Listener; needs a walk through /proc
	DetailAge                          // Age of ESTABLISHED, CLOSE_WAIT and held FIN_WAIT2, and Idle; takes as long as DetailInfo
	DetailCommands                     // the user, file and arguments of each process; with DetailProcesses
	DetailNames                        // LocalName and PeerName; sends requests to name servers
)

// Has reports whether all of d are in the set.
func (set Detail) Has(d Detail) bool { return set&d == d }

// TimerKind says which of a socket's timers fires next.
type TimerKind uint8

// The timers, with the kernel's numbers (inet_sk_diag_fill in
// net/ipv4/inet_diag.c, and the column tr of /proc/net/tcp).
const (
	TimerOff        TimerKind = iota
	TimerOn                   // retransmission, early retransmit, tail loss probe; SYN-ACK resend
	TimerKeepalive            // the socket's own: keepalive, or the linger of an orphaned FIN_WAIT2
	TimerTimeWait             // the end of TIME_WAIT or of a small orphaned FIN_WAIT2
	TimerPersist              // probe of a zero window
	TimerDelayedAck           // delayed acknowledgement, on kernels that report it
)

var timerNames = [...]string{"off", "on", "keepalive", "timewait", "persist", "delack"}

// String returns the name that ss(8) uses for the timer, or "unknown" for a
// number that is not in the list above.
func (k TimerKind) String() string {
	if int(k) < len(timerNames) {
		return timerNames[k]
	}
	return "unknown"
}

// MarshalText returns what String returns.
func (k TimerKind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// Timer is the timer of a socket that fires next.
type Timer struct {
	Kind        TimerKind
	Expires     time.Duration // the time until it fires; 0 if Kind is TimerOff
	Retransmits uint8         // how often it has fired without an answer: resends, or unanswered probes
}

// Memory is the memory that a socket uses and may use, in bytes (sock_diag's
// SK_MEMINFO, include/uapi/linux/sock_diag.h).
type Memory struct {
	RecvAlloc    uint32           // receive memory in use
	RecvBuffer   uint32           // receive memory allowed
	SendAlloc    uint32           // send memory in use by the device queues
	SendBuffer   uint32           // send memory allowed
	ForwardAlloc uint32           // memory reserved and not used yet
	SendQueued   uint32           // memory of queued data to send
	OptionMemory uint32           // memory of socket options, including filters
	Backlog      uint32           // data that arrived while a program had the socket locked
	Drops        Optional[uint32] // the number of dropped packets, not bytes; kernels from 4.8
}

// Congestion is a socket's congestion control. The figures of an algorithm are
// known if the socket uses that algorithm and the kernel sent them.
type Congestion struct {
	Algorithm string
	BBR       Optional[BBR]
	DCTCP     Optional[DCTCP]
	Vegas     Optional[Vegas]
}

// BBR is the model that the algorithm bbr has of the path (struct tcp_bbr_info,
// include/uapi/linux/inet_diag.h).
type BBR struct {
	Bandwidth  uint64        // bytes a second
	MinRTT     time.Duration // microseconds from the kernel
	PacingGain uint32        // 256 is 1
	CwndGain   uint32        // 256 is 1
}

// DCTCP is what the algorithm dctcp has measured (struct tcp_dctcp_info,
// include/uapi/linux/inet_diag.h).
type DCTCP struct {
	Enabled  bool
	CEState  uint16
	Alpha    uint32
	ECNBytes uint32
	AllBytes uint32
}

// Vegas is what the algorithm vegas has measured
// (struct tcpvegas_info, include/uapi/linux/inet_diag.h).
type Vegas struct {
	Enabled  bool
	RTTCount uint32
	RTT      time.Duration
	MinRTT   time.Duration
}

// Extended holds the other things that the kernel reports about a socket.
type Extended struct {
	Mark         Optional[uint32] // SO_MARK; needs CAP_NET_ADMIN
	CgroupID     uint64           // inode of its cgroup's directory in cgroup v2; 0: unknown
	Cgroup       Cgroup           // the cgroup with that ID
	Shutdown     Optional[Shutdown]
	TOS          Optional[uint8]  // IP_TOS
	TrafficClass Optional[uint8]  // IPV6_TCLASS
	ClassID      Optional[uint32] // class of the net_cls cgroup, or the socket's priority
	V6Only       Optional[bool]   // IPV6_V6ONLY; only for listeners and bound sockets
	Options      Optional[SocketOptions]
	Protocol     Optional[uint8] // the IP protocol, if the kernel reports another than TCP
	ULP          string          // upper-layer protocol, such as tls or mptcp
	TLS          *TLS
	MPTCP        *MPTCP
	MD5Keys      []MD5Key // needs CAP_NET_ADMIN
}

// Cgroup names a cgroup and what runs in it. "" means unknown, or none.
type Cgroup struct {
	Path      string // the path below the mount of cgroup v2, such as /system.slice/nginx.service
	Unit      string // the systemd unit in the path, such as nginx.service
	Container string // the ID of the container in the path, as 64 hexadecimal digits or as its engine writes it
}

// Event is what happened to one socket. Events that are made by comparing two
// readings report only the difference: a socket that was in SYN_RECV and then in
// TIME_WAIT has one event with these two states, whatever happened in between, and
// a socket that was opened and closed between two readings has no event.
type Event struct {
	Kind     EventKind
	From, To State     // 0 if there is none: From of Opened, To of Closed
	At       time.Time // when it was seen
	Socket   *Socket   // after the event; for Closed, as it was last seen
}

// EventKind is what happened to a socket.
type EventKind uint8

// The kinds of events.
const (
	Opened  EventKind = iota + 1 // it was not there before
	Changed                      // its state is another
	Closed                       // it is gone
)

var eventNames = [...]string{"", "opened", "state", "closed"}

// String returns the name that the event has in JSON: opened, state or closed.
func (k EventKind) String() string { return eventNames[k] }
