package sockdiag

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"time"
	"unsafe"

	"tcpstate/tcp"
)

// decoder turns messages of the kernel into sockets. It reuses one Socket and
// the structs that it points to. So decoding allocates nothing, except for MD5
// keys and for each algorithm name that it sees for the first time.
type decoder struct {
	detail      tcp.Detail
	connections bool // the messages are about connections of multipath TCP
	accECNBits  bool // the running kernel's tcp_info ends in bit fields, see accECN

	socket     tcp.Socket
	info       tcp.Info
	congestion tcp.Congestion
	memory     tcp.Memory
	extended   tcp.Extended
	tls        tcp.TLS
	mptcp      tcp.MPTCP
	connection tcp.Connection

	names map[string]string // names of algorithms and protocols, so that each is allocated once
}

func newDecoder(detail tcp.Detail, accECNBits bool) *decoder {
	return &decoder{detail: detail, accECNBits: accECNBits, names: make(map[string]string)}
}

// decode reads one message into d.socket. payload is the message without its
// netlink header. The error is a *MessageError.
func (d *decoder) decode(payload []byte) error {
	if len(payload) < inetDiagMsgLen {
		return &MessageError{Offset: 0, What: "inet_diag_msg",
			Reason: fmt.Sprintf("%d bytes are less than its %d", len(payload), inetDiagMsgLen)}
	}
	var msg inetDiagMsg
	load(&msg, payload)
	attributes := payload[inetDiagMsgLen:]

	if err := d.decodeBase(&msg, attributes); err != nil {
		return err
	}
	if d.connections {
		d.connection = tcp.Connection{}
		d.socket.Connection = &d.connection
	} else if d.detail == 0 {
		return nil
	}
	return d.decodeAttributes(attributes)
}

// decodeBase fills in the fields that every message carries.
func (d *decoder) decodeBase(msg *inetDiagMsg, attributes []byte) error {
	s := &d.socket
	s.Reset()
	state, ok := tcp.StateFromKernel(msg.State)
	if !ok {
		return &MessageError{Offset: 1, What: "idiag_state", Reason: fmt.Sprintf("%d is not a TCP state", msg.State)}
	}
	s.State = state

	localPort, peerPort := binary.BigEndian.Uint16(msg.ID.SrcPort[:]), binary.BigEndian.Uint16(msg.ID.DstPort[:])
	switch msg.Family {
	case familyInet:
		s.Family = tcp.IPv4
		s.Local = netip.AddrPortFrom(netip.AddrFrom4([4]byte(msg.ID.Src[:4])), localPort)
		s.Peer = netip.AddrPortFrom(netip.AddrFrom4([4]byte(msg.ID.Dst[:4])), peerPort)
	case familyInet6:
		s.Family = tcp.IPv6
		s.Local = netip.AddrPortFrom(netip.AddrFrom16(msg.ID.Src), localPort)
		s.Peer = netip.AddrPortFrom(netip.AddrFrom16(msg.ID.Dst), peerPort)
	default:
		return &MessageError{Offset: 0, What: "idiag_family",
			Reason: fmt.Sprintf("%d is neither AF_INET nor AF_INET6", msg.Family)}
	}
	// The kernel lists a closed socket only while it still holds a port.
	// Without a peer it is bound and inactive; with a peer, the peer closed it.
	if state == tcp.Close && peerPort == 0 {
		s.State = tcp.BoundInactive
	}

	switch s.State {
	case tcp.Listen:
		s.AcceptQueue, s.AcceptQueueMax = msg.RecvQueue, tcp.Known(msg.SendQueue)
	case tcp.BoundInactive:
		// A refused connect(2) leaves the peer's address without its port, and
		// sequence numbers that do not give a queue length. Neither says
		// anything about the socket now.
		s.Peer = netip.AddrPortFrom(unspecified(s.Family), 0)
	default:
		s.RecvQueue, s.SendQueue = msg.RecvQueue, msg.SendQueue
	}
	s.Cookie = tcp.Cookie(msg.ID.Cookie[0]) | tcp.Cookie(msg.ID.Cookie[1])<<32
	s.InterfaceIndex = msg.ID.Interface
	s.Timer.Kind = tcp.TimerKind(msg.Timer)
	if s.Timer.Kind != tcp.TimerOff {
		s.Timer.Retransmits = msg.Retransmits
		// Some kernels report a negative time for a timer that is due but has
		// not fired yet.
		s.Timer.Expires = max(0, time.Duration(int32(msg.Expires))*time.Millisecond)
	}
	if !isSmall(state, s.Timer.Kind, attributes) {
		s.Owner = tcp.FullSocketOwner(msg.UID, msg.Inode)
	}
	return nil
}

