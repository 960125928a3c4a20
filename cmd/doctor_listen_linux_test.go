package cmd

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tcpstate/internal/lab"
)

// TestDoctorSeesListenersThatDoNotAccept fills an accept queue.
func TestDoctorSeesListenersThatDoNotAccept(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		fd, at := listenWith(t, lab.Host4, 4)
		pid := lab.Actor{Name: "deaf"}.Start(t, fd).PID
		closeAll(t, fd)
		dialIn(t, l, at, -1, 0, 3)
		finds(t, nil, nil)
		dialIn(t, l, at, -1, 3, 1)
		f := finds(t, nil, nil, "critical accept-queue-full")
		f.says(t, "the accept queue of "+at.String()+" of deaf (pid "+fmt.Sprint(pid)+") is full", "4 wait, of at most 4")
		f.names(t, pid, "deaf")
		f.isAbout(t, at)
		queue, most := ssListener(t, at)
		f.wants(t, "accept_queue", queue, "accept_queue_max", most, "listeners_full", 1)

		// The kernel accepts one more connection. Then it drops SYNs and counts them.
		// The counter adds nothing to the finding, so its rule is only related.
		dialIn(t, l, at, -1, 4, 1)
		before := counter(t, "TcpExtListenOverflows")
		f = finds(t, func() {
			for n := range 3 {
				must(t, sendSYN(l, peerNumber(10+n), at))
			}
		}, nil, "critical accept-queue-full")
		queue, _ = ssListener(t, at)
		f.wants(t, "accept_queue", queue, "listen_overflows", counter(t, "TcpExtListenOverflows")-before)
		f.says(t, "5 wait, of at most 4, and 3 SYNs and ACKs were dropped within ")
		f.wants(t, "dropped", 3, "dropped_since_opened", 3)
		if queue != "5" || fmt.Sprint(f.Related) != "[accept-queue-overflows]" || fmt.Sprint(f.Evidence["listen_overflows"]) != "3" {
			t.Errorf("ss has %s in the queue, the finding is %+v", queue, f)
		}
	})
}

// TestDoctorSeesQueuesThatAreNearlyFull checks a queue that is nearly full, and a
// program that does not accept the few connections that wait.
func TestDoctorSeesQueuesThatAreNearlyFull(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		fd, at := listenWith(t, lab.Host6, 16)
		pid := lab.Actor{Name: "slow"}.Start(t, fd).PID
		closeAll(t, fd)
		six := func(n int) netip.AddrPort {
			return netip.AddrPortFrom(netip.AddrFrom16([16]byte{0xfd, 0x09, 15: byte(n)}), 5000)
		}
		for n := range 11 {
			_, err := l.Dial(six(n), at)
			must(t, err)
		}
		finds(t, nil, nil)
		_, err := l.Dial(six(11), at)
		must(t, err)
		f := finds(t, nil, nil, "warning accept-queue-full")
		f.says(t, fmt.Sprintf("%v of slow (pid %d) is nearly full: 12 wait, of at most 16", at, pid))

		// Connections that wait longer than a threshold are a finding: 10 s by
		// default, or the value of --set.
		wait := []string{"--set", "accept-queue-full.near=100%", "--set", "accept-queue-full.wait=300ms"}
		f = soonFinds(t, wait, "warning accept-queue-full")
		f.says(t, fmt.Sprintf("%v of slow (pid %d) does not accept: ", at, pid))
		finds(t, nil, wait[:2])
	})
}

