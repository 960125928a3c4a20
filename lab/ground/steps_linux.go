package ground

import (
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"tcpstate/tcp"
)

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
	listener, at, err := Listening(netip.AddrPortFrom(m.loopback, 0), 1)
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

// zeroWindow closes the peer's window. On older kernels a segment closes it only
// if its sequence number is higher than that of the segment that last set the
// window (tcp_may_update_window, net/ipv4/tcp_input.c), which was one of the
// handshake. So the peer first sends data with an open window.
func (m *maker) zeroWindow() error {
	fd, p, err := m.kept()
	if err != nil {
		return err
	}
	for _, window := range []uint16{p.Window, 0} {
		p.Window = window
		if err := p.Send(PSH|ACK, []byte("wait")); err != nil {
			return err
		}
		if _, err := p.Expect(ACK); err != nil {
			return err
		}
		if _, err := unix.Read(fd, make([]byte, 4)); err != nil {
			return err
		}
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
// kernel lists it among the bound sockets, from Linux 6.8 on.
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
	if !listsInactive() {
		return nil
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
	if !listsInactive() {
		return nil
	}
	return m.confirm(tcp.BoundInactive, fd, local, unspecified(m.family))
}

// mapped connects over IPv4 to an IPv6 listener.
func (m *maker) mapped() error {
	fd, at, err := Listening(netip.AddrPortFrom(netip.IPv6Unspecified(), 0), 16)
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
	fd, at, err := Listening(netip.AddrPortFrom(HostLocal, 0), 16)
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

func timer(kind uint8) func(Entry) bool { return func(e Entry) bool { return e.Timer == kind } }

func recvQ(bytes uint32) func(Entry) bool { return func(e Entry) bool { return e.RecvQ == bytes } }

func sendQ(bytes uint32) func(Entry) bool { return func(e Entry) bool { return e.SendQ == bytes } }
