package tcp

import (
	"net/netip"
	"slices"
	"strconv"
	"time"
)

// Family is the address family of a socket. An IPv6 socket may talk IPv4: its
// addresses are then IPv4-mapped, and it is still an IPv6 socket.
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

// Socket is one TCP socket as its source describes it at one moment. Both
// sources make this type.
//
// A source that yields sockets reuses one Socket: it and all it points to are
// valid until the next one. Clone keeps it.
type Socket struct {
	State  State
	Family Family
	Local  netip.AddrPort // an IPv6 link-local address bears its zone where the source knows it
	Peer   netip.AddrPort // a listener's is the unspecified address of its family, port 0

	// RecvQueue counts bytes that arrived and were not read; the peer's FIN
	// counts as one. SendQueue counts bytes not sent or not acknowledged, our
	// SYN or FIN as one. A listener has neither: see AcceptQueue.
	RecvQueue uint32
	SendQueue uint32

	// AcceptQueue counts the connections that a listener has completed and its
	// program has not accepted; AcceptQueueMax is how many may wait: the lesser
	// of listen()'s backlog and net.core.somaxconn. For LISTEN only.
	AcceptQueue    uint32
	AcceptQueueMax Optional[uint32]

	Owner     Owner
	Processes []Process // that hold its file open; DetailProcesses
	Listener  *Listener // that it came in by, where it has no process; DetailProcesses
	Cookie    Cookie
	Timer     Timer

	// Age is how long the socket has been in its state, where the kernel's
	// clocks tell it. AgeExact says that a clock started with the state told it;
	// otherwise Age is a bound or an estimate, see Clocks.SetAge.
	Age      Optional[time.Duration]
	AgeExact bool

	// Idle is how long no data has moved in either direction. DetailAge.
	Idle Optional[time.Duration]

	InterfaceIndex uint32 // of the interface the socket is bound to; 0: none, or unknown
	Interface      string // its name
	Netns          string // name of its network namespace, where others than the reader's were asked for

	LocalName Name // of Local; DetailNames
	PeerName  Name // of Peer; DetailNames

	Info       *Info       // DetailInfo; nil for the kernel's small sockets
	Congestion *Congestion // DetailInfo
	Memory     *Memory     // DetailMemory
	Extended   *Extended   // DetailExtended

	ProcLine Optional[ProcLine] // from /proc/net/tcp only
}

// Reset forgets the socket, so that another can be decoded into its place.
func (s *Socket) Reset() { *s = Socket{} }

// Clone returns a copy that shares nothing with s.
func (s *Socket) Clone() *Socket {
	c := *s
	c.Processes = cloneProcesses(s.Processes)
	if c.Listener = copied(s.Listener); c.Listener != nil {
		c.Listener.Processes = cloneProcesses(s.Listener.Processes)
	}
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
		clone[i].Cmdline = slices.Clone(clone[i].Cmdline)
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

// Owner is what the kernel says of whose a socket is. SYN_RECV, TIME_WAIT and
// the orphaned FIN_WAIT2 that the kernel keeps as a small socket have no owner,
// and neither field is known. A socket without a file, since its program has
// closed it or not accepted it yet, has no inode.
type Owner struct {
	UID   Optional[uint32] // user id, as seen from the reader's user namespace
	User  string           // its name, where it has one; DetailExtended
	Inode uint32           // of the socket's file, as in /proc/PID/fd; 0: no file, or unknown
}

// FullSocketOwner returns the owner of a socket that is not a small one. For a
// socket without a file kernels before 6.17 say user 0, whoever it was
// (sock_i_uid in net/core/sock.c): that 0 is not taken for root.
func FullSocketOwner(uid, inode uint32) Owner {
	if uid == 0 && inode == 0 {
		return Owner{}
	}
	return Owner{UID: Known(uid), Inode: inode}
}

// Process is a process that holds the file of a socket open. Several may, after
// fork(2) or where the descriptor was passed over a Unix socket. Names come from
// the process itself and may hold anything.
type Process struct {
	PID  int
	FD   int    // the lowest descriptor, where it has several
	Name string // /proc/PID/comm: the name of its main thread, at most 15 bytes

	// With DetailCommands, where they could be read.
	UID     Optional[uint32] // effective user id, as seen from the reader's user namespace
	User    string           // its name, where it has one
	Exe     string           // the file it runs, with " (deleted)" after it where that is gone
	Cmdline []string         // its arguments
}

// Listener is the listener that a connection without a process came in by: a
// half-open request, a connection nobody has accepted, one that outlived its
// program. The kernel does not keep this; it is inferred from the addresses.
type Listener struct {
	Local     netip.AddrPort
	Processes []Process // that hold it, and those that share the address with SO_REUSEPORT
}

// Name is what an address and a port are called. "" is no name, or unknown.
type Name struct {
	Host    string // as the resolver has it; whoever runs the zone chose it, it may hold anything
	Service string // such as https
}

// ProcLine is what a line of /proc/net/tcp has in columns whose meaning depends
// on the socket, for those who print them as netstat does, whatever they mean.
// What they mean stands in the Socket: its Owner, its Timer.
type ProcLine struct {
	UID     uint32 // uid: of SYN_RECV the listener's, of TIME_WAIT 0
	Resends uint8  // retrnsmt, whichever timer runs
	Probes  uint8  // timeout: probes unanswered, whichever timer runs
}

// Cookie is the kernel's identity of a socket: it stays from the handshake to
// TIME_WAIT and is never given twice. 0 is unknown.
type Cookie uint64

// String returns the cookie in hexadecimal, as ss(8) shows it after "sk:".
func (c Cookie) String() string { return string(c.Append(nil)) }

// Append appends what String returns, such as 0x248c4d.
func (c Cookie) Append(b []byte) []byte {
	return strconv.AppendUint(append(b, "0x"...), uint64(c), 16)
}

// MarshalText returns what String returns: in JSON, 64 bits do not fit a number.
func (c Cookie) MarshalText() ([]byte, error) { return c.Append(nil), nil }

// Detail is a set of what can be asked of a source beyond the base: what is
// not asked for costs nothing. Each costs the kernel time for every socket.
type Detail uint16

// The details that can be asked for.
const (
	DetailInfo      Detail = 1 << iota // Info and Congestion
	DetailMemory                       // Memory
	DetailExtended                     // Extended
	DetailProcesses                    // Processes and Listener; costs a walk through /proc
	DetailAge                          // Age of ESTABLISHED and CLOSE_WAIT, and Idle; at the price of DetailInfo
	DetailCommands                     // of each process its user, file and arguments; with DetailProcesses
	DetailNames                        // LocalName and PeerName; asks name servers
)

// Has reports whether all of d are in the set.
func (set Detail) Has(d Detail) bool { return set&d == d }

// TimerKind says which of a socket's timers fires next.
type TimerKind uint8

// The timers, in the kernel's numbers (inet_csk_diag_fill in
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

// String returns the name that ss(8) has for the timer, "unknown" where the
// kernel sent a number that is not in the list above.
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
	Expires     time.Duration // until it fires; 0 where Kind is TimerOff
	Retransmits uint8         // how often it has fired in vain: resends, or probes unanswered
}

