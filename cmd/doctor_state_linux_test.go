package cmd

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tcpstate/internal/lab"
)

// given starts an actor with copies of the descriptors and closes those of this
// process. So only the actor holds the sockets.
func given(t *testing.T, name string, fds ...int) (pid int) {
	t.Helper()
	pid = lab.Actor{Name: name}.Start(t, fds...).PID
	closeAll(t, fds...)
	return pid
}

// TestDoctorSeesCloseWaitLeaks checks connections that their peers have closed and a
// program still holds. The program has read the end of file, or never reads.
func TestDoctorSeesCloseWaitLeaks(t *testing.T) {
	tests := []struct {
		name, says, fact string
		payload          string
		read             bool
	}{
		{"end of file read", "the program has read the end of file and does not close", "end_of_file_read", "", true},
		{"never read", "the program does not read, and has not noticed the end of file", "end_of_file_unread", "", false},
		{"data never read", "the program does not read, and leaves data behind", "data_unread", "farewell", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			lab.Run(t, func(t *testing.T, l *lab.Lab) {
				fd, at := listenWith(t, lab.Host4, 16)
				leak := func(first, n int) {
					fds, peers := dialIn(t, l, at, fd, first, n)
					for i, p := range peers {
						must(t, p.Send(lab.FIN|lab.PSH|lab.ACK, []byte(test.payload)))
						_, err := p.Expect(lab.ACK)
						must(t, err)
						if test.read {
							n, err := unix.Read(fds[i], make([]byte, 16))
							must(t, err)
							if n != 0 {
								t.Fatalf("read %d bytes, not the end of file", n)
							}
						}
					}
					given(t, "leaky", fds...)
				}
				leak(0, 9)
				soonFinds(t, set("close-wait-leak.age=300ms", "close-wait-leak.count=9"), "warning close-wait-leak")
				finds(t, nil, set("close-wait-leak.age=300ms")) // nine are too few
				single := soonFinds(t, set("close-wait-leak.old=600ms"), "warning close-wait-leak")
				single.wants(t, "older_than_age", 0)
				fds, peers := dialIn(t, l, at, fd, 100, 10)
				for _, p := range peers {
					must(t, p.Send(lab.FIN|lab.PSH|lab.ACK, []byte(test.payload)))
					_, err := p.Expect(lab.ACK)
					must(t, err)
				}
				if test.read {
					for _, fd := range fds {
						_, err := unix.Read(fd, make([]byte, 16))
						must(t, err)
					}
				}
				pid := given(t, "leakier", fds...)
				f := soonFinds(t, set("close-wait-leak.age=1s"), "warning close-wait-leak")
				f.names(t, pid, "leakier")
				f.says(t, "10 CLOSE_WAITs of leakier (pid "+fmt.Sprint(pid)+")", "for at least ", test.says)
				if oldest := longest(t, f.Title); oldest < time.Second {
					t.Errorf("%q: the longest is younger than the threshold of 1s", f.Title)
				}
				f.wants(t, "close_wait", 10, "older_than_age", 10, "age_unknown", 0, test.fact, 10)
				if n := ssCount(t, "state", "close-wait"); n != 19 {
					t.Errorf("ss lists %d CLOSE_WAIT", n)
				}
				f = finds(t, nil, set("close-wait-leak.age=1s", "close-wait-leak.many=10"), "critical close-wait-leak")
				f.names(t, pid, "leakier")
				finds(t, nil, nil) // none is old enough
			})
		})
	}
}

// longest returns the duration after the words "for at least" in a title.
func longest(t *testing.T, title string) time.Duration {
	t.Helper()
	_, text, _ := strings.Cut(title, "for at least ")
	text, _, _ = strings.Cut(text, ":")
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Errorf("%q has no duration: %v", title, err)
	}
	return d
}

// TestDoctorSeesClientsThatLeftUnaccepted checks clients that connected and closed
// their connections before the program accepted them. These CLOSE_WAITs are
// attributed to the listener.
func TestDoctorSeesClientsThatLeftUnaccepted(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		fd, at := listenWith(t, lab.Host4, 64)
		pid := given(t, "asleep", fd)
		_, peers := dialIn(t, l, at, -1, 0, 10)
		for _, p := range peers {
			must(t, p.Send(lab.FIN|lab.ACK, nil))
		}
		f := soonFinds(t, set("close-wait-leak.age=300ms"), "warning close-wait-leak")
		f.isAbout(t, at)
		f.names(t, pid, "asleep")
		f.says(t, "10 CLOSE_WAITs of clients not yet accepted on "+at.String()+" of asleep", "the program does not accept")
		f = finds(t, nil, set("close-wait-leak.age=300ms", "accept-queue-full.wait=300ms"), "warning accept-queue-full")
		f.says(t, "does not accept: 10 connections wait")
		f.wants(t, "close_wait", 10)
	})
}