// TestDoctorSeesBurstsThatOverflow lets real clients overflow a backlog of 8 for a
// moment. Then the program accepts them.
func TestDoctorSeesBurstsThatOverflow(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		fd, at := listenWith(t, netip.MustParseAddr("127.0.0.1"), 8)
		burst := func(clients, accepted int) func() {
			return func() {
				for range clients {
					client := newSocket(t, loopback4)
					defer unix.Close(client)
					must(t, unix.SetNonblock(client, true))
					if err := unix.Connect(client, sockaddrOf(at.Addr(), int(at.Port()))); err != unix.EINPROGRESS {
						must(t, err)
					}
				}
				for range accepted {
					server, _, err := unix.Accept4(fd, unix.SOCK_CLOEXEC)
					must(t, err)
					closeAll(t, server)
				}
			}
		}
		finds(t, burst(9, 9), nil)
		before := counter(t, "TcpExtListenOverflows")
		// Another listener has a fuller queue at the end. The kernel's count of each
		// listener's drops shows that it is not the one.
		_, busy := listenWith(t, lab.Host4, 8)
		dialIn(t, l, busy, -1, 0, 5)
		f := finds(t, burst(20, 9), nil, "warning accept-queue-overflows")
		f.wants(t, "listen_overflows", counter(t, "TcpExtListenOverflows")-before, "dropped", 11, "dropped_since_opened", 11)
		f.says(t, "the accept queue of "+at.String()+" ", "was found full 11 times")
		f.isAbout(t, at)
		if f.Confidence != "measured" || f.Inference != "" {
			t.Errorf("the listener was measured, and the finding is %+v", f)
		}
		finds(t, burst(9, 9), nil, "info accept-queue-overflows") // the drops from before the first reading are none of now
	})
}

// sendSYN sends a SYN and ignores the answer.
func sendSYN(l *lab.Lab, from, to netip.AddrPort) error {
	p, err := l.Peer(from)
	if err != nil {
		return err
	}
	defer p.Close()
	p.Host = to
	return p.Send(lab.SYN, nil)
}

// flood sends n SYNs from random addresses of 100.0.0.0/8, which never answer.
func flood(t *testing.T, l *lab.Lab, to netip.AddrPort, n int) func() {
	return func() {
		p, err := l.Peer(netip.MustParseAddrPort("10.9.255.1:1"))
		must(t, err)
		defer p.Close()
		dice := rand.New(rand.NewPCG(uint64(n), uint64(to.Port())))
		for range n {
			from := netip.AddrFrom4([4]byte{100, byte(dice.IntN(256)), byte(dice.IntN(256)), byte(1 + dice.IntN(254))})
			must(t, p.SendRaw(lab.Segment{Src: netip.AddrPortFrom(from, uint16(1024+dice.IntN(60000))), Dst: to,
				Flags: lab.SYN, Seq: dice.Uint32(), Window: 0xffff, Options: []byte{2, 4, 0x05, 0xb4}}))
		}
	}
}

// TestDoctorSeesFloods sends 5,000 SYNs from thousands of addresses to a listener
// with a backlog of 64, under each setting of SYN cookies.
func TestDoctorSeesFloods(t *testing.T) {
	for cookies, also := range [][]string{{"warning sysctl-risky"}, nil, {"info sysctl-risky"}} {
		t.Run(fmt.Sprint("tcp_syncookies ", cookies), func(t *testing.T) {
			lab.Run(t, func(t *testing.T, l *lab.Lab) {
				must(t, l.SetSysctl("net.ipv4.tcp_syncookies", cookies))
				listenWith(t, netip.MustParseAddr("127.0.0.1"), 64) // other hosts cannot reach it
				fd, at := listenWith(t, lab.Host4, 64)
				pid := lab.Actor{Name: "victim"}.Start(t, fd).PID
				closeAll(t, fd)
				sent, dropped := counter(t, "TcpExtSyncookiesSent"), counter(t, "TcpExtTCPReqQFullDrop")
				f := finds(t, flood(t, l, at, 5000), []string{"--interval", "1s"}, append([]string{"critical syn-flood"}, also...)...)
				sent, dropped = counter(t, "TcpExtSyncookiesSent")-sent, counter(t, "TcpExtTCPReqQFullDrop")-dropped
				f.says(t, "SYN flood", fmt.Sprintf("on %v of victim (pid %d)", at, pid))
				f.names(t, pid, "victim")
				f.isAbout(t, at)
				f.wants(t, "tcp_syncookies", cookies, "syn_recv", ssCount(t, "state", "syn-recv"))
				switch cookies {
				case 0:
					f.wants(t, "tcp_req_q_full_drop", dropped, "dropped", dropped, "syn_recv", 65, "peers", 65)
				case 1:
					f.wants(t, "syncookies_sent", sent, "syn_recv", 65, "peers", 65, "syncookies_recv", nil)
				case 2:
					f.wants(t, "syncookies_sent", sent, "syn_recv", 0)
				}
				if dropped+sent < 4500 || f.Confidence != "likely" {
					t.Errorf("%d SYNs were dropped, %d cookies sent, the confidence is %s", dropped, sent, f.Confidence)
				}
			})
		})
	}
}

