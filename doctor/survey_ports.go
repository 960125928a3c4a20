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
	hash := v.destinations.add(to, s.State == tcp.TimeWait, pid)
	if v.deferred && s.Owner.Inode != 0 && pid == 0 {
		v.outgoing = append(v.outgoing, outward{s.Owner.Inode, uint32(hash)})
	}
}

// outward is an outgoing connection that came without its processes.
type outward struct {
	inode uint32
	hash  uint32 // of its destination
}

// wantDestinations notes that a finding depends on the processes that talk to an
// address.
func (o *Observation) wantDestinations(peer netip.Addr) {
	v := o.Survey
	if o.wanted == nil {
		return
	}
	o.wanted.ports = true
	hashes := make(map[uint32]bool)
	for i := range v.destinations.entries {
		if key := v.destinations.entries[i].key; key.peer.Addr() == peer {
			hashes[uint32(v.destinations.hash(key))] = true
		}
	}
	for _, c := range v.outgoing {
		if hashes[c.hash] {
			o.wanted.add(c.inode)
		}
	}
}

// attributePorts adds the processes of the connections that use local ports, as
// far as they were found.
func (v *Survey) attributePorts(owners Owners) {
	entries := make(map[uint32]*entry[destination])
	for i := range v.destinations.entries {
		e := &v.destinations.entries[i]
		entries[uint32(v.destinations.hash(e.key))] = e
	}
	for _, c := range v.outgoing {
		e, list := entries[c.hash], owners.Of(c.inode)
		if e == nil || len(list) == 0 {
			continue
		}
		if e.pid == 0 {
			e.pid = int32(list[0].PID)
		}
		e.pids.add(list[0].PID)
	}
	for _, use := range v.localPorts {
		for _, inode := range use.inodes {
			if list := owners.Of(inode); len(list) > 0 {
				use.pids.add(list[0].PID)
			}
		}
	}
}

// portUse is which local ports of one local address sockets have that were not
// accepted.
type portUse struct {
	used     portSet
	distinct int
	sockets  int
	pids     pids
	inodes   []uint32 // of the sockets that came without their processes
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
	} else if v.deferred && s.Owner.Inode != 0 {
		use.inodes = append(use.inodes, s.Owner.Inode)
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
