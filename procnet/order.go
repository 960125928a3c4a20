package procnet

import (
	"encoding/binary"
	"net/netip"

	"tcpstate/tcp"
)

// Evidence is what the addresses of a table show about the byte order of the host
// that wrote it. The kernel prints an address as words in the order of its machine,
// so in the wrong order the bytes of each word are reversed.
type Evidence int

// The evidence.
const (
	NativeOrder Evidence = iota // nothing speaks against the order of this machine
	OtherOrder                  // some addresses exist only in the other order, none only in this one
	MaybeOther                  // 1.0.0.127 is among them, which is 127.0.0.1 in the other order
)

// scannedForOrder is how many sockets are read for the evidence.
const scannedForOrder = 100_000

// ByteOrder looks for evidence in the tables. A table that the kernel of this host
// makes needs none.
func (p *Proc) ByteOrder() Evidence {
	if p.isLive() {
		return NativeOrder
	}
	plain := *p
	plain.Order = nil
	native, other, loopback, n := false, false, false, 0 // addresses that exist only in that order
	for s, err := range plain.Sockets([]tcp.Family{tcp.IPv4, tcp.IPv6}) {
		if n++; n > scannedForOrder {
			break
		}
		if err != nil {
			continue
		}
		for _, address := range [...]netip.Addr{s.Local.Addr(), s.Peer.Addr()} {
			here, there := possible(address), possible(reversed(address))
			native = native || here && !there
			other = other || there && !here
			loopback = loopback || address == netip.AddrFrom4([4]byte{1, 0, 0, 127})
		}
	}
	switch {
	case other && !native:
		return OtherOrder
	case loopback && !native:
		return MaybeOther
	}
	return NativeOrder
}

// Reversed returns the byte order that is not that of this machine.
func Reversed() binary.ByteOrder {
	if binary.NativeEndian.Uint16([]byte{1, 0}) == 1 {
		return binary.BigEndian
	}
	return binary.LittleEndian
}

// reversed returns the address with the bytes of each word in the opposite order.
func reversed(a netip.Addr) netip.Addr {
	b := a.AsSlice()
	for i := 0; i+4 <= len(b); i += 4 {
		b[i], b[i+1], b[i+2], b[i+3] = b[i+3], b[i+2], b[i+1], b[i]
	}
	r, _ := netip.AddrFromSlice(b)
	return r
}

// possible reports whether a TCP socket can have the address. Of IPv4 these are all
// but 0.0.0.0/8 without 0.0.0.0 itself, multicast and reserved addresses (RFC 6890).
// Of IPv6 they are the unspecified and the loopback address, addresses that stand for
// IPv4, and global, unique local and link-local ones (RFC 4291, RFC 4193, RFC 6052).
func possible(a netip.Addr) bool {
	switch {
	case a.IsUnspecified():
		return true
	case a.Is4():
		first := a.As4()[0]
		return first != 0 && first < 224
	case a.Is4In6(), a.IsLoopback():
		return true
	}
	b := a.As16()
	switch first := binary.BigEndian.Uint16(b[:]); {
	case first == 0x64:
		return b[2] == 0xff && b[3] == 0x9b
	case first == 0xfc00|first&0x1ff, first == 0xfe80|first&0x7f:
		return true
	default:
		return first>>13 == 1
	}
}
