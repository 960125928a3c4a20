package machine

import (
	"encoding/binary"
	"net"
	"net/netip"
	"syscall"
	"unsafe"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"tcpstate/internal/lab"
	"tcpstate/lifecycle"
	"tcpstate/tcp"
)

// do makes the event of a transition happen. For timers it only shortens them,
// if a socket option can: the kernel does the rest.
func (w *walker) do(tr lifecycle.Transition, rest path) {
	switch tr.Event {
	case lifecycle.EventSocket:
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		w.check(tr, err)
		w.fd = fd
		w.option(tr, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1) // for the socket that replaces its TIME_WAIT
	case lifecycle.EventBind:
		w.check(tr, unix.Bind(w.fd, &unix.SockaddrInet4{Addr: lab.Host4.As4(), Port: int(w.nextPort())}))
		w.named(tr)
	case lifecycle.EventListen:
		w.listen(tr, rest)
	case lifecycle.EventConnect:
		w.connect(tr, rest)
	case lifecycle.EventReuse:
		w.reuse(tr)
	case lifecycle.EventShutdown:
		w.check(tr, unix.Shutdown(w.fd, unix.SHUT_WR))
	case lifecycle.EventShutdownListener:
		w.check(tr, unix.Shutdown(w.fd, unix.SHUT_RD))
	case lifecycle.EventClose, lifecycle.EventCloseUnread:
		w.close(tr)
	case lifecycle.EventCloseLinger2:
		w.option(tr, unix.IPPROTO_TCP, unix.TCP_LINGER2, -1)
		w.close(tr)
	case lifecycle.EventAbort:
		w.check(tr, unix.SetsockoptLinger(w.fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}))
		w.close(tr)
	case lifecycle.EventDisconnect:
		w.disconnect(tr)
	case lifecycle.EventCloseListener, lifecycle.EventListenerGone:
		w.check(tr, unix.Close(w.listener))
		w.listener = -1
	case lifecycle.EventDestroy:
		w.check(tr, netlink.SocketDestroy(net.TCPAddrFromAddrPort(w.local), net.TCPAddrFromAddrPort(w.remote)))
	case lifecycle.EventKeepaliveGivenUp:
		for _, option := range []int{unix.TCP_KEEPIDLE, unix.TCP_KEEPINTVL, unix.TCP_KEEPCNT} {
			w.option(tr, unix.IPPROTO_TCP, option, 1)
		}
		w.option(tr, unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1)
	case lifecycle.EventDataGivenUp:
		if !w.finSent {
			_, err := unix.Write(w.fd, []byte("unanswered"))
			w.check(tr, err)
		}
	case lifecycle.EventSYNGivenUp, lifecycle.EventSYNACKGivenUp, lifecycle.EventProbesGivenUp, lifecycle.EventFinWait2Shrink, lifecycle.EventFinWait2End:
		// These events need only time.
	case lifecycle.EventBucketsFull:
		if w.at.state == tcp.Closing {
			w.send(tr, lab.ACK, nil)
		} else {
			w.send(tr, lab.FIN|lab.ACK, nil)
		}
	default:
		w.receive(tr, rest)
	}
}

// receive makes the peer send the segment of an event.
func (w *walker) receive(tr lifecycle.Transition, rest path) {
	switch tr.Event {
	case lifecycle.EventReceiveSYN, lifecycle.EventReceiveFastOpen, lifecycle.EventReceiveCookie, lifecycle.EventReceiveACKOverflow:
		w.receiveSYN(tr)
	case lifecycle.EventReceiveSYNACK:
		w.send(tr, lab.SYN|lab.ACK, nil)
	case lifecycle.EventReceiveACK, lifecycle.EventReceiveACKOfFIN:
		w.send(tr, lab.ACK, nil)
	case lifecycle.EventReceiveBadSYN:
		w.check(tr, w.peer.SendRaw(lab.Segment{Src: w.peer.Addr, Dst: w.peer.Host, Flags: lab.SYN, Seq: w.peer.Seq + 10, Window: 1000}))
	case lifecycle.EventReceiveOldSYN:
		w.check(tr, w.peer.SendRaw(lab.Segment{Src: w.peer.Addr, Dst: w.peer.Host, Flags: lab.SYN, Seq: w.peer.Seq, Window: 1000}))
	case lifecycle.EventReceiveFIN:
		w.beforeFIN(func() { w.send(tr, lab.FIN|lab.ACK, nil) })
	case lifecycle.EventReceiveFINACK:
		w.send(tr, lab.FIN|lab.ACK, nil)
	case lifecycle.EventReceiveFINAgain:
		w.peer.Seq--
		w.send(tr, lab.FIN|lab.ACK, nil)
	case lifecycle.EventReceiveLate:
		if tr.FromForm == lifecycle.Held { // shutdown(SHUT_WR) came before: together they are SHUT_RDWR
			w.check(tr, unix.Shutdown(w.fd, unix.SHUT_RD))
		}
		w.beforeFIN(func() { w.send(tr, lab.PSH|lab.ACK, []byte("late")) })
	case lifecycle.EventReceiveRST:
		w.send(tr, lab.RST|lab.ACK, nil)
	case lifecycle.EventReceiveNewSYN:
		w.peer.Seq += 1 << 20
		w.send(tr, lab.SYN, nil)
	case lifecycle.EventReceiveStray:
		w.meet(tr, netip.AddrPortFrom(lab.Host4, w.nextPort()))
		w.local, w.remote = w.peer.Host, w.peer.Addr
		w.send(tr, lab.ACK, nil)
	case lifecycle.EventICMPError:
		w.unreachable(tr)
	default:
		w.fail(w.path, tr, "no way to make %s happen", tr.Event)
	}
}

