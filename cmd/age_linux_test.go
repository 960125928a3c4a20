package cmd

import (
	"errors"
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

// promise is what lifecycle.Clocks.SetAge guarantees about the age of a socket.
type promise int

const (
	none     promise = iota // no clock shows the age
	exact                   // the clock started with the state
	estimate                // the sum of the intervals between resends
	atLeast                 // at most the true age
)

// promiseOf returns what SetAge guarantees for one of the lab's sockets after a
// number of resends.
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
		return atLeast
	case tcp.Established, tcp.CloseWait, tcp.SynRecv:
		return atLeast
	}
	return none
}

// TestAgesAgainstTheClock follows every socket of the lab through its first
// seconds, in which a SYN is resent after 1, 2, 3, 4, 5 and 7 s. A reported age
// must never be higher than the true age. It may be too low for some time if the
// kernel fires a timer late, so the test waits until each age is near the true one.
func TestAgesAgainstTheClock(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		began := time.Now()
		made, err := l.States()
		if err != nil {
			t.Fatal(err)
		}
		resends := map[tcp.State]map[float64]bool{tcp.SynSent: {}, tcp.SynRecv: {}}
		most := func(state tcp.State) float64 { return slices.Max(slices.Collect(maps.Keys(resends[state]))) }
		kinds := map[promise]bool{}
		lab.Await(t, func() error {
			before := time.Now()
			sockets := map[any]map[string]any{}
			for _, s := range list(t, "-o").Sockets {
				sockets[s["cookie"]] = s
			}
			after := time.Now()
			var low []error
			for _, m := range made {
				s := sockets[fmt.Sprintf("%#x", m.Kernel.Cookie)]
				if s == nil || s["state"] != m.State.String() {
					if after.Sub(m.After) < 10*time.Second { // the shortest life of a socket that the kernel ends
						t.Fatalf("%s changed to %v", m, s)
					}
					continue
				}
				n, _ := s["timer.retransmits"].(float64)
				want := promiseOf(m, n)
				kinds[want] = true
				// The state began between m.After and m.Before, and the listing was
				// made between before and after.
				low = append(low, checkAge(t, m, s, want, before.Sub(m.Before), after.Sub(m.After), after.Sub(began)))
				if seen := resends[m.State]; seen != nil {
					seen[n] = true
				}
			}
			if most(tcp.SynSent) < 6 || most(tcp.SynRecv) < 3 {
				return fmt.Errorf("the resends seen are only %v", resends)
			}
			return errors.Join(low...)
		})
		if len(kinds) != 4 {
			t.Errorf("only %d of 4 kinds of promises were seen", len(kinds))
		}
	})
}

// TestHandshakesThatHaveJustBegun checks the ages of SYN_SENT and SYN_RECV before
// their first resend.
func TestHandshakesThatHaveJustBegun(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		_, at := listenOn(t, &unix.SockaddrInet4{Addr: lab.Host4.As4()}, func(int) {})
		seen := map[any]bool{}
		try := byte(0)
		lab.Await(t, func() error {
			if try++; try == 255 {
				t.Fatalf("in %d handshakes, the only states seen before a resend are %v", try, seen)
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
			truly := time.Since(began)
			for _, s := range sockets {
				ours := s["peer.address"] == fmt.Sprintf("10.9.1.%d", try) || s["peer.address"] == p.Addr.Addr().String()
				if !ours || s["timer.retransmits"] != 0.0 {
					continue
				}
				seen[s["state"]] = true
				age, _ := s["age_ms"].(float64)
				if got := time.Duration(age) * time.Millisecond; s["age_exact"] != (s["state"] == "SYN_SENT") || got > truly+150*time.Millisecond {
					t.Errorf("%v: age %v, exact %v, truly %v", s["state"], got, s["age_exact"], truly)
				}
			}
			must(t, unix.Close(client))
			if !seen["SYN_SENT"] || !seen["SYN_RECV"] {
				return fmt.Errorf("the only states seen before a resend are %v", seen)
			}
			return nil
		})
	})
}

