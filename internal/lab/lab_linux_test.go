package lab

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tcpstate/lab/ground"
	"tcpstate/lab/private"
	"tcpstate/tcp"
)

// TestStates compares the sockets that States describes with the kernel's list:
// every state occurs in both families, every described socket is listed, and
// every listed socket is described.
func TestStates(t *testing.T) {
	Run(t, func(t *testing.T, l *Lab) {
		start := time.Now()
		made, err := l.States()
		if err != nil {
			t.Fatal(err)
		}
		counts, err := Count()
		if err != nil {
			t.Fatal(err)
		}
		described := Counts{tcp.IPv4: {}, tcp.IPv6: {}}
		for _, s := range made {
			described[s.Family][s.State]++
			if s.After.Before(start) || s.Before.Before(s.After) {
				t.Errorf("%s: made between %v and %v; the test started at %v", s, s.After, s.Before, start)
			}
		}
		for _, family := range []tcp.Family{tcp.IPv4, tcp.IPv6} {
			for state := range tcp.All.States() {
				if described[family][state] == 0 {
					t.Errorf("%s: no %s", family, state)
				}
				if described[family][state] != counts[family][state] {
					t.Errorf("%s: States describes %d %s, the kernel lists %d", family, described[family][state], state, counts[family][state])
				}
			}
		}
	})
}

// TestProcShowsStates compares the same sockets with /proc/net/tcp and tcp6,
// which list all sockets except those that are only bound.
func TestProcShowsStates(t *testing.T) {
	Run(t, func(t *testing.T, l *Lab) {
		made, err := l.States()
		if err != nil {
			t.Fatal(err)
		}
		for file, family := range map[string]tcp.Family{"/proc/net/tcp": tcp.IPv4, "/proc/net/tcp6": tcp.IPv6} {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			want := map[string]int{}
			for _, s := range made {
				if s.Family == family && s.State != tcp.Close && s.State != tcp.BoundInactive {
					want[fmt.Sprintf("%04X %04X %02X", s.Local.Port(), s.Peer.Port(), s.Kernel.Number)]++
				}
			}
			for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n")[1:] {
				f := strings.Fields(line)
				port := func(s string) string { return s[len(s)-4:] }
				want[fmt.Sprintf("%s %s %s", port(f[1]), port(f[2]), f[3])]--
			}
			for key, n := range want {
				if n != 0 {
					t.Errorf("%s: %s: described but not listed %d times (negative: listed but not described)", file, key, n)
				}
			}
		}
	})
}

// TestResetSocketKeepsPeer checks what the kernel reports about a socket that
// was reset and still holds the port it was bound to: state 7 with both
// addresses.
func TestResetSocketKeepsPeer(t *testing.T) {
	Run(t, func(t *testing.T, l *Lab) {
		made, err := l.States()
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range made {
			if s.State != tcp.Close {
				continue
			}
			const boundInactive, closed = 13, 7
			for mask, want := range map[uint32]int{1 << boundInactive: 1, 1 << closed: 0} {
				entries, err := Kernel(s.Family, mask)
				if err != nil {
					t.Fatal(err)
				}
				found := 0
				for _, e := range entries {
					if e.Number == closed && e.Local == s.Local && e.Peer == s.Peer && e.Inode == s.Inode {
						found++
					}
				}
				if found != want {
					t.Errorf("%s: mask %#x lists it %d times, want %d", s, mask, found, want)
				}
			}
		}
	})
}

// TestFill requests sockets of every kind, in both families and in one, and
// counts the result.
func TestFill(t *testing.T) {
	Run(t, func(t *testing.T, l *Lab) {
		var words []string
		want := map[tcp.State]int{}
		for _, k := range Kinds() {
			words = append(words, k.Name+"=202", k.Name+"4=30", k.Name+"6=40")
			want[k.State] += 272
		}
		if err := l.Fill(words...); err != nil {
			t.Fatal(err)
		}
		want[tcp.Listen] += 4 // synrecv comes with a listener each time, and each family has two requests for it
		counts, err := Count()
		if err != nil {
			t.Fatal(err)
		}
		for state := range tcp.All.States() {
			if got := counts[tcp.IPv4][state] + counts[tcp.IPv6][state]; got != want[state] {
				t.Errorf("%s: %d, want %d", state, got, want[state])
			}
		}
	})
}

