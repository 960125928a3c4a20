package tcp

import "time"

// Info is the kernel's tcp_info (include/uapi/linux/tcp.h), which ss -i shows.
// The structure has grown from kernel to kernel. Fields after the end of what
// the running kernel sent are not known, and neither are most fields of a
// listener. Package fields says for each field when it is known.
// tcpi_last_ack_sent is left out, because no kernel has ever filled it.
type Info struct {
	// Len is how many bytes of the structure the kernel sent; 0: none.
	Len int
	// Connecting is true in SYN_SENT: no segment has arrived yet, and the
	// clocks of the last segments have not been started.
	Connecting bool
	// Listener is true for a listener: tcp_get_info (net/ipv4/tcp.c) then fills
	// only a few of the fields.
	Listener bool
	// OfProc is true if the values are of a line of /proc/net/tcp: only RTO,
	// SendCwnd and SendSSThresh are known then, and Len is 0.
	OfProc bool

	CAState                CAState       // congestion state
	Retransmits            uint8         // consecutive timeouts of the segment that is being resent
	Probes                 uint8         // unanswered window or keepalive probes
	Backoff                uint8         // how often the timeout has been doubled
	Options                InfoOptions   // options that both ends agreed on
	SendWindowScale        uint8         // shift of the windows that the peer advertises
	RecvWindowScale        uint8         // shift of the windows that this end advertises
	DeliveryRateAppLimited bool          // the program, not the path, limited DeliveryRate
	FastOpenClientFail     uint8         // why TCP Fast Open failed: 0 no failure, 1 no cookie, 2 SYN data not acknowledged, 3 timeout
	RTO                    time.Duration // present retransmission timeout
	ATO                    time.Duration // timeout of delayed acknowledgements
	SendMSS                uint32        // largest segment sent
	RecvMSS                uint32        // largest segment received, estimated for delayed acknowledgements
	Unacked                uint32        // segments sent and not acknowledged
	Sacked                 uint32        // segments acknowledged out of order
	Lost                   uint32        // segments considered lost
	Retrans                uint32        // segments resent and not acknowledged
	Fackets                uint32        // unused by kernels from 4.15; always 0 there
	LastDataSent           time.Duration // time since data was last sent
	LastDataRecv           time.Duration // time since data last arrived
	LastAckRecv            time.Duration // time since an acknowledgement last arrived
	PathMTU                uint32        // path MTU
	RecvSSThresh           uint32        // window that this end is willing to open
	RTT                    time.Duration // smoothed round-trip time
	RTTVar                 time.Duration // mean deviation of RTT
	SendSSThresh           uint32        // slow start threshold in segments; 2147483647 until the first loss
	SendCwnd               uint32        // congestion window in segments
	AdvertisedMSS          uint32        // MSS that this end advertised
	Reordering             uint32        // tolerated reordering, in segments
	RecvRTT                time.Duration // round-trip time, estimated by the receiver
	RecvSpace              uint32        // receive buffer space, the target of autotuning
	TotalRetrans           uint32        // segments resent since the connection began
	PacingRate             uint64        // pacing rate for sending
	MaxPacingRate          uint64        // limit of the pacing rate, SO_MAX_PACING_RATE
	AckedBytes             uint64        // sent and acknowledged (RFC 4898 HCThruOctetsAcked)
	ReceivedBytes          uint64        // received and acknowledged (RFC 4898 HCThruOctetsReceived)
	SegsOut                uint32        // segments sent
	SegsIn                 uint32        // segments received
	NotSentBytes           uint32        // in the send queue, never sent
	MinRTT                 time.Duration // lowest recent round-trip time
	DataSegsIn             uint32        // segments received that carried data
	DataSegsOut            uint32        // segments sent that carried data
	DeliveryRate           uint64        // latest rate at which the peer acknowledged data
	Busy                   time.Duration // time spent with data to send
	RecvWindowLimited      time.Duration // part of Busy in which the peer's window limited sending
	SendBufferLimited      time.Duration // part of Busy in which the send buffer limited sending
	Delivered              uint32        // data segments that reached the peer
	DeliveredCE            uint32        // part of Delivered that was marked for congestion
	SentBytes              uint64        // sent, including resends
	RetransBytes           uint64        // part of SentBytes that was resent
	DSACKDups              uint32        // duplicates that the peer reported
	ReorderingSeen         uint32        // reordering events seen
	RecvOutOfOrder         uint32        // segments received out of order
	SendWindow             uint32        // window that the peer advertises; 0: it accepts no more data
	RecvWindow             uint32        // window that this end advertises
	Rehash                 uint32        // how often the flow was moved to another path
	TotalRTO               uint16        // timeouts since the connection began, including those of the SYN
	TotalRTORecoveries     uint16        // recoveries from timeouts
	TotalRTOTime           time.Duration // time spent in these recoveries
	ReceivedCE             uint32        // segments received that were marked for congestion
	DeliveredE1Bytes       uint32        // delivered with ECT(1), as Accurate ECN reports (RFC 9768)
	DeliveredE0Bytes       uint32        // delivered with ECT(0)
	DeliveredCEBytes       uint32        // delivered with CE
	ReceivedE1Bytes        uint32        // received with ECT(1)
	ReceivedE0Bytes        uint32        // received with ECT(0)
	ReceivedCEBytes        uint32        // received with CE
	AccECNFailMode         uint16        // how Accurate ECN failed, bits of TCP_ACCECN_*_FAIL
	AccECNOptSeen          uint16        // how the peer's Accurate ECN option was seen, a value TCP_ACCECN_OPT_*_SEEN
}

// What the kernel sends if it has no value.
const (
	// NoPacingLimit is a pacing rate without a limit.
	NoPacingLimit = ^uint64(0)
	// RTTNotMeasured is MinRTT before the first measurement.
	RTTNotMeasured = time.Duration(^uint32(0)) * time.Microsecond
)

// CAState is the state of a socket's congestion control
// (enum tcp_ca_state, include/uapi/linux/tcp.h).
type CAState uint8

var caStateNames = [...]string{"open", "disorder", "cwr", "recovery", "loss"}

// String returns open, disorder, cwr, recovery or loss.
func (s CAState) String() string {
	if int(s) < len(caStateNames) {
		return caStateNames[s]
	}
	return "unknown"
}

// InfoOptions is the set of options that both ends agreed on (TCPI_OPT_*,
// include/uapi/linux/tcp.h).
type InfoOptions uint8

// InfoOptionNames holds the name of each bit of InfoOptions.
var InfoOptionNames = [8]string{"timestamps", "sack", "wscale", "ecn", "ecn_seen", "syn_data", "usec_ts", "fastopen_child"}

// Names returns the names of the options in the set.
func (o InfoOptions) Names() []string { return flagNames(uint64(o), InfoOptionNames[:]) }