func unspecified(family tcp.Family) netip.Addr {
	if family == tcp.IPv4 {
		return netip.IPv4Unspecified()
	}
	return netip.IPv6Unspecified()
}

// isSmall reports whether the message describes one of the kernel's small
// sockets (a request socket or a time-wait socket). The kernel sends their user
// and inode as 0, which has no meaning. A SYN_RECV may also be a full socket,
// after a simultaneous open or with TCP Fast Open. Only a full socket has the
// attribute SHUTDOWN, and it is always the first attribute (inet_req_diag_fill
// and inet_diag_msg_attrs_fill in net/ipv4/inet_diag.c).
func isSmall(state tcp.State, timer tcp.TimerKind, attributes []byte) bool {
	switch state {
	case tcp.SynRecv:
		return len(attributes) < nlattrLen || binary.NativeEndian.Uint16(attributes[2:]) != attrShutdown
	case tcp.TimeWait, tcp.FinWait2:
		return timer == tcp.TimerTimeWait
	}
	return false
}

// decodeAttributes fills in the requested details.
func (d *decoder) decodeAttributes(attributes []byte) error {
	// Clear the reused structs, so that a missing attribute does not show the
	// value of the socket before.
	d.congestion = tcp.Congestion{}
	if d.detail.Has(tcp.DetailExtended) {
		d.extended = tcp.Extended{MD5Keys: d.extended.MD5Keys[:0]}
		d.socket.Extended = &d.extended
	}
	for kind, value := range walk(attributes) {
		if value == nil {
			return &MessageError{Offset: inetDiagMsgLen + kind, What: "attribute",
				Reason: "its length does not fit the message"}
		}
		if short := d.decodeAttribute(kind, value); short {
			// value is a slice of attributes, so the difference of the
			// capacities is the offset of value.
			return &MessageError{Offset: inetDiagMsgLen + cap(attributes) - cap(value),
				What:   fmt.Sprintf("attribute %d (%s)", kind, attrNames[kind]),
				Reason: fmt.Sprintf("%d bytes are too few", len(value))}
		}
	}
	return nil
}

// decodeAttribute fills in the fields of one attribute. It skips attributes
// that it does not know or that were not requested. It reports whether the
// value is too short for its attribute.
func (d *decoder) decodeAttribute(kind int, value []byte) (short bool) {
	switch kind {
	case attrInfo:
		if d.connections {
			d.decodeConnection(value)
		} else if d.detail&(tcp.DetailInfo|tcp.DetailAge) != 0 {
			d.decodeInfo(value)
		}
	case attrCong:
		if d.detail.Has(tcp.DetailInfo) {
			d.congestion.Algorithm = d.name(value)
			d.socket.Congestion = &d.congestion
		}
	case attrBBRInfo, attrDCTCPInfo, attrVegasInfo:
		if d.detail.Has(tcp.DetailInfo) {
			d.socket.Congestion = &d.congestion
			return d.decodeCongestion(kind, value)
		}
	case attrSkMemInfo, attrMemInfo:
		if !d.connections && d.detail.Has(tcp.DetailMemory) {
			return d.decodeMemory(kind, value)
		}
	default:
		if d.detail.Has(tcp.DetailExtended) {
			return d.decodeExtended(kind, value)
		}
	}
	return false
}

// decodeConnection fills in Connection. The kernel's structure may be short: what is
// past its end is unknown.
func (d *decoder) decodeConnection(value []byte) {
	var raw mptcpInfo
	n := load(&raw, value)
	c := &d.connection
	*c = tcp.Connection{
		Subflows: raw.Subflows, SubflowsMax: raw.SubflowsMax,
		Fallback: raw.Flags&mptcpFallback != 0, RemoteKey: raw.Flags&mptcpRemoteKey != 0,
		WriteSeq: raw.WriteSeq, SendUnacked: raw.SndUna, RecvNext: raw.RcvNxt,
	}
	if d.socket.State == tcp.Listen {
		*c = tcp.Connection{Listener: true}
		return
	}
	d.socket.MPTCPToken = tcp.Known(raw.Token)
	if n >= int(unsafe.Offsetof(raw.SubflowsTotal)) {
		c.Retransmits, c.RetransBytes = tcp.Known(raw.Retransmits), tcp.Known(raw.BytesRetrans)
		c.SentBytes, c.ReceivedBytes, c.AckedBytes = tcp.Known(raw.BytesSent), tcp.Known(raw.BytesReceived), tcp.Known(raw.BytesAcked)
	}
	if n > int(unsafe.Offsetof(raw.SubflowsTotal)) {
		c.SubflowsTotal = tcp.Known(raw.SubflowsTotal)
	}
	if n >= int(unsafe.Sizeof(raw)) {
		ms := func(v uint32) tcp.Optional[time.Duration] { return tcp.Known(time.Duration(v) * time.Millisecond) }
		c.LastDataSent, c.LastDataRecv, c.LastAckRecv = ms(raw.LastDataSent), ms(raw.LastDataRecv), ms(raw.LastAckRecv)
	}
}

