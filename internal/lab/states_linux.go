package lab

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
// s (SYN_RECV) or longer.
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
	fd, at, err := listening(netip.AddrPortFrom(m.host, 0), 64)
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
	fd, at, err := listening(netip.AddrPortFrom(m.host, 0), 8)
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

func (m *maker) synSent() error {
	peer := m.peerAt()
	fd, err := connecting(peer)
	if err != nil {
		return err
	}
	m.l.keep(fd)
	at, err := localAddr(fd)
	if err != nil {
		return err
	}
	return m.confirm(tcp.SynSent, fd, at, peer)
}

func (m *maker) synRecv() error {
	p, err := m.l.Peer(m.peerAt())
	if err != nil {
		return err
	}
	p.Host = m.at
	if err := p.Send(SYN, nil); err != nil {
		return err
	}
	if _, err := p.Expect(SYN | ACK); err != nil {
		return err
	}
	return m.confirm(tcp.SynRecv, -1, m.at, p.Addr)
}

func (m *maker) pair() error {
	listener, at, err := listening(netip.AddrPortFrom(m.loopback, 0), 1)
	if err != nil {
		return err
	}
	defer unix.Close(listener)
	return m.connect(listener, at, at)
}

// connect connects to a listener over the loopback and confirms both ends. seen
// is the local address that its accepted sockets show.
func (m *maker) connect(listener int, at, seen netip.AddrPort) error {
	client, err := connected(at)
	if err != nil {
		return err
	}
	m.l.keep(client)
	server, err := accept(listener)
	if err != nil {
		return err
	}
	m.l.keep(server)
	from, err := localAddr(client)
	if err != nil {
		return err
	}
	seenFrom := from
	if seen.Addr() != at.Addr() {
		seenFrom = netip.AddrPortFrom(netip.AddrFrom16(from.Addr().As16()), from.Port())
	}
	if err := m.confirm(tcp.Established, server, seen, seenFrom); err != nil {
		return err
	}
	return m.confirm(tcp.Established, client, from, at)
}

func (m *maker) established() error {
	fd, p, err := m.kept()
	if err != nil {
		return err
	}
	return m.confirm(tcp.Established, fd, m.at, p.Addr, timer(0))
}

func (m *maker) unreadData() error {
	fd, p, err := m.kept()
	if err != nil {
		return err
	}
	if err := p.Send(PSH|ACK, make([]byte, 100)); err != nil {
		return err
	}
	return m.confirm(tcp.Established, fd, m.at, p.Addr, recvQ(100))
}

func (m *maker) unackedData() error {
	fd, p, err := m.kept()
	if err != nil {
		return err
	}
	if _, err := unix.Write(fd, make([]byte, 200)); err != nil {
		return err
	}
	return m.confirm(tcp.Established, fd, m.at, p.Addr, timer(1), sendQ(200))
}

func (m *maker) zeroWindow() error {
	fd, p, err := m.kept()
	if err != nil {
		return err
	}
	p.Window = 0
	if err := p.Send(PSH|ACK, []byte("wait")); err != nil {
		return err
	}
	if _, err := p.Expect(ACK); err != nil {
		return err
	}
	if _, err := unix.Read(fd, make([]byte, 4)); err != nil {
		return err
	}
	if _, err := unix.Write(fd, make([]byte, 300)); err != nil {
		return err
	}
	return m.confirm(tcp.Established, fd, m.at, p.Addr, timer(4), sendQ(300))
}

func (m *maker) keepalive() error {
	fd, p, err := m.kept()
	if err != nil {
		return err
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1); err != nil {
		return err
	}
	return m.confirm(tcp.Established, fd, m.at, p.Addr, timer(2))
}

// halfClosed makes FIN_WAIT1, or FIN_WAIT2 if the peer acknowledges the FIN, in
// a socket that its program still holds.
func (m *maker) halfClosed(acked bool, state tcp.State) error {
	fd, p, err := m.kept()
	if err != nil {
		return err
	}
	if err := unix.Shutdown(fd, unix.SHUT_WR); err != nil {
		return err
	}
	if _, err := p.Expect(FIN); err != nil {
		return err
	}
	if acked {
		if err := p.Send(ACK, nil); err != nil {
			return err
		}
	}
	return m.confirm(state, fd, m.at, p.Addr)
}

func (m *maker) closed(state tcp.State) error {
	p, err := m.closedSocket()
	if err != nil {
		return err
	}
	return m.confirm(state, -1, m.at, p.Addr, timer(1))
}

// closedAcked makes an orphaned FIN_WAIT2. The kernel keeps it as a small
// socket if its time is at most 60 s, and otherwise first as a full one
// (tcp_rcv_state_process, net/ipv4/tcp_input.c).
func (m *maker) closedAcked(lingerSeconds int) error {
	fd, p, err := m.connection()
	if err != nil {
		return err
	}
	want := timer(3)
	if lingerSeconds > 0 {
		want = timer(2)
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_LINGER2, lingerSeconds); err != nil {
			return err
		}
	}
	if err := unix.Close(fd); err != nil {
		return err
	}
	if _, err := p.Expect(FIN); err != nil {
		return err
	}
	m.began = time.Now()
	if err := p.Send(ACK, nil); err != nil {
		return err
	}
	return m.confirm(tcp.FinWait2, -1, m.at, p.Addr, want)
}

