package sockdiag

import (
	"encoding/binary"
	"net/netip"
	"unsafe"
)

// The tests build the kernel's messages from the same structures with which the
// decoder reads them. kernel_test.go shows on real sockets that these
// structures are the kernel's own.

// attribute returns a netlink attribute, padded.
func attribute(kind int, value []byte) []byte {
	b := make([]byte, nlattrLen, align(nlattrLen+len(value)))
	binary.NativeEndian.PutUint16(b, uint16(nlattrLen+len(value)))
	binary.NativeEndian.PutUint16(b[2:], uint16(kind))
	b = append(b, value...)
	return b[:cap(b)]
}

// brokenAttribute returns the header of an attribute that claims to be length
// bytes long.
func brokenAttribute(length int) []byte {
	b := attribute(attrTOS, nil)
	binary.NativeEndian.PutUint16(b, uint16(length))
	return b
}

// bytesOf returns the bytes of one of the kernel's structures or integers.
func bytesOf[T any](v T) []byte {
	return append([]byte(nil), unsafe.Slice((*byte)(unsafe.Pointer(&v)), unsafe.Sizeof(v))...)
}

// join concatenates byte slices.
func join(parts ...[]byte) []byte {
	var b []byte
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}

// netlinkMessage returns a message with its header, padded.
func netlinkMessage(kind, flags uint16, seq uint32, payload []byte) []byte {
	b := make([]byte, nlmsgHeaderLen, align(nlmsgHeaderLen+len(payload)))
	binary.NativeEndian.PutUint32(b, uint32(nlmsgHeaderLen+len(payload)))
	binary.NativeEndian.PutUint16(b[4:], kind)
	binary.NativeEndian.PutUint16(b[6:], flags)
	binary.NativeEndian.PutUint32(b[8:], seq)
	b = append(b, payload...)
	return b[:cap(b)]
}

// message returns the base message of a socket between two addresses.
func message(state uint8, local, peer string) inetDiagMsg {
	l, p := netip.MustParseAddrPort(local), netip.MustParseAddrPort(peer)
	msg := inetDiagMsg{Family: familyInet, State: state}
	if l.Addr().Is6() {
		msg.Family = familyInet6
	}
	copy(msg.ID.Src[:], l.Addr().AsSlice())
	copy(msg.ID.Dst[:], p.Addr().AsSlice())
	binary.BigEndian.PutUint16(msg.ID.SrcPort[:], l.Port())
	binary.BigEndian.PutUint16(msg.ID.DstPort[:], p.Port())
	return msg
}

// errno returns the payload of NLMSG_ERROR or NLMSG_DONE.
func errno(code int32) []byte { return bytesOf(-code) }