// TestDoctorSeesSilentDestinations checks a program that tries to connect to a peer
// that never answers, with the default threshold.
func TestDoctorSeesSilentDestinations(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		_, open := listenWith(t, lab.Host4, 16)
		attempts := func(n int, to netip.AddrPort) (fds []int) {
			for range n {
				fd := newSocket(t, sockaddrOf(to.Addr(), 0))
				must(t, unix.SetNonblock(fd, true))
				if err := unix.Connect(fd, sockaddrOf(to.Addr(), int(to.Port()))); err != unix.EINPROGRESS {
					must(t, err)
				}
				fds = append(fds, fd)
			}
			return fds
		}
		attempts(3, open) // to a listener that answers
		pid := given(t, "curl", attempts(2, netip.MustParseAddrPort("10.9.8.7:443"))...)
		finds(t, nil, set("syn-sent-stuck.age=1h"))
		age := set("syn-sent-stuck.age=3s")
		f := soonFindsSo(t, age, "unanswered", 2, "info syn-sent-stuck")
		f.names(t, pid, "curl")
		f.says(t, "no answer from 10.9.8.7:443 to 2 connection attempts", fmt.Sprintf("by curl (pid %d)", pid))
		f.wants(t, "destination", "10.9.8.7:443")
		pid = given(t, "wget", attempts(3, netip.MustParseAddrPort("[fd09::7]:443"))...)
		f = soonFinds(t, age, "warning syn-sent-stuck", "info syn-sent-stuck")
		f.names(t, pid, "wget")
		f.wants(t, "destination", "[fd09::7]:443", "unanswered", ssCount(t, "-6", "state", "syn-sent"))
	})
}

// TestDoctorSeesFinWait2ThatIsHeld checks programs that have closed their direction
// and wait for their peers to close the other.
func TestDoctorSeesFinWait2ThatIsHeld(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		fd, at := listenWith(t, lab.Host4, 32)
		halfClose := func(first, n int, orphan bool) (fds []int) {
			fds, peers := dialIn(t, l, at, fd, first, n)
			for i, p := range peers {
				if orphan {
					closeAll(t, fds[i])
				} else {
					must(t, unix.Shutdown(fds[i], unix.SHUT_WR))
				}
				_, err := p.Expect(lab.FIN)
				must(t, err)
				must(t, p.Send(lab.ACK, nil))
			}
			return fds
		}
		age := set("fin-wait2-held.age=300ms")
		halfClose(0, 10, true) // the kernel ends these
		pid := given(t, "patient", halfClose(20, 9, false)...)
		f := soonFindsSo(t, age, "older_than_age", 9, "info fin-wait2-held")
		f.wants(t, "fin_wait2_held", 9)
		given(t, "other", halfClose(40, 1, false)...)
		f = soonFinds(t, age, "info fin-wait2-held", "info fin-wait2-held")
		f.names(t, pid, "patient")
		pid = given(t, "stubborn", halfClose(50, 10, false)...)
		f = soonFinds(t, age, "warning fin-wait2-held", "info fin-wait2-held", "info fin-wait2-held")
		f.names(t, pid, "stubborn")
		f.says(t, fmt.Sprintf("10 FIN_WAIT2s held by stubborn (pid %d)", pid), "the peer does not close")
		if n := ssCount(t, "state", "fin-wait-2"); n != 30 {
			t.Errorf("ss lists %d FIN_WAIT2", n)
		}
		finds(t, nil, nil)
	})
}

