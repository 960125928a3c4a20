package cmd

import (
	"bytes"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"

	"tcpstate/internal/lab"
)

// runDenied runs the program where opening a NETLINK_SOCK_DIAG socket fails with
// the error denied.
func runDenied(t *testing.T, denied syscall.Errno, args ...string) outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), program(t), args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := lab.RunWithoutDiag(cmd, denied)
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		t.Fatal(err)
	}
	return outcome{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// runAsOldLinux runs the program on a kernel that reports a release before 6.8.
func runAsOldLinux(t *testing.T, args ...string) outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), program(t), args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := lab.RunAsOldLinux(cmd)
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		t.Fatal(err)
	}
	return outcome{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// TestLsFallsBackToProc forbids sock_diag with a seccomp filter, as containers do.
func TestLsFallsBackToProc(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		if _, err := l.States(); err != nil {
			t.Fatal(err)
		}
		want := len(byEnds(t, list(t).Sockets))
		for name, denied := range map[string]syscall.Errno{"EPROTONOSUPPORT": syscall.EPROTONOSUPPORT, "EPERM": syscall.EPERM, "ENOENT": syscall.ENOENT} {
			t.Run(name, func(t *testing.T) {
				hint, asHint := "", "" // without the module tcp_diag the kernel answers ENOENT
				if denied == syscall.ENOENT {
					hint = " (modprobe tcp_diag, as root, loads the kernel module that answers these requests)"
					asHint = "tcpstate: hint: modprobe tcp_diag, as root, loads the kernel module that\n  answers these requests\n"
				}
				warning := fmt.Sprintf("sock_diag: opening a netlink socket: %v"+hint+"; reading /proc/net/tcp instead, which has fewer fields, and which may list a socket twice or miss one if the table changes meanwhile", denied)

				got := runDenied(t, denied, "ls", "--json", "-e")
				if wantErr := "tcpstate: note: " + warning + "\n"; got.code != exitDone || got.stderr != wantErr {
					t.Fatalf("exit %d, stderr %q, want 0, %q", got.code, got.stderr, wantErr)
				}
				d := readDocument(t, got.stdout)
				if d.Source != "procfs" || !slices.Equal(d.Warnings, []string{warning}) {
					t.Errorf("source %q, warnings %q, want procfs, %q", d.Source, d.Warnings, warning)
				}
				if !slices.Contains(d.Missing, "cookie") || !slices.Contains(d.Missing, "accept_queue_max") {
					t.Errorf("missing is %q", d.Missing)
				}
				if got := len(byEnds(t, d.Sockets)); got != want {
					t.Errorf("%d sockets, sock_diag has %d", got, want)
				}

				if got := runDenied(t, denied, "ls"); got.code != exitDone || strings.Count(got.stderr, "note:") != 1 || !strings.HasPrefix(got.stdout, "STATE") {
					t.Errorf("ls: exit %d, stderr %q, stdout %.50q", got.code, got.stderr, got.stdout)
				}
				if got := runDenied(t, denied, "ls", "-q"); got.code != exitDone || got.stderr != "" || !strings.HasPrefix(got.stdout, "STATE") {
					t.Errorf("ls -q: exit %d, stderr %q, stdout %.50q", got.code, got.stderr, got.stdout)
				}
				if got := runDenied(t, denied, "ls", "--source", "procfs"); got.code != exitDone || got.stderr != "" {
					t.Errorf("ls --source procfs: exit %d, stderr %q", got.code, got.stderr)
				}
				wantErr := fmt.Sprintf("tcpstate: sock_diag: opening a netlink socket: %v\n", denied) + asHint
				if got := runDenied(t, denied, "ls", "--source", "sock_diag"); got.code != exitFailed || got.stderr != wantErr || got.stdout != "" {
					t.Errorf("ls --source sock_diag: exit %d, stderr %q, stdout %.50q, want 1, %q, nothing", got.code, got.stderr, got.stdout, wantErr)
				}
			})
		}
	})
}

