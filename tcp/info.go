package tcp

import "time"

// Info is the kernel's tcp_info (include/uapi/linux/tcp.h), which ss -i shows.
// It has grown with the kernels: fields past the end of what the running
// kernel sent are not known, nor are most fields of a listener. Has tells.
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

// Has reports whether the kernel told the field.
func (i *Info) Has(f *InfoField) bool {
	if i.Len < f.end || i.Listener && !f.listener {
		return false
	}
	return f.known == nil || f.known(i)
}

// InfoField describes one field of Info to those who print or parse it.
type InfoField struct {
	Name string // in JSON and in filters, its unit at the end
	Doc  string
	Kind InfoKind

	// Value returns the field in the unit that Name ends with.
	Value func(*Info) uint64

	end      int  // offset in the kernel's structure of the field's last byte, plus one
	listener bool // filled for listeners too
	known    func(*Info) bool
}

// InfoKind says how the value of an InfoField is to be read.
type InfoKind uint8

// The kinds of fields.
const (
	InfoNumber InfoKind = iota
	InfoBool            // 0 or 1
	InfoCA              // a CAState
	InfoFlags           // an InfoOptions
)

// InfoFields lists the fields of Info in the kernel's order.
var InfoFields = [...]InfoField{
	{Name: "ca_state", Doc: "congestion state", end: 2, Kind: InfoCA,
		Value: func(i *Info) uint64 { return uint64(i.CAState) }},
	{Name: "retransmits", Doc: "timeouts in a row of the segment now resent", end: 3,
		Value: func(i *Info) uint64 { return uint64(i.Retransmits) }},
	{Name: "probes", Doc: "window or keepalive probes unanswered", end: 4,
		Value: func(i *Info) uint64 { return uint64(i.Probes) }},
	{Name: "backoff", Doc: "how often the timeout has been doubled", end: 5,
		Value: func(i *Info) uint64 { return uint64(i.Backoff) }},
	{Name: "options", Doc: "what the two ends agreed on", end: 6, Kind: InfoFlags,
		Value: func(i *Info) uint64 { return uint64(i.Options) }},
	{Name: "snd_wscale", Doc: "shift of the windows that the peer advertises", end: 7,
		Value: func(i *Info) uint64 { return uint64(i.SendWindowScale) }},
	{Name: "rcv_wscale", Doc: "shift of the windows that this end advertises", end: 7,
		Value: func(i *Info) uint64 { return uint64(i.RecvWindowScale) }},
	{Name: "delivery_rate_app_limited", Doc: "the program, not the path, limited the delivery rate", end: 8, Kind: InfoBool,
		Value: func(i *Info) uint64 { return oneIf(i.DeliveryRateAppLimited) }},
	{Name: "fastopen_client_fail", Doc: "why TCP Fast Open failed: 0 it did not, 1 no cookie, 2 SYN data not acknowledged, 3 timeout", end: 8,
		Value: func(i *Info) uint64 { return uint64(i.FastOpenClientFail) }},
	{Name: "rto_us", Doc: "retransmission timeout now in force", end: 12,
		Value: func(i *Info) uint64 { return uint64(i.RTO / time.Microsecond) }},
	{Name: "ato_us", Doc: "timeout of delayed acknowledgements", end: 16,
		Value: func(i *Info) uint64 { return uint64(i.ATO / time.Microsecond) }},
	{Name: "snd_mss_bytes", Doc: "largest segment sent", end: 20,
		Value: func(i *Info) uint64 { return uint64(i.SendMSS) }},
	{Name: "rcv_mss_bytes", Doc: "largest segment received, as guessed for delayed acknowledgements", end: 24,
		Value: func(i *Info) uint64 { return uint64(i.RecvMSS) }},
	{Name: "unacked", Doc: "segments sent and not acknowledged", end: 28,
		Value: func(i *Info) uint64 { return uint64(i.Unacked) }},
	{Name: "sacked", Doc: "segments acknowledged out of order", end: 32,
		Value: func(i *Info) uint64 { return uint64(i.Sacked) }},
	{Name: "lost", Doc: "segments held for lost", end: 36,
		Value: func(i *Info) uint64 { return uint64(i.Lost) }},
	{Name: "retrans", Doc: "segments resent and not acknowledged", end: 40,
		Value: func(i *Info) uint64 { return uint64(i.Retrans) }},
	{Name: "fackets", Doc: "unused by kernels from 4.15; always 0 there", end: 44,
		Value: func(i *Info) uint64 { return uint64(i.Fackets) }},
	{Name: "last_data_sent_ms", Doc: "since data was last sent", end: 48, known: func(i *Info) bool { return !i.Connecting },
		Value: func(i *Info) uint64 { return uint64(i.LastDataSent / time.Millisecond) }},
	{Name: "last_data_recv_ms", Doc: "since data last arrived", end: 56, known: func(i *Info) bool { return !i.Connecting },
		Value: func(i *Info) uint64 { return uint64(i.LastDataRecv / time.Millisecond) }},
	{Name: "last_ack_recv_ms", Doc: "since an acknowledgement last arrived", end: 60, known: func(i *Info) bool { return !i.Connecting },
		Value: func(i *Info) uint64 { return uint64(i.LastAckRecv / time.Millisecond) }},
	{Name: "pmtu_bytes", Doc: "path MTU", end: 64,
		Value: func(i *Info) uint64 { return uint64(i.PathMTU) }},
	{Name: "rcv_ssthresh_bytes", Doc: "window that this end is willing to open", end: 68,
		Value: func(i *Info) uint64 { return uint64(i.RecvSSThresh) }},
	{Name: "rtt_us", Doc: "smoothed round-trip time", end: 72, known: func(i *Info) bool { return i.RTT != 0 },
		Value: func(i *Info) uint64 { return uint64(i.RTT / time.Microsecond) }},
	{Name: "rttvar_us", Doc: "its mean deviation", end: 76, known: func(i *Info) bool { return i.RTT != 0 },
		Value: func(i *Info) uint64 { return uint64(i.RTTVar / time.Microsecond) }},
	{Name: "snd_ssthresh", Doc: "slow start threshold in segments; 2147483647 until the first loss", end: 80,
		Value: func(i *Info) uint64 { return uint64(i.SendSSThresh) }},
	{Name: "cwnd", Doc: "congestion window in segments", end: 84, listener: true,
		Value: func(i *Info) uint64 { return uint64(i.SendCwnd) }},
	{Name: "advmss_bytes", Doc: "MSS that this end advertised", end: 88,
		Value: func(i *Info) uint64 { return uint64(i.AdvertisedMSS) }},
	{Name: "reordering", Doc: "segments of reordering that are tolerated", end: 92, listener: true,
		Value: func(i *Info) uint64 { return uint64(i.Reordering) }},
	{Name: "rcv_rtt_us", Doc: "round-trip time as the receiver estimates it", end: 96, known: func(i *Info) bool { return i.RecvRTT != 0 },
		Value: func(i *Info) uint64 { return uint64(i.RecvRTT / time.Microsecond) }},
	{Name: "rcv_space_bytes", Doc: "receive buffer space that autotuning aims at", end: 100,
		Value: func(i *Info) uint64 { return uint64(i.RecvSpace) }},
	{Name: "total_retrans", Doc: "segments resent in the connection's life", end: 104,
		Value: func(i *Info) uint64 { return uint64(i.TotalRetrans) }},
	{Name: "pacing_rate_bytes_per_sec", Doc: "rate at which sending is paced", end: 112, listener: true, known: func(i *Info) bool { return i.PacingRate != noLimit },
		Value: func(i *Info) uint64 { return i.PacingRate }},
	{Name: "max_pacing_rate_bytes_per_sec", Doc: "its limit, SO_MAX_PACING_RATE", end: 120, listener: true, known: func(i *Info) bool { return i.MaxPacingRate != noLimit },
		Value: func(i *Info) uint64 { return i.MaxPacingRate }},
	{Name: "acked_bytes", Doc: "sent and acknowledged (RFC 4898 HCThruOctetsAcked)", end: 128,
		Value: func(i *Info) uint64 { return i.AckedBytes }},
	{Name: "received_bytes", Doc: "received and acknowledged (RFC 4898 HCThruOctetsReceived)", end: 136,
		Value: func(i *Info) uint64 { return i.ReceivedBytes }},
	{Name: "segs_out", Doc: "segments sent", end: 140,
		Value: func(i *Info) uint64 { return uint64(i.SegsOut) }},
	{Name: "segs_in", Doc: "segments received", end: 144,
		Value: func(i *Info) uint64 { return uint64(i.SegsIn) }},
	{Name: "notsent_bytes", Doc: "in the send queue and never sent", end: 148,
		Value: func(i *Info) uint64 { return uint64(i.NotSentBytes) }},
	{Name: "min_rtt_us", Doc: "least round-trip time of the recent past", end: 152, known: func(i *Info) bool { return i.MinRTT != notMeasured },
		Value: func(i *Info) uint64 { return uint64(i.MinRTT / time.Microsecond) }},
	{Name: "data_segs_in", Doc: "segments received that bore data", end: 156,
		Value: func(i *Info) uint64 { return uint64(i.DataSegsIn) }},
	{Name: "data_segs_out", Doc: "segments sent that bore data", end: 160,
		Value: func(i *Info) uint64 { return uint64(i.DataSegsOut) }},
	{Name: "delivery_rate_bytes_per_sec", Doc: "latest rate at which the peer acknowledged", end: 168,
		Value: func(i *Info) uint64 { return i.DeliveryRate }},
	{Name: "busy_us", Doc: "time spent with data to send", end: 176,
		Value: func(i *Info) uint64 { return uint64(i.Busy / time.Microsecond) }},
	{Name: "rwnd_limited_us", Doc: "of it, held back by the peer's window", end: 184,
		Value: func(i *Info) uint64 { return uint64(i.RecvWindowLimited / time.Microsecond) }},
	{Name: "sndbuf_limited_us", Doc: "of it, held back by the send buffer", end: 192,
		Value: func(i *Info) uint64 { return uint64(i.SendBufferLimited / time.Microsecond) }},
	{Name: "delivered", Doc: "data segments that reached the peer", end: 196,
		Value: func(i *Info) uint64 { return uint64(i.Delivered) }},
	{Name: "delivered_ce", Doc: "of them, marked for congestion", end: 200,
		Value: func(i *Info) uint64 { return uint64(i.DeliveredCE) }},
	{Name: "sent_bytes", Doc: "sent, resends included", end: 208,
		Value: func(i *Info) uint64 { return i.SentBytes }},
	{Name: "retrans_bytes", Doc: "of them, resends", end: 216,
		Value: func(i *Info) uint64 { return i.RetransBytes }},
	{Name: "dsack_dups", Doc: "duplicates that the peer reported", end: 220,
		Value: func(i *Info) uint64 { return uint64(i.DSACKDups) }},
	{Name: "reord_seen", Doc: "reordering events seen", end: 224,
		Value: func(i *Info) uint64 { return uint64(i.ReorderingSeen) }},
	{Name: "rcv_ooopack", Doc: "segments received out of order", end: 228,
		Value: func(i *Info) uint64 { return uint64(i.RecvOutOfOrder) }},
	{Name: "snd_wnd_bytes", Doc: "window that the peer advertises; 0: it takes no more", end: 232,
		Value: func(i *Info) uint64 { return uint64(i.SendWindow) }},
	{Name: "rcv_wnd_bytes", Doc: "window that this end advertises", end: 236,
		Value: func(i *Info) uint64 { return uint64(i.RecvWindow) }},
	{Name: "rehash", Doc: "times the flow was given another path", end: 240,
		Value: func(i *Info) uint64 { return uint64(i.Rehash) }},
	{Name: "total_rto", Doc: "timeouts in the connection's life, SYN's included", end: 242,
		Value: func(i *Info) uint64 { return uint64(i.TotalRTO) }},
	{Name: "total_rto_recoveries", Doc: "recoveries from timeouts", end: 244,
		Value: func(i *Info) uint64 { return uint64(i.TotalRTORecoveries) }},
	{Name: "total_rto_time_ms", Doc: "time spent in them", end: 248,
		Value: func(i *Info) uint64 { return uint64(i.TotalRTOTime / time.Millisecond) }},
	{Name: "received_ce", Doc: "segments received that were marked for congestion", end: 252,
		Value: func(i *Info) uint64 { return uint64(i.ReceivedCE) }},
	{Name: "delivered_e1_bytes", Doc: "delivered with ECT(1), as Accurate ECN reports (RFC 9768)", end: 256,
		Value: func(i *Info) uint64 { return uint64(i.DeliveredE1Bytes) }},
	{Name: "delivered_e0_bytes", Doc: "delivered with ECT(0)", end: 260,
		Value: func(i *Info) uint64 { return uint64(i.DeliveredE0Bytes) }},
	{Name: "delivered_ce_bytes", Doc: "delivered with CE", end: 264,
		Value: func(i *Info) uint64 { return uint64(i.DeliveredCEBytes) }},
	{Name: "received_e1_bytes", Doc: "received with ECT(1)", end: 268,
		Value: func(i *Info) uint64 { return uint64(i.ReceivedE1Bytes) }},
	{Name: "received_e0_bytes", Doc: "received with ECT(0)", end: 272,
		Value: func(i *Info) uint64 { return uint64(i.ReceivedE0Bytes) }},
	{Name: "received_ce_bytes", Doc: "received with CE", end: 276,
		Value: func(i *Info) uint64 { return uint64(i.ReceivedCEBytes) }},
	{Name: "accecn_fail_mode", Doc: "how Accurate ECN failed, bits of TCP_ACCECN_*_FAIL", end: 280,
		Value: func(i *Info) uint64 { return uint64(i.AccECNFailMode) }},
	{Name: "accecn_opt_seen", Doc: "what became of the peer's Accurate ECN option", end: 280,
		Value: func(i *Info) uint64 { return uint64(i.AccECNOptSeen) }},
}

// noLimit is what the kernel sends for a pacing rate without a limit, and
// notMeasured for a least round-trip time before the first measurement.
const (
	noLimit     = ^uint64(0)
	notMeasured = time.Duration(^uint32(0)) * time.Microsecond
)

func oneIf(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

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
