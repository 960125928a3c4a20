package sockdiag

import (
	"os"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"tcpstate/tcp"
	"tcpstate/wording"
)

// netlinkConn is a conn that has its own netlink socket. When a dump is stopped
// early, the kernel keeps the rest of it in the socket, so the socket cannot be
// used for another dump. A new socket costs a few microseconds.
type netlinkConn struct {
	socket *nl.NetlinkSocket
	seq    uint32

	recvmsg func(fd int, b []byte) (n, flags int, from unix.Sockaddr, err error)
}

func recvmsg(fd int, b []byte) (n, flags int, from unix.Sockaddr, err error) {
	n, _, flags, from, err = unix.Recvmsg(fd, b, nil, 0)
	return n, flags, from, err
}

// newDialer returns a dialer that connects to the running kernel.
func newDialer() dialer {
	return func(family tcp.Family, req Request) (conn, error) {
		socket, err := openSocket(req.Within)
		if err != nil {
			return nil, &OpError{wording.Say("sockdiag.opening"), err}
		}
		kind, body := newRequest(family, req)
		request := nl.NewNetlinkRequest(kind, unix.NLM_F_DUMP)
		request.AddData(body)
		if req.Connections {
			request.AddData(nl.NewRtAttr(attrRequestProtocol, newProtocol()))
		}
		if len(req.Bytecode) > 0 {
			request.AddData(nl.NewRtAttr(attrRequestBytecode, req.Bytecode))
		}
		if err := socket.Send(request); err != nil {
			socket.Close()
			return nil, &OpError{requesting(family), err}
		}
		return &netlinkConn{socket: socket, seq: request.Seq, recvmsg: recvmsg}, nil
	}
}

// openSocket opens a netlink socket. The socket belongs to the network
// namespace in which it was opened, no matter which thread uses it later.
func openSocket(within func(func() error) error) (socket *nl.NetlinkSocket, err error) {
	open := func() error {
		socket, err = nl.GetNetlinkSocketAt(-1, -1, unix.NETLINK_SOCK_DIAG)
		return err
	}
	if within == nil {
		err = open()
	} else {
		err = within(open)
	}
	return socket, err
}

func (c *netlinkConn) sequence() uint32 { return c.seq }

func (c *netlinkConn) close() { c.socket.Close() }

// receive waits for the next datagram of the kernel. It skips datagrams that
// other processes sent to the socket. A signal does not end the wait.
func (c *netlinkConn) receive(b []byte) (int, error) {
	for {
		n, flags, from, err := c.recvmsg(c.socket.GetFd(), b)
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.EAGAIN:
			if err := c.wait(); err != nil {
				return 0, err
			}
			continue
		case err != nil:
			return 0, err
		}
		if sender, ok := from.(*unix.SockaddrNetlink); !ok || sender.Pid != 0 {
			continue
		}
		if flags&unix.MSG_TRUNC != 0 {
			return 0, wording.Fail("sockdiag.long-datagram", "n", len(b))
		}
		if n == 0 {
			return 0, wording.Fail("sockdiag.empty-datagram")
		}
		return n, nil
	}
}

// wait blocks until there is something to receive. This is rare: the kernel
// makes the next part of a dump during the call that receives the part before.
func (c *netlinkConn) wait() error {
	const milliseconds = 10_000
	fds := []unix.PollFd{{Fd: int32(c.socket.GetFd()), Events: unix.POLLIN}}
	for {
		n, err := unix.Poll(fds, milliseconds)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return err
		case n == 0:
			return os.ErrDeadlineExceeded
		}
		return nil
	}
}
