package tcp

import "time"

// Connection is what the kernel reports about a connection of multipath TCP
// (struct mptcp_info, include/uapi/linux/mptcp.h). Its subflows are sockets of
// TCP with states and queues of their own; the program holds the connection.
type Connection struct {
	Listener      bool            // it is a listener: nothing else is known about it
	Subflows      uint8           // subflows beside the first
	SubflowsMax   uint8           // how many the path manager allows beside the first
	SubflowsTotal Optional[uint8] // all subflows now; kernels from 6.6
	Fallback      bool            // the peer or the path does not do MPTCP, so it is plain TCP in one subflow
	RemoteKey     bool            // the key of the peer has arrived
	WriteSeq      uint64          // data sequence number of the next byte that the program writes
	SendUnacked   uint64          // data sequence number of the first byte that is not acknowledged
	RecvNext      uint64          // data sequence number of the next byte expected

	// Kernels from 6.5.
	Retransmits   Optional[uint32] // data that was sent again, in segments
	RetransBytes  Optional[uint64]
	SentBytes     Optional[uint64]
	ReceivedBytes Optional[uint64]
	AckedBytes    Optional[uint64]

	// The times since data was sent, data arrived and an acknowledgement
	// arrived; kernels from 6.10.
	LastDataSent Optional[time.Duration]
	LastDataRecv Optional[time.Duration]
	LastAckRecv  Optional[time.Duration]
}

// IsConnection reports whether the socket is a connection or a listener of
// multipath TCP, and not one of TCP.
func (s *Socket) IsConnection() bool { return s.Connection != nil }

// IsSubflow reports whether the socket is known to be a subflow of a connection of
// multipath TCP. Its state and its queues are those of the subflow: what the
// program has done and not read shows only the connection.
func (s *Socket) IsSubflow() bool { return s.Connection == nil && s.MPTCPToken.IsKnown() }
