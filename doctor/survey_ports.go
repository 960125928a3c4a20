package doctor

import (
	"cmp"
	"encoding/binary"
	"hash/maphash"
	"net/netip"

	"tcpstate/lifecycle"
	"tcpstate/tcp"
)

// This file counts the local ports that connections use.

// destination is a local address and a peer. Each outgoing connection to the
// same destination needs a different local port.
type destination struct {
	local netip.Addr
	peer  netip.AddrPort
}

// hashDestination returns a hash function with a secret, because peers may be
// able to choose the addresses to which a program connects. It ignores the
// interface of a link-local address.
func hashDestination(secret maphash.Seed) func(destination) uint64 {
	return func(d destination) uint64 {
		var b [34]byte
		local, peer := d.local.As16(), d.peer.Addr().As16()
		copy(b[:16], local[:])
		copy(b[16:32], peer[:])
		binary.LittleEndian.PutUint16(b[32:], d.peer.Port())
		return maphash.Bytes(secret, b[:])
	}
}

func compareDestinations(a, b destination) int {
	return cmp.Or(a.local.Compare(b.local), a.peer.Compare(b.peer))
}

// addOutgoing counts a connection that uses a local port for its destination.
func (v *Survey) addOutgoing(s *tcp.Socket) {
	pid := 0
	if len(s.Processes) > 0 {
		pid = s.Processes[0].PID
	}
	// IPv4 over an IPv6 socket uses the same ports as IPv4.
	to := destination{s.Local.Addr().Unmap(), netip.AddrPortFrom(s.Peer.Addr().Unmap(), s.Peer.Port())}
	v.destinations.add(to, s.State == tcp.TimeWait, pid)
}

// portUse is which local ports of one local address sockets have that were not
// accepted.
type portUse struct {
	used     portSet
	distinct int
	sockets  int
	pids     pids
}

// addLocalPort counts a socket that has a local port of the range.
func (v *Survey) addLocalPort(s *tcp.Socket) {
	local := s.Local.Addr().Unmap()
	if local != v.lastAddress {
		use := v.localPorts[local]
		if use == nil && len(v.localPorts) < maxLocalAddresses {
			use = new(portUse)
			v.localPorts[local] = use
		}
		v.lastAddress, v.lastUse = local, use
	}
	use := v.lastUse
	if use == nil {
		return
	}
	use.sockets++
	if port := s.Local.Port(); !use.used.has(port) {
		use.used.set(port)
		use.distinct++
	}
	if len(s.Processes) > 0 {
		use.pids.add(s.Processes[0].PID)
	}
}

// portSet is a set of ports.
type portSet [1 << 16 / 64]uint64

func (p *portSet) has(port uint16) bool { return p[port/64]&(1<<(port%64)) != 0 }

func (p *portSet) set(port uint16) { p[port/64] |= 1 << (port % 64) }

func (p *portSet) add(r lifecycle.PortRange) {
	for port := int(r.First); port <= int(r.Last); port++ {
		p.set(uint16(port))
	}
}

func (p *portSet) remove(r lifecycle.PortRange) {
	for port := int(r.First); port <= int(r.Last); port++ {
		p[port/64] &^= 1 << (port % 64)
	}
}