// TestFillReportsWhatIsMissing checks for sockets that were never made.
func TestFillReportsWhatIsMissing(t *testing.T) {
	Run(t, func(t *testing.T, l *Lab) {
		before, err := Count()
		if err != nil {
			t.Fatal(err)
		}
		err = ground.CheckFill(before, []Want{{Kind: "timewait", Family: tcp.IPv6, N: 3}})
		if want := "filling the lab: asked for 3 ipv6 sockets in TIME_WAIT, there are 0"; err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	})
}

// TestFloodEndsAtTheBacklog checks that a flood acts on the kernel: a listener
// holds one half-open connection more than its backlog, and answers all other
// SYNs with cookies, which need no socket.
func TestFloodEndsAtTheBacklog(t *testing.T) {
	Run(t, func(t *testing.T, l *Lab) {
		if err := l.SetSysctl("net.ipv4.tcp_syncookies", 1); err != nil {
			t.Fatal(err)
		}
		for _, host := range []netip.Addr{Host4, Host6} {
			fd, at, err := ground.Listening(netip.AddrPortFrom(host, 0), 64)
			if err != nil {
				t.Fatal(err)
			}
			defer unix.Close(fd)
			if err := l.Flood(at, 1000); err != nil {
				t.Fatal(err)
			}
			family := tcp.IPv4
			if host.Is6() {
				family = tcp.IPv6
			}
			// The kernel checks the length and then adds a connection, without
			// a lock around both: each processor may add one at the same time.
			if n, err := halfOpen(family, at); err != nil || n < 65 || n > 64+runtime.NumCPU() {
				t.Errorf("%s: %d half-open connections, %v; want 65", at, n, err)
			}
		}
	})
}

// TestPeerSpeaksTCP sends data between a Go program and a peer of the lab in
// both directions. This needs correct checksums, sequence numbers and addresses
// in both families.
func TestPeerSpeaksTCP(t *testing.T) {
	Run(t, func(t *testing.T, l *Lab) {
		for _, addr := range []string{"10.9.8.7", "203.0.113.5", "fd09::7", "2001:db8::5"} {
			t.Run(addr, func(t *testing.T) {
				p, err := l.Peer(netip.AddrPortFrom(netip.MustParseAddr(addr), 80))
				if err != nil {
					t.Fatal(err)
				}
				defer p.Close()
				accepted := make(chan error, 1)
				go func() { accepted <- p.Accept() }()
				conn, err := net.DialTimeout("tcp", p.Addr.String(), Patience)
				if err != nil {
					t.Fatalf("%v; the peer: %v", err, <-accepted)
				}
				defer conn.Close()
				if err := conn.SetDeadline(time.Now().Add(Patience)); err != nil {
					t.Fatal(err)
				}
				if err := <-accepted; err != nil {
					t.Fatal(err)
				}
				if _, err := conn.Write([]byte("question")); err != nil {
					t.Fatal(err)
				}
				if s, err := p.Expect(PSH); err != nil || string(s.Payload) != "question" {
					t.Fatalf("got %s, %v", s, err)
				}
				if err := p.Send(PSH|ACK, []byte("answer")); err != nil {
					t.Fatal(err)
				}
				answer := make([]byte, 6)
				if _, err := conn.Read(answer); err != nil || string(answer) != "answer" {
					t.Fatalf("read %q, %v", answer, err)
				}
				if err := p.Send(RST, nil); err != nil {
					t.Fatal(err)
				}
				if _, err := conn.Read(answer); !errors.Is(err, unix.ECONNRESET) {
					t.Fatalf("read after a reset: %v", err)
				}
			})
		}
	})
}

