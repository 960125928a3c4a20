package watch

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tcpstate/collect"
	"tcpstate/filter"
	"tcpstate/internal/lab"
	"tcpstate/tcp"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// observer follows the sockets of the lab.
type observer struct {
	t *testing.T
	*Session
}

func observe(t *testing.T, q collect.Query) *observer {
	q.Families = []tcp.Family{tcp.IPv4, tcp.IPv6}
	if q.States == 0 {
		q.States = tcp.All
	}
	return &observer{t, &Session{Query: q, Now: time.Now}}
}

// expect makes a tick. It compares its events with want, and its counts with
// those that collect.Tally computes.
func (o *observer) expect(want ...string) *Tick {
	o.t.Helper()
	tick, err := o.Tick(o.t.Context())
	must(o.t, err)
	if got, want := reported(&o.Follower), strings.Join(want, ", "); got != want {
		o.t.Errorf("%s: %q, want %q", o.Source(), got, want)
	}
	snapshot, err := collect.Open(o.t.Context(), o.Query)
	must(o.t, err)
	counts, _, err := collect.Tally(snapshot.Sockets(), nil, nil)
	must(o.t, err)
	if counts != tick.Counts {
		o.t.Errorf("%s: the tick counts %v, Tally counts %v", o.Source(), tick.Counts, counts)
	}
	checkCounts(o.t, &o.Follower, tick)
	return tick
}

// await waits until n sockets at the port are in the state.
func await(t *testing.T, state tcp.State, port uint16, n int) {
	t.Helper()
	lab.Await(t, func() error {
		snapshot, err := collect.Open(t.Context(), collect.Query{States: tcp.Set(state), Families: []tcp.Family{tcp.IPv4, tcp.IPv6}})
		must(t, err)
		got := 0
		for s, err := range snapshot.Sockets() {
			must(t, err)
			if s.Local.Port() == port || s.Peer.Port() == port {
				got++
			}
		}
		if got != n {
			return fmt.Errorf("there are %d sockets in %v at port %d, not %d", got, state, port, n)
		}
		return nil
	})
}

// listener returns a socket that listens on the lab's address.
func listener(t *testing.T, host netip.AddrPort) int {
	t.Helper()
	fd := boundTo(t, host)
	must(t, unix.Listen(fd, 8))
	return fd
}

func boundTo(t *testing.T, host netip.AddrPort) int {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, unix.IPPROTO_TCP)
	must(t, err)
	must(t, unix.Bind(fd, &unix.SockaddrInet4{Addr: host.Addr().As4(), Port: int(host.Port())}))
	return fd
}

func accept(t *testing.T, listener int) int {
	t.Helper()
	fd, _, err := unix.Accept4(listener, unix.SOCK_CLOEXEC)
	must(t, err)
	return fd
}

// halfOpen returns a peer that has received the answer to its SYN.
func halfOpen(t *testing.T, l *lab.Lab, port uint16, host netip.AddrPort) *lab.Peer {
	t.Helper()
	p, err := l.Peer(netip.AddrPortFrom(netip.MustParseAddr("10.3.0.1"), port))
	must(t, err)
	p.Host = host
	must(t, p.Send(lab.SYN, nil))
	_, err = p.Expect(lab.SYN | lab.ACK)
	must(t, err)
	return p
}

// finish does the peer's part of a close that the host has begun, up to
// TIME_WAIT.
func finish(t *testing.T, p *lab.Peer) {
	t.Helper()
	_, err := p.Expect(lab.FIN)
	must(t, err)
	must(t, p.Send(lab.FIN|lab.ACK, nil))
}

