package lab

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// socket is a socket of a program on one of the hosts. Its methods make the system
// calls that a program makes, and log them.
type socket struct {
	s    *stage
	host Side
	fd   int
}

func sockaddr(a netip.AddrPort) unix.Sockaddr {
	return &unix.SockaddrInet4{Addr: a.Addr().As4(), Port: int(a.Port())}
}

// at returns an address of a host.
func at(side Side, port uint16) netip.AddrPort { return netip.AddrPortFrom(side.Addr(), port) }

// socket opens a socket on a host. It logs nothing: every scene begins with it.
func (s *stage) socket(side Side) (*socket, error) {
	k := &socket{s: s, host: side}
	err := s.hosts[side].do(func() (err error) {
		k.fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, unix.IPPROTO_TCP)
		return os.NewSyscallError("socket", err)
	})
	return k, err
}

// call logs a call, makes it, and reads the sockets. It logs what the call returned
// if it failed or if show is set.
func (k *socket) call(text string, show bool, f func() (string, error)) error {
	k.s.log(Step{Kind: Call, Host: k.host, Call: text})
	result, err := f()
	k.s.sample(k.host, time.Now())
	if err != nil || show {
		k.s.log(Step{Kind: Return, Host: k.host, Call: text, Result: resultOf(result, err)})
	}
	return err
}

// resultOf returns what a call returned: the name of the error, if there is one.
func resultOf(result string, err error) string {
	if errno, ok := errors.AsType[unix.Errno](err); ok {
		return unix.ErrnoName(errno)
	}
	if err != nil {
		return err.Error()
	}
	return result
}

func (k *socket) quietly(err error) (string, error) { return "", err }

// bind binds the socket to a port.
func (k *socket) bind(port uint16) error {
	return k.call(fmt.Sprintf("bind(:%d)", port), false, func() (string, error) {
		if err := unix.SetsockoptInt(k.fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
			return "", err
		}
		return k.quietly(unix.Bind(k.fd, sockaddr(at(k.host, port))))
	})
}

// listen opens a listener on a host.
func (s *stage) listen(side Side, port uint16, backlog int) (*socket, error) {
	k, err := s.socket(side)
	if err != nil {
		return nil, err
	}
	return k, k.call(fmt.Sprintf("listen(:%d, %d)", port, backlog), false, func() (string, error) {
		if err := unix.SetsockoptInt(k.fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
			return "", err
		}
		if err := unix.Bind(k.fd, sockaddr(at(side, port))); err != nil {
			return "", err
		}
		return k.quietly(unix.Listen(k.fd, backlog))
	})
}

// pending is a call that has not returned.
type pending struct {
	s    *stage
	done chan error
}

// connect begins to connect and returns at once. A program would wait in the call.
func (k *socket) connect(to netip.AddrPort) *pending {
	text := "connect(" + where(to) + ")"
	return k.begin(text, "connect()", func() (string, error) {
		for {
			err := unix.Connect(k.fd, sockaddr(to))
			if err != unix.EINTR && err != unix.EALREADY {
				return "0", err
			}
		}
	})
}

// begin makes a call that may wait, in the background.
func (k *socket) begin(text, short string, f func() (string, error)) *pending {
	k.s.log(Step{Kind: Call, Host: k.host, Call: text})
	p := &pending{k.s, make(chan error, 1)}
	go func() {
		result, err := f()
		k.s.sample(k.host, time.Now())
		k.s.log(Step{Kind: Return, Host: k.host, Call: short, Result: resultOf(result, err)})
		p.done <- err
	}()
	return p
}

// wait waits until the call has returned, and returns its error.
func (p *pending) wait(limit time.Duration) error {
	select {
	case err := <-p.done:
		return err
	case <-time.After(limit):
		return errors.New("a system call did not return")
	case <-p.s.ctx.Done():
		return context.Cause(p.s.ctx)
	}
}

// accept accepts a connection. One must be waiting.
func (k *socket) accept() (*socket, error) {
	accepted := &socket{s: k.s, host: k.host}
	return accepted, k.call("accept()", false, func() (_ string, err error) {
		accepted.fd, _, err = unix.Accept4(k.fd, unix.SOCK_CLOEXEC)
		return "", err
	})
}

// write writes n bytes.
func (k *socket) write(n int) error {
	return k.call(fmt.Sprintf("write(%d bytes)", n), false, func() (string, error) {
		return k.quietly(unix.Sendto(k.fd, make([]byte, n), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, nil))
	})
}

// fill writes until the kernel takes no more.
func (k *socket) fill() error {
	return k.call("write(...)", true, func() (string, error) {
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

// read reads at most n bytes that are there, and logs how many.
func (k *socket) read(n int) (int, error) {
	got := 0
	err := k.call("read()", true, func() (_ string, err error) {
		got, _, err = unix.Recvfrom(k.fd, make([]byte, n), unix.MSG_DONTWAIT)
		if err == nil && got == 0 {
			return "0 (end of file)", nil
		}
		return fmt.Sprintf("%d bytes", got), err
	})
	return got, err
}

// shutdown ends the direction in which the program sends.
func (k *socket) shutdown() error {
	return k.call("shutdown(SHUT_WR)", false, func() (string, error) { return k.quietly(unix.Shutdown(k.fd, unix.SHUT_WR)) })
}

// close closes the socket.
func (k *socket) close() error {
	return k.call("close()", false, func() (string, error) { return k.quietly(unix.Close(k.fd)) })
}

// option sets an option of the socket. name is what the step shows.
func (k *socket) option(level, option, value int, name string) error {
	return k.call(fmt.Sprintf("setsockopt(%s, %d)", name, value), false, func() (string, error) {
		return k.quietly(unix.SetsockoptInt(k.fd, level, option, value))
	})
}

// linger has close() send a reset.
func (k *socket) linger() error {
	return k.call("setsockopt(SO_LINGER, 0)", false, func() (string, error) {
		return k.quietly(unix.SetsockoptLinger(k.fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}))
	})
}