// decodeInfo fills in Info. The kernel's structure may be short: Info.Len says
// how much of it is valid.
func (d *decoder) decodeInfo(value []byte) {
	var raw tcpInfo
	n := load(&raw, value)
	us := func(v uint32) time.Duration { return time.Duration(v) * time.Microsecond }
	us64 := func(v uint64) time.Duration { return time.Duration(min(v, maxMicroseconds)) * time.Microsecond }
	ms := func(v uint32) time.Duration { return time.Duration(v) * time.Millisecond }
	d.info = tcp.Info{
		Len:                    n,
		Listener:               d.socket.State == tcp.Listen,
		Connecting:             d.socket.State == tcp.SynSent,
		CAState:                tcp.CAState(raw.CAState),
		Retransmits:            raw.Retransmits,
		Probes:                 raw.Probes,
		Backoff:                raw.Backoff,
		Options:                tcp.InfoOptions(raw.Options),
		SendWindowScale:        bitField(uint64(raw.WScale), 8, 0, 4),
		RecvWindowScale:        bitField(uint64(raw.WScale), 8, 4, 4),
		DeliveryRateAppLimited: bitField(uint64(raw.Flags), 8, 0, 1) != 0,
		FastOpenClientFail:     bitField(uint64(raw.Flags), 8, 1, 2),
		RTO:                    us(raw.RTO),
		ATO:                    us(raw.ATO),
		SendMSS:                raw.SndMSS,
		RecvMSS:                raw.RcvMSS,
		Unacked:                raw.Unacked,
		Sacked:                 raw.Sacked,
		Lost:                   raw.Lost,
		Retrans:                raw.Retrans,
		Fackets:                raw.Fackets,
		LastDataSent:           ms(raw.LastDataSent),
		LastDataRecv:           ms(raw.LastDataRecv),
		LastAckRecv:            ms(raw.LastAckRecv),
		PathMTU:                raw.PMTU,
		RecvSSThresh:           raw.RcvSSThresh,
		RTT:                    us(raw.RTT),
		RTTVar:                 us(raw.RTTVar),
		SendSSThresh:           raw.SndSSThresh,
		SendCwnd:               raw.SndCwnd,
		AdvertisedMSS:          raw.AdvMSS,
		Reordering:             raw.Reordering,
		RecvRTT:                us(raw.RcvRTT),
		RecvSpace:              raw.RcvSpace,
		TotalRetrans:           raw.TotalRetrans,
		PacingRate:             raw.PacingRate,
		MaxPacingRate:          raw.MaxPacingRate,
		AckedBytes:             raw.BytesAcked,
		ReceivedBytes:          raw.BytesReceived,
		SegsOut:                raw.SegsOut,
		SegsIn:                 raw.SegsIn,
		NotSentBytes:           raw.NotSentBytes,
		MinRTT:                 us(raw.MinRTT),
		DataSegsIn:             raw.DataSegsIn,
		DataSegsOut:            raw.DataSegsOut,
		DeliveryRate:           raw.DeliveryRate,
		Busy:                   us64(raw.BusyTime),
		RecvWindowLimited:      us64(raw.RWndLimited),
		SendBufferLimited:      us64(raw.SndBufLimited),
		Delivered:              raw.Delivered,
		DeliveredCE:            raw.DeliveredCE,
		SentBytes:              raw.BytesSent,
		RetransBytes:           raw.BytesRetrans,
		DSACKDups:              raw.DSACKDups,
		ReorderingSeen:         raw.ReordSeen,
		RecvOutOfOrder:         raw.RcvOOOPack,
		SendWindow:             raw.SndWnd,
		RecvWindow:             raw.RcvWnd,
		Rehash:                 raw.Rehash,
		TotalRTO:               raw.TotalRTO,
		TotalRTORecoveries:     raw.TotalRTORecoveries,
		TotalRTOTime:           ms(raw.TotalRTOTime),
		ReceivedCE:             raw.ReceivedCE,
		DeliveredE1Bytes:       raw.DeliveredE1Bytes,
		DeliveredE0Bytes:       raw.DeliveredE0Bytes,
		DeliveredCEBytes:       raw.DeliveredCEBytes,
		ReceivedE1Bytes:        raw.ReceivedE1Bytes,
		ReceivedE0Bytes:        raw.ReceivedE0Bytes,
		ReceivedCEBytes:        raw.ReceivedCEBytes,
		AccECNFailMode:         raw.AccECNFailMode,
		AccECNOptSeen:          raw.AccECNOptSeen,
	}
	if d.accECNBits {
		d.info.AccECNFailMode, d.info.AccECNOptSeen = raw.accECN()
	}
	d.socket.Info = &d.info
}

