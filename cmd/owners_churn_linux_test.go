package cmd

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"tcpstate/internal/lab"
)

// TestOwnersWhileProcessesComeAndGo lists owners while two shells start one
// process after another, about a thousand per second. All these processes hold
// one of the sockets while they run. The owners of the other sockets must not
// change.
func TestOwnersWhileProcessesComeAndGo(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		if err := l.Fill("est=200", "listen=20"); err != nil {
			t.Fatal(err)
		}
		makeOwned(t)
		before := ourOwners(t, list(t, "-p").Sockets)
		shared, at := listenOn(t, loopback4, func(int) {})
		port := at.(*unix.SockaddrInet4).Port
		copied, err := unix.FcntlInt(uintptr(shared), unix.F_DUPFD_CLOEXEC, 0)
		must(t, err)
		inherited := os.NewFile(uintptr(copied), "socket")
		defer inherited.Close()

		const script = `trap 'echo $n; exit' TERM; n=0; echo $$; while :; do /bin/true; n=$((n+1)); done`
		var shells []*exec.Cmd
		var outputs []io.Reader
		for range 2 {
			shell := exec.Command("/bin/sh", "-c", script)
			shell.ExtraFiles = []*os.File{inherited}
			shell.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
			output, err := shell.StdoutPipe()
			must(t, err)
			must(t, shell.Start())
			shells, outputs = append(shells, shell), append(outputs, output)
			var pid int
			if _, err := fmt.Fscanln(output, &pid); err != nil { // the shell has started
				t.Fatal(err)
			}
		}
		parents := []int{os.Getpid(), shells[0].Process.Pid, shells[1].Process.Pid}
		short := 0
		for round := range 40 {
			got := runArgs(t, "ls", "-pe", "--json")
			if got.code != exitDone || got.stderr != "" {
				t.Fatalf("round %d: exit %d, stderr %q", round, got.code, got.stderr)
			}
			sockets := readDocument(t, got.stdout).Sockets
			for _, s := range sockets {
				if s["local.port"] != float64(port) {
					continue
				}
				processes := processesIn(t, s["processes"])
				for _, pid := range parents {
					if !slices.Contains(pidsOf(processes), pid) {
						t.Errorf("round %d: process %d holds the listener but is not in %v", round, pid, processes)
					}
				}
				for _, p := range processes {
					if slices.Contains(parents, p.pid) {
						continue
					}
					short++
					if name, _, _ := strings.Cut(p.name, " "); name != "true" && name != "sh" { // a forked shell that has not yet executed /bin/true
						t.Errorf("round %d: the listener is held by %v", round, p)
					}
				}
			}
			after := ourOwners(t, slices.DeleteFunc(sockets, func(s map[string]any) bool { return s["local.port"] == float64(port) }))
			for cookie := range mergeNames(before, after) {
				if before[cookie] != after[cookie] {
					t.Errorf("round %d: socket %s has the owners %s, and had %s before", round, cookie, after[cookie], before[cookie])
				}
			}
		}
		total := 0
		for i, shell := range shells {
			must(t, shell.Process.Signal(syscall.SIGTERM))
			text, err := io.ReadAll(outputs[i])
			must(t, err)
			n, err := strconv.Atoi(strings.TrimSpace(string(text)))
			must(t, err)
			total += n
			shell.Wait()
		}
		if total < 100 {
			t.Errorf("only %d processes were started", total)
		}
		t.Logf("%d processes were started, %d were seen", total, short)
	})
}
