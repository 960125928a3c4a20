package cmd

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"tcpstate/internal/lab"
)

// awaitState waits until a process is in a state, as proc_pid_status(5) has them.
func awaitState(t *testing.T, pid int, is func(state string) bool) {
	t.Helper()
	lab.Await(t, func() error {
		text, err := os.ReadFile(fmt.Sprint("/proc/", pid, "/status"))
		must(t, err)
		_, state, _ := strings.Cut(string(text), "\nState:\t")
		if !is(state[:1]) {
			return errors.New("the process is in state " + state[:1])
		}
		return nil
	})
}

// TestDoctorSeesAStoppedProcess stops a server, whose accept queue then fills, and
// lets it go on as the doctor advises.
func TestDoctorSeesAStoppedProcess(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		fd, at := listenWith(t, lab.Host4, 4)
		pid := given(t, "server", fd)
		stopped := func(state string) bool { return state == "T" }
		must(t, unix.Kill(pid, unix.SIGSTOP))
		awaitState(t, pid, stopped)
		dialIn(t, l, at, -1, 0, 3)
		finds(t, nil, nil) // nobody waits for long
		dialIn(t, l, at, -1, 3, 1)
		f := finds(t, nil, nil, "critical accept-queue-full")
		f.says(t, fmt.Sprintf("; stopped: server (pid %d)", pid))
		f.wants(t, "processes_stopped", 1)
		f.names(t, pid, "server")
		run := fmt.Sprint("kill -CONT ", pid)
		if !slices.Contains(f.Advice, "Let the stopped process go on, once it is known who stopped it: "+run) {
			t.Fatalf("it advises %q", f.Advice)
		}
		must(t, exec.Command("sh", "-c", run).Run())
		awaitState(t, pid, func(state string) bool { return !stopped(state) })
		f = finds(t, nil, nil, "critical accept-queue-full")
		if strings.Contains(f.Title, "stopped") || f.Evidence["processes_stopped"] != nil {
			t.Errorf("it is told to be stopped: %q", f.Title)
		}
	})
}

// TestDoctorSeesManyYoungCloseWaits has so many CLOSE_WAITs that waiting for them
// to be old would be too late.
func TestDoctorSeesManyYoungCloseWaits(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		fd, at := listenWith(t, lab.Host4, 64)
		fds, peers := dialIn(t, l, at, fd, 0, 40)
		for _, p := range peers {
			must(t, p.Send(lab.FIN|lab.ACK, nil))
			_, err := p.Expect(lab.ACK)
			must(t, err)
		}
		pid := given(t, "late", fds...)
		f := finds(t, nil, set("close-wait-leak.crowd=40"), "warning close-wait-leak")
		f.names(t, pid, "late")
		f.says(t, fmt.Sprintf("40 CLOSE_WAITs of late (pid %d)", pid), "young yet, so see whether their number falls")
		f.wants(t, "close_wait", ssCount(t, "state", "close-wait"), "older_than_age", 0)
		if f.Confidence != "possible" {
			t.Errorf("how sure it is: %s", f.Confidence)
		}
		falls := fmt.Sprintf("See several times whether their number falls: tcpstate count state close-wait pid = %d", pid)
		if !slices.Contains(f.Advice, falls) {
			t.Errorf("it advises %q", f.Advice)
		}
		finds(t, nil, set("close-wait-leak.crowd=41"))
	})
}