func (w *walker) send(tr lifecycle.Transition, flags lab.Flags, payload []byte) {
	w.check(tr, w.peer.Send(flags, payload))
}

// beforeFIN makes the peer send like a peer that has not received the FIN of
// FIN_WAIT1.
func (w *walker) beforeFIN(send func()) {
	unseen := w.at.state == tcp.FinWait1 && w.finSent
	if unseen {
		w.peer.Ack--
	}
	send()
	if unseen {
		w.peer.Ack++
	}
}

// meet creates the walker's peer, which exchanges segments with host.
func (w *walker) meet(tr lifecycle.Transition, host netip.AddrPort) {
	peer, err := w.l.Peer(w.nextPeer())
	w.check(tr, err)
	peer.Host = host
	w.peer = peer
}

// named reads the socket's own address.
func (w *walker) named(tr lifecycle.Transition) {
	name, err := unix.Getsockname(w.fd)
	w.check(tr, err)
	in := name.(*unix.SockaddrInet4)
	w.local = netip.AddrPortFrom(netip.AddrFrom4(in.Addr), uint16(in.Port))
	if !w.remote.IsValid() {
		w.remote = netip.AddrPortFrom(netip.IPv4Unspecified(), 0)
	}
}

func (w *walker) listen(tr lifecycle.Transition, rest path) {
	for _, later := range rest {
		switch later.Event {
		case lifecycle.EventSYNACKGivenUp:
			w.option(tr, unix.IPPROTO_TCP, unix.TCP_SYNCNT, 2)
		case lifecycle.EventReceiveFastOpen:
			w.option(tr, unix.IPPROTO_TCP, unix.TCP_FASTOPEN, 8)
		}
	}
	backlog := 8
	if len(rest) > 0 && rest[len(rest)-1].Event == lifecycle.EventReceiveACKOverflow {
		backlog = 0
	}
	w.check(tr, unix.Listen(w.fd, backlog))
	w.named(tr)
}

func (w *walker) connect(tr lifecycle.Transition, rest path) {
	for _, later := range rest {
		if later.Event == lifecycle.EventSYNGivenUp || later.Event == lifecycle.EventSYNACKGivenUp {
			w.option(tr, unix.IPPROTO_TCP, unix.TCP_SYNCNT, 2)
		}
	}
	w.meet(tr, netip.AddrPort{})
	w.peer.Options = timestamps
	w.check(tr, unix.SetNonblock(w.fd, true))
	to := w.peer.Addr
	if err := unix.Connect(w.fd, &unix.SockaddrInet4{Addr: to.Addr().As4(), Port: int(to.Port())}); err != unix.EINPROGRESS {
		w.fail(w.path, tr, "connect: %v", err)
	}
	w.remote = to
	w.named(tr)
}