// TestDoctorSeesConnectionsThatCannotFinish checks connections whose peers do not
// acknowledge a FIN.
func TestDoctorSeesConnectionsThatCannotFinish(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		fd, at := listenWith(t, lab.Host4, 32)
		fds, peers := dialIn(t, l, at, fd, 0, 9)
		for i, p := range peers[:3] { // LAST_ACK
			must(t, p.Send(lab.FIN|lab.ACK, nil))
			_, err := p.Expect(lab.ACK)
			must(t, err)
			_, err = unix.Read(fds[i], make([]byte, 1))
			must(t, err)
		}
		closeAll(t, fds...)
		for _, p := range peers[3:6] { // CLOSING
			_, err := p.Expect(lab.FIN)
			must(t, err)
			p.Ack--
			must(t, p.Send(lab.FIN|lab.ACK, nil))
		}
		resends := set("closing-stuck.resends=3") // the default
		soonFinds(t, append(resends, set("closing-stuck.count=9")...), "info closing-stuck")
		finds(t, nil, resends)
		fds, _ = dialIn(t, l, at, fd, 20, 1)
		closeAll(t, fds...)
		f := soonFinds(t, resends, "info closing-stuck")
		f.wants(t, "fin_wait1", 4, "closing", 3, "last_ack", 3)
		f.says(t, "10 connections cannot finish", "their peers do not acknowledge the end")
		finds(t, nil, append(resends, set("closing-stuck.many=10")...), "warning closing-stuck")
	})
}

// TestDoctorSeesDeadPaths checks connections whose peers do not acknowledge data.
func TestDoctorSeesDeadPaths(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		fd, at := listenWith(t, lab.Host4, 32)
		fds, peers := dialIn(t, l, at, fd, 0, 5)
		for _, fd := range fds[:4] {
			must(t, writeAll(fd, make([]byte, 200)))
		}
		must(t, writeAll(fds[4], make([]byte, 200))) // this peer acknowledges
		_, err := peers[4].ExpectFunc("data", func(s lab.Segment) bool { return len(s.Payload) > 0 })
		must(t, err)
		must(t, peers[4].Send(lab.ACK, nil))
		pid := given(t, "writer", fds...)
		f := soonFindsSo(t, set("dead-path.resends=2"), "connections", 4, "info dead-path")
		f.names(t, pid, "writer")
		f.says(t, "4 connections of writer (pid "+fmt.Sprint(pid)+") to peers that do not answer", "data is resent again and again")
		f.wants(t, "unacknowledged_bytes", 800)
		finds(t, nil, set("dead-path.resends=15"))
		more, _ := dialIn(t, l, at, fd, 20, 1)
		must(t, writeAll(more[0], make([]byte, 200)))
		f = soonFinds(t, set("dead-path.resends=2"), "warning dead-path")
		f.wants(t, "connections", 5, "unacknowledged_bytes", 1000)
		// The default is five resends without an acknowledgment, which take more than
		// 6 s.
		f = soonFinds(t, set("dead-path.resends=5", "dead-path.count=4"), "warning dead-path")
		if silence, _ := f.Evidence["longest_silence_ms"].(float64); silence < 6000 {
			t.Errorf("the longest silence is %v ms, too short for five resends", silence)
		}
	})
}

// TestDoctorSeesPeersThatDoNotRead checks connections whose peers have closed their
// receive windows.
func TestDoctorSeesPeersThatDoNotRead(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		fd, at := listenWith(t, lab.Host4, 32)
		stall := func(first, n int) []int {
			fds, peers := dialIn(t, l, at, fd, first, n)
			for i, p := range peers {
				p.Window = 0
				must(t, p.Send(lab.ACK, nil))
				must(t, p.Send(lab.PSH|lab.ACK, []byte("wait")))
				_, err := p.Expect(lab.ACK) // now the kernel knows the window
				must(t, err)
				_, err = unix.Read(fds[i], make([]byte, 4))
				must(t, err)
				must(t, writeAll(fds[i], make([]byte, 300)))
			}
			return fds
		}
		pid := given(t, "sender", stall(0, 4)...)
		// These peers answer no window probe, which makes their paths dead in the
		// end. A loaded host may reach that end before doctor runs.
		age := set("peer-not-reading.age=300ms", "dead-path.probes=100")
		f := soonFindsSo(t, age, "connections", 4, "info peer-not-reading")
		f.names(t, pid, "sender")
		f.wants(t, "unsent_bytes", 1200)
		stall(20, 1)
		f = soonFinds(t, age, "warning peer-not-reading")
		f.says(t, "5 connections to peers that do not read", "their windows are closed")
		finds(t, nil, set("peer-not-reading.age=1h", "dead-path.probes=100"))
	})
}

