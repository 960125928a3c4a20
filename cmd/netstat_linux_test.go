package cmd

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"tcpstate/internal/lab"
)

// oracle runs the netstat of net-tools, which must be installed. Its output is the
// reference.
func oracle(t *testing.T, args ...string) (stdout, stderr string) {
	t.Helper()
	return runCommand(t, exec.Command("netstat", args...))
}

func runCommand(t *testing.T, c *exec.Cmd) (stdout, stderr string) {
	t.Helper()
	var out, errs strings.Builder
	c.Stdout, c.Stderr = &out, &errs
	if err := c.Run(); err != nil {
		t.Fatalf("%q: %v\n%s", c.Args, err, errs.String())
	}
	return out.String(), errs.String()
}

// running matches the time that a timer has left, which changes all the time.
var running = regexp.MustCompile(`\(\d+\.\d\d/`)

// settled returns a listing in a form that can be compared: the lines below the
// header are sorted, and the times of timers are replaced.
func settled(listing string) string {
	lines := strings.SplitAfter(running.ReplaceAllString(listing, "(T/"), "\n")
	if len(lines) > 2 {
		slices.Sort(lines[2:])
	}
	return strings.Join(lines, "")
}

// sameListing fails the test unless ours prints the listing of netstat, with the
// sockets of IPv4 first. Timers of the kernel may change sockets during the test. So
// if the listings differ and a second run of netstat differs from its first one,
// sameListing tries again.
func sameListing(t *testing.T, args []string, ours func(args []string) string) {
	t.Helper()
	for range 20 {
		before, _ := oracle(t, args...)
		listing := ours(args)
		if first := strings.Index(listing, "\ntcp6 "); first >= 0 && strings.Contains(listing[first:], "\ntcp ") {
			t.Errorf("netstat %q: IPv6 before IPv4:\n%s", args, listing)
		}
		got, want := settled(listing), settled(before)
		if got == want {
			return
		}
		if after, _ := oracle(t, args...); settled(after) == want {
			t.Errorf("netstat %q: got\n%swant\n%s", args, got, want)
			return
		}
	}
	t.Fatalf("netstat %q never printed the same listing twice", args)
}

// inProcess returns a function that runs the command netstat in this process.
func inProcess(t *testing.T) func(args []string) string {
	return func(args []string) string {
		got := runArgs(t, append([]string{"netstat"}, args...)...)
		if got.code != exitDone {
			t.Fatalf("netstat %q: exit %d, stderr %q", args, got.code, got.stderr)
		}
		return got.stdout
	}
}

// makeNetstatSockets makes sockets in all states, and some that are difficult to
// print: with long or unusual addresses and, if the user namespace has them, of
// other users.
func makeNetstatSockets(t *testing.T, l *lab.Lab) {
	t.Helper()
	refuseDNS(t)
	for _, host := range []string{
		"127.0.0.1", "127.5.0.0", "::1", "fd7f::1234:5678:9abc:def0", "fd7f::1:2:0:0", "fd7f:0:0:1::", "::1.2.3.4", "::1:2",
		"::ffff:0:1.2.3.4", "::ffff:127.0.0.7", "2001:db8:1234:5678:9abc:def0:1234:5678",
	} {
		for _, port := range []int{443, 33333} {
			listenOn(t, sockaddrOf(netip.MustParseAddr(host), port), odd(t))
		}
	}
	connectTo(t, sockaddrOf(netip.MustParseAddr("127.0.0.1"), 0), odd(t))
	if mapsOtherUsers() {
		halfOpenOf(t, l, 4711)
	}
	if _, err := l.States(); err != nil {
		t.Fatal(err)
	}
}

// odd returns a function that prepares a socket for any local address. If the user
// namespace has other users, the socket gets one whose id does not fit a C int.
func odd(t *testing.T) func(fd int) {
	return func(fd int) {
		must(t, unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_FREEBIND, 1))
		if mapsOtherUsers() {
			must(t, unix.Fchown(fd, 4294967294, -1))
		}
	}
}

