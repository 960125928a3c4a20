package cmd

import (
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"tcpstate/internal/lab"
)

// limitFiles lets a process have as many descriptors open as it has, and some more.
func limitFiles(t *testing.T, pid, more int) (open int) {
	t.Helper()
	entries, err := os.ReadDir(fmt.Sprint("/proc/", pid, "/fd"))
	must(t, err)
	var now unix.Rlimit
	must(t, unix.Prlimit(pid, unix.RLIMIT_NOFILE, nil, &now))
	now.Cur = uint64(len(entries) + more)
	must(t, unix.Prlimit(pid, unix.RLIMIT_NOFILE, &now, nil))
	return len(entries)
}

// TestDoctorPutsTheCauseFirst has a server leak connections until it has no
// descriptor left, so that it cannot accept, so that a program on the same host
// cannot connect.
func TestDoctorPutsTheCauseFirst(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		fd, at := listenWith(t, lab.Host4, 3)
		fds, peers := dialIn(t, l, at, fd, 0, 20)
		for _, p := range peers {
			must(t, p.Send(lab.FIN|lab.ACK, nil))
			_, err := p.Expect(lab.ACK)
			must(t, err)
		}
		pid := given(t, "server", append(fds, fd)...)
		dialIn(t, l, at, -1, 100, 4)
		given(t, "frontend", connecting(t, at), connecting(t, at))
		young := set("close-wait-leak.old=1ms", "syn-sent-stuck.age=1ms")

		// With descriptors left they are three problems of one program.
		limitFiles(t, pid, 100)
		e := examine(t, nil, young...)
		f := soonFinds(t, young, "critical accept-queue-full", "warning close-wait-leak")
		if f.Inference != "" || slices.Contains(f.Related, "fd-limit-near") {
			t.Errorf("it blames the descriptors: %+v", e.Findings)
		}

		open := limitFiles(t, pid, 0)
		want := []string{"critical close-wait-leak", "critical fd-limit-near", "critical accept-queue-full"}
		soonFinds(t, young, want...)
		e = examine(t, nil, young...)
		for i := range e.Findings {
			e.Findings[i].names(t, pid, "server")
		}
		limit, full := e.Findings[1], e.Findings[2]
		limit.wants(t, "open", open, "limit", open, "close_wait", 20)
		if want := fmt.Sprintf("20 of the %d open descriptors are CLOSE_WAITs", open); !strings.HasPrefix(limit.Inference, want) {
			t.Errorf("the limit is explained by %q, want %q", limit.Inference, want)
		}
		if want := fmt.Sprintf("server (pid %d) has %d of %d descriptors open", pid, open, open); !strings.HasPrefix(full.Inference, want) {
			t.Errorf("the full queue is explained by %q, want %q", full.Inference, want)
		}
		for _, code := range []string{"fd-limit-near", "syn-sent-stuck"} {
			if !slices.Contains(full.Related, code) {
				t.Errorf("the full queue is related to %v, not to %s", full.Related, code)
			}
		}
		if want := fmt.Sprintf("Find first what uses up the descriptors of server (pid %d)", pid); full.Advice[0] != want {
			t.Errorf("it advises %q", full.Advice)
		}
	})
}

// TestDoctorReportsTwinsOnce has a program listen for IPv4 and for IPv6 and accept
// neither, and four workers leak alike.
func TestDoctorReportsTwinsOnce(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		four, at4 := listenWith(t, lab.Host4, 4)
		six, at6 := listenWith(t, lab.Host6, 4)
		pid := given(t, "deaf", four, six)
		dialIn(t, l, at4, -1, 0, 4)
		for n := range 5 {
			_, err := l.Dial(netip.AddrPortFrom(netip.AddrFrom16([16]byte{0xfd, 0x09, 15: byte(1 + n)}), 5000), at6)
			must(t, err)
		}
		f := finds(t, nil, nil, "critical accept-queue-full")
		f.says(t, fmt.Sprintf("the accept queue of %v of deaf (pid %d) is full", at6, pid), "; likewise "+at4.String())
		f.names(t, pid, "deaf")
		f.wants(t, "alike", 2)
		if len(f.Listeners) != 2 {
			t.Errorf("it is about the listeners %+v", f.Listeners)
		}

		fd, at := listenWith(t, lab.Host4, 64)
		var pids []string
		leak := func(name string, first int) {
			fds, peers := dialIn(t, l, at, fd, first, 2)
			for _, p := range peers {
				must(t, p.Send(lab.FIN|lab.ACK, nil))
				_, err := p.Expect(lab.ACK)
				must(t, err)
			}
			pids = append(pids, fmt.Sprint(given(t, name, fds...)))
		}
		for worker := range 4 {
			leak("worker", 100+10*worker)
		}
		leak("other", 200)
		args := append(set("close-wait-leak.count=2", "close-wait-leak.age=1ms"), "state close-wait")
		f = soonFinds(t, args, "warning close-wait-leak", "warning close-wait-leak")
		f.says(t, fmt.Sprintf("8 CLOSE_WAITs of worker (pids %s and 1 more)", strings.Join(pids[:3], ", ")))
		f.wants(t, "close_wait", 8, "alike", 4)
		var named []string
		for _, p := range f.Processes {
			named = append(named, fmt.Sprint(p.PID))
		}
		list := fmt.Sprintf("tcpstate ls -p -o state close-wait '( pid = %s )'", strings.Join(pids[:4], " or pid = "))
		if !slices.Equal(named, pids[:4]) || !slices.Contains(f.Advice, "List them: "+list) {
			t.Errorf("it names %q and advises %q, want %q", named, f.Advice, list)
		}
		finds(t, nil, append(set("close-wait-leak.count=3", "close-wait-leak.age=1ms"), "state close-wait")) // no worker has three
	})
}
