package cmd

import (
	"encoding/csv"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"tcpstate/internal/lab"
	"tcpstate/tcp"
)

// endsOf returns the values that identify a socket in both sources, without its
// state.
func endsOf(s map[string]any) string {
	return fmt.Sprintf("%v %v %v > %v %v", s["family"], s["local.address"], s["local.port"], s["peer.address"], s["peer.port"])
}

// listenerOf returns the listener that JSON gives for a socket, with the ids of
// the processes that hold it: "10.77.0.1:80 [4711]", or "".
func listenerOf(t *testing.T, s map[string]any) string {
	t.Helper()
	address, known := s["listener.address"].(string)
	if !known {
		return ""
	}
	if s["processes"] != nil {
		t.Errorf("%s has both a listener and processes", endsOf(s))
	}
	at := netip.AddrPortFrom(netip.MustParseAddr(address), uint16(s["listener.port"].(float64)))
	return fmt.Sprint(at, " ", pidsOf(processesIn(t, s["listener.processes"])))
}

// TestListenersOfSocketsWithoutOwner checks every state in which a socket has no
// process. Each of these connections came in through a listener of this process.
func TestListenersOfSocketsWithoutOwner(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		made, err := l.States()
		if err != nil {
			t.Fatal(err)
		}
		notAccepted(t, l)
		listening := map[string]bool{}
		inodes := map[string]uint32{} // the inodes of the lab's sockets, by their ends
		for _, m := range made {
			if m.State == tcp.Listen {
				listening[m.Local.String()] = true
			}
			inodes[fmt.Sprint(m.Local, m.Peer)] = m.Inode
		}
		self := os.Getpid()
		for _, source := range []string{"sock_diag", "procfs"} {
			seen := map[string]int{}
			for _, s := range list(t, "-p", "--source", source).Sockets {
				local := netip.AddrPortFrom(netip.MustParseAddr(s["local.address"].(string)), uint16(s["local.port"].(float64)))
				inode, _ := s["inode"].(float64)
				got, want := listenerOf(t, s), ""
				if inode == 0 && s["state"] != "CLOSE" && s["state"] != "BOUND_INACTIVE" {
					want = fmt.Sprintf("%s [%d]", local, self)
					seen[s["state"].(string)]++
				}
				if got != want {
					t.Errorf("%s: %s %s has the listener %q, want %q", source, s["state"], endsOf(s), got, want)
				}
				if inode != 0 && s["processes"] == nil {
					t.Errorf("%s: %s %s has no process", source, s["state"], endsOf(s))
				}
			}
			want := map[string]int{"SYN_RECV": 2, "ESTABLISHED": 5, "FIN_WAIT1": 2, "FIN_WAIT2": 4, "CLOSING": 2, "TIME_WAIT": 2, "CLOSE_WAIT": 1, "LAST_ACK": 2}
			if !maps.Equal(seen, want) {
				t.Errorf("%s: the sockets without a process are %v, want %v", source, seen, want)
			}
		}
	})
}

// notAccepted makes an ESTABLISHED and a CLOSE_WAIT connection that wait in the
// accept queue of a listener.
func notAccepted(t *testing.T, l *lab.Lab) {
	t.Helper()
	_, at := listenOn(t, &unix.SockaddrInet4{Addr: lab.Host4.As4()}, func(int) {})
	host := netip.AddrPortFrom(lab.Host4, uint16(at.(*unix.SockaddrInet4).Port))
	_, err := l.Dial(netip.MustParseAddrPort("10.9.1.1:5000"), host)
	must(t, err)
	p, err := l.Dial(netip.MustParseAddrPort("10.9.1.2:5000"), host)
	must(t, err)
	must(t, p.Send(lab.FIN|lab.ACK, nil))
	_, err = p.Expect(lab.ACK)
	must(t, err)
}

// place is where a listener listens.
type place struct {
	host   string
	v6only bool
	link   string
}

