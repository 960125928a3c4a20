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

// listenTogether returns n listeners that share an address by SO_REUSEPORT. They
// do not block in accept().
func listenTogether(t *testing.T, host netip.Addr, backlog, n int) (fds []int, at netip.AddrPort) {
	t.Helper()
	for range n {
		fd := newSocket(t, sockaddrOf(host, 0))
		must(t, unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1))
		must(t, unix.Bind(fd, sockaddrOf(host, int(at.Port()))))
		must(t, unix.Listen(fd, backlog))
		must(t, unix.SetNonblock(fd, true))
		name, err := unix.Getsockname(fd)
		must(t, err)
		at = netip.AddrPortFrom(host, uint16(name.(*unix.SockaddrInet4).Port))
		fds = append(fds, fd)
	}
	return fds, at
}

// TestDoctorNamesTheMemberThatDoesNotAccept has three sockets share an address, of
// which one is never accepted from. The kernel spreads connections over all three.
func TestDoctorNamesTheMemberThatDoesNotAccept(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		fds, at := listenTogether(t, lab.Host4, 4, 3)
		healthy := lab.Actor{Name: "healthy"}.Start(t, fds[0], fds[1]).PID // the first of the address
		deaf := lab.Actor{Name: "deaf"}.Start(t, fds[2]).PID
		closeAll(t, fds[2])
		next, waiting := 0, 0
		fill := func(most int) {
			for ; waiting < most; next++ {
				_, err := l.Dial(peerNumber(next), at)
				must(t, err)
				waiting++
				for _, fd := range fds[:2] {
					switch server, _, err := unix.Accept4(fd, unix.SOCK_CLOEXEC); err {
					case nil:
						waiting--
						closeAll(t, server)
					case unix.EAGAIN:
					default:
						t.Fatal(err)
					}
				}
			}
		}
		fill(3)
		finds(t, nil, nil)
		fill(4)
		f := finds(t, nil, nil, "critical accept-queue-full")
		f.says(t, fmt.Sprintf("the accept queue of %v of deaf (pid %d) is full: 4 wait, of at most 4, in 1 of 3 sockets (the others hold at most 0)", at, deaf))
		f.names(t, deaf, "deaf")
		f.isAbout(t, at)
		f.wants(t, "listeners", 3, "listeners_full", 1, "others_accept_queue_at_most", 0)
		threads := fmt.Sprintf("ps -L -o tid,stat,wchan:32,comm -p %d", deaf)
		if !slices.ContainsFunc(f.Advice, func(advice string) bool { return strings.HasSuffix(advice, threads) }) {
			t.Errorf("it does not advise %q: %q", threads, f.Advice)
		}
		if got := runIn(t, t.Context(), ticking(nil), "-q"); !strings.Contains(strings.Join(strings.Fields(got.stdout), " "), fmt.Sprintf("of deaf (pid %d) is full", deaf)) {
			t.Errorf("the overview does not name it: %s", got.stdout)
		}
		if got := runIn(t, t.Context(), ticking(nil), "doctor", "--interval", "10ms"); !strings.Contains(got.stdout, fmt.Sprintf("%v (4 of 4 wait; deaf (pid %d))", at, deaf)) {
			t.Errorf("the text does not compare the sockets: %s", got.stdout)
		}

		// A connection that nobody has accepted may wait for any of them.
		for _, s := range explainJSON(t, fmt.Sprint(":", at.Port())).Stories {
			if s.Condition != "established-unaccepted" {
				continue
			}
			for _, candidate := range []string{fmt.Sprintf("healthy[%d]", healthy), fmt.Sprintf("deaf[%d]", deaf)} {
				if len(s.Listeners) != 1 || !strings.Contains(s.Listeners[0].Name, candidate) {
					t.Errorf("explain does not name %s as candidate: %+v", candidate, s.Listeners)
				}
			}
			return
		}
		t.Errorf("explain does not see a connection that waits")
	})
}

// TestDoctorNamesAllHolders has a program that listened before it started its
// workers: all of them hold the socket, and the first of them never accepts.
func TestDoctorNamesAllHolders(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		fd, at := listenWith(t, lab.Host4, 4)
		var pids []string
		for range 5 {
			pids = append(pids, fmt.Sprint(lab.Actor{Name: "web"}.Start(t, fd).PID))
		}
		closeAll(t, fd)
		dialIn(t, l, at, -1, 0, 3)
		finds(t, nil, nil)
		dialIn(t, l, at, -1, 3, 1)
		f := finds(t, nil, nil, "critical accept-queue-full")
		f.says(t, fmt.Sprintf("%v of web (pids %s and 2 more) is full", at, strings.Join(pids[:3], ", ")))
		var named []string
		for _, p := range f.Processes {
			named = append(named, fmt.Sprint(p.PID))
		}
		threads := "ps -L -o tid,stat,wchan:32,comm -p " + strings.Join(pids, ",")
		if !slices.Equal(named, pids) || !slices.ContainsFunc(f.Advice, func(advice string) bool { return strings.HasSuffix(advice, threads) }) {
			t.Errorf("it names %q, want %q, and advises %q", named, pids, f.Advice)
		}
	})
}
