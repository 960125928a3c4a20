package cmd

import (
	"bytes"
	"fmt"
	"net/netip"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"tcpstate/internal/lab"
)

// runShell runs the program as $0 with the arguments as $@ in a command of a shell.
func runShell(t *testing.T, command string, args ...string) outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "/bin/sh", append([]string{"-c", command, program(t)}, args...)...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		t.Fatal(err)
	}
	return outcome{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// TestFewDescriptors runs commands with few descriptors. None of them ends with the
// state of its goroutines, and those that cannot find the processes say so. How many
// are needed depends on the Go runtime, which keeps files of the cgroup open.
func TestFewDescriptors(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		openListener(t, netip.MustParseAddrPort("127.0.0.1:8080"))
		started, unsearched, searched := 0, 0, 0
		for limit := 4; searched == 0 && limit < 40; limit++ {
			run := func(args ...string) outcome {
				t.Helper()
				got := runShell(t, fmt.Sprintf("ulimit -n %d; exec \"$0\" \"$@\"", limit), args...)
				if strings.Contains(got.stdout+got.stderr, "goroutine") || got.code > exitFailed {
					t.Errorf("with %d descriptors, %q: %+v", limit, args, got)
				}
				return got
			}
			first := run("ls")
			if first.code != exitDone {
				want := regexp.MustCompile(fmt.Sprintf(`^tcpstate: too few file descriptors: 3 are needed and [012] (is|are) free, because the limit is %d
tcpstate: hint: ulimit -n `, limit))
				if first.stdout != "" || started > 0 || !want.MatchString(first.stderr) {
					t.Errorf("with %d descriptors: %+v, want %s", limit, first, want)
				}
				for _, args := range [][]string{{"doctor"}, {}, {"watch", "--count", "1"}, {"explain", "LISTEN"}, {"netstat", "-t"}} {
					if got := run(args...); got.code != exitFailed || !want.MatchString(got.stderr) {
						t.Errorf("with %d descriptors, %q: %+v, want %s", limit, args, got, want)
					}
				}
				continue
			}
			started++
			if got := run("ls", "-p"); !strings.Contains(got.stderr, "note:") {
				searched++
			} else if unsearched++; !strings.Contains(got.stderr, "1 of 1 sockets are not known: reading /proc") {
				t.Errorf("with %d descriptors, ls -p: %+v", limit, got)
			}
			for _, args := range [][]string{
				{"ls", "-p"}, {"count", "--by", "process"}, {}, {"doctor", "--interval", "1ms"}, {"watch", "-p", "--count", "1"}, {"explain", "--no-pager", "LISTEN"},
			} {
				if got := run(args...); got.code != exitDone || got.stdout == "" {
					t.Errorf("with %d descriptors, %q: %+v", limit, args, got)
				}
			}
			if got := run("ls", "process", "x"); searched == 0 && (got.code != exitFailed || !strings.Contains(got.stderr, "too many open files\ntcpstate: hint: ulimit -n ")) {
				t.Errorf("with %d descriptors, a filter by process: %+v", limit, got)
			}
		}
		if unsearched == 0 || searched == 0 {
			t.Errorf("with too few descriptors for a search: %d, with enough: %d", unsearched, searched)
		}
	})
}

// raceWarning is what the race detector writes if it finds no /proc/self/exe.
var raceWarning = regexp.MustCompile(`(?m)^==\d+==WARNING: .*\n`)

// TestWithoutProc covers /proc with an empty directory.
func TestWithoutProc(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		openListener(t, netip.MustParseAddrPort("127.0.0.1:8080"))
		run := func(args ...string) outcome {
			t.Helper()
			var stdout, stderr bytes.Buffer
			cmd := exec.CommandContext(t.Context(), "/bin/sh", append([]string{"-c", "mount -t tmpfs none /proc && exec \"$0\" \"$@\"", program(t)}, args...)...)
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
			err := cmd.Run()
			if _, exited := err.(*exec.ExitError); err != nil && !exited {
				t.Fatal(err)
			}
			messages := raceWarning.ReplaceAllString(stderr.String(), "")
			return outcome{cmd.ProcessState.ExitCode(), stdout.String(), messages}
		}
		const note = "the processes of 1 of 1 sockets are not known: /proc lists no process"
		for _, args := range [][]string{{"ls", "-p"}, {"count", "--by", "process"}, {"doctor", "--interval", "1ms"}, {}, {"watch", "-p", "--count", "1"}} {
			if got := run(args...); got.code != exitDone || got.stdout == "" || !strings.Contains(got.stderr, note) {
				t.Errorf("%q: %+v", args, got)
			}
		}
		if got := run("ls", "process", "x"); got.code != exitFailed || got.stderr != "tcpstate: /proc lists no process\n" {
			t.Errorf("a filter by process: %+v", got)
		}
	})
}