// TestAgesOfRequestsNeverShrink follows requests whose clients repeat their SYNs, each
// of which restarts the clock of the kernel, and requests that are left alone.
func TestAgesOfRequestsNeverShrink(t *testing.T) {
	for _, source := range []collect.Source{collect.SockDiag, collect.ProcFS} {
		t.Run(source.String(), func(t *testing.T) {
			lab.Run(t, func(t *testing.T, l *lab.Lab) {
				host := netip.AddrPortFrom(lab.Host4, 8080)
				listener(t, host)
				var peers []*lab.Peer
				for port := range uint16(4) {
					peers = append(peers, halfOpen(t, l, 5000+port, host))
				}
				first := peers[0].Seq - 1 // the number of its SYN
				o := observe(t, collect.Query{Source: source, States: tcp.Set(tcp.SynRecv)})
				ages, began, kernel := map[ID]time.Duration{}, time.Now(), map[ID]time.Duration{}
				shrank := false // the kernel's own clock
				for tick := range 40 {
					at := time.Now()
					_, err := o.Tick(t.Context())
					must(t, err)
					for row := range o.Rows() {
						if row.State() != tcp.SynRecv {
							continue
						}
						var s tcp.Socket
						row.Fill(&s)
						age := s.Age.Or(-1)
						if seen, _ := row.FirstSeen(); !s.AgeAtLeast || age < ages[row.ID()] || age < at.Sub(seen) {
							t.Errorf("tick %d: age %v, a lower bound %v, after %v; seen for %v", tick, age, s.AgeAtLeast, ages[row.ID()], at.Sub(seen))
						}
						shrank = shrank || s.Timer.Expires > kernel[row.ID()] && tick > 0
						ages[row.ID()], kernel[row.ID()] = age, s.Timer.Expires
					}
					if tick%10 == 5 {
						for _, p := range peers[:2] {
							p.Seq = first
							must(t, p.Send(lab.SYN, nil))
						}
					}
					time.Sleep(60 * time.Millisecond) // the kernel ignores SYNs that come within 500 ms
				}
				if len(ages) != len(peers) || !shrank {
					t.Errorf("followed %d requests of %d for %v; a clock was restarted: %v", len(ages), len(peers), time.Since(began), shrank)
				}
			})
		})
	}
}

// TestFollowingConnections runs connections step by step, with a tick after
// each step, for both sources. It checks that exactly what has happened is
// reported.
func TestFollowingConnections(t *testing.T) {
	for _, source := range []collect.Source{collect.SockDiag, collect.ProcFS} {
		t.Run(source.String(), func(t *testing.T) {
			lab.Run(t, func(t *testing.T, l *lab.Lab) {
				host := netip.AddrPortFrom(lab.Host4, 8080)
				_, err := l.States() // other sockets, which must have no events
				must(t, err)
				o := observe(t, collect.Query{Source: source})
				if tick := o.expect(); !tick.First || tick.Counts.Total() == 0 {
					t.Errorf("the first tick has %d sockets", tick.Counts.Total())
				}

				server := listener(t, host)
				o.expect("opened >LISTEN 0")
				one := halfOpen(t, l, 5001, host)
				o.expect("opened >SYN_RECV 5001")
				id := o.changes[0].row.ID()
				o.expect()
				must(t, one.Send(lab.ACK, nil))
				await(t, estab, 5001, 1)
				o.expect("state SYN_RECV>ESTABLISHED 5001")
				connection := accept(t, server)
				o.expect() // it has an inode now, and is the same socket
				must(t, unix.Close(connection))
				await(t, tcp.FinWait1, 5001, 1)
				o.expect("state ESTABLISHED>FIN_WAIT1 5001")
				finish(t, one)
				await(t, timeWait, 5001, 1)
				o.expect("state FIN_WAIT1>TIME_WAIT 5001")
				var names []string
				for _, step := range o.Row(id).History() {
					names = append(names, step.State.String())
				}
				if got := strings.Join(names, " "); got != "SYN_RECV ESTABLISHED FIN_WAIT1 TIME_WAIT" {
					t.Errorf("the socket's history is %s", got)
				}

				two, three := halfOpen(t, l, 5002, host), halfOpen(t, l, 5003, host)
				o.expect(inOrder(o, "opened >SYN_RECV 5002", "opened >SYN_RECV 5003")...)
				must(t, two.Send(lab.ACK, nil))
				must(t, unix.Close(accept(t, server)))
				finish(t, two)
				await(t, timeWait, 5002, 1)
				must(t, three.Send(lab.RST, nil))
				await(t, synRecv, 5003, 0)
				o.expect("state SYN_RECV>TIME_WAIT 5002", "closed SYN_RECV> 5003")

				four := halfOpen(t, l, 5004, host) // opened and closed between two ticks
				must(t, four.Send(lab.RST, nil))
				await(t, synRecv, 5004, 0)
				o.expect()
				must(t, unix.Close(server))
				o.expect("closed LISTEN> 0")
			})
		})
	}
}