// halfOpenOf makes a SYN_RECV on a listener of a user.
func halfOpenOf(t *testing.T, l *lab.Lab, uid int) {
	t.Helper()
	_, at := listenOn(t, sockaddrOf(lab.Host4, 0), func(fd int) { must(t, unix.Fchown(fd, uid, -1)) })
	p, err := l.Peer(netip.MustParseAddrPort("10.9.9.9:9999"))
	must(t, err)
	p.Host = netip.AddrPortFrom(lab.Host4, uint16(at.(*unix.SockaddrInet4).Port))
	must(t, p.Send(lab.SYN, nil))
	_, err = p.Expect(lab.SYN | lab.ACK)
	must(t, err)
}

func sockaddrOf(addr netip.Addr, port int) unix.Sockaddr {
	if addr.Is4() {
		return &unix.SockaddrInet4{Addr: addr.As4(), Port: port}
	}
	return &unix.SockaddrInet6{Addr: addr.As16(), Port: port}
}

// refuseDNS makes queries to the name servers of this host fail at once. Without it
// they would be lost on the lab's link, and netstat would wait for an answer.
func refuseDNS(t *testing.T) {
	t.Helper()
	text, err := os.ReadFile("/etc/resolv.conf")
	must(t, err)
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) < 2 || fields[0] != "nameserver" {
			continue
		}
		server, err := netip.ParseAddr(fields[1])
		must(t, err)
		if server.IsLoopback() {
			continue // nothing listens there
		}
		single := &net.IPNet{IP: server.AsSlice(), Mask: net.CIDRMask(server.BitLen(), server.BitLen())}
		must(t, netlink.RouteAdd(&netlink.Route{Dst: single, Type: unix.RTN_UNREACHABLE}))
	}
}

// TestNetstatIsNetstat compares combinations of options with net-tools: in a full
// run all 1,024, otherwise a sample in which every two options occur together.
func TestNetstatIsNetstat(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		makeNetstatSockets(t, l)
		all, _ := oracle(t, "-tanee")
		for _, state := range []string{"LISTEN", "SYN_SENT", "SYN_RECV", "ESTABLISHED", "FIN_WAIT1", "FIN_WAIT2", "CLOSING", "TIME_WAIT", "CLOSE_WAIT", "LAST_ACK"} {
			if !strings.Contains(all, " "+state+" ") {
				t.Errorf("no socket in %s: the test does not see it", state)
			}
		}
		if mapsOtherUsers() && (!strings.Contains(all, " -2 ") || !regexp.MustCompile(`SYN_RECV +4711 `).MatchString(all)) {
			t.Error("no socket has another user, or no SYN_RECV has the user of its listener: the test does not see it")
		}
		options := []string{"-a", "-l", "-n", "-p", "-e", "-ee", "-o", "-W", "-4", "-6"}
		for _, set := range lab.Sample(1<<len(options), 64) {
			args := []string{"-t"}
			for i, option := range options {
				if set&(1<<i) != 0 {
					args = append(args, option)
				}
			}
			sameListing(t, args, inProcess(t))
			if t.Failed() {
				return // one difference is enough
			}
		}
	})
}

// TestNetstatSpellings compares other spellings of options with net-tools.
func TestNetstatSpellings(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		makeNetstatSockets(t, l)
		for _, args := range []string{
			"--tcp --all --numeric --extend --programs --timers --wide --verbose", "--tcp --listening --numeric", "-tan4", "-tanA inet6",
			"-ta --numeric-hosts", "-ta --numeric-ports", "-tae --numeric-users", "-tn --prog", "--inet -tan", "-A inet,inet6 -tan",
			"-tanN 5", "-tandCF", "--protocol=inet6 -tln", "-tan -- -l",
		} {
			sameListing(t, strings.Fields(args), inProcess(t))
		}
		// Without -t, net-tools also lists sockets that are not of TCP.
		for _, args := range []string{"-n -p TCP", "-an", "-4an"} {
			text, _ := oracle(t, append(strings.Fields(args), "-t")...)
			if got := inProcess(t)(strings.Fields(args)); settled(got) != settled(text) {
				t.Errorf("netstat %s: got\n%swant\n%s", args, got, text)
			}
		}
		// sock_diag gives the same sockets.
		for _, args := range []string{"-tan", "-tl", "-tanp4"} {
			sameListing(t, strings.Fields(args), func(args []string) string {
				return inProcess(t)(append(args, "--source=sock_diag"))
			})
		}
	})
}