// receiveSYN makes a new peer send a SYN to the listener. In SYN_SENT it makes
// the existing peer open the connection at the same time.
func (w *walker) receiveSYN(tr lifecycle.Transition) {
	switch {
	case w.at.state == tcp.SynSent:
		w.send(tr, lab.SYN, nil)
		return
	case tr.Event == lifecycle.EventReceiveACKOverflow:
		w.overflow(tr)
		return
	}
	w.listener, w.fd = w.fd, -1
	w.meet(tr, netip.AddrPortFrom(lab.Host4, w.local.Port()))
	w.local, w.remote = w.peer.Host, w.peer.Addr
	switch tr.Event {
	case lifecycle.EventReceiveFastOpen:
		w.send(tr, lab.SYN, []byte("early"))
	case lifecycle.EventReceiveCookie:
		w.send(tr, lab.SYN, nil)
		_, err := w.peer.Expect(lab.SYN | lab.ACK)
		w.check(tr, err)
		if s := w.find(tr); s != nil {
			w.fail(w.path, tr, "a SYN answered by a cookie left %s", describe(s))
		}
		w.send(tr, lab.ACK, nil)
	default:
		w.send(tr, lab.SYN, nil)
	}
}

// overflow fills the accept queue of a listener with a backlog of 0, which
// holds one connection. The walker's own request exists before that; afterwards
// the peer acknowledges its SYN-ACK.
func (w *walker) overflow(tr lifecycle.Transition) {
	_, err := w.l.Dial(w.nextPeer(), w.peer.Host)
	w.check(tr, err)
	listener := netip.AddrPortFrom(netip.IPv4Unspecified(), w.peer.Host.Port())
	w.poll(tr, "a full accept queue", func() bool {
		s, err := find(listener, netip.AddrPortFrom(netip.IPv4Unspecified(), 0))
		w.check(tr, err)
		return s != nil && s.AcceptQueue == 1
	})
	w.send(tr, lab.ACK, nil)
}

func (w *walker) close(tr lifecycle.Transition) {
	w.check(tr, unix.Close(w.fd))
	w.fd = -1
}

// disconnect calls connect(2) with an address of family AF_UNSPEC, for which
// package unix has no type.
func (w *walker) disconnect(tr lifecycle.Transition) {
	if err := connectUnspecified(w.fd); err != 0 {
		w.fail(w.path, tr, "connect to AF_UNSPEC: %v", err)
	}
}

// unreachable sends the kernel an ICMP error about its SYN (RFC 792): host
// unreachable, with the IP header and the first 8 bytes of the SYN.
func (w *walker) unreachable(tr lifecycle.Transition) {
	message := []byte{3, 1, 0, 0, 0, 0, 0, 0, 0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, unix.IPPROTO_TCP, 0, 0}
	message = append(append(message, w.local.Addr().AsSlice()...), w.remote.Addr().AsSlice()...)
	message = binary.BigEndian.AppendUint16(message, w.local.Port())
	message = binary.BigEndian.AppendUint16(message, w.remote.Port())
	message = binary.BigEndian.AppendUint32(message, w.peer.Ack-1)
	var sum uint32
	for i := 0; i < len(message); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(message[i:]))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	binary.BigEndian.PutUint16(message[2:], ^uint16(sum))

	raw, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_ICMP)
	w.check(tr, err)
	defer unix.Close(raw)
	w.check(tr, unix.Sendto(raw, message, 0, &unix.SockaddrInet4{Addr: w.local.Addr().As4()}))
}

// reuse connects again from the port of a TIME_WAIT socket. It repeats this
// until the socket is old enough.
func (w *walker) reuse(tr lifecycle.Transition) {
	before := w.find(tr).Cookie
	if w.fd >= 0 {
		w.close(tr)
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	w.check(tr, err)
	w.fd = fd
	w.option(tr, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	w.check(tr, unix.Bind(fd, &unix.SockaddrInet4{Addr: w.local.Addr().As4(), Port: int(w.local.Port())}))
	to := &unix.SockaddrInet4{Addr: w.remote.Addr().As4(), Port: int(w.remote.Port())}
	w.poll(tr, "a TIME_WAIT that can be reused", func() bool {
		err := unix.Connect(fd, to)
		if err != unix.EINPROGRESS && err != unix.EADDRNOTAVAIL {
			w.check(tr, err)
		}
		return err == unix.EINPROGRESS
	})
	if s := w.find(tr); s == nil || s.Cookie == before {
		w.fail(w.path, tr, "want another socket instead of TIME_WAIT, got %s", describe(s))
	}
}

// timestamps is the option of RFC 7323 with a peer's first timestamp.
var timestamps = []byte{1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0}

// connectUnspecified removes a socket's peer.
func connectUnspecified(fd int) syscall.Errno {
	address := unix.RawSockaddr{Family: unix.AF_UNSPEC}
	_, _, errno := unix.Syscall(unix.SYS_CONNECT, uintptr(fd), uintptr(unsafe.Pointer(&address)), unsafe.Sizeof(address))
	return errno
}
