package ground

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"tcpstate/tcp"
)

// Entry is a socket as the kernel lists it, with only the fields that the lab
// needs. The lab decodes it itself, so that package sockdiag can be tested
// against it.
type Entry struct {
	Number       uint8 // the kernel's number of the state
	Family       tcp.Family
	Local, Peer  netip.AddrPort // without zones
	Timer        uint8
	Retransmits  uint8
	Expires      time.Duration
	RecvQ, SendQ uint32
	UID, Inode   uint32
	Interface    uint32
	Cookie       uint64
}

// Kernel lists the sockets of one family in the namespace whose state is in
// mask, a set of bits 1<<number (include/net/tcp_states.h).
func Kernel(family tcp.Family, mask uint32) ([]Entry, error) {
	var entries []Entry
	err := dump(family, mask, func(msg []byte) { entries = append(entries, parseEntry(family, msg)) })
	return entries, err
}

// Counts holds the number of sockets in each state, for each family.
type Counts map[tcp.Family]map[tcp.State]int

// Count counts the sockets of the namespace. BOUND_INACTIVE counts closed
// sockets that hold a port and have no peer. CLOSE counts those that had a
// peer.
func Count() (Counts, error) {
	counts := Counts{}
	for _, family := range []tcp.Family{tcp.IPv4, tcp.IPv6} {
		of := map[tcp.State]int{}
		err := dump(family, ^uint32(0), func(msg []byte) { of[entryState(msg)]++ })
		if err != nil {
			return nil, err
		}
		counts[family] = of
	}
	return counts, nil
}

// State returns the state. A closed socket without a peer is BOUND_INACTIVE.
func (e *Entry) State() tcp.State { return stateOf(e.Number, e.Peer.Port()) }

func stateOf(number uint8, peerPort uint16) tcp.State {
	state, _ := tcp.StateFromKernel(number)
	if state == tcp.Close && peerPort == 0 {
		return tcp.BoundInactive
	}
	return state
}

// listsInactive reports whether the kernel lists sockets in CLOSE and
// BOUND_INACTIVE, as Linux does from 6.8 on.
func listsInactive() bool {
	var name unix.Utsname
	var major, minor int
	if unix.Uname(&name) != nil {
		return false
	}
	if _, err := fmt.Sscanf(unix.ByteSliceToString(name.Release[:]), "%d.%d", &major, &minor); err != nil {
		return false
	}
	return major > 6 || major == 6 && minor >= 8
}

// The layout of struct inet_diag_msg (include/uapi/linux/inet_diag.h).
const (
	requestSize      = 56
	diagMsgSize      = 72
	sockDiagByFamily = 20
)

func entryState(msg []byte) tcp.State { return stateOf(msg[1], binary.BigEndian.Uint16(msg[6:])) }

func parseEntry(family tcp.Family, msg []byte) Entry {
	native := binary.NativeEndian
	addr := func(b []byte) netip.Addr {
		if family == tcp.IPv4 {
			return netip.AddrFrom4([4]byte(b))
		}
		return netip.AddrFrom16([16]byte(b))
	}
	return Entry{
		Number:      msg[1],
		Family:      family,
		Timer:       msg[2],
		Retransmits: msg[3],
		Local:       netip.AddrPortFrom(addr(msg[8:]), binary.BigEndian.Uint16(msg[4:])),
		Peer:        netip.AddrPortFrom(addr(msg[24:]), binary.BigEndian.Uint16(msg[6:])),
		Interface:   native.Uint32(msg[40:]),
		Cookie:      uint64(native.Uint32(msg[44:])) | uint64(native.Uint32(msg[48:]))<<32,
		Expires:     time.Duration(native.Uint32(msg[52:])) * time.Millisecond,
		RecvQ:       native.Uint32(msg[56:]),
		SendQ:       native.Uint32(msg[60:]),
		UID:         native.Uint32(msg[64:]),
		Inode:       native.Uint32(msg[68:]),
	}
}

// dump calls yield with the struct inet_diag_msg of each socket.
func dump(family tcp.Family, mask uint32, yield func(msg []byte)) error {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return fmt.Errorf("asking the kernel for %s sockets: %w", family, err)
	}
	defer unix.Close(fd)
	native := binary.NativeEndian
	request := make([]byte, unix.NLMSG_HDRLEN+requestSize)
	native.PutUint32(request[0:], uint32(len(request)))
	native.PutUint16(request[4:], sockDiagByFamily)
	native.PutUint16(request[6:], unix.NLM_F_REQUEST|unix.NLM_F_DUMP)
	request[unix.NLMSG_HDRLEN] = domain(family)
	request[unix.NLMSG_HDRLEN+1] = unix.IPPROTO_TCP
	native.PutUint32(request[unix.NLMSG_HDRLEN+4:], mask)
	if err := unix.Sendto(fd, request, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return fmt.Errorf("asking the kernel for %s sockets: %w", family, err)
	}
	buffer := make([]byte, 1<<15)
	for {
		n, err := unix.Read(fd, buffer)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return fmt.Errorf("listing %s sockets: %w", family, err)
		}
		for b := buffer[:n]; len(b) >= unix.NLMSG_HDRLEN; {
			size := int(native.Uint32(b))
			if size < unix.NLMSG_HDRLEN || size > len(b) {
				return fmt.Errorf("listing %s sockets: a message of %d bytes in %d", family, size, len(b))
			}
			switch body := b[unix.NLMSG_HDRLEN:size]; native.Uint16(b[4:]) {
			case unix.NLMSG_DONE:
				return nil
			case unix.NLMSG_ERROR:
				return fmt.Errorf("listing %s sockets: %w", family, unix.Errno(-int32(native.Uint32(body))))
			case sockDiagByFamily:
				if len(body) < diagMsgSize {
					return fmt.Errorf("listing %s sockets: a socket of %d bytes", family, len(body))
				}
				yield(body)
			}
			b = b[min(len(b), (size+3)&^3):]
		}
	}
}

// domain returns the address family as a number for socket(2).
func domain(family tcp.Family) uint8 {
	if family == tcp.IPv4 {
		return unix.AF_INET
	}
	return unix.AF_INET6
}