// TestNetstatPipelines runs pipelines that are common in scripts, with the program
// under the name netstat.
func TestNetstatPipelines(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		makeNetstatSockets(t, l)
		listenOn(t, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}, Port: 80}, func(int) {})
		bin := netstatProgram(t)
		for _, line := range []string{
			"netstat -ant | awk '{print $6}' | sort | uniq -c",
			"netstat -tlnp | grep :80",
			"netstat -n -p TCP | grep SYN_RECV | sort",
			"netstat -nat | grep -c ESTABLISHED",
			"netstat -tn | awk 'NR > 2 {print $5}' | cut -d: -f1 | sort | uniq -c",
		} {
			want, note := runCommand(t, exec.Command("sh", "-c", line))
			c := exec.Command("sh", "-c", line)
			c.Env = append(os.Environ(), "PATH="+filepath.Dir(bin)+":"+os.Getenv("PATH"))
			if got, stderr := runCommand(t, c); got != want || got == "" || stderr != note {
				t.Errorf("%s: got\n%swant\n%sstderr %q, want %q", line, got, want, stderr, note)
			}
		}
	})
}

// netstatProgram returns the path of an executable named netstat that runs this
// program.
func netstatProgram(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	must(t, err)
	path := filepath.Join(t.TempDir(), "netstat")
	must(t, os.Symlink(self, path))
	return path
}

// TestNetstatNames compares names with those of net-tools. Both programs run in a
// mount namespace with test files in /etc, which no other process sees.
func TestNetstatNames(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		etc := t.TempDir()
		for name, text := range map[string]string{
			"resolv.conf": "", // so the server is 127.0.0.1, where no server runs
			"hosts": "127.0.0.1 localhost\n127.0.0.1 second\n::1 ip6-loop loop6\n127.0.0.2 a-quite-long-host-name.example.org other\n" +
				"127.0.0.3 short.example.org\nfd7f::1 six.example.org\nfd7f::2 a-quite-long-six-name.example.org\n" +
				"127.0.0.7 mapped.example.org\n127.2.0.0 zero.example.org\n",
			"networks": "loopback 127.0.0.0\nfoo 127.1\n",
			"services": "alpha 82/tcp\nbeta 82/tcp omega # last\nabcdefghijklmnopqrstuvwxyz 83/tcp\nudponly 84/udp\n#x 85/tcp\nabcdefghijklmnopqr 96/tcp\n",
			"passwd":   "root:x:0:0::/:/bin/sh\na-long-name-of-a-user:x:4711:0::/:/bin/sh\n",
		} {
			must(t, os.WriteFile(filepath.Join(etc, name), []byte(text), 0o644))
		}
		for _, host := range []string{"127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.0", "127.2.0.0", "127.1.0.0", "127.9.9.9", "::1", "fd7f::1", "fd7f::2", "fd7f::3", "::ffff:127.0.0.7"} {
			for _, port := range []int{82, 83, 84, 85, 96, 8081} {
				listenOn(t, sockaddrOf(netip.MustParseAddr(host), port), func(fd int) {
					must(t, unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_FREEBIND, 1))
					if mapsOtherUsers() {
						must(t, unix.Fchown(fd, 4711, -1))
					}
				})
			}
		}
		listenOn(t, &unix.SockaddrInet6{Port: 97}, func(int) {})
		connectTo(t, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 2}}, func(int) {})

		within := func(program string, args ...string) (stdout, stderr string) {
			c := exec.Command("sh", append([]string{"-ec", `etc=$1; shift; for f in "$etc"/*; do mount --bind "$f" "/etc/${f##*/}"; done; exec "$@"`,
				"sh", etc, program}, args...)...)
			c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS}
			return runCommand(t, c)
		}
		ours := netstatProgram(t)
		for _, args := range []string{"-tae", "-taeW", "-tl", "-t", "-tW6", "-tae --numeric-hosts", "-taW --numeric-ports", "-tae --numeric-users", "-taen"} {
			want, _ := within("netstat", strings.Fields(args)...)
			if got, stderr := within(ours, strings.Fields(args)...); settled(got) != settled(want) || stderr != "" {
				t.Errorf("netstat %s: got\n%swant\n%sstderr %q", args, settled(got), settled(want), stderr)
			}
		}
	})
}