// TestDoctorSeesProgramsThatDoNotRead checks connections with unread data.
func TestDoctorSeesProgramsThatDoNotRead(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		fd, at := listenWith(t, lab.Host4, 32)
		sent := func(first, n int) []int {
			fds, peers := dialIn(t, l, at, fd, first, n)
			for _, p := range peers {
				must(t, p.Send(lab.PSH|lab.ACK, make([]byte, 100)))
				_, err := p.Expect(lab.ACK)
				must(t, err)
			}
			return fds
		}
		read := sent(0, 5)
		for _, fd := range read {
			_, err := unix.Read(fd, make([]byte, 100))
			must(t, err)
		}
		given(t, "reader", read...)
		given(t, "napping", sent(10, 4)...)
		age := set("app-not-reading.age=300ms")
		f := soonFindsSo(t, age, "connections", 4, "info app-not-reading")
		f.wants(t, "unread_bytes", 400)
		pid := given(t, "hung", sent(20, 5)...)
		f = soonFinds(t, age, "warning app-not-reading", "info app-not-reading")
		f.names(t, pid, "hung")
		f.says(t, fmt.Sprintf("hung (pid %d) does not read 5 connections", pid))
		f.wants(t, "unread_bytes", 500)
		finds(t, nil, set("app-not-reading.age=1h"))
		finds(t, nil, append(age, set("app-not-reading.bytes=101")...))
	})
}

// TestDoctorSeesIdleConnections checks idle connections with and without keepalive.
func TestDoctorSeesIdleConnections(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		fd, at := listenWith(t, lab.Host4, 32)
		idle := func(first, n int, prepare func(fd int)) []int {
			fds, _ := dialIn(t, l, at, fd, first, n)
			for _, fd := range fds {
				prepare(fd)
			}
			return fds
		}
		keepalive := func(fd int) { must(t, unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1)) }
		given(t, "careful", idle(0, 10, keepalive)...)
		given(t, "small", idle(20, 9, func(int) {})...)
		old := set("no-keepalive.idle=300ms")
		soonFinds(t, append(old, set("no-keepalive.count=9")...), "info no-keepalive")
		finds(t, nil, old)
		pid := given(t, "careless", idle(40, 10, func(int) {})...)
		f := soonFinds(t, old, "info no-keepalive")
		f.names(t, pid, "careless")
		f.says(t, fmt.Sprintf("10 connections of careless (pid %d)", pid), "idle without keepalive")
		f.wants(t, "connections", 10)
		finds(t, nil, nil)

		f = finds(t, nil, set("half-open-suspects.idle=300ms"), "info half-open-suspects")
		f.wants(t, "silent_without_keepalive", 19)
		if f.Confidence != "possible" {
			t.Errorf("the confidence is %s", f.Confidence)
		}
	})
}

// TestDoctorSeesProbesWithoutAnswer checks a peer that does not answer keepalive
// probes and one that does, with the default thresholds.
func TestDoctorSeesProbesWithoutAnswer(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		probed := func(fd int) {
			must(t, unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1))
			must(t, unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, 1))
			must(t, unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, 1))
			must(t, unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPCNT, 127))
		}
		client, server := connectTo(t, loopback4, func(int) {})
		probed(client)
		probed(server)
		fd, at := listenWith(t, lab.Host4, 32)
		fds, _ := dialIn(t, l, at, fd, 0, 1)
		probed(fds[0])
		pid := given(t, "pinger", fds...)
		f := soonFinds(t, nil, "info half-open-suspects")
		f.names(t, pid, "pinger")
		f.says(t, fmt.Sprintf("1 connection of pinger (pid %d) gets no answer to keepalive probes", pid), peerNumber(0).String())
		f.wants(t, "probes_unanswered", 1)
		if f.Confidence != "measured" {
			t.Errorf("how sure it is: %s", f.Confidence)
		}
		if text := fmt.Sprint(f.Advice); strings.Contains(text, "SO_KEEPALIVE") || !strings.Contains(text, "TCP_KEEPCNT") {
			t.Errorf("of sockets with keepalive it advises %s", text)
		}
		fds, _ = dialIn(t, l, at, fd, 10, 4)
		for _, fd := range fds {
			probed(fd)
		}
		f = soonFindsSo(t, nil, "probes_unanswered", 5, "warning half-open-suspects")
		f.says(t, "5 connections get no answer to keepalive probes")
	})
}
