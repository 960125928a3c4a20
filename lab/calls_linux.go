package lab

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"tcpstate/wording"
)

// socket is a socket of a program on one of the hosts. Its methods make the system
// calls that a program makes, and log them. Like those of [script], they do nothing
// after an error.
type socket struct {
	p    *script
	host Side
	fd   int
}

func sockaddr(a netip.AddrPort) unix.Sockaddr {
	return &unix.SockaddrInet4{Addr: a.Addr().As4(), Port: int(a.Port())}
}

// at returns an address of a host.
func at(side Side, port uint16) netip.AddrPort { return netip.AddrPortFrom(side.Addr(), port) }

// socket opens a socket on a host. It logs nothing: every scene begins with it.
func (p *script) socket(side Side) *socket {
	k := &socket{p: p, host: side, fd: -1}
	p.try(func() error {
		return p.hosts[side].do(func() (err error) {
			k.fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, unix.IPPROTO_TCP)
			return os.NewSyscallError("socket", err)
		})
	})
	return k
}

// call logs a call, makes it, and reads the sockets. It logs what the call returned
// if it failed or if that is more than "". An error other than want ends the scene.
func (k *socket) call(text string, want unix.Errno, f func() (string, error)) {
	k.p.try(func() error {
		k.p.log(Step{Kind: Call, Host: k.host, Call: text})
		result, err := f()
		k.p.sample(k.host, time.Now())
		if err != nil || result != "" {
			k.p.log(Step{Kind: Return, Host: k.host, Call: text, Result: resultOf(result, err)})
		}
		return unexpected(text, err, want)
	})
}

// resultOf returns what a call returned: the name of the error, if there is one.
func resultOf(result string, err error) string {
	if errno, ok := err.(unix.Errno); ok {
		return unix.ErrnoName(errno)
	}
	if err != nil {
		return err.Error()
	}
	return result
}

// unexpected returns an error unless a call ended as the scene expects.
func unexpected(call string, err error, want unix.Errno) error {
	if err == nil && want == 0 || err == want {
		return nil
	}
	return wording.Fail("lab.unexpected", "call", call, "result", resultOf("0", err))
}

// bind binds the socket to a port.
func (k *socket) bind(port uint16) {
	k.p.hosts[k.host].bound.Store(true)
	k.call(fmt.Sprintf("bind(:%d)", port), 0, func() (string, error) {
		if err := unix.SetsockoptInt(k.fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
			return "", err
		}
		return "", unix.Bind(k.fd, sockaddr(at(k.host, port)))
	})
}

// listen opens a listener on a host.
func (p *script) listen(side Side, port uint16, backlog int) *socket {
	k := p.socket(side)
	k.call(fmt.Sprintf("listen(:%d, %d)", port, backlog), 0, func() (string, error) {
		if err := unix.SetsockoptInt(k.fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
			return "", err
		}
		if err := unix.Bind(k.fd, sockaddr(at(side, port))); err != nil {
			return "", err
		}
		return "", unix.Listen(k.fd, backlog)
	})
	return k
}

// pending is a call that has not returned.
type pending struct {
	p    *script
	call string
	done chan error
}

// connect begins to connect, and returns at once. A program would wait in the call.
func (k *socket) connect(to netip.AddrPort) *pending {
	return k.begin("connect("+where(to)+")", "connect()", func() (string, error) {
		for {
			err := unix.Connect(k.fd, sockaddr(to))
			if err != unix.EINTR && err != unix.EALREADY {
				return "0", err
			}
		}
	})
}

// readAndClose begins to read and returns at once. When the peer's FIN comes, it
// closes the socket as fast as a program can.
func (k *socket) readAndClose() {
	if k.p.err != nil {
		return
	}
	k.p.log(Step{Kind: Call, Host: k.host, Call: "read()"})
	go func() {
		n, err := unix.Read(k.fd, make([]byte, 1<<16))
		for err == unix.EINTR {
			n, err = unix.Read(k.fd, make([]byte, 1<<16))
		}
		k.p.log(Step{Kind: Return, Host: k.host, Call: "read()", Result: resultOf(fmt.Sprintf("%d (end of file)", n), err)})
		k.p.log(Step{Kind: Call, Host: k.host, Call: "close()"})
		unix.Close(k.fd)
	}()
}

// begin makes a call that may wait, in the background.
func (k *socket) begin(text, short string, f func() (string, error)) *pending {
	w := &pending{k.p, short, make(chan error, 1)}
	if k.p.err != nil {
		return w
	}
	k.p.log(Step{Kind: Call, Host: k.host, Call: text})
	go func() {
		result, err := f()
		k.p.sample(k.host, time.Now())
		k.p.log(Step{Kind: Return, Host: k.host, Call: short, Result: resultOf(result, err)})
		w.done <- err
	}()
	return w
}

// returns waits until the call has returned without an error.
func (w *pending) returns() { w.fails(patience, 0) }

// fails waits until the call has returned with this error.
func (w *pending) fails(limit time.Duration, want unix.Errno) {
	w.p.try(func() error {
		select {
		case err := <-w.done:
			return unexpected(w.call, err, want)
		case <-time.After(limit):
			return wording.Fail("lab.waited", "time", limit, "what", w.call)
		case <-w.p.ctx.Done():
			return context.Cause(w.p.ctx)
		}
	})
}

// accept accepts a connection. One must be waiting.
func (k *socket) accept() *socket {
	accepted := &socket{p: k.p, host: k.host, fd: -1}
	k.call("accept()", 0, func() (_ string, err error) {
		accepted.fd, _, err = unix.Accept4(k.fd, unix.SOCK_CLOEXEC)
		return "", err
	})
	return accepted
}

// write writes n bytes.
func (k *socket) write(n int) { k.writeFails(n, 0) }

// writeFails is write with the error that the scene expects.
func (k *socket) writeFails(n int, want unix.Errno) {
	k.call(fmt.Sprintf("write(%d bytes)", n), want, func() (string, error) {
		return "", unix.Sendto(k.fd, make([]byte, n), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, nil)
	})
}

// fill writes until the kernel takes no more.
func (k *socket) fill() {
	k.call("write(...)", 0, func() (string, error) {
		total, some := 0, make([]byte, 8192)
		for {
			n, err := unix.SendmsgN(k.fd, some, nil, nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
			if err == unix.EAGAIN {
				return fmt.Sprintf("%d bytes", total), nil
			}
			if err != nil {
				return "", err
			}
			total += n
		}
	})
}

// read reads what is there, and logs how many bytes that was.
func (k *socket) read() { k.readFails(0) }

// readFails is read with the error that the scene expects.
func (k *socket) readFails(want unix.Errno) {
	k.call("read()", want, func() (string, error) {
		n, _, err := unix.Recvfrom(k.fd, make([]byte, 1<<20), unix.MSG_DONTWAIT)
		if err == nil && n == 0 {
			return "0 (end of file)", nil
		}
		return fmt.Sprintf("%d bytes", n), err
	})
}

// shutdown ends the direction in which the program sends.
func (k *socket) shutdown() {
	k.call("shutdown(SHUT_WR)", 0, func() (string, error) { return "", unix.Shutdown(k.fd, unix.SHUT_WR) })
}

// close closes the socket.
func (k *socket) close() {
	k.call("close()", 0, func() (string, error) { return "", unix.Close(k.fd) })
}

// option sets an option of the socket. name is what the step shows.
func (k *socket) option(level, option, value int, name string) {
	k.call(fmt.Sprintf("setsockopt(%s, %d)", name, value), 0, func() (string, error) {
		return "", unix.SetsockoptInt(k.fd, level, option, value)
	})
}
