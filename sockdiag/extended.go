package sockdiag

import (
	"encoding/binary"
	"iter"
	"net/netip"
	"unsafe"

	"tcpstate/tcp"
)

// walk yields the type and value of each attribute in b. If the length of an
// attribute does not fit, walk yields its offset with a nil value, and ends.
func walk(b []byte) iter.Seq2[int, []byte] {
	return func(yield func(int, []byte) bool) {
		for offset := 0; offset+nlattrLen <= len(b); {
			length := int(binary.NativeEndian.Uint16(b[offset:]))
			kind := int(binary.NativeEndian.Uint16(b[offset+2:])) & nlattrTypeMask
			if length < nlattrLen || offset+length > len(b) {
				yield(offset, nil)
				return
			}
			if !yield(kind, b[offset+nlattrLen:offset+length]) {
				return
			}
			offset += align(length)
		}
	}
}

// decodeExtended fills in the fields of Extended that one attribute holds.
func (d *decoder) decodeExtended(kind int, value []byte) (short bool) {
	x := &d.extended
	switch kind {
	case attrShutdown:
		var v uint8
		short = !loadAll(&v, value)
		x.Shutdown = tcp.Known(tcp.Shutdown(v))
	case attrTOS:
		short = !loadKnown(&x.TOS, value)
	case attrTClass:
		short = !loadKnown(&x.TrafficClass, value)
	case attrMark:
		short = !loadKnown(&x.Mark, value)
	case attrClassID:
		short = !loadKnown(&x.ClassID, value)
	case attrProtocol:
		short = !loadKnown(&x.Protocol, value)
	case attrCgroupID:
		short = !loadAll(&x.CgroupID, value)
	case attrSkV6Only:
		var v uint8
		short = !loadAll(&v, value)
		x.V6Only = tcp.Known(v != 0)
	case attrSockOpt:
		var v [2]byte // struct inet_diag_sockopt, two bytes of bit fields
		short = !loadAll(&v, value)
		x.Options = tcp.Known(socketOptions(v))
	case attrMD5Sig:
		return d.decodeMD5(value)
	case attrULPInfo:
		return d.decodeULP(value)
	}
	return short
}

// loadKnown reads one integer, and reports whether value holds the whole
// integer.
func loadKnown[T uint8 | uint32](dst *tcp.Optional[T], value []byte) bool {
	var v T
	ok := loadAll(&v, value)
	*dst = tcp.Known(v)
	return ok
}

// socketOptions reads struct inet_diag_sockopt: eleven bit fields of one bit.
func socketOptions(b [2]byte) tcp.SocketOptions {
	var options tcp.SocketOptions
	for i := range 11 {
		if bitField(uint64(b[i/8]), 8, i%8, 1) != 0 {
			options |= 1 << i
		}
	}
	return options
}

// decodeMD5 reads an array of struct tcp_diag_md5sig. Entries without a family
// are unused entries of the kernel's array.
func (d *decoder) decodeMD5(value []byte) (short bool) {
	var raw md5Sig
	const size = int(unsafe.Sizeof(raw))
	for ; len(value) >= size; value = value[size:] {
		load(&raw, value)
		var addr netip.Addr
		switch raw.Family {
		case familyInet:
			addr = netip.AddrFrom4([4]byte(raw.Addr[:4]))
		case familyInet6:
			addr = netip.AddrFrom16(raw.Addr)
		default:
			continue
		}
		prefix := netip.PrefixFrom(addr, int(raw.PrefixLen))
		d.extended.MD5Keys = append(d.extended.MD5Keys, tcp.MD5Key{Prefix: prefix, Length: raw.KeyLen})
	}
	return len(value) > 0
}

// decodeULP reads the nested attributes of an upper-layer protocol.
func (d *decoder) decodeULP(value []byte) (short bool) {
	for kind, v := range walk(value) {
		switch {
		case v == nil:
			return true
		case kind == attrULPInfoName:
			d.extended.ULP = d.name(v)
		case kind == attrULPInfoTLS:
			d.tls = tcp.TLS{}
			d.extended.TLS = &d.tls
			short = short || d.decodeTLS(v)
		case kind == attrULPInfoMPTCP:
			d.mptcp = tcp.MPTCP{}
			d.extended.MPTCP = &d.mptcp
			short = short || d.decodeMPTCP(v)
		}
	}
	return short
}

func (d *decoder) decodeTLS(value []byte) (short bool) {
	for kind, v := range walk(value) {
		ok := true
		switch {
		case v == nil:
			return true
		case kind == tlsVersion:
			ok = loadAll(&d.tls.Version, v)
		case kind == tlsCipher:
			ok = loadAll(&d.tls.Cipher, v)
		case kind == tlsSendConf:
			ok = loadAll(&d.tls.SendConf, v)
		case kind == tlsRecvConf:
			ok = loadAll(&d.tls.RecvConf, v)
		case kind == tlsZeroCopy: // a flag attribute has no value: it is set if it is present
			d.tls.ZeroCopy = true
		case kind == tlsNoPad:
			d.tls.NoPad = true
		}
		short = short || !ok
	}
	return short
}

func (d *decoder) decodeMPTCP(value []byte) (short bool) {
	m := &d.mptcp
	for kind, v := range walk(value) {
		ok := true
		switch {
		case v == nil:
			return true
		case kind == mptcpTokenRemote:
			ok = loadAll(&m.TokenRemote, v)
		case kind == mptcpTokenLocal:
			ok = loadAll(&m.TokenLocal, v)
		case kind == mptcpRelativeSeq:
			ok = loadAll(&m.RelativeSeq, v)
			m.Mapped = true
		case kind == mptcpMapSeq:
			ok = loadAll(&m.MapSeq, v)
		case kind == mptcpMapSubflowSeq:
			ok = loadAll(&m.MapSubflowSeq, v)
		case kind == mptcpSubflowOffset:
			ok = loadAll(&m.SubflowOffset, v)
		case kind == mptcpMapDataLength:
			ok = loadAll(&m.MapDataLength, v)
		case kind == mptcpFlags:
			ok = loadAll(&m.Flags, v)
		case kind == mptcpRemoteID:
			ok = loadAll(&m.RemoteID, v)
		case kind == mptcpLocalID:
			ok = loadAll(&m.LocalID, v)
		}
		short = short || !ok
	}
	return short
}
