package tcp

import "net/netip"

// Shutdown says which directions of a socket are shut down, by shutdown(2), or
// by the peer's FIN for the receiving direction.
type Shutdown uint8

// The directions (RCV_SHUTDOWN and SEND_SHUTDOWN, include/net/sock.h).
const (
	ShutdownReceive Shutdown = 1 << iota
	ShutdownSend
)

// String returns "none", "receive", "send" or "both".
func (s Shutdown) String() string {
	switch s & (ShutdownReceive | ShutdownSend) {
	case ShutdownReceive:
		return "receive"
	case ShutdownSend:
		return "send"
	case ShutdownReceive | ShutdownSend:
		return "both"
	}
	return "none"
}

// MarshalText returns what String returns.
func (s Shutdown) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// SocketOptions is a set of the options of an inet socket
// (struct inet_diag_sockopt, include/uapi/linux/inet_diag.h).
type SocketOptions uint16

// The options, in the order of the kernel's bits.
const (
	OptionRecvErr SocketOptions = 1 << iota
	OptionIsICSK
	OptionFreebind
	OptionHdrIncl
	OptionMulticastLoop
	OptionTransparent
	OptionMulticastAll
	OptionNoDefrag
	OptionBindAddressNoPort
	OptionRecvErrRFC4884
	OptionDeferConnect
)

var optionNames = []string{
	"recverr", "is_icsk", "freebind", "hdrincl", "mc_loop", "transparent", "mc_all", "nodefrag",
	"bind_address_no_port", "recverr_rfc4884", "defer_connect",
}

// Names returns the names of the options in the set, as ss(8) writes them.
func (o SocketOptions) Names() []string { return flagNames(uint64(o), optionNames) }

// flagNames returns names[i] for each bit i that is set in bits.
func flagNames(bits uint64, names []string) []string {
	set := []string{}
	for i, name := range names {
		if bits&(1<<i) != 0 {
			set = append(set, name)
		}
	}
	return set
}

// TLS is what kernel TLS reports about a socket (TLS_INFO_*,
// include/uapi/linux/tls.h).
type TLS struct {
	Version  uint16 // as on the wire: 0x0303 is 1.2
	Cipher   uint16 // as in include/uapi/linux/tls.h
	SendConf uint16 // 1 none, 2 software, 3 device, 4 device with its own record layer
	RecvConf uint16
	ZeroCopy bool // zero-copy sendfile
	NoPad    bool // the program expects records without padding (TLS_RX_EXPECT_NO_PAD)
}

// MPTCP is what the kernel reports about a subflow of multipath TCP
// (MPTCP_SUBFLOW_ATTR_*, include/uapi/linux/mptcp.h).
type MPTCP struct {
	// Mapped is false if the kernel kept the mapping to itself: from 6.15 on it
	// shows the sequence numbers and the token of the peer only to CAP_NET_ADMIN,
	// and before that all of this.
	Mapped        bool
	TokenRemote   uint32
	TokenLocal    uint32
	RelativeSeq   uint32
	MapSeq        uint64
	MapSubflowSeq uint32
	SubflowOffset uint32
	MapDataLength uint16
	Flags         uint32 // MPTCP_SUBFLOW_FLAG_*
	RemoteID      uint8
	LocalID       uint8
}

// MD5Key describes one TCP-MD5 key (RFC 2385) of a socket. It does not hold the
// key itself, so that no output can print it.
type MD5Key struct {
	Prefix netip.Prefix // the peers for which the key is used
	Length uint16       // length of the key in bytes
}