// maxMicroseconds is the longest time in microseconds that a time.Duration
// holds.
const maxMicroseconds = uint64(1<<63-1) / uint64(time.Microsecond)

// accECN reads the last four bytes as Linux 7.0 lays them out: ecn_mode:2,
// accecn_opt_seen:2, accecn_fail_mode:4, options2:24. Up to 6.19 they are two
// numbers of 16 bits. Only the kernel's release says which of the two layouts
// it is.
func (raw *tcpInfo) accECN() (failMode, optSeen uint16) {
	var b [4]byte
	binary.NativeEndian.PutUint16(b[0:], raw.AccECNFailMode)
	binary.NativeEndian.PutUint16(b[2:], raw.AccECNOptSeen)
	bits := uint64(binary.NativeEndian.Uint32(b[:]))
	return uint16(bitField(bits, 32, 4, 4)), uint16(bitField(bits, 32, 2, 2))
}

// bitField returns a C bit field of an integer v of size bits. The field has
// width bits, and skip bits are declared before it. Compilers for Linux place
// bit fields from the low end on little-endian machines and from the high end
// on big-endian machines.
func bitField(v uint64, size, skip, width int) uint8 {
	if bigEndian {
		skip = size - skip - width
	}
	return uint8(v >> skip & (1<<width - 1))
}

var bigEndian = binary.NativeEndian.Uint16([]byte{0, 1}) == 1

// decodeCongestion fills in the figures of one congestion control algorithm.
func (d *decoder) decodeCongestion(kind int, value []byte) (short bool) {
	c := &d.congestion
	us := func(v uint32) time.Duration { return time.Duration(v) * time.Microsecond }
	switch kind {
	case attrBBRInfo:
		var raw bbrInfo
		short = !loadAll(&raw, value)
		c.BBR = tcp.Known(tcp.BBR{
			Bandwidth:  uint64(raw.BandwidthHigh)<<32 | uint64(raw.BandwidthLow),
			MinRTT:     us(raw.MinRTT),
			PacingGain: raw.PacingGain,
			CwndGain:   raw.CwndGain,
		})
	case attrDCTCPInfo:
		var raw dctcpInfo
		short = !loadAll(&raw, value)
		c.DCTCP = tcp.Known(tcp.DCTCP{
			Enabled: raw.Enabled != 0, CEState: raw.CEState, Alpha: raw.Alpha, ECNBytes: raw.ABECN, AllBytes: raw.ABTot,
		})
	case attrVegasInfo:
		var raw vegasInfo
		short = !loadAll(&raw, value)
		c.Vegas = tcp.Known(tcp.Vegas{
			Enabled: raw.Enabled != 0, RTTCount: raw.RTTCount, RTT: us(raw.RTT), MinRTT: us(raw.MinRTT),
		})
	}
	return short
}

// decodeMemory fills in Memory. SKMEMINFO has all of it. MEMINFO, the older
// attribute, has a part, so it is used only without SKMEMINFO.
func (d *decoder) decodeMemory(kind int, value []byte) (short bool) {
	if kind == attrMemInfo {
		if d.socket.Memory != nil {
			return false
		}
		var raw inetDiagMemInfo
		short = !loadAll(&raw, value)
		d.memory = tcp.Memory{RecvAlloc: raw.RecvAlloc, SendQueued: raw.SendQueued,
			ForwardAlloc: raw.ForwardAlloc, SendAlloc: raw.SendAlloc}
		d.socket.Memory = &d.memory
		return short
	}
	var raw skMemInfo
	n := load(&raw, value)
	d.memory = tcp.Memory{
		RecvAlloc: raw.RecvAlloc, RecvBuffer: raw.RecvBuffer,
		SendAlloc: raw.SendAlloc, SendBuffer: raw.SendBuffer,
		ForwardAlloc: raw.ForwardAlloc, SendQueued: raw.SendQueued,
		OptionMemory: raw.OptionMemory, Backlog: raw.Backlog,
	}
	const withoutDrops, withDrops = 8 * 4, 9 * 4
	if n >= withDrops {
		d.memory.Drops = tcp.Known(raw.Drops)
	}
	d.socket.Memory = &d.memory
	return n < withoutDrops
}

// loadAll is like load, and reports whether b holds the whole structure.
func loadAll[T any](dst *T, b []byte) bool {
	return load(dst, b) == int(unsafe.Sizeof(*dst))
}

// name returns the C string in value. It allocates each name only once.
func (d *decoder) name(value []byte) string {
	for i, c := range value {
		if c == 0 {
			value = value[:i]
			break
		}
	}
	if name, ok := d.names[string(value)]; ok {
		return name
	}
	name := string(value)
	d.names[name] = name
	return name
}