// TestLsInAnEmptyNamespace lists a network namespace without sockets.
func TestLsInAnEmptyNamespace(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		for _, source := range []string{"sock_diag", "procfs"} {
			tests := []struct {
				args []string
				want string
			}{
				{[]string{"ls"}, "STATE  RECV-Q  SEND-Q  LOCAL  PEER\n"},
				{[]string{"ls", "-H"}, ""},
				{[]string{"ls", "--format", "csv", "--columns", "state,local,peer"}, "state,local,peer\n"},
				{[]string{"ls", "--format", "csv", "-H"}, ""},
				{[]string{"ls", "--format", "ndjson"}, ""},
				{[]string{"ls", "--format", "markdown", "--columns", "state,recv_q_bytes"}, "| STATE | RECV-Q-BYTES |\n| :-- | --: |\n"},
			}
			for _, test := range tests {
				got := runArgs(t, append(test.args, "--source", source)...)
				if got != (outcome{exitDone, test.want, ""}) {
					t.Errorf("%q from %s: %+v, want stdout %q", test.args, source, got, test.want)
				}
			}
			if d := list(t, "--source", source); d.Sockets == nil || len(d.Sockets) != 0 || d.Host != "web1" || d.Schema != "tcpstate/v1" || d.Kind != "sockets" || d.Warnings == nil {
				t.Errorf("%s: %+v, want an empty list of sockets, and a list of warnings", source, d)
			}
		}
	})
}

// TestLsUnderChurn lists many sockets while other sockets are opened and closed.
// Most of the sockets stay, and each listing must have them exactly once.
func TestLsUnderChurn(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		if err := l.Fill("est=4000", "timewait=15000", "synrecv=4000", "listen=200"); err != nil {
			t.Fatal(err)
		}
		stay := map[string]bool{}
		for _, row := range cookies(t) {
			if cookie, state, _ := strings.Cut(row, ","); state == "ESTABLISHED" || state == "LISTEN" || state == "SYN_RECV" {
				stay[cookie] = true
			}
		}
		if len(stay) < 8200 {
			t.Fatalf("only %d sockets stay", len(stay))
		}
		stop, err := l.Churn(2000)
		if err != nil {
			t.Fatal(err)
		}
		for round := range 8 {
			seen := make(map[string]bool, len(stay))
			for _, row := range cookies(t) {
				cookie, _, _ := strings.Cut(row, ",")
				if seen[cookie] {
					t.Errorf("listing %d has cookie %s twice", round, cookie)
				}
				seen[cookie] = true
			}
			lost := 0
			for cookie := range stay {
				if !seen[cookie] {
					lost++
				}
			}
			if lost > 0 {
				t.Errorf("listing %d lacks %d of %d sockets that existed all the time", round, lost, len(stay))
			}
			for _, args := range [][]string{{"-antoeim", "--format", "ndjson"}, {"--sort", "-age_ms"}} {
				if got := runArgs(t, append([]string{"ls"}, args...)...); got.code != exitDone || got.stderr != "" {
					t.Errorf("listing %d, ls %q: exit %d, stderr %q", round, args, got.code, got.stderr)
				}
			}
		}
		// Only one listing from /proc: it takes the kernel seconds, because it must
		// find its position again for every page.
		if got := runArgs(t, "ls", "--source", "procfs", "--format", "csv"); got.code != exitDone || got.stderr != "" {
			t.Errorf("procfs: exit %d, stderr %q", got.code, got.stderr)
		}
		if n, err := stop(); err != nil || n < 100 {
			t.Errorf("only %d connections were opened and closed: %v", n, err)
		}
	})
}

// cookies returns "cookie,state" for each socket.
func cookies(t *testing.T) []string {
	t.Helper()
	got := runArgs(t, "ls", "-H", "--format", "csv", "--columns", "cookie,state")
	if got.code != exitDone || got.stderr != "" {
		t.Fatalf("exit %d, stderr %q", got.code, got.stderr)
	}
	return strings.Fields(got.stdout)
}