// TestDoctorSeesFloodsThatAreOver checks the half-open connections that a flood has
// left in a long queue. Nobody answers the SYN-ACKs that the kernel resends.
func TestDoctorSeesFloodsThatAreOver(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		_, all := listenWith(t, netip.IPv6Unspecified(), 1024) // when it is more than half full, the kernel drops some early
		at := netip.AddrPortFrom(lab.Host4, all.Port())        // IPv4 to a listener of both families
		finds(t, flood(t, l, at, 15), nil)
		flood(t, l, at, 185)()
		f := soonFindsSo(t, nil, "resent", 200, "warning syn-flood")
		f.says(t, "a SYN flood on "+all.String(), "200 half-open connections from 200 addresses in ")
		f.isAbout(t, all)
		f.wants(t, "syn_recv", ssCount(t, "state", "syn-recv"), "syn_recv_max", 1025)
		if f.Confidence != "likely" {
			t.Errorf("the confidence is %s", f.Confidence)
		}
	})
}

// after waits for an interval and then does something, just before the second
// readings.
func after(interval time.Duration, do func()) func() {
	return func() {
		time.Sleep(interval)
		do()
	}
}

// TestDoctorJudgesFloodsByTheirRate sends SYNs that nobody completes: as many at
// once as a flood, and as few in a second as any public host gets. The kernel
// keeps each for a minute, so these grow to as many.
func TestDoctorJudgesFloodsByTheirRate(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		fd, at := listenWith(t, lab.Host4, 4096)
		f := finds(t, after(time.Second, flood(t, l, at, 300)), []string{"--interval", "1s"}, "warning syn-flood")
		f.isAbout(t, at)
		f.wants(t, "syn_recv", 300, "resent", 0)
		if rate := f.Evidence["arrivals_per_second"].(float64); rate < 100 || rate > 300 {
			t.Errorf("%v SYNs a second, of 300 in a second or little more", rate)
		}
		if advice := fmt.Sprint(f.Advice); f.Confidence != "possible" || strings.Contains(advice, "SYNPROXY") || strings.Contains(advice, "tcp_synack_retries") {
			t.Errorf("a flood that is %s, and this advice: %s", f.Confidence, advice)
		}
		closeAll(t, fd)

		_, at = listenWith(t, lab.Host4, 4096)
		for n := range 40 {
			must(t, sendSYN(l, netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 8, byte(n), 1}), 5000), at))
			time.Sleep(100 * time.Millisecond)
		}
		few := set("syn-flood.half-open=40")
		f = soonFinds(t, few, "info syn-queue-full")
		f.says(t, "nobody completes ", "half-open connections of "+at.String(), "new ones a second")
		f.isAbout(t, at)
		f = finds(t, nil, append(few, set("syn-flood.rate=1")...), "warning syn-flood")
		f.isAbout(t, at)
	})
}

// TestDoctorKnowsFarClients has 300 clients in the middle of their handshakes,
// as many as a flood has, but clients complete them.
func TestDoctorKnowsFarClients(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		fd, at := listenWith(t, lab.Host4, 1024)
		far := func() {
			var peers []*lab.Peer
			for i := range 300 {
				p, err := l.Peer(netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 11, byte(i), 1 + byte(i>>8)}), 5000))
				must(t, err)
				p.Host = at
				must(t, p.Send(lab.SYN, nil))
				peers = append(peers, p)
			}
			for _, p := range peers[:150] {
				_, err := p.Expect(lab.SYN | lab.ACK)
				must(t, err)
				must(t, p.Send(lab.ACK, nil))
				server, _, err := unix.Accept4(fd, unix.SOCK_CLOEXEC)
				must(t, err)
				closeAll(t, server)
			}
		}
		finds(t, after(time.Second, far), nil)
	})
}

