package sockdiag

// attrRequestBytecode is the attribute of a request that holds a program
// (INET_DIAG_REQ_BYTECODE, include/uapi/linux/inet_diag.h).
const attrRequestBytecode = 1

// attrRequestProtocol is the attribute of a request that holds a protocol
// (INET_DIAG_REQ_PROTOCOL).
const attrRequestProtocol = 3

// The attributes of an answer (include/uapi/linux/inet_diag.h).
const (
	attrMemInfo      = 1
	attrInfo         = 2
	attrVegasInfo    = 3
	attrCong         = 4
	attrTOS          = 5
	attrTClass       = 6
	attrSkMemInfo    = 7
	attrShutdown     = 8
	attrDCTCPInfo    = 9
	attrProtocol     = 10
	attrSkV6Only     = 11
	attrMark         = 15
	attrBBRInfo      = 16
	attrClassID      = 17
	attrMD5Sig       = 18
	attrULPInfo      = 19
	attrCgroupID     = 21
	attrSockOpt      = 22
	attrULPInfoName  = 1 // within attrULPInfo
	attrULPInfoTLS   = 2
	attrULPInfoMPTCP = 3
)

// attrNames are the names of the attributes in errors. They are those of the
// header.
var attrNames = map[int]string{
	attrMemInfo: "MEMINFO", attrInfo: "INFO", attrVegasInfo: "VEGASINFO", attrCong: "CONG", attrTOS: "TOS",
	attrTClass: "TCLASS", attrSkMemInfo: "SKMEMINFO", attrShutdown: "SHUTDOWN", attrDCTCPInfo: "DCTCPINFO",
	attrProtocol: "PROTOCOL", attrSkV6Only: "SKV6ONLY", attrMark: "MARK", attrBBRInfo: "BBRINFO",
	attrClassID: "CLASS_ID", attrMD5Sig: "MD5SIG", attrULPInfo: "ULP_INFO", attrCgroupID: "CGROUP_ID",
	attrSockOpt: "SOCKOPT",
}

// The attributes of kernel TLS (include/uapi/linux/tls.h).
const (
	tlsVersion  = 1
	tlsCipher   = 2
	tlsSendConf = 3
	tlsRecvConf = 4
	tlsZeroCopy = 5
	tlsNoPad    = 6
)

// The attributes of an MPTCP subflow (include/uapi/linux/mptcp.h).
const (
	mptcpTokenRemote   = 1
	mptcpTokenLocal    = 2
	mptcpRelativeSeq   = 3
	mptcpMapSeq        = 4
	mptcpMapSubflowSeq = 5
	mptcpSubflowOffset = 6
	mptcpMapDataLength = 7
	mptcpFlags         = 8
	mptcpRemoteID      = 9
	mptcpLocalID       = 10
)

// inetDiagMemInfo is struct inet_diag_meminfo (include/uapi/linux/inet_diag.h).
type inetDiagMemInfo struct {
	RecvAlloc    uint32
	SendQueued   uint32
	ForwardAlloc uint32
	SendAlloc    uint32
}

// skMemInfo is the array of SK_MEMINFO_* (include/uapi/linux/sock_diag.h).
type skMemInfo struct {
	RecvAlloc    uint32
	RecvBuffer   uint32
	SendAlloc    uint32
	SendBuffer   uint32
	ForwardAlloc uint32
	SendQueued   uint32
	OptionMemory uint32
	Backlog      uint32
	Drops        uint32 // from 4.8
}

// vegasInfo is struct tcpvegas_info (include/uapi/linux/inet_diag.h).
type vegasInfo struct {
	Enabled  uint32
	RTTCount uint32
	RTT      uint32 // microseconds
	MinRTT   uint32 // microseconds
}

// dctcpInfo is struct tcp_dctcp_info (include/uapi/linux/inet_diag.h).
type dctcpInfo struct {
	Enabled uint16
	CEState uint16
	Alpha   uint32
	ABECN   uint32
	ABTot   uint32
}

// bbrInfo is struct tcp_bbr_info (include/uapi/linux/inet_diag.h).
type bbrInfo struct {
	BandwidthLow  uint32 // bytes a second
	BandwidthHigh uint32
	MinRTT        uint32 // microseconds
	PacingGain    uint32 // shifted left by 8
	CwndGain      uint32 // shifted left by 8
}

// md5Sig is struct tcp_diag_md5sig (include/uapi/linux/tcp.h); an attribute
// holds an array of them.
type md5Sig struct {
	Family    uint8
	PrefixLen uint8
	KeyLen    uint16
	Addr      [16]byte
	Key       [80]byte
}

