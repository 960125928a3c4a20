package cmd

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"tcpstate/internal/lab"
)

// connecting returns a socket with an attempt to connect that has no answer yet.
func connecting(t *testing.T, to netip.AddrPort) int {
	t.Helper()
	fd := newSocket(t, sockaddrOf(to.Addr(), 0))
	must(t, unix.SetNonblock(fd, true))
	if err := unix.Connect(fd, sockaddrOf(to.Addr(), int(to.Port()))); err != unix.EINPROGRESS {
		t.Fatalf("connect to %v: %v", to, err)
	}
	return fd
}

// TestDoctorSeesALocalDestination has a frontend connect to a program on the same
// host that does not accept: one finding, about the program that does not accept.
func TestDoctorSeesALocalDestination(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		fd, at := listenWith(t, netip.IPv4Unspecified(), 5)
		pid := lab.Actor{Name: "backend"}.Start(t, fd).PID
		closeAll(t, fd)
		local := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), at.Port())
		for range 6 {
			client := newSocket(t, loopback4)
			must(t, unix.Connect(client, sockaddrOf(local.Addr(), int(local.Port()))))
		}
		_, front := listenWith(t, netip.MustParseAddr("127.0.0.1"), 128)
		frontend := given(t, "frontend", connecting(t, local), connecting(t, local))
		stuck := set("syn-sent-stuck.age=1ms")
		f := soonFinds(t, stuck, "critical accept-queue-full")
		f.says(t, fmt.Sprintf("the accept queue of %v of backend (pid %d) is full: 6 wait, of at most 5", at, pid))
		f.names(t, pid, "backend")
		f.wants(t, "syn_sent", ssCount(t, "state", "syn-sent"), "unanswered", 2, "destination", local,
			"attempts_by", fmt.Sprintf("frontend (pid %d)", frontend), "somaxconn", 4096)
		// A SYN that was resent in the interval also makes the queue overflow.
		if !slices.Contains(f.Related, "syn-sent-stuck") {
			t.Errorf("it is related to %v", f.Related)
		}
		const backlog = "Where bursts fill the queue, give listen() a longer backlog in the program: it is 5, and net.core.somaxconn allows more"
		if !slices.Contains(f.Advice, backlog) || strings.Contains(fmt.Sprint(f.Advice), "sysctl -w net.core.somaxconn") {
			t.Errorf("it advises %q", f.Advice)
		}
		f = finds(t, nil, append(stuck, "--only", "syn-sent-stuck"), "warning syn-sent-stuck")
		f.says(t, fmt.Sprintf("2 connection attempts by frontend (pid %d) wait for %v of backend (pid %d) on this host, whose accept queue is full", frontend, at, pid))

		// The same port of another host is another matter, though the listener is on
		// all addresses.
		other := netip.AddrPortFrom(peerNumber(1).Addr(), at.Port())
		given(t, "other", connecting(t, other))
		f = soonFinds(t, append(stuck, "dst "+other.String()+" or sport = "+fmt.Sprint(at.Port())), "critical accept-queue-full", "info syn-sent-stuck")
		if front.Port() == at.Port() || slices.Contains(f.Related, "syn-sent-stuck") {
			t.Errorf("it is related to %v", f.Related)
		}
	})
}

// TestDoctorSeesThatTheOnlyServerIsOut has a server wait for the only other server
// that it uses, with one attempt.
func TestDoctorSeesThatTheOnlyServerIsOut(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		stuck := set("syn-sent-stuck.age=1ms")
		database := peerNumber(1)
		attempt := connecting(t, database)
		lone := lab.Actor{Name: "client"}.Start(t, attempt)
		closeAll(t, attempt)
		soonFinds(t, append(stuck, "dst "+database.String()), "info syn-sent-stuck") // it serves nobody
		lone.End()

		serve := func(first int, also ...int) *lab.Player { // a server with clients, and an attempt to connect
			fd, at := listenWith(t, lab.Host4, 128)
			fds, _ := dialIn(t, l, at, fd, first, 3)
			fds = append(append(fds, fd, connecting(t, database)), also...)
			defer closeAll(t, fds...)
			return lab.Actor{Name: "server"}.Start(t, fds...)
		}
		server := serve(10)
		f := soonFinds(t, append(stuck, "pid", "=", fmt.Sprint(server.PID)), "warning syn-sent-stuck")
		f.names(t, server.PID, "server")
		f.says(t, "no answer from "+database.String()+" to 1 connection attempt by server", "it has no established connection to any server")
		f.wants(t, "connections_out", 0, "syn_sent", 1)

		// One that reaches another server is not cut off.
		_, other := listenWith(t, netip.MustParseAddr("127.0.0.1"), 128)
		reached := newSocket(t, loopback4)
		must(t, unix.Connect(reached, sockaddrOf(other.Addr(), int(other.Port()))))
		server = serve(20, reached)
		soonFinds(t, append(stuck, "pid", "=", fmt.Sprint(server.PID)), "info syn-sent-stuck")
	})
}