// TestDoctorNamesTheLostWayOut has a listener with clients on which no new client
// completes a handshake any more, as if its SYN-ACKs did not leave the host.
func TestDoctorNamesTheLostWayOut(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		fd, at := listenWith(t, lab.Host4, 4096)
		dialIn(t, l, at, fd, 0, 100)
		f := finds(t, after(time.Second, flood(t, l, at, 80)), []string{"--interval", "1s"}, "warning syn-queue-full")
		f.says(t, "no handshake was completed on "+at.String(), "though it has 100 other connections", "80 are half-open")
		f.isAbout(t, at)
		f.wants(t, "syn_recv", 80, "connections", 100)
		if len(f.Advice) == 0 || !strings.HasPrefix(f.Advice[0], "See whether SYN-ACKs leave this host") || f.Confidence != "possible" {
			t.Errorf("the way out is not named first: %+v", f)
		}
		// Clients that get through show that the way is there.
		through := func() {
			fds, _ := dialIn(t, l, at, fd, 200, 40)
			closeAll(t, fds...)
		}
		finds(t, after(time.Second, through), set("syn-queue-full.standing=81"))
	})
}

// TestDoctorDistinguishesClientsFromFloods lets real clients connect faster than a
// backlog of 8 allows. They complete the handshake with their SYN cookies.
func TestDoctorDistinguishesClientsFromFloods(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		fd, at := listenWith(t, lab.Host4, 8)
		clients := func(first, n int) func() {
			return func() {
				var peers []*lab.Peer
				for i := range n {
					from := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 10 + byte(first), byte(i), 1}), 5000)
					p, err := l.Peer(from)
					must(t, err)
					p.Host = at
					must(t, p.Send(lab.SYN, nil))
					_, err = p.Expect(lab.SYN | lab.ACK)
					must(t, err)
					peers = append(peers, p)
				}
				for _, p := range peers {
					must(t, p.Send(lab.ACK, nil))
					server, _, err := unix.Accept4(fd, unix.SOCK_CLOEXEC)
					must(t, err)
					closeAll(t, server)
				}
			}
		}
		finds(t, clients(0, 9), nil)
		sent, back := counter(t, "TcpExtSyncookiesSent"), counter(t, "TcpExtSyncookiesRecv")
		f := finds(t, clients(1, 200), nil, "warning syn-cookies-active")
		f.says(t, "a backlog is too small for its clients", "191 SYN cookies sent", "191 came back")
		f.wants(t, "syncookies_sent", counter(t, "TcpExtSyncookiesSent")-sent, "syncookies_recv", counter(t, "TcpExtSyncookiesRecv")-back)
	})
}

// TestDoctorDistinguishesLostAnswersFromFloods simulates that the SYN-ACKs to one
// network are lost.
func TestDoctorDistinguishesLostAnswersFromFloods(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		_, at := listenWith(t, lab.Host4, 1024)
		from := func(first, n int) func() {
			return func() {
				for i := range n {
					must(t, sendSYN(l, netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 20, 30, byte(first + i)}), 5000), at))
				}
			}
		}
		finds(t, from(0, 15), []string{"--interval", "1500ms"})
		from(15, 85)()
		f := soonFindsSo(t, nil, "resent", 100, "warning syn-queue-full")
		f.says(t, "SYN-ACKs to 10.20.30.0/24 are not answered", "100 half-open connections of "+at.String(), "which has room for 1025")
		f.isAbout(t, at)
		f.wants(t, "syn_recv", ssCount(t, "state", "syn-recv"), "syn_recv_max", 1025, "peers", 100, "networks", 1, "busiest_network_percent", 100)
		if f.Confidence != "likely" {
			t.Errorf("the confidence is %s", f.Confidence)
		}
	})
}

// TestDoctorIsUnsureOfFewHalfOpen fills a small backlog from many networks. The
// SYNs are too few for a flood, and no client answers.
func TestDoctorIsUnsureOfFewHalfOpen(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		_, at := listenWith(t, lab.Host4, 32)
		finds(t, flood(t, l, at, 15), nil)
		f := finds(t, flood(t, l, at, 18), nil, "warning syn-queue-full")
		f.wants(t, "syn_recv", ssCount(t, "state", "syn-recv"), "syn_recv_max", 33, "syncookies_sent", nil)
		f.says(t, "handshakes are not completed", at.String())
		if f.Confidence != "possible" {
			t.Errorf("the confidence is %s", f.Confidence)
		}
	})
}