// TestListenersByPlace makes half-open connections to a port that has listeners in
// several places.
func TestListenersByPlace(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		host4, host6 := lab.Host4.String(), lab.Host6.String()
		tests := []struct {
			name      string
			listeners []place
			to        string
			want      int // the index of the expected place; all its listeners are expected
			procfs    int // the same from /proc, which has no v6only and no interfaces; -1: not checked
		}{
			{"specific over wildcard", []place{{host: "0.0.0.0"}, {host: host4}}, host4, 1, 1},
			{"specific over dual-stack", []place{{host: "::"}, {host: host4}}, host4, 1, 1},
			{"wildcard over none", []place{{host: "127.0.0.1"}, {host: "0.0.0.0"}}, host4, 1, 1},
			{"wildcard over v6only", []place{{host: "::", v6only: true}, {host: "0.0.0.0"}}, host4, 1, 1},
			{"dual-stack", []place{{host: "::"}}, host4, 0, 0},
			{"dual-stack, of IPv6", []place{{host: "::"}}, host6, 0, 0},
			{"v6only", []place{{host: "0.0.0.0"}, {host: "::", v6only: true}}, host6, 1, 1},
			{"specific of IPv6", []place{{host: "::"}, {host: host6}}, host6, 1, 1},
			{"mapped", []place{{host: "::ffff:" + host4}}, host4, 0, 0},
			{"mapped over dual-stack", []place{{host: "::"}, {host: "::ffff:" + host4}}, host4, 1, 1},
			{"on the link over on all", []place{{host: "0.0.0.0"}, {host: "0.0.0.0", link: lab.HostLink}}, host4, 1, -1},
		}
		for i, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				port := uint16(2000 + i)
				pids := make([][]int, len(test.listeners))
				for j, where := range test.listeners {
					for k := range 2 { // two processes share each place
						fd := listenAt(t, where, port)
						pid := lab.Actor{Name: fmt.Sprint("listener-", j, "-", k)}.Start(t, fd).PID
						pids[j] = append(pids[j], pid)
						must(t, unix.Close(fd))
					}
					slices.Sort(pids[j])
				}
				from := netip.AddrPortFrom(netip.MustParseAddr("10.9.2.1"), 3000+uint16(i))
				if to := netip.MustParseAddr(test.to); to.Is6() {
					from = netip.AddrPortFrom(netip.MustParseAddr("fd09::1"), from.Port())
				}
				p, err := l.Peer(from)
				must(t, err)
				p.Host = netip.AddrPortFrom(netip.MustParseAddr(test.to), port)
				must(t, p.Send(lab.SYN, nil))
				_, err = p.Expect(lab.SYN | lab.ACK)
				must(t, err)
				for source, index := range map[string]int{"sock_diag": test.want, "procfs": test.procfs} {
					if index < 0 {
						continue // that source does not report interfaces
					}
					address := netip.AddrPortFrom(netip.MustParseAddr(test.listeners[index].host), port)
					want := fmt.Sprint(address, " ", pids[index])
					sockets := list(t, "-p", "--source", source, "--state", "SYN_RECV", fmt.Sprint("sport = ", port)).Sockets
					if len(sockets) != 1 {
						t.Fatalf("%s: %d half-open connections", source, len(sockets))
					}
					if got := listenerOf(t, sockets[0]); got != want {
						t.Errorf("%s: %s has the listener %s, want %s", source, endsOf(sockets[0]), got, want)
					}
				}
				// The established connection waits in the accept queue of the listener
				// that the kernel has chosen: it must be the same one.
				must(t, p.Send(lab.ACK, nil))
				for _, s := range list(t, "-p", "--state", "ESTABLISHED", fmt.Sprint("sport = ", port)).Sockets {
					if got, want := listenerOf(t, s), fmt.Sprint(" ", pids[test.want]); !strings.HasSuffix(got, want) {
						t.Errorf("%s has the listener %s, want%s", endsOf(s), got, want)
					}
				}
			})
		}
	})
}

// listenAt returns a listener in a place. Other listeners may share the place.
func listenAt(t *testing.T, where place, port uint16) int {
	t.Helper()
	host := sockaddrOf(netip.MustParseAddr(where.host), int(port))
	fd := newSocket(t, host)
	must(t, unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1))
	if _, six := host.(*unix.SockaddrInet6); six {
		only := 0
		if where.v6only {
			only = 1
		}
		must(t, unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, only))
	}
	if where.link != "" {
		must(t, unix.BindToDevice(fd, where.link))
	}
	must(t, unix.Bind(fd, host))
	must(t, unix.Listen(fd, 16))
	return fd
}

