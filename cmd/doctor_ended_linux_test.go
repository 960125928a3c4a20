package cmd

import (
	"fmt"
	"testing"

	"golang.org/x/sys/unix"

	"tcpstate/internal/lab"
)

// TestDoctorSeesSocketsOfOtherNamespaces has a program hold a listener here and
// connections of another network namespace, which no table of this one lists.
func TestDoctorSeesSocketsOfOtherNamespaces(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		space, err := l.Namespace("red")
		must(t, err)
		var fds []int
		must(t, space.Do(func() error {
			for range 20 {
				client, server := connectTo(t, loopback4, func(int) {})
				fds = append(fds, client, server)
			}
			return nil
		}))
		fd, _ := listenWith(t, lab.Host4, 64)
		given(t, "mesh", append(fds, fd)...)
		finds(t, nil, nil)
		finds(t, nil, []string{"-N", "red"})
	})
}

// TestDoctorSeesConnectionsThatHaveEnded has a program keep the descriptors of
// connections that were in CLOSE_WAIT when a reset ended them, as the answer to a
// keepalive probe does. No list of sockets shows them.
func TestDoctorSeesConnectionsThatHaveEnded(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		fd, at := listenWith(t, lab.Host4, 64)
		fds, peers := dialIn(t, l, at, fd, 0, 32)
		for _, p := range peers {
			must(t, p.Send(lab.FIN|lab.ACK, nil))
			_, err := p.Expect(lab.ACK)
			must(t, err)
		}
		var others []int // a program also holds what is no TCP socket
		for range 40 {
			other, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
			must(t, err)
			others = append(others, other)
		}
		pid := given(t, "leaky", append(append(fds, fd), others...)...)
		finds(t, nil, nil) // they are listed, and young
		end := func(peers []*lab.Peer) {
			for _, p := range peers {
				must(t, p.Send(lab.RST, nil))
			}
		}
		end(peers[:31])
		lab.Await(t, func() error {
			if n := ssCount(t, "state", "close-wait"); n != 1 {
				return fmt.Errorf("%d are in CLOSE_WAIT", n)
			}
			return nil
		})
		finds(t, nil, nil)
		end(peers[31:])
		f := soonFinds(t, nil, "warning ended-not-closed")
		f.names(t, pid, "leaky")
		f.says(t, fmt.Sprintf("leaky (pid %d) has not closed 32 connections that have ended", pid))
		f.wants(t, "ended_not_closed", 32, "tcp_sockets", ssCount(t, "-l"))
		if f.Confidence != "likely" || f.Inference == "" {
			t.Errorf("it does not say that it infers: %+v", f)
		}
		if n := ssCount(t); n != 1 { // the listener
			t.Errorf("ss lists %d sockets", n)
		}
		// With a filter the others are not listed, and it is no other.
		finds(t, nil, []string{"state", "listening"}, "warning ended-not-closed")
		finds(t, nil, set("ended-not-closed.count=33"))
	})
}

// TestDoctorSeesAClientWithoutAnySocketLeft has a client keep the descriptors of
// connections that were reset, until few are left. No table lists a socket of it,
// so nothing but its descriptors shows why it cannot connect any more.
func TestDoctorSeesAClientWithoutAnySocketLeft(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		var fds []int
		for range 32 {
			client, server := connectTo(t, loopback4, func(int) {})
			must(t, unix.SetsockoptLinger(server, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}))
			closeAll(t, server) // with a reset
			fds = append(fds, client)
		}
		var others []int // near miss: as many sockets, of which none is of TCP
		for range 40 {
			other, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
			must(t, err)
			others = append(others, other)
		}
		limit(t, given(t, "resolver", others...), 55)
		pid := given(t, "client", fds...)
		limit(t, pid, 45)
		if n := ssCount(t, "-a"); n != 0 {
			t.Fatalf("ss lists %d sockets", n)
		}
		f := finds(t, nil, nil, "warning ended-not-closed", "warning fd-limit-near")
		f.names(t, pid, "client")
		f.wants(t, "ended_not_closed", 32)
		finds(t, nil, []string{"dport = :443"}) // its sockets are not those of the filter
	})
}

// limit sets how many descriptors a process may have open.
func limit(t *testing.T, pid, n int) {
	t.Helper()
	var now unix.Rlimit
	must(t, unix.Prlimit(pid, unix.RLIMIT_NOFILE, nil, &now))
	now.Cur = uint64(n)
	must(t, unix.Prlimit(pid, unix.RLIMIT_NOFILE, &now, nil))
}