// closing makes CLOSING: the peer sends its FIN before it acknowledges the
// kernel's FIN.
func (m *maker) closing() error {
	p, err := m.closedSocket()
	if err != nil {
		return err
	}
	m.began = time.Now()
	p.Ack-- // do not acknowledge the FIN
	if err := p.Send(FIN|ACK, nil); err != nil {
		return err
	}
	return m.confirm(tcp.Closing, -1, m.at, p.Addr)
}

func (m *maker) timeWait() error {
	p, err := m.closedSocket()
	if err != nil {
		return err
	}
	m.began = time.Now()
	if err := p.Send(FIN|ACK, nil); err != nil {
		return err
	}
	return m.confirm(tcp.TimeWait, -1, m.at, p.Addr, timer(3))
}

// closeWait makes CLOSE_WAIT. The kernel counts an unread FIN as one byte of
// the receive queue.
func (m *maker) closeWait(unread []byte, read bool) error {
	fd, p, err := m.kept()
	if err != nil {
		return err
	}
	m.began = time.Now()
	if err := p.Send(FIN|PSH|ACK, unread); err != nil {
		return err
	}
	queued := uint32(len(unread)) + 1
	if read {
		if n, err := unix.Read(fd, make([]byte, 1)); n != 0 || err != nil {
			return fmt.Errorf("reading end of file: %d bytes, %w", n, err)
		}
		queued = 0
	}
	return m.confirm(tcp.CloseWait, fd, m.at, p.Addr, recvQ(queued))
}

func (m *maker) lastAck() error {
	fd, p, err := m.connection()
	if err != nil {
		return err
	}
	if err := p.Send(FIN|ACK, nil); err != nil {
		return err
	}
	if n, err := unix.Read(fd, make([]byte, 1)); n != 0 || err != nil {
		return fmt.Errorf("reading end of file: %d bytes, %w", n, err)
	}
	m.began = time.Now()
	if err := unix.Close(fd); err != nil {
		return err
	}
	return m.confirm(tcp.LastAck, -1, m.at, p.Addr, timer(1))
}

// resetPort is bound by its number: only then does a socket keep its port after
// a reset (SOCK_BINDPORT_LOCK in tcp_set_state and __inet_bind, net/ipv4).
const resetPort = 7007

// reset makes CLOSE. A reset removes the socket from the table of connections.
// While the socket keeps its port, it keeps the addresses of both ends, and the
// kernel lists it among the bound sockets.
func (m *maker) reset() error {
	local := netip.AddrPortFrom(m.host, resetPort)
	fd, err := bound(local)
	if err != nil {
		return err
	}
	m.l.keep(fd)
	p, err := m.l.Peer(m.peerAt())
	if err != nil {
		return err
	}
	if err := beginConnect(fd, p.Addr); err != nil {
		return err
	}
	if err := p.Accept(); err != nil {
		return err
	}
	m.began = time.Now()
	if err := p.Send(RST|ACK, nil); err != nil {
		return err
	}
	return m.confirm(tcp.Close, fd, local, p.Addr)
}

func (m *maker) boundInactive() error {
	fd, err := bound(netip.AddrPortFrom(m.host, 0))
	if err != nil {
		return err
	}
	m.l.keep(fd)
	local, err := localAddr(fd)
	if err != nil {
		return err
	}
	return m.confirm(tcp.BoundInactive, fd, local, unspecified(m.family))
}

// mapped connects over IPv4 to an IPv6 listener.
func (m *maker) mapped() error {
	fd, at, err := listening(netip.AddrPortFrom(netip.IPv6Unspecified(), 0), 16)
	if err != nil {
		return err
	}
	m.l.keep(fd)
	if err := m.confirm(tcp.Listen, fd, at, unspecified(tcp.IPv6)); err != nil {
		return err
	}
	ip4 := netip.AddrFrom4([4]byte{127, 0, 0, 1})
	return m.connect(fd, netip.AddrPortFrom(ip4, at.Port()), netip.AddrPortFrom(netip.AddrFrom16(ip4.As16()), at.Port()))
}

func (m *maker) linkLocal() error {
	fd, at, err := listening(netip.AddrPortFrom(HostLocal, 0), 16)
	if err != nil {
		return err
	}
	m.l.keep(fd)
	at = netip.AddrPortFrom(HostLocal, at.Port())
	if err := m.confirm(tcp.Listen, fd, at, unspecified(tcp.IPv6)); err != nil {
		return err
	}
	peer := netip.AddrPortFrom(netip.MustParseAddr("fe80::2%"+HostLink), 40000)
	if _, err := m.l.Dial(peer, at); err != nil {
		return err
	}
	conn, err := accept(fd)
	if err != nil {
		return err
	}
	m.l.keep(conn)
	return m.confirm(tcp.Established, conn, at, peer)
}

func unspecified(family tcp.Family) netip.AddrPort {
	if family == tcp.IPv4 {
		return netip.AddrPortFrom(netip.IPv4Unspecified(), 0)
	}
	return netip.AddrPortFrom(netip.IPv6Unspecified(), 0)
}

func timer(kind uint8) func(Entry) bool   { return func(e Entry) bool { return e.Timer == kind } }
func recvQ(bytes uint32) func(Entry) bool { return func(e Entry) bool { return e.RecvQ == bytes } }
func sendQ(bytes uint32) func(Entry) bool { return func(e Entry) bool { return e.SendQ == bytes } }

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