// TestNoListenerOfOutgoingConnections makes TIME_WAIT on the connecting side: on a
// port without a listener, and on a port whose only listener does not accept IPv4.
func TestNoListenerOfOutgoingConnections(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		const v6only = 2100
		listenAt(t, place{host: "::", v6only: true}, v6only)
		listener, address := listenOn(t, loopback4, func(int) {})
		timeWait := func(prepare func(fd int)) string {
			client := newSocket(t, loopback4)
			prepare(client)
			must(t, unix.Connect(client, address))
			server, _, err := unix.Accept4(listener, unix.SOCK_CLOEXEC)
			must(t, err)
			name, err := unix.Getsockname(client)
			must(t, err)
			must(t, unix.Close(client))
			must(t, unix.Close(server))
			return fmt.Sprint(name.(*unix.SockaddrInet4).Port)
		}
		out := timeWait(func(int) {})
		outOfV6only := timeWait(func(fd int) {
			must(t, unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1))
			must(t, unix.Bind(fd, &unix.SockaddrInet4{Addr: loopback4.Addr, Port: v6only}))
		})
		for _, port := range []string{out, outOfV6only} {
			for _, source := range []string{"sock_diag", "procfs"} {
				sockets := list(t, "-p", "--source", source, "--state", "TIME_WAIT", "sport = "+port).Sockets
				if len(sockets) != 1 {
					t.Fatalf("%s: %d sockets at port %s", source, len(sockets), port)
				}
				if got := listenerOf(t, sockets[0]); got != "" && (port != outOfV6only || source == "sock_diag") {
					t.Errorf("%s: the outgoing connection %s has the listener %s", source, endsOf(sockets[0]), got)
				}
			}
		}
	})
}

// TestListenersAreShownAsInferred checks how an inferred listener is shown in
// tables, Markdown and CSV.
func TestListenersAreShownAsInferred(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		const port = 2200
		pids := []any{}
		for range 3 {
			fd := listenAt(t, place{host: "0.0.0.0"}, port)
			pid := lab.Actor{Name: "worker"}.Start(t, fd).PID
			pids = append(pids, pid)
			must(t, unix.Close(fd))
		}
		p, err := l.Peer(netip.MustParseAddrPort("10.9.3.1:5000"))
		must(t, err)
		p.Host = netip.AddrPortFrom(lab.Host4, port)
		must(t, p.Send(lab.SYN, nil))
		_, err = p.Expect(lab.SYN | lab.ACK)
		must(t, err)

		shown := fmt.Sprintf("(%d/worker %d/worker +1)", pids[0], pids[1])
		tests := []struct{ args, want string }{
			{"ls -pH --state SYN_RECV", shown + "\n"},
			{"ls -pH --state SYN_RECV --format markdown", "| " + shown + " |\n"},
			{"ls -pH --state SYN_RECV --format csv", fmt.Sprintf(",,0.0.0.0:2200,%d/worker %d/worker %d/worker\n", pids...)},
			{"ls -p --state SYN_RECV --color always", "\x1b[2m" + shown + "\x1b[0m\n"},
		}
		for _, test := range tests {
			args := strings.Fields(test.args)
			if strings.Contains(test.args, "markdown") {
				args = slices.DeleteFunc(args, func(a string) bool { return a == "-pH" })
				args = append(args, "-p")
			}
			if got := runArgs(t, args...); got.code != exitDone || got.stderr != "" || !strings.HasSuffix(got.stdout, test.want) {
				t.Errorf("%s: %+v, want stdout to end in %q", test.args, got, test.want)
			}
		}
		got := runArgs(t, "ls", "-p", "--format", "csv", "--columns", "processes,listener.address,listener.port,listener.processes,process,listener", "--state", "SYN_RECV")
		records, err := csv.NewReader(strings.NewReader(got.stdout)).ReadAll()
		must(t, err)
		all := fmt.Sprintf("%d/worker %d/worker %d/worker", pids...)
		if want := []string{"", "0.0.0.0", "2200", all, "", "0.0.0.0:2200"}; len(records) != 2 || !slices.Equal(records[1], want) {
			t.Errorf("csv has %q, want %q", records, want)
		}
	})
}