// mptcpInfo is struct mptcp_info (include/uapi/linux/mptcp.h) of Linux 6.18. Older
// kernels send a shorter one.
type mptcpInfo struct {
	Subflows           uint8
	AddAddrSignal      uint8
	AddAddrAccepted    uint8
	SubflowsMax        uint8
	AddAddrSignalMax   uint8
	AddAddrAcceptedMax uint8
	Flags              uint32
	Token              uint32
	WriteSeq           uint64
	SndUna             uint64
	RcvNxt             uint64
	LocalAddrUsed      uint8
	LocalAddrMax       uint8
	CsumEnabled        uint8
	Retransmits        uint32
	BytesRetrans       uint64
	BytesSent          uint64
	BytesReceived      uint64
	BytesAcked         uint64
	SubflowsTotal      uint8
	_                  [3]uint8
	LastDataSent       uint32 // milliseconds
	LastDataRecv       uint32
	LastAckRecv        uint32
}

// The bits of mptcpInfo.Flags.
const (
	mptcpFallback  = 1 << 0 // MPTCP_INFO_FLAG_FALLBACK
	mptcpRemoteKey = 1 << 1 // MPTCP_INFO_FLAG_REMOTE_KEY_RECEIVED
)

// tcpInfo is struct tcp_info (include/uapi/linux/tcp.h) of Linux 6.18. Older
// kernels send a shorter one. The two bit fields WScale and Flags depend on the
// byte order of the machine: bitField reads them.
//
// A tag names the fields of tcp.Info that a field fills. Without a tag it fills
// the one with the same name. The generator reads from this where each of them
// ends.
type tcpInfo struct {
	State              uint8
	CAState            uint8
	Retransmits        uint8
	Probes             uint8
	Backoff            uint8
	Options            uint8
	WScale             uint8 `info:"SendWindowScale,RecvWindowScale"`           // snd_wscale:4, rcv_wscale:4
	Flags              uint8 `info:"DeliveryRateAppLimited,FastOpenClientFail"` // delivery_rate_app_limited:1, fastopen_client_fail:2
	RTO                uint32
	ATO                uint32
	SndMSS             uint32 `info:"SendMSS"`
	RcvMSS             uint32 `info:"RecvMSS"`
	Unacked            uint32
	Sacked             uint32
	Lost               uint32
	Retrans            uint32
	Fackets            uint32
	LastDataSent       uint32
	LastAckSent        uint32 // never filled
	LastDataRecv       uint32
	LastAckRecv        uint32
	PMTU               uint32 `info:"PathMTU"`
	RcvSSThresh        uint32 `info:"RecvSSThresh"`
	RTT                uint32
	RTTVar             uint32
	SndSSThresh        uint32 `info:"SendSSThresh"`
	SndCwnd            uint32 `info:"SendCwnd"`
	AdvMSS             uint32 `info:"AdvertisedMSS"`
	Reordering         uint32
	RcvRTT             uint32 `info:"RecvRTT"`
	RcvSpace           uint32 `info:"RecvSpace"`
	TotalRetrans       uint32
	PacingRate         uint64
	MaxPacingRate      uint64
	BytesAcked         uint64 `info:"AckedBytes"`
	BytesReceived      uint64 `info:"ReceivedBytes"`
	SegsOut            uint32
	SegsIn             uint32
	NotSentBytes       uint32
	MinRTT             uint32
	DataSegsIn         uint32
	DataSegsOut        uint32
	DeliveryRate       uint64
	BusyTime           uint64 `info:"Busy"`
	RWndLimited        uint64 `info:"RecvWindowLimited"`
	SndBufLimited      uint64 `info:"SendBufferLimited"`
	Delivered          uint32
	DeliveredCE        uint32
	BytesSent          uint64 `info:"SentBytes"`
	BytesRetrans       uint64 `info:"RetransBytes"`
	DSACKDups          uint32
	ReordSeen          uint32 `info:"ReorderingSeen"`
	RcvOOOPack         uint32 `info:"RecvOutOfOrder"`
	SndWnd             uint32 `info:"SendWindow"`
	RcvWnd             uint32 `info:"RecvWindow"`
	Rehash             uint32
	TotalRTO           uint16
	TotalRTORecoveries uint16
	TotalRTOTime       uint32
	ReceivedCE         uint32
	DeliveredE1Bytes   uint32
	DeliveredE0Bytes   uint32
	DeliveredCEBytes   uint32
	ReceivedE1Bytes    uint32
	ReceivedE0Bytes    uint32
	ReceivedCEBytes    uint32
	AccECNFailMode     uint16 `info:"-"` // from 7.0 this and the next are bit fields of one word, see accECN
	AccECNOptSeen      uint16 `info:"AccECNFailMode,AccECNOptSeen"`
}
