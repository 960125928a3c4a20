package ground

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"tcpstate/tcp"
)

// Socket describes a socket that the lab has made and the kernel has confirmed.
type Socket struct {
	Name   string // the difference to others in the same state, such as "fin unread"
	State  tcp.State
	Family tcp.Family
	Local  netip.AddrPort // a link-local address has a zone
	Peer   netip.AddrPort // for a listener and a bound socket the unspecified address, port 0
	Inode  uint32         // 0 if no descriptor refers to it

	// It entered its state between After and Before.
	After, Before time.Time

	// The kernel's report when it confirmed the socket.
	Kernel Entry
}

// String returns the socket on one line.
func (s Socket) String() string {
	return fmt.Sprintf("%s (%s) %s > %s", s.State, s.Name, s.Local, s.Peer)
}

// States makes at least one socket of each state in both families. For some
// states it makes several kinds, which a program must tell apart. The sockets
// stay until the lab is closed or a timer of the kernel ends them: TIME_WAIT
// and the small FIN_WAIT2 last 60 s, and those that wait for an answer last 63
// s (SYN_RECV) or longer. Where the kernel does not list sockets in CLOSE and
// BOUND_INACTIVE (before Linux 6.8), the function makes them and does not return
// them.
func (l *Lab) States() ([]Socket, error) {
	var all []Socket
	for _, family := range []tcp.Family{tcp.IPv4, tcp.IPv6} {
		m, err := newMaker(l, family)
		if err != nil {
			return nil, fmt.Errorf("making %s states: %w", family, err)
		}
		for _, step := range m.steps() {
			m.name, m.began = step.name, time.Now()
			if err := step.make(); err != nil {
				return nil, fmt.Errorf("making %s %q: %w", family, step.name, err)
			}
		}
		all = append(all, m.made...)
	}
	return all, nil
}

// maker makes the states of one family.
type maker struct {
	l        *Lab
	family   tcp.Family
	host     netip.Addr // the kernel's end of the wire
	loopback netip.Addr
	listener int            // accepts the connections of peers
	at       netip.AddrPort // the listener's address
	peers    int            // the number of peers so far

	name  string    // the name of the present step
	began time.Time // when the present step, or its last state, began
	made  []Socket
}

func newMaker(l *Lab, family tcp.Family) (*maker, error) {
	m := &maker{l: l, family: family, host: Host4, loopback: netip.MustParseAddr("127.0.0.1")}
	if family == tcp.IPv6 {
		m.host, m.loopback = Host6, netip.IPv6Loopback()
	}
	m.began = time.Now()
	fd, at, err := Listening(netip.AddrPortFrom(m.host, 0), 64)
	if err != nil {
		return nil, err
	}
	l.keep(fd)
	m.listener, m.at, m.name = fd, at, "empty queue"
	return m, m.confirm(tcp.Listen, fd, at, unspecified(family))
}

// step is one way to make sockets.
type step struct {
	name string
	make func() error
}

// steps lists the states in the order of a connection's life.
func (m *maker) steps() []step {
	steps := []step{
		{"waiting connections", m.acceptQueue},
		{"silent peer", m.synSent},
		{"no last ack", m.synRecv},
		{"over the loopback", m.pair},
		{"idle", m.established},
		{"unread data", m.unreadData},
		{"unacknowledged data", m.unackedData},
		{"zero window", m.zeroWindow},
		{"keepalive", m.keepalive},
		{"owned, fin unacknowledged", func() error { return m.halfClosed(false, tcp.FinWait1) }},
		{"orphan, fin unacknowledged", func() error { return m.closed(tcp.FinWait1) }},
		{"owned, half-closed", func() error { return m.halfClosed(true, tcp.FinWait2) }},
		{"orphan, small", func() error { return m.closedAcked(0) }},
		{"orphan, full", func() error { return m.closedAcked(110) }},
		{"orphan, both closed at once", m.closing},
		{"orphan, quiet", m.timeWait},
		{"fin unread", func() error { return m.closeWait(nil, false) }},
		{"data and fin unread", func() error { return m.closeWait([]byte("farewell"), false) }},
		{"end of file read", func() error { return m.closeWait(nil, true) }},
		{"orphan, fin unacknowledged after the peer's", m.lastAck},
		{"reset, still bound", m.reset},
		{"bound", m.boundInactive},
	}
	if m.family == tcp.IPv6 {
		steps = append(steps,
			step{"dual-stack", m.mapped},
			step{"link-local", m.linkLocal})
	}
	return steps
}