// TestNetstatPrograms compares -p with net-tools, for sockets that several processes
// hold and for processes with unusual names.
func TestNetstatPrograms(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		sleep, err := exec.LookPath("sleep")
		must(t, err)
		for i, name := range []string{"/opt/x/server", "server: master process /opt/x", "./server", "-sh", "/a/b c/d e", "", "/", "/opt/" + strings.Repeat("x", 600) + "/y"} {
			fd, _ := listenOn(t, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}, Port: 1000 + i}, func(int) {})
			holding(t, fd, sleep, name)
			if i%2 == 0 {
				holding(t, fd, sleep, "later") // netstat shows only the first process
			}
			must(t, unix.Close(fd))
		}
		listenOn(t, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}, Port: 999}, func(int) {})
		for _, args := range [][]string{{"-tlnp"}, {"-tlnpeo"}} {
			sameListing(t, args, inProcess(t))
		}

		// Characters that could control a terminal are shown as dots. Version 2.10 of
		// net-tools prints them unchanged.
		fd, _ := listenOn(t, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}, Port: 998}, func(int) {})
		pid := holding(t, fd, sleep, "\x1b[31mred\u202e")
		must(t, unix.Close(fd))
		if got, want := inProcess(t)([]string{"-tlnp"}), fmt.Sprintf(" %d/.[31mred", pid); !strings.Contains(got, want) || strings.Contains(got, "\x1b") {
			t.Errorf("got\n%swant %q", got, want)
		}
	})
}

// holding starts a process that has the given name and holds fd until the test ends.
func holding(t *testing.T, fd int, program, name string) int {
	t.Helper()
	dup, err := unix.Dup(fd)
	must(t, err)
	file := os.NewFile(uintptr(dup), "socket")
	defer file.Close()
	c := &exec.Cmd{Path: program, Args: []string{name, "1000"}, ExtraFiles: []*os.File{file}}
	must(t, c.Start())
	t.Cleanup(func() {
		c.Process.Kill()
		c.Wait()
	})
	return c.Process.Pid
}

// TestNetstatAgain reads two listings of netstat -c and then interrupts the program.
func TestNetstatAgain(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		c := exec.Command(netstatProgram(t), "-ctan", "5")
		stdout, err := c.StdoutPipe()
		must(t, err)
		must(t, c.Start())
		lines := bufio.NewScanner(stdout)
		for range 2 {
			for _, want := range []string{"Active Internet connections (servers and established)", "Proto Recv-Q "} {
				if !lines.Scan() || !strings.HasPrefix(lines.Text(), want) {
					t.Fatalf("read %q, %v, want %q", lines.Text(), lines.Err(), want)
				}
			}
		}
		must(t, c.Process.Signal(os.Interrupt))
		_, err = io.Copy(io.Discard, stdout)
		must(t, err)
		if c.Wait(); c.ProcessState.ExitCode() != exitInterrupted {
			t.Errorf("ended with %v, want exit status %d", c.ProcessState, exitInterrupted)
		}
	})
}