// TestChurn opens and closes connections all the time, and checks that they
// leave sockets in TIME_WAIT.
func TestChurn(t *testing.T) {
	Run(t, func(t *testing.T, l *Lab) {
		stop, err := l.Churn(2000)
		if err != nil {
			t.Fatal(err)
		}
		Await(t, func() error {
			counts, err := Count()
			if err != nil {
				t.Fatal(err)
			}
			if counts[tcp.IPv4][tcp.TimeWait] <= 10 || counts[tcp.IPv6][tcp.TimeWait] <= 10 {
				return fmt.Errorf("too few TIME_WAITs: %v", counts)
			}
			return nil
		})
		if n, err := stop(); n < 40 || err != nil {
			t.Errorf("stop: %d, %v", n, err)
		}
		if counts, err := Count(); err != nil || counts[tcp.IPv4][tcp.Listen]+counts[tcp.IPv6][tcp.Listen] != 0 {
			t.Errorf("listeners left: %v, %v", counts, err)
		}
	})
}

// TestInside checks where a body runs: in a namespace that has only the lab, as
// root, and without passing descriptors to commands.
func TestInside(t *testing.T) {
	Run(t, func(t *testing.T, l *Lab) {
		if os.Geteuid() != 0 {
			t.Errorf("uid %d, want 0", os.Geteuid())
		}
		if err := open2(); err == nil || !strings.Contains(err.Error(), "opened one already") {
			t.Errorf("opening a second lab: %v", err)
		}
		inner, err := os.Readlink("/proc/self/ns/net")
		if err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command("readlink", "/proc/self/ns/net").Output()
		if got := strings.TrimSpace(string(out)); err != nil || got != inner {
			t.Errorf("a command runs in %s, %v; want %s", got, err, inner)
		}
		if outer, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/net", os.Getppid())); err == nil && outer == inner {
			t.Errorf("the body runs in its parent's namespace")
		}
		if flags, err := unix.FcntlInt(private.ReportFD, unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
			t.Errorf("the report pipe goes to commands: flags %#x, %v", flags, err)
		}
	})
}

func open2() error {
	_, err := ground.Open()
	return err
}

// TestRunPassesOn runs TestEndings once for each way in which a test can end.
func TestRunPassesOn(t *testing.T) {
	if ground.Role() != "" {
		t.Skip("only from outside")
	}
	for _, test := range []struct{ mode, want string }{
		{"pass", "--- PASS: TestEndings"},
		{"fail", "the body failed"},
		{"fatal", "the body stopped"},
		{"skip", "--- SKIP: TestEndings"},
		{"panic", "panic: the body panicked"},
		{"exit", "the test did not run"},
		{"cleanup", "the cleanup failed"},
		{"subtest", "the subtest failed"},
	} {
		t.Run(test.mode, func(t *testing.T) {
			cmd := exec.Command(os.Args[0], "-test.run=^TestEndings$", "-test.v", "-test.count=1")
			cmd.Env = append(os.Environ(), "LAB_TEST_ENDING="+test.mode)
			out, err := cmd.CombinedOutput()
			if !bytes.Contains(out, []byte(test.want)) {
				t.Errorf("no %q in:\n%s", test.want, out)
			}
			if wellEnded := test.mode == "pass" || test.mode == "skip"; (err == nil) != wellEnded {
				t.Errorf("the test binary ended with %v", err)
			}
		})
	}
}

// TestChildFlags checks that the child gets no flag for a profile, because it
// would overwrite the parent's, and that the pattern selects only this test.
func TestChildFlags(t *testing.T) {
	t.Run("a (b)", func(t *testing.T) {
		if err := flag.Set("test.coverprofile", ""); err != nil { // the flag then counts as set on the command line
			t.Fatal(err)
		}
		args := strings.Join(testArgs(t), " ")
		if !strings.HasPrefix(args, `-test.run=^TestChildFlags$/^a_\(b\)$ -test.count=1`) || !strings.HasSuffix(args, ground.RoleInside) {
			t.Errorf("arguments %s", args)
		}
		if strings.Contains(args, "coverprofile") {
			t.Errorf("the child would write a profile: %s", args)
		}
	})
}

// TestEndings ends in the way that TestRunPassesOn selects.
func TestEndings(t *testing.T) {
	mode := os.Getenv("LAB_TEST_ENDING")
	Run(t, func(t *testing.T, l *Lab) {
		switch mode {
		case "fail":
			t.Error("the body failed")
		case "fatal":
			t.Fatal("the body stopped")
		case "skip":
			t.Skip("the body skipped")
		case "panic":
			panic("the body panicked")
		case "exit":
			os.Exit(0)
		case "cleanup":
			t.Cleanup(func() { t.Error("the cleanup failed") })
		case "subtest":
			t.Run("sub", func(t *testing.T) {
				t.Parallel()
				t.Error("the subtest failed")
			})
		}
	})
}