// peerAt returns an address for the next peer of the maker.
func (m *maker) peerAt() netip.AddrPort {
	m.peers++
	addr := netip.AddrFrom4([4]byte{10, 1, 0, byte(m.peers)})
	if m.family == tcp.IPv6 {
		addr = netip.AddrFrom16([16]byte{0xfd, 0x01, 15: byte(m.peers)})
	}
	return netip.AddrPortFrom(addr, uint16(40000+m.peers))
}

// connection returns a socket that is connected to a hand-made peer.
func (m *maker) connection() (fd int, p *Peer, err error) {
	if p, err = m.l.Dial(m.peerAt(), m.at); err != nil {
		return -1, nil, err
	}
	fd, err = accept(m.listener)
	return fd, p, err
}

// kept is like connection, and keeps the descriptor open until the lab closes.
func (m *maker) kept() (int, *Peer, error) {
	fd, p, err := m.connection()
	if err == nil {
		m.l.keep(fd)
	}
	return fd, p, err
}

// closedSocket is like connection, and closes the socket: the FIN has been
// sent.
func (m *maker) closedSocket() (*Peer, error) {
	fd, p, err := m.connection()
	if err != nil {
		return nil, err
	}
	m.began = time.Now()
	if err := unix.Close(fd); err != nil {
		return nil, err
	}
	_, err = p.Expect(FIN)
	return p, err
}

func (m *maker) acceptQueue() error {
	fd, at, err := Listening(netip.AddrPortFrom(m.host, 0), 8)
	if err != nil {
		return err
	}
	m.l.keep(fd)
	for range 2 {
		p, err := m.l.Dial(m.peerAt(), at)
		if err != nil {
			return err
		}
		if err := m.confirm(tcp.Established, -1, at, p.Addr); err != nil {
			return err
		}
	}
	return m.confirm(tcp.Listen, fd, at, unspecified(m.family), func(e Entry) bool { return e.RecvQ == 2 })
}

// confirm waits until the kernel lists a socket with these addresses in this
// state, for which all conditions are true, and adds it to m.made. It returns
// an error if that takes longer than Patience. fd is -1 if no descriptor refers
// to the socket.
func (m *maker) confirm(state tcp.State, fd int, local, peer netip.AddrPort, conditions ...func(Entry) bool) error {
	s := Socket{Name: m.name, State: state, Family: m.family, Local: local, Peer: peer, After: m.began}
	if local.Addr().Is4() {
		s.Family = tcp.IPv4
	}
	if fd >= 0 {
		inode, err := inodeOf(fd)
		if err != nil {
			return err
		}
		s.Inode = inode
	}
	deadline := time.Now().Add(Patience)
	for {
		entries, err := Kernel(s.Family, tcp.Set(state).KernelMask())
		if err != nil {
			return err
		}
		s.Before = time.Now()
		for _, e := range entries {
			fits := e.State() == state && e.Local == unzoned(local) && e.Peer == unzoned(peer) && e.Inode == s.Inode
			if fits && !slices.ContainsFunc(conditions, func(ok func(Entry) bool) bool { return !ok(e) }) {
				s.Kernel = e
				m.made = append(m.made, s)
				return nil
			}
		}
		if s.Before.After(deadline) {
			return fmt.Errorf("the kernel lists no %s with inode %d among %+v", s, s.Inode, entries)
		}
		time.Sleep(time.Millisecond)
	}
}

func unzoned(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().WithZone(""), a.Port())
}
