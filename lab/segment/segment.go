// Package segment is a TCP segment as bytes: it builds IP packets with TCP in
// them and parses them. It imports only the standard library, and both the lab
// of the tests and the command tcpstate lab use it.
package segment

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// Flags are the control bits of a TCP segment (RFC 9293 section 3.1).
type Flags uint8

// The control bits.
const (
	FIN Flags = 1 << iota
	SYN
	RST
	PSH
	ACK
	URG
	ECE
	CWR
)

// String returns the names of the bits, such as "SYN,ACK".
func (f Flags) String() string { return strings.Join(f.Names(), ",") }

// Names returns the names of the bits.
func (f Flags) Names() []string {
	names := []string{}
	for i, name := range []string{"FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"} {
		if f&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return names
}

// Segment is one TCP segment with its source and destination.
type Segment struct {
	Src, Dst netip.AddrPort
	Flags    Flags
	Seq, Ack uint32
	Window   uint16 // the value on the wire, not scaled
	Options  []byte // complete options; padded to a multiple of 4 when sent
	Payload  []byte
}

// Len returns how many sequence numbers the segment takes: one for each byte,
// one for SYN and one for FIN (SEG.LEN, RFC 9293 section 3.4).
func (s *Segment) Len() uint32 {
	n := uint32(len(s.Payload))
	if s.Flags&SYN != 0 {
		n++
	}
	if s.Flags&FIN != 0 {
		n++
	}
	return n
}

// String returns the segment on one line, such as
// "10.0.0.9:4000 > 10.77.0.1:80 [SYN] seq 1000 ack 0 win 65535 len 0".
func (s Segment) String() string {
	return fmt.Sprintf("%s > %s [%s] seq %d ack %d win %d len %d",
		s.Src, s.Dst, s.Flags, s.Seq, s.Ack, s.Window, len(s.Payload))
}

const (
	ip4Header, ip6Header, tcpHeader = 20, 40, 20
	protocolTCP                     = 6
)

// AppendPacket appends the segment as a packet, IPv4 or IPv6 according to the
// family of Src, with the checksums of RFC 791 and RFC 9293 section 3.1.
func (s *Segment) AppendPacket(b []byte) ([]byte, error) {
	src, dst := s.Src.Addr(), s.Dst.Addr()
	options := (len(s.Options) + 3) &^ 3
	size := tcpHeader + options + len(s.Payload)
	if src.Is4() != dst.Is4() || !src.IsValid() || !dst.IsValid() {
		return nil, fmt.Errorf("building segment %s: addresses of two families", s)
	}
	if options > 40 || size > 0xffff-ip4Header {
		return nil, fmt.Errorf("building segment %s: too long", s)
	}
	start := len(b)
	if src.Is4() {
		b = append(b, 0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, protocolTCP, 0, 0) // do not fragment; 64 hops
		b = append(append(b, src.AsSlice()...), dst.AsSlice()...)
		header := b[start:]
		binary.BigEndian.PutUint16(header[2:], uint16(ip4Header+size))
		binary.BigEndian.PutUint16(header[10:], fold(sum(0, header)))
	} else {
		b = append(b, 0x60, 0, 0, 0, byte(size>>8), byte(size), protocolTCP, 64)
		b = append(append(b, src.AsSlice()...), dst.AsSlice()...)
	}
	addresses := b[len(b)-2*src.BitLen()/8:]
	start = len(b)
	b = binary.BigEndian.AppendUint16(b, s.Src.Port())
	b = binary.BigEndian.AppendUint16(b, s.Dst.Port())
	b = binary.BigEndian.AppendUint32(b, s.Seq)
	b = binary.BigEndian.AppendUint32(b, s.Ack)
	b = append(b, byte((tcpHeader+options)/4)<<4, byte(s.Flags))
	b = binary.BigEndian.AppendUint16(b, s.Window)
	b = append(b, 0, 0, 0, 0) // checksum, urgent pointer
	b = append(b, s.Options...)
	b = append(b, make([]byte, options-len(s.Options))...)
	b = append(b, s.Payload...)
	pseudo := sum(uint32(size)+protocolTCP, addresses)
	binary.BigEndian.PutUint16(b[start+16:], fold(sum(pseudo, b[start:])))
	return b, nil
}

// sum adds the 16-bit words of b to so, the ones' complement sum of the bytes
// before b.
func sum(so uint32, b []byte) uint32 {
	for ; len(b) >= 2; b = b[2:] {
		so += uint32(b[0])<<8 | uint32(b[1])
	}
	if len(b) == 1 {
		so += uint32(b[0]) << 8
	}
	return so
}

// fold returns the checksum for a ones' complement sum.
func fold(sum uint32) uint16 {
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

// ErrNotTCP means that a packet is not TCP.
var ErrNotTCP = errors.New("not a TCP segment")

// ParsePacket reads an IP packet, IPv4 or IPv6. It does not verify checksums, because the
// kernel leaves the checksums of its own packets to the device. Options and
// Payload alias b.
func ParsePacket(b []byte) (Segment, error) {
	if len(b) < ip4Header {
		return Segment{}, fmt.Errorf("parsing packet: %d bytes", len(b))
	}
	var src, dst netip.Addr
	switch b[0] >> 4 {
	case 4:
		header, total := int(b[0]&0xf)*4, int(binary.BigEndian.Uint16(b[2:]))
		if header < ip4Header || total < header || len(b) < total {
			return Segment{}, fmt.Errorf("parsing packet: header %d, total %d of %d bytes", header, total, len(b))
		}
		if b[9] != protocolTCP {
			return Segment{}, ErrNotTCP
		}
		src, dst = netip.AddrFrom4([4]byte(b[12:])), netip.AddrFrom4([4]byte(b[16:]))
		b = b[header:total]
	case 6:
		if len(b) < ip6Header {
			return Segment{}, fmt.Errorf("parsing packet: %d bytes", len(b))
		}
		total := ip6Header + int(binary.BigEndian.Uint16(b[4:]))
		if len(b) < total {
			return Segment{}, fmt.Errorf("parsing packet: %d of %d bytes", len(b), total)
		}
		if b[6] != protocolTCP {
			return Segment{}, ErrNotTCP
		}
		src, dst = netip.AddrFrom16([16]byte(b[8:])), netip.AddrFrom16([16]byte(b[24:]))
		b = b[ip6Header:total]
	default:
		return Segment{}, ErrNotTCP
	}
	if len(b) < tcpHeader {
		return Segment{}, fmt.Errorf("parsing segment: %d bytes", len(b))
	}
	offset := int(b[12]>>4) * 4
	if offset < tcpHeader || offset > len(b) {
		return Segment{}, fmt.Errorf("parsing segment: data offset %d of %d bytes", offset, len(b))
	}
	return Segment{
		Src:     netip.AddrPortFrom(src, binary.BigEndian.Uint16(b)),
		Dst:     netip.AddrPortFrom(dst, binary.BigEndian.Uint16(b[2:])),
		Seq:     binary.BigEndian.Uint32(b[4:]),
		Ack:     binary.BigEndian.Uint32(b[8:]),
		Flags:   Flags(b[13]),
		Window:  binary.BigEndian.Uint16(b[14:]),
		Options: b[tcpHeader:offset],
		Payload: b[offset:],
	}, nil
}
