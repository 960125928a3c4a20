package cmd

import (
	"fmt"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"tcpstate/internal/lab"
)

// TestDoctorSeesRefusalsOfThisHost has programs connect to a port where nothing
// listens.
func TestDoctorSeesRefusalsOfThisHost(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		fd, open := listenWith(t, lab.Host4, 64)
		closed := closedPort(t)
		connect := func(n int, to netip.AddrPort, want error) {
			for range n {
				client := newSocket(t, sockaddrOf(to.Addr(), 0))
				if err := unix.Connect(client, sockaddrOf(to.Addr(), int(to.Port()))); err != want {
					t.Errorf("connect to %v: %v, want %v", to, err, want)
				}
				if want == nil {
					server, _, err := unix.Accept4(fd, unix.SOCK_CLOEXEC)
					must(t, err)
					closeAll(t, server)
				}
				closeAll(t, client)
			}
		}
		refused := func(n int) func() { return func() { connect(n, closed, unix.ECONNREFUSED) } }
		finds(t, refused(9), nil) // a check of health
		f := finds(t, refused(50), nil, "warning connections-refused")
		f.says(t, "50 of 50 attempts to connect failed", "refused by this host itself")
		f.wants(t, "attempts", 50, "attempts_failed", 50, "resets_without_socket", 50, "refused_by_this_host", true)
		if f.Confidence != "likely" {
			t.Errorf("its confidence is %s", f.Confidence)
		}
		finds(t, func() { connect(50, closed, unix.ECONNREFUSED); connect(50, open, nil) }, nil, "info connections-refused")
		finds(t, func() { connect(50, open, nil) }, nil)
	})
}

// closedPort returns an address of the lab where nothing listens.
func closedPort(t *testing.T) netip.AddrPort {
	t.Helper()
	fd, at := listenWith(t, lab.Host4, 1)
	closeAll(t, fd)
	return at
}

// TestDoctorSeesRefusalsOfOthers has a host answer a program's attempts with
// resets.
func TestDoctorSeesRefusalsOfOthers(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		to := netip.MustParseAddrPort("10.9.8.7:443")
		p, err := l.Peer(to)
		must(t, err)
		attempt := func() int {
			client := newSocket(t, &unix.SockaddrInet4{})
			must(t, unix.SetNonblock(client, true))
			if err := unix.Connect(client, sockaddrOf(to.Addr(), int(to.Port()))); err != unix.EINPROGRESS {
				must(t, err)
			}
			return client
		}
		refused := func(n int) func() {
			return func() {
				for range n {
					client := attempt()
					name, err := unix.Getsockname(client)
					must(t, err)
					from := name.(*unix.SockaddrInet4).Port
					_, err = p.ExpectFunc("SYN", func(s lab.Segment) bool { return s.Flags&lab.SYN != 0 && int(s.Src.Port()) == from })
					must(t, err)
					p.Seq = 0
					must(t, p.Send(lab.RST|lab.ACK, nil))
					lab.Await(t, func() error {
						if n, err := unix.GetsockoptInt(client, unix.SOL_SOCKET, unix.SO_ERROR); err != nil || n == 0 {
							return fmt.Errorf("no error yet: %v", err)
						}
						return nil
					})
					closeAll(t, client)
				}
			}
		}
		f := finds(t, refused(20), nil, "warning connections-refused")
		f.says(t, "20 of 20 attempts to connect failed")
		f.wants(t, "attempts_failed", 20, "resets_without_socket", 0)
		pid := given(t, "curl", attempt()) // which gets no answer
		f = finds(t, refused(20), nil, "warning connections-refused")
		f.says(t, fmt.Sprintf(", to %v by curl (pid %d) among them", to, pid))
		f.wants(t, "destination", to.String())
		finds(t, refused(9), nil)
	})
}

// TestDoctorSeesClientsRefused has clients come to a port where nothing listens,
// and programs that end connections by resets.
func TestDoctorSeesClientsRefused(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		closed := closedPort(t)
		next := 0
		come := func(n int) func() {
			return func() {
				for range n {
					p, err := l.Peer(peerNumber(next))
					must(t, err)
					next++
					p.Host = closed
					must(t, p.Send(lab.SYN, nil))
					_, err = p.Expect(lab.RST)
					must(t, err)
				}
			}
		}
		finds(t, come(9), nil)
		f := finds(t, come(50), nil, "info connections-refused")
		f.says(t, "this host refused 50 segments")
		f.wants(t, "resets_without_socket", 50)
		finds(t, come(100), nil, "warning connections-refused")

		fd, at := listenWith(t, lab.Host4, 64)
		fds, peers := dialIn(t, l, at, fd, 5000, 50)
		for i, p := range peers {
			must(t, p.Send(lab.PSH|lab.ACK, []byte("unread")))
			awaitUnread(t, fds[i])
		}
		finds(t, func() { closeAll(t, fds...) }, nil, "info aborts-rising")
	})
}
