package cmd

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tcpstate/internal/lab"
	"tcpstate/tcp"
)

// promise is what lifecycle.Clocks.SetAge promises of a socket.
type promise int

const (
	none     promise = iota // no clock tells
	exact                   // the clock was started with the state
	estimate                // added up from resends
	atLeast                 // no more than the true age
)

// promiseOf returns what SetAge promises of one of the lab's sockets, whose
// timer is resends behind its first.
func promiseOf(m lab.Socket, resends float64) promise {
	switch m.State {
	case tcp.TimeWait:
		return exact
	case tcp.SynSent:
		if resends > 0 {
			return estimate
		}
		return exact
	case tcp.FinWait2:
		if m.Kernel.Timer == 3 {
			return estimate
		}
	case tcp.Established, tcp.CloseWait, tcp.SynRecv:
		return atLeast
	}
	return none
}

// TestAgesAgainstTheClock follows every socket of the lab through its first
// seconds, which see SYN_SENT resent after 1, 2, 3, 4, 5 and 7 s.
func TestAgesAgainstTheClock(t *testing.T) {
	t.Parallel()
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		made, err := l.States()
		if err != nil {
			t.Fatal(err)
		}
		resends := map[tcp.State]map[float64]bool{tcp.SynSent: {}, tcp.SynRecv: {}}
		kinds := map[promise]bool{}
		deadline := time.Now().Add(20 * time.Second)
		for !resends[tcp.SynSent][6] || !resends[tcp.SynRecv][3] {
			if time.Sleep(50 * time.Millisecond); time.Now().After(deadline) {
				t.Fatalf("the resends seen are only %v", resends)
			}
			before := time.Now()
			sockets := map[any]map[string]any{}
			for _, s := range list(t, "-o").Sockets {
				sockets[s["cookie"]] = s
			}
			after := time.Now()
			for _, m := range made {
				s := sockets[fmt.Sprintf("%#x", m.Kernel.Cookie)]
				if s == nil || s["state"] != m.State.String() {
					t.Fatalf("%s has become %v", m, s)
				}
				n, _ := s["timer.retransmits"].(float64)
				want := promiseOf(m, n)
				kinds[want] = true
				// The state began between After and Before, and the listing was
				// made between before and after.
				checkAge(t, m, s, want, before.Sub(m.Before), after.Sub(m.After))
				if seen := resends[m.State]; seen != nil {
					seen[n] = true
				}
			}
		}
		for state, seen := range resends {
			if len(seen) < 3 {
				t.Errorf("%s was seen only after %v resends", state, slices.Collect(maps.Keys(seen)))
			}
		}
		if len(kinds) != 4 {
			t.Errorf("only %d kinds of promises were seen", len(kinds))
		}
	})
}

// TestHandshakesThatHaveJustBegun looks at both ends before a resend.
func TestHandshakesThatHaveJustBegun(t *testing.T) {
	t.Parallel()
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		_, at := listenOn(t, &unix.SockaddrInet4{Addr: lab.Host4.As4()}, func(int) {})
		seen := map[any]bool{}
		for try := byte(1); !seen["SYN_SENT"] || !seen["SYN_RECV"]; try++ {
			if try == 50 {
				t.Fatalf("of 50 handshakes none was seen before a resend but in %v", seen)
			}
			began := time.Now()
			client := newSocket(t, &unix.SockaddrInet4{})
			must(t, unix.SetNonblock(client, true))
			if err := unix.Connect(client, &unix.SockaddrInet4{Addr: [4]byte{10, 9, 1, try}, Port: 80}); err != unix.EINPROGRESS {
				t.Fatal(err)
			}
			p, err := l.Peer(netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 9, 2, try}), 80))
			must(t, err)
			p.Host = netip.AddrPortFrom(lab.Host4, uint16(at.(*unix.SockaddrInet4).Port))
			must(t, p.Send(lab.SYN, nil))
			_, err = p.Expect(lab.SYN | lab.ACK)
			must(t, err)
			sockets := list(t, "-o").Sockets
			looked := time.Now()
			for _, s := range sockets {
				ours := s["peer.address"] == fmt.Sprintf("10.9.1.%d", try) || s["peer.address"] == p.Addr.Addr().String()
				if !ours || s["timer.retransmits"] != 0.0 {
					continue
				}
				seen[s["state"]] = true
				age, _ := s["age_ms"].(float64)
				least, most := time.Duration(0), looked.Sub(began)+150*time.Millisecond
				if got := time.Duration(age) * time.Millisecond; s["age_exact"] != (s["state"] == "SYN_SENT") || got < least || got > most {
					t.Errorf("%v: age %v, exact %v, truly from %v to %v", s["state"], got, s["age_exact"], least, most)
				}
			}
			must(t, unix.Close(client))
		}
	})
}