// TestAgeOfARequestWhoseClientResends repeats a SYN, like a client that does not
// receive the SYN-ACK. The kernel counts each SYN as a resend and restarts its
// timer.
func TestAgeOfARequestWhoseClientResends(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		_, at := listenOn(t, &unix.SockaddrInet4{Addr: lab.Host4.As4()}, func(int) {})
		p, err := l.Peer(netip.MustParseAddrPort("10.9.2.1:80"))
		must(t, err)
		p.Host = netip.AddrPortFrom(lab.Host4, uint16(at.(*unix.SockaddrInet4).Port))
		const tick = 10 * time.Millisecond // the longest tick of the kernel's timers
		began, first := time.Now(), p.Seq
		lab.Await(t, func() error {
			p.Seq = first
			must(t, p.Send(lab.SYN, nil))
			time.Sleep(550 * time.Millisecond) // the kernel ignores SYNs that come within 500 ms
			sockets := list(t, "--state", "SYN_RECV").Sockets
			truly := time.Since(began)
			if len(sockets) != 1 {
				t.Fatalf("%d sockets in SYN_RECV", len(sockets))
			}
			age, _ := sockets[0]["age_ms"].(float64)
			if got := time.Duration(age) * time.Millisecond; sockets[0]["age_exact"] != false || got > truly+tick {
				t.Errorf("age %v, exact %v, truly %v", got, sockets[0]["age_exact"], truly)
			}
			if resends := sockets[0]["timer.retransmits"].(float64); resends < 4 {
				return fmt.Errorf("only %v resends", resends)
			}
			return nil
		})
	})
}

// TestAgeAfterASimultaneousOpen connects to a peer that connects at the same time. The
// kernel then has no clock of received data, and must not be taken to show one.
func TestAgeAfterASimultaneousOpen(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		began := time.Now()
		at := netip.MustParseAddrPort("10.9.2.1:80")
		p, err := l.Peer(at)
		must(t, err)
		client := newSocket(t, &unix.SockaddrInet4{})
		must(t, unix.SetNonblock(client, true))
		if err := unix.Connect(client, &unix.SockaddrInet4{Addr: at.Addr().As4(), Port: int(at.Port())}); err != unix.EINPROGRESS {
			t.Fatal(err)
		}
		_, err = p.Expect(lab.SYN)
		must(t, err)
		must(t, p.Send(lab.SYN, nil))
		_, err = p.Expect(lab.SYN | lab.ACK)
		must(t, err)
		p.Seq--
		must(t, p.Send(lab.SYN|lab.ACK, nil))
		lab.Await(t, func() error {
			sockets := list(t, "-oi", "--state", "ESTABLISHED").Sockets
			if len(sockets) != 1 {
				return fmt.Errorf("%d connections", len(sockets))
			}
			truly, s := time.Since(began), sockets[0]
			if clock, _ := s["tcp_info.last_data_recv_ms"].(float64); time.Duration(clock)*time.Millisecond <= truly {
				t.Logf("this kernel sets the clock of received data: %v ms", clock)
			}
			age, known := s["age_ms"].(float64)
			idle, idleKnown := s["idle_ms"].(float64)
			for _, ms := range []float64{age, idle} {
				if got := time.Duration(ms) * time.Millisecond; !known || !idleKnown || got > truly+50*time.Millisecond {
					t.Errorf("age %v ms, idle %v ms, truly %v", s["age_ms"], s["idle_ms"], truly)
				}
			}
			return nil
		})
	})
}