// inOrder sorts two events into the order in which the source lists their
// sockets, which is the order of the kernel's hash table.
func inOrder(o *observer, events ...string) []string {
	o.t.Helper()
	snapshot, err := collect.Open(o.t.Context(), collect.Query{Source: o.Source(), States: tcp.Set(synRecv), Families: []tcp.Family{tcp.IPv4}})
	must(o.t, err)
	var ordered []string
	for s, err := range snapshot.Sockets() {
		must(o.t, err)
		for _, event := range events {
			if strings.HasSuffix(event, fmt.Sprintf(" %d", s.Peer.Port())) {
				ordered = append(ordered, event)
			}
		}
	}
	return ordered
}

// TestFollowingASelection selects only SYN_RECV, and follows connections that
// leave this state.
func TestFollowingASelection(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		host := netip.AddrPortFrom(lab.Host4, 8080)
		server := listener(t, host)
		everything, err := filter.Parse([]string{"sport = :8080"}, filter.Names{})
		must(t, err)
		o := observe(t, collect.Query{States: tcp.Set(synRecv), Filter: everything})
		o.expect()
		one := halfOpen(t, l, 5001, host)
		o.expect("opened >SYN_RECV 5001")
		must(t, one.Send(lab.ACK, nil))
		connection := accept(t, server)
		o.expect("state SYN_RECV>ESTABLISHED 5001")
		must(t, unix.Close(connection))
		await(t, tcp.FinWait1, 5001, 1)
		o.expect()
	})
}

// TestFollowingWhatIsBoundToItsPort follows a socket that binds and listens,
// and a connection that ends as two sockets with one cookie.
func TestFollowingWhatIsBoundToItsPort(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		o := observe(t, collect.Query{Source: collect.SockDiag})
		o.expect()
		fd := boundTo(t, netip.AddrPortFrom(lab.Host4, 8080))
		o.expect("opened >BOUND_INACTIVE 0")
		must(t, unix.Listen(fd, 8))
		o.expect("state BOUND_INACTIVE>LISTEN 0")
		must(t, unix.Close(fd))
		o.expect("closed LISTEN> 0")

		fd = boundTo(t, netip.AddrPortFrom(lab.Host4, 8081))
		peer, err := l.Peer(netip.MustParseAddrPort("10.3.0.1:5001"))
		must(t, err)
		accepted := make(chan error, 1)
		go func() { accepted <- peer.Accept() }()
		must(t, unix.Connect(fd, &unix.SockaddrInet4{Addr: [4]byte{10, 3, 0, 1}, Port: 5001}))
		must(t, <-accepted)
		o.expect("opened >ESTABLISHED 5001")
		must(t, unix.Shutdown(fd, unix.SHUT_RDWR))
		finish(t, peer)
		await(t, timeWait, 5001, 1)
		_, err = o.Tick(t.Context())
		must(t, err)
		cookies := map[tcp.Cookie]int{}
		for row := range o.Rows() {
			var s tcp.Socket
			row.Fill(&s)
			cookies[s.Cookie]++
		}
		if len(cookies) != 1 || o.Len() != 2 {
			t.Fatalf("%d sockets have %d cookies: %s", o.Len(), len(cookies), reported(&o.Follower))
		}
		o.expect()
		must(t, unix.Close(fd))
		o.expectSome()
		if got := reported(&o.Follower); !strings.HasPrefix(got, "closed ") || len(o.changes) != 1 {
			t.Errorf("after the program's close %q", got)
		}
	})
}