// TestAgeOfARequestWhoseClientResends repeats a SYN as a client does that does
// not get the SYN-ACK. Each is counted as a resend and begins the wait anew.
func TestAgeOfARequestWhoseClientResends(t *testing.T) {
	t.Parallel()
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		_, at := listenOn(t, &unix.SockaddrInet4{Addr: lab.Host4.As4()}, func(int) {})
		p, err := l.Peer(netip.MustParseAddrPort("10.9.2.1:80"))
		must(t, err)
		p.Host = netip.AddrPortFrom(lab.Host4, uint16(at.(*unix.SockaddrInet4).Port))
		const tick = 10 * time.Millisecond // the kernel's timers count ticks, of at most so long
		began, first := time.Now(), p.Seq
		for resends := 0.0; resends < 4; {
			p.Seq = first
			must(t, p.Send(lab.SYN, nil))
			time.Sleep(550 * time.Millisecond) // more often than each 500 ms they are ignored
			sockets := list(t, "--state", "SYN_RECV").Sockets
			truly := time.Since(began)
			if len(sockets) != 1 {
				t.Fatalf("%d sockets in SYN_RECV", len(sockets))
			}
			age, _ := sockets[0]["age_ms"].(float64)
			if got := time.Duration(age) * time.Millisecond; sockets[0]["age_exact"] != false || got > truly+tick {
				t.Errorf("age %v, exact %v, truly %v", got, sockets[0]["age_exact"], truly)
			}
			if resends = sockets[0]["timer.retransmits"].(float64); truly > 15*time.Second {
				t.Fatalf("after %v only %v resends", truly, resends)
			}
		}
	})
}

// checkAge checks the age of one socket, which is truly from least to most.
func checkAge(t *testing.T, m lab.Socket, s map[string]any, want promise, least, most time.Duration) {
	t.Helper()
	ms, known := s["age_ms"].(float64)
	age := time.Duration(ms) * time.Millisecond
	if known != (want != none) || known && s["age_exact"] != (want == exact) {
		t.Errorf("%s: age %v, exact %v; want promise %d", m, s["age_ms"], s["age_exact"], want)
		return
	}
	switch want {
	case exact:
		least, most = least-150*time.Millisecond, most+150*time.Millisecond
	case estimate:
		least, most = least*9/10-200*time.Millisecond, most*11/10+200*time.Millisecond
	case atLeast:
		least, most = 0, most+50*time.Millisecond
	}
	if known && (age < least || age > most) {
		t.Errorf("%s: age %v, truly from %v to %v", m, age, least, most)
	}
	idle, isIdle := s["idle_ms"].(float64)
	carries := tcp.Synchronized.Has(m.State) && m.State != tcp.SynRecv && m.State != tcp.TimeWait && m.Kernel.Timer != 3
	if isIdle != carries {
		t.Errorf("%s: idle %v, want it to be known: %v", m, s["idle_ms"], carries)
	}
	if idle := time.Duration(idle) * time.Millisecond; isIdle && idle > 10*time.Second {
		t.Errorf("%s: idle for %v, and not made that long ago", m, idle)
	}
}

// TestIdleBeginsAnewWithData moves data over a connection that was idle.
func TestIdleBeginsAnewWithData(t *testing.T) {
	t.Parallel()
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		client, server := connectTo(t, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}, func(int) {})
		local, err := unix.Getsockname(client)
		must(t, err)
		port := float64(local.(*unix.SockaddrInet4).Port)
		idle := func() time.Duration {
			for _, s := range list(t, "-o", "--state", "ESTABLISHED").Sockets {
				if s["local.port"] == port {
					return time.Duration(s["idle_ms"].(float64)) * time.Millisecond
				}
			}
			t.Fatal("the connection is not listed")
			return 0
		}
		start := time.Now()
		for idle() < 600*time.Millisecond {
			if time.Since(start) > 10*time.Second {
				t.Fatal("the connection does not become idle")
			}
			time.Sleep(10 * time.Millisecond)
		}
		if truly := time.Since(start); truly < 500*time.Millisecond {
			t.Errorf("idle for 600 ms after %v", truly)
		}
		wrote := time.Now()
		must(t, writeAll(server, []byte("news")))
		if got, most := idle(), time.Since(wrote)+50*time.Millisecond; got > most {
			t.Errorf("idle for %v, and data came at most %v ago", got, most)
		}
	})
}

// TestAgeOfFinWait2HeedsTheSetting changes what an orphan has left: below a
// minute a small socket has all of it, above it the full one has what is over a
// minute, and then a small one has as much again.
func TestAgeOfFinWait2HeedsTheSetting(t *testing.T) {
	t.Parallel()
	for _, seconds := range []int{20, 62} {
		t.Run(fmt.Sprint(seconds), func(t *testing.T) {
			lab.Run(t, func(t *testing.T, l *lab.Lab) {
				must(t, l.SetSysctl("net.ipv4.tcp_fin_timeout", seconds))
				fd, p := acceptFrom(t, l, netip.MustParseAddrPort("10.9.0.1:5000"))
				must(t, unix.Close(fd))
				_, err := p.Expect(lab.FIN)
				must(t, err)
				began := time.Now()
				must(t, p.Send(lab.ACK, nil))
				for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
					sockets := list(t, "-o", "--state", "FIN_WAIT2").Sockets
					truly := time.Since(began)
					if len(sockets) == 1 {
						age, known := sockets[0]["age_ms"].(float64)
						off := truly - time.Duration(age)*time.Millisecond
						if !known || sockets[0]["age_exact"] != false || off < -200*time.Millisecond || off > 700*time.Millisecond {
							t.Errorf("timer %v: age %v ms, exact %v, truly %v", sockets[0]["timer.kind"], sockets[0]["age_ms"], sockets[0]["age_exact"], truly)
						}
						if sockets[0]["timer.kind"] == "timewait" {
							return
						}
					}
					if time.Now().After(deadline) {
						t.Fatalf("no small orphan in FIN_WAIT2: %v", sockets)
					}
				}
			})
		})
	}
}