// checkAge checks the age and the idle time of one socket. The true age is from
// least to most, and the test has run for the duration began. checkAge returns an
// error if the reported age is too low, which may still change.
func checkAge(t *testing.T, m lab.Socket, s map[string]any, want promise, least, most, began time.Duration) error {
	t.Helper()
	const slack = 150 * time.Millisecond // the kernel rounds timers up, and long timers more than short ones
	ms, known := s["age_ms"].(float64)
	age := time.Duration(ms) * time.Millisecond
	if known != (want != none) || known && (s["age_exact"] != (want == exact) || s["age_at_least"] != (want == atLeast)) {
		t.Errorf("%s: age %v, exact %v; want promise %d", m, s["age_ms"], s["age_exact"], want)
		return nil
	}
	switch want {
	case exact:
		least, most = least-slack, most+slack
	case estimate:
		least, most = least*9/10-slack, most*11/10+slack
	case atLeast:
		least, most = 0, most+50*time.Millisecond
	}
	if known && age > most {
		t.Errorf("%s: age %v, truly at most %v", m, age, most)
	}
	idle, isIdle := s["idle_ms"].(float64)
	carries := tcp.Synchronized.Has(m.State) && m.State != tcp.SynRecv && m.State != tcp.TimeWait && m.Kernel.Timer != 3
	if isIdle != carries {
		t.Errorf("%s: idle is %v, known should be %v", m, s["idle_ms"], carries)
	}
	if idle := time.Duration(idle) * time.Millisecond; isIdle && idle > began+slack {
		t.Errorf("%s: idle for %v, but the test began %v ago", m, idle, began)
	}
	if known && age < least {
		return fmt.Errorf("%s: age %v, truly at least %v", m, age, least)
	}
	return nil
}

// TestDataEndsIdleTime sends data over a connection that was idle, and checks that
// its idle time starts again.
func TestDataEndsIdleTime(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		start := time.Now()
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
		const rounding = 50 * time.Millisecond
		// idleSince returns the idle time, and an error if that is longer than the
		// time since a moment.
		idleSince := func(moment time.Time) (time.Duration, error) {
			got := idle()
			if most := time.Since(moment); got > most+rounding {
				return got, fmt.Errorf("idle for %v, want at most %v", got, most)
			}
			return got, nil
		}
		lab.Await(t, func() error {
			got, err := idleSince(start)
			must(t, err)
			if got < 600*time.Millisecond {
				return fmt.Errorf("idle for %v, want at least 600ms", got)
			}
			return nil
		})
		wrote := time.Now()
		must(t, writeAll(server, []byte("news")))
		lab.Await(t, func() error { _, err := idleSince(wrote); return err })
	})
}

// TestAgeOfFinWait2UsesTheSetting changes tcp_fin_timeout, the lifetime of an
// orphan in FIN_WAIT2. Up to a minute, a small socket lives for all of it. Above a
// minute, the full socket first waits for the part above a minute, and then a small
// socket waits for the same time again.
func TestAgeOfFinWait2UsesTheSetting(t *testing.T) {
	for _, seconds := range []int{20, 62} {
		t.Run(fmt.Sprint(seconds), func(t *testing.T) {
			lab.Run(t, func(t *testing.T, l *lab.Lab) {
				must(t, l.SetSysctl("net.ipv4.tcp_fin_timeout", seconds))
				var began, first time.Time // when the ACK was sent, and when FIN_WAIT2 was first seen
				number := byte(0)
				lab.Await(t, func() error {
					asked := time.Now()
					sockets := list(t, "-o", "--state", "FIN_WAIT2").Sockets
					now := time.Now()
					if len(sockets) == 0 && first.IsZero() == began.IsZero() { // there is no connection yet, or it has ended
						number++
						fd, p := acceptFrom(t, l, netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 9, 0, number}), 5000))
						must(t, unix.Close(fd))
						_, err := p.Expect(lab.FIN)
						must(t, err)
						began, first = time.Now(), time.Time{}
						must(t, p.Send(lab.ACK, nil))
					}
					if len(sockets) != 1 {
						return fmt.Errorf("%d sockets in FIN_WAIT2", len(sockets))
					}
					if first.IsZero() {
						first = now
					}
					s := sockets[0]
					age, known := s["age_ms"].(float64)
					got, least, most := time.Duration(age)*time.Millisecond, asked.Sub(first)-700*time.Millisecond, now.Sub(began)+200*time.Millisecond
					if !known || s["age_exact"] != false || got < least || got > most {
						t.Errorf("timer %v: age %v ms, exact %v, truly from %v to %v", s["timer.kind"], s["age_ms"], s["age_exact"], least, most)
					}
					if s["timer.kind"] != "timewait" {
						return fmt.Errorf("no small orphan in FIN_WAIT2: %v", s)
					}
					return nil
				})
			})
		})
	}
}
