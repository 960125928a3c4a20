package filter

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"tcpstate/tcp"
)

// Entry has the fields of a socket that a program can test (struct
// inet_diag_entry, net/ipv4/inet_diag.c).
type Entry struct {
	Family    tcp.Family
	Local     netip.AddrPort
	Peer      netip.AddrPort
	Autobound bool
	Interface uint32
	Mark      uint32
	Cgroup    uint64
}

// Run runs the program as the kernel does (inet_diag_bc_run in
// net/ipv4/inet_diag.c) and reports whether it selects the socket. With it,
// tests can run programs without a kernel.
func (p Program) Run(e Entry) bool {
	at := 0
	for at < len(p.code) {
		i := instructionAt(p.code, at)
		if i.holds(&e) {
			at += i.yes
		} else {
			at += i.no
		}
	}
	return at == len(p.code)
}

func (i instruction) holds(e *Entry) bool {
	switch i.op {
	case opJump:
		return false
	case opSourceAtLeast:
		return e.Local.Port() >= i.port()
	case opSourceAtMost:
		return e.Local.Port() <= i.port()
	case opSourceEqual:
		return e.Local.Port() == i.port()
	case opPeerAtLeast:
		return e.Peer.Port() >= i.port()
	case opPeerAtMost:
		return e.Peer.Port() <= i.port()
	case opPeerEqual:
		return e.Peer.Port() == i.port()
	case opAutobound:
		return e.Autobound
	case opSourceCond:
		return i.holdsOf(e.Family, e.Local)
	case opPeerCond:
		return i.holdsOf(e.Family, e.Peer)
	case opDevice:
		return e.Interface == binary.NativeEndian.Uint32(i.data)
	case opMark:
		return e.Mark&binary.NativeEndian.Uint32(i.data[4:]) == binary.NativeEndian.Uint32(i.data)
	case opCgroup:
		return e.Cgroup == binary.NativeEndian.Uint64(i.data)
	}
	return true // like the kernel, which does not check for unknown instructions here
}

// holdsOf compares an address and a port as the kernel does, by the bytes of
// the address.
func (i instruction) holdsOf(family tcp.Family, end netip.AddrPort) bool {
	wanted, bits := i.data[0], int(i.data[1])
	if port := int32(binary.NativeEndian.Uint32(i.data[4:])); port != anyPort && port != int32(end.Port()) {
		return false
	}
	addr := end.Addr().AsSlice()
	switch {
	case wanted == afInet && family == tcp.IPv6:
		return [12]byte(addr) == [12]byte{10: 0xff, 11: 0xff} && sameBits(addr[12:], i.data[hostHeaderLen:], bits)
	case wanted != afUnspec && (wanted == afInet6) != (family == tcp.IPv6):
		return false
	}
	return sameBits(addr, i.data[hostHeaderLen:], bits)
}

func sameBits(a, b []byte, bits int) bool {
	for i := range bits {
		if bit := byte(0x80) >> (i % 8); a[i/8]&bit != b[i/8]&bit {
			return false
		}
	}
	return true
}

// Audit checks a program by the rules of the kernel (inet_diag_bc_audit in
// net/ipv4/inet_diag.c). A kernel answers EINVAL to a program that breaks them.
func (p Program) Audit() error {
	if len(p.code) < headerLen {
		return errors.New("the program is shorter than an instruction")
	}
	starts := map[int]bool{}
	for at := 0; at < len(p.code); {
		room := len(p.code) - at
		if room < headerLen {
			return fmt.Errorf("at %d: half an instruction", at)
		}
		starts[at] = true
		i := instructionAt(p.code, at)
		least, err := i.leastLength(room)
		switch {
		case err != nil:
			return fmt.Errorf("at %d: %w", at, err)
		case i.op != opNop && (i.no < least || i.no > room+headerLen || i.no%4 != 0):
			return fmt.Errorf("at %d: \"no\" leads %d bytes on", at, i.no)
		case i.yes < least || i.yes > room+headerLen || i.yes%4 != 0:
			return fmt.Errorf("at %d: \"yes\" leads %d bytes on", at, i.yes)
		}
		at += i.yes
		if at > len(p.code) {
			return errors.New("the last instruction leads past the end")
		}
	}
	for at := range starts {
		if i := instructionAt(p.code, at); i.op != opNop && at+i.no < len(p.code) && !starts[at+i.no] {
			return fmt.Errorf("at %d: \"no\" leads into an instruction", at)
		}
	}
	return nil
}

// leastLength returns the minimum length of an instruction with its data.
func (i instruction) leastLength(room int) (int, error) {
	n := headerLen
	switch i.op {
	case opNop, opJump, opAutobound:
	case opSourceAtLeast, opSourceAtMost, opSourceEqual, opPeerAtLeast, opPeerAtMost, opPeerEqual, opDevice:
		n += 4
	case opMark, opCgroup:
		n += 8
	case opSourceCond, opPeerCond:
		n += hostHeaderLen
		if n > room || len(i.data) < hostHeaderLen {
			return 0, errors.New("a condition on a host is cut short")
		}
		length, ok := map[byte]int{afUnspec: 0, afInet: 4, afInet6: 16}[i.data[0]]
		if !ok {
			return 0, fmt.Errorf("address family %d", i.data[0])
		}
		n += length
		if int(i.data[1]) > 8*length {
			return 0, fmt.Errorf("a prefix of %d bits in an address of %d bytes", i.data[1], length)
		}
	default:
		return 0, fmt.Errorf("instruction %d is not known", i.op)
	}
	if n > room {
		return 0, errors.New("an instruction is cut short")
	}
	return n, nil
}