// TestRunWithoutDiag runs itself again in a process that opens the sockets.
func TestRunWithoutDiag(t *testing.T) {
	if os.Getenv("LAB_TEST_DIAG") != "" {
		for _, protocol := range []int{unix.NETLINK_SOCK_DIAG, unix.NETLINK_ROUTE} {
			fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW, protocol)
			fmt.Printf("protocol %d: %v\n", protocol, err)
			unix.Close(fd)
		}
		return
	}
	for _, denied := range []syscall.Errno{unix.EPERM, unix.EPROTONOSUPPORT} {
		var out bytes.Buffer
		cmd := exec.Command(os.Args[0], "-test.run=^TestRunWithoutDiag$")
		cmd.Env = append(os.Environ(), "LAB_TEST_DIAG=1")
		cmd.Stdout = &out
		if err := RunWithoutDiag(cmd, denied); err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprintf("protocol %d: %v\nprotocol %d: <nil>\n", unix.NETLINK_SOCK_DIAG, denied, unix.NETLINK_ROUTE)
		if !strings.HasPrefix(out.String(), want) {
			t.Errorf("got %q, want %q", out.String(), want)
		}
	}
	if _, err := Count(); err != nil {
		t.Errorf("the filter still acts on this process: %v", err)
	}
}

// TestKernelAgreesOnCookies reads the cookie of a socket from the socket itself
// and from the kernel's list.
func TestKernelAgreesOnCookies(t *testing.T) {
	Run(t, func(t *testing.T, l *Lab) {
		fd, at, err := ground.Listening(netip.AddrPortFrom(Host4, 0), 5)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fd)
		cookie, err := unix.GetsockoptUint64(fd, unix.SOL_SOCKET, unix.SO_COOKIE)
		if err != nil {
			t.Fatal(err)
		}
		entries, err := Kernel(tcp.IPv4, ^uint32(0))
		if err != nil {
			t.Fatal(err)
		}
		if len(entries) != 1 {
			t.Fatalf("%d sockets, want 1", len(entries))
		}
		e := entries[0]
		if e.Cookie != cookie || e.Local != at || e.SendQ != 5 || e.State() != tcp.Listen {
			t.Errorf("got %+v; want a listener at %s, backlog 5, cookie %#x", e, at, cookie)
		}
	})
}

// TestFillSurvivesResends waits until the kernel has resent segments to the
// peers of Fill, thousands at once. No socket may end because of an answer, an
// ICMP error or a full queue of the device.
func TestFillSurvivesResends(t *testing.T) {
	Run(t, func(t *testing.T, l *Lab) {
		const half = 10_000
		if err := l.Fill("synrecv=20000", "synsent=200"); err != nil {
			t.Fatal(err)
		}
		for _, family := range []tcp.Family{tcp.IPv4, tcp.IPv6} {
			for state, want := range map[tcp.State]int{tcp.SynRecv: half, tcp.SynSent: 100} {
				for deadline := time.Now().Add(Patience); ; time.Sleep(20 * time.Millisecond) {
					entries, err := Kernel(family, tcp.Set(state).KernelMask())
					if err != nil {
						t.Fatal(err)
					}
					if len(entries) != want {
						t.Fatalf("%s: %d %s left, want %d", family, len(entries), state, want)
					}
					if !slices.ContainsFunc(entries, func(e Entry) bool { return e.Retransmits == 0 }) {
						break
					}
					if time.Now().After(deadline) {
						t.Fatalf("%s: %s not resent within %v", family, state, Patience)
					}
				}
			}
		}
	})
}

// halfOpen counts the half-open connections of a listener.
func halfOpen(family tcp.Family, at netip.AddrPort) (int, error) {
	entries, err := Kernel(family, tcp.Set(tcp.SynRecv).KernelMask())
	n := 0
	for _, e := range entries {
		if e.Local.Port() == at.Port() {
			n++
		}
	}
	return n, err
}
