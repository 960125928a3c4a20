package tcp

import "time"

// Info is the kernel's tcp_info (include/uapi/linux/tcp.h), which ss -i shows.
// It has grown with the kernels: fields past the end of what the running
// kernel sent are not known, nor are most fields of a listener: package fields
// says of each where it is known.
// tcpi_last_ack_sent is left out: no kernel has ever filled it.
type Info struct {
	// Len is how many bytes of the structure the kernel sent; 0: none.
	Len int
	// Connecting says that the socket is in SYN_SENT: no segment has come yet, and
	// the clocks of the last ones have not been started.
	Connecting bool
	// Listener says that the socket listens: tcp_get_info (net/ipv4/tcp.c)
	// then fills only a few of the fields.
	Listener bool

	CAState                CAState       // congestion state
	Retransmits            uint8         // timeouts in a row of the segment now resent
	Probes                 uint8         // window or keepalive probes unanswered
	Backoff                uint8         // how often the timeout has been doubled
	Options                InfoOptions   // what the two ends agreed on
	SendWindowScale        uint8         // shift of the windows that the peer advertises
	RecvWindowScale        uint8         // shift of the windows that this end advertises
	DeliveryRateAppLimited bool          // the program, not the path, limited DeliveryRate
	FastOpenClientFail     uint8         // why TCP Fast Open failed: 0 it did not, 1 no cookie, 2 SYN data not acknowledged, 3 timeout
	RTO                    time.Duration // retransmission timeout now in force
	ATO                    time.Duration // timeout of delayed acknowledgements
	SendMSS                uint32        // largest segment sent
	RecvMSS                uint32        // largest segment received, as guessed for delayed acknowledgements
	Unacked                uint32        // segments sent and not acknowledged
	Sacked                 uint32        // segments acknowledged out of order
	Lost                   uint32        // segments held for lost
	Retrans                uint32        // segments resent and not acknowledged
	Fackets                uint32        // unused by kernels from 4.15; always 0 there
	LastDataSent           time.Duration // since data was last sent
	LastDataRecv           time.Duration // since data last arrived
	LastAckRecv            time.Duration // since an acknowledgement last arrived
	PathMTU                uint32        // path MTU
	RecvSSThresh           uint32        // window that this end is willing to open
	RTT                    time.Duration // smoothed round-trip time
	RTTVar                 time.Duration // its mean deviation
	SendSSThresh           uint32        // slow start threshold in segments; 2147483647 until the first loss
	SendCwnd               uint32        // congestion window in segments
	AdvertisedMSS          uint32        // MSS that this end advertised
	Reordering             uint32        // segments of reordering that are tolerated
	RecvRTT                time.Duration // round-trip time as the receiver estimates it
	RecvSpace              uint32        // receive buffer space that autotuning aims at
	TotalRetrans           uint32        // segments resent in the connection's life
	PacingRate             uint64        // rate at which sending is paced
	MaxPacingRate          uint64        // its limit, SO_MAX_PACING_RATE
	AckedBytes             uint64        // sent and acknowledged (RFC 4898 HCThruOctetsAcked)
	ReceivedBytes          uint64        // received and acknowledged (RFC 4898 HCThruOctetsReceived)
	SegsOut                uint32        // segments sent
	SegsIn                 uint32        // segments received
	NotSentBytes           uint32        // in the send queue and never sent
	MinRTT                 time.Duration // least round-trip time of the recent past
	DataSegsIn             uint32        // segments received that bore data
	DataSegsOut            uint32        // segments sent that bore data
	DeliveryRate           uint64        // latest rate at which the peer acknowledged
	Busy                   time.Duration // time spent with data to send
	RecvWindowLimited      time.Duration // of it, held back by the peer's window
	SendBufferLimited      time.Duration // of it, held back by the send buffer
	Delivered              uint32        // data segments that reached the peer
	DeliveredCE            uint32        // of them, marked for congestion
	SentBytes              uint64        // sent, resends included
	RetransBytes           uint64        // of them, resends
	DSACKDups              uint32        // duplicates that the peer reported
	ReorderingSeen         uint32        // reordering events seen
	RecvOutOfOrder         uint32        // segments received out of order
	SendWindow             uint32        // window that the peer advertises; 0: it takes no more
	RecvWindow             uint32        // window that this end advertises
	Rehash                 uint32        // times the flow was given another path
	TotalRTO               uint16        // timeouts in the connection's life, SYN's included
	TotalRTORecoveries     uint16        // recoveries from timeouts
	TotalRTOTime           time.Duration // time spent in them
	ReceivedCE             uint32        // segments received that were marked for congestion
	DeliveredE1Bytes       uint32        // delivered with ECT(1), as Accurate ECN reports (RFC 9768)
	DeliveredE0Bytes       uint32        // delivered with ECT(0)
	DeliveredCEBytes       uint32        // delivered with CE
	ReceivedE1Bytes        uint32        // received with ECT(1)
	ReceivedE0Bytes        uint32        // received with ECT(0)
	ReceivedCEBytes        uint32        // received with CE
	AccECNFailMode         uint16        // how Accurate ECN failed, bits of TCP_ACCECN_*_FAIL
	AccECNOptSeen          uint16        // what became of the peer's Accurate ECN option
}

// What the kernel sends for a value that it does not have.
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

// InfoOptions is a set of what the two ends agreed on
// (TCPI_OPT_*, include/uapi/linux/tcp.h).
type InfoOptions uint8

// InfoOptionNames holds the name of each bit of InfoOptions.
var InfoOptionNames = [8]string{"timestamps", "sack", "wscale", "ecn", "ecn_seen", "syn_data", "usec_ts", "fastopen_child"}

// Names returns the names of the options in the set.
func (o InfoOptions) Names() []string { return flagNames(uint64(o), InfoOptionNames[:]) }