// expectSome makes a tick whose events the caller checks.
func (o *observer) expectSome() {
	o.t.Helper()
	tick, err := o.Tick(o.t.Context())
	must(o.t, err)
	checkCounts(o.t, &o.Follower, tick)
}

// TestFollowingOwners passes a socket from one process to others.
func TestFollowingOwners(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		o := observe(t, collect.Query{Detail: tcp.DetailProcesses})
		o.expect()
		host := netip.AddrPortFrom(lab.Host4, 8080)
		server := listener(t, host)
		o.expect("opened >LISTEN 0")
		row := o.changes[0].row
		o.heldBy(row, os.Getpid())

		var sleepers []*exec.Cmd
		for range 2 {
			sleeper := exec.Command("sleep", "1000")
			file := os.NewFile(uintptr(duplicate(t, server)), "listener")
			sleeper.ExtraFiles = []*os.File{file}
			must(t, sleeper.Start())
			must(t, file.Close())
			defer sleeper.Process.Kill()
			sleepers = append(sleepers, sleeper)
		}
		half := halfOpen(t, l, 5001, host)
		o.expect("opened >SYN_RECV 5001")
		var s tcp.Socket
		o.Fill(o.changes[0].row, &s)
		if s.Processes != nil || s.Listener == nil || s.Listener.Local != host || len(s.Listener.Processes) != 1 {
			t.Errorf("the half-open connection has processes %v, listener %+v", s.Processes, s.Listener)
		}
		must(t, half.Send(lab.RST, nil))
		await(t, synRecv, 5001, 0)

		// A search for a new socket does not search again for known owners.
		other := listener(t, netip.AddrPortFrom(lab.Host4, 8081))
		o.expect("opened >LISTEN 0", "closed SYN_RECV> 5001")
		o.heldBy(row, os.Getpid())
		must(t, unix.Close(other))
		o.expect("closed LISTEN> 0")

		// The end of an owner is noticed if the owner was known.
		o.Session = observe(t, collect.Query{Detail: tcp.DetailProcesses}).Session
		o.expect()
		for row = range o.Rows() {
		}
		o.heldBy(row, os.Getpid(), sleepers[0].Process.Pid, sleepers[1].Process.Pid)
		must(t, sleepers[0].Process.Kill())
		sleepers[0].Wait()
		o.expect()
		o.heldBy(row, os.Getpid(), sleepers[1].Process.Pid)
	})
}

func duplicate(t *testing.T, fd int) int {
	t.Helper()
	fd, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	must(t, err)
	return fd
}

// heldBy checks which processes hold a row's socket, in any order.
func (o *observer) heldBy(row *Row, want ...int) {
	o.t.Helper()
	var s tcp.Socket
	o.Fill(row, &s)
	got := map[int]bool{}
	for _, p := range s.Processes {
		got[p.PID] = true
	}
	for _, pid := range want {
		if !got[pid] {
			o.t.Errorf("the socket is held by %v, not by %d", s.Processes, pid)
		}
	}
	if len(got) != len(want) {
		o.t.Errorf("the socket is held by %v, want %d", s.Processes, want)
	}
}

// TestFollowingAProcess selects by process. The process of a socket is not yet
// known when the socket is read.
func TestFollowingAProcess(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		for name, mine := range map[string]bool{fmt.Sprintf("pid = %d", os.Getpid()): true, "pid = 1": false} {
			expression, err := filter.Parse([]string{name}, filter.Names{})
			must(t, err)
			o := observe(t, collect.Query{Filter: expression})
			events := func(list ...string) []string {
				if mine {
					return list
				}
				return nil
			}
			o.expect()
			fd := listener(t, netip.AddrPortFrom(lab.Host4, 8080))
			o.expect(events("opened >LISTEN 0")...)
			for e := range o.Events() {
				if e.Socket.Processes != nil {
					t.Errorf("%v are reported, but only the filter needed them", e.Socket.Processes)
				}
			}
			must(t, unix.Close(fd))
			o.expect(events("closed LISTEN> 0")...)
		}
	})
}