// Memory is what a socket holds and may hold, in bytes (sock_diag's
// SK_MEMINFO, include/uapi/linux/sock_diag.h).
type Memory struct {
	RecvAlloc    uint32           // receive memory in use
	RecvBuffer   uint32           // receive memory allowed
	SendAlloc    uint32           // send memory in use by the device queues
	SendBuffer   uint32           // send memory allowed
	ForwardAlloc uint32           // reserved, not yet used
	SendQueued   uint32           // send memory queued
	OptionMemory uint32           // for socket options, filters included
	Backlog      uint32           // waiting while the socket was locked
	Drops        Optional[uint32] // packets dropped, a count; kernels from 4.8
}

// Congestion is a socket's congestion control. The algorithm's own figures are
// there where it has some and the kernel sent them.
type Congestion struct {
	Algorithm string
	BBR       Optional[BBR]
	DCTCP     Optional[DCTCP]
	Vegas     Optional[Vegas]
}

// BBR is what the algorithm bbr believes of the path
// (struct tcp_bbr_info, include/uapi/linux/inet_diag.h).
type BBR struct {
	Bandwidth  uint64        // bytes a second
	MinRTT     time.Duration // microseconds from the kernel
	PacingGain uint32        // 256 is 1
	CwndGain   uint32        // 256 is 1
}

// DCTCP is what the algorithm dctcp has seen
// (struct tcp_dctcp_info, include/uapi/linux/inet_diag.h).
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

// Extended is the rest of what the kernel says of a socket.
type Extended struct {
	Mark         Optional[uint32] // SO_MARK; needs CAP_NET_ADMIN
	CgroupID     uint64           // inode of its cgroup's directory in cgroup v2; 0: unknown
	Cgroup       Cgroup           // what CgroupID stands for
	Shutdown     Optional[Shutdown]
	TOS          Optional[uint8]  // IP_TOS
	TrafficClass Optional[uint8]  // IPV6_TCLASS
	ClassID      Optional[uint32] // of the net_cls cgroup, or the socket's priority
	V6Only       Optional[bool]   // IPV6_V6ONLY, of listeners and bound sockets
	Options      Optional[SocketOptions]
	Protocol     Optional[uint8] // the IP protocol, where the kernel says another than asked
	ULP          string          // upper-layer protocol, such as tls or mptcp
	TLS          *TLS
	MPTCP        *MPTCP
	MD5Keys      []MD5Key // needs CAP_NET_ADMIN
}

// Cgroup is what the id of a cgroup stands for; "" is unknown, or none.
type Cgroup struct {
	Path      string // below the mount of cgroup v2, such as /system.slice/nginx.service
	Unit      string // the systemd unit that the path shows, such as nginx.service
	Container string // the id of the container that the path shows, 64 hexadecimal digits or as its engine has it
}
