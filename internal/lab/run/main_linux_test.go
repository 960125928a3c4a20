package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestMain runs the command itself if LAB_TEST_MAIN is set.
func TestMain(m *testing.M) {
	if os.Getenv("LAB_TEST_MAIN") != "" {
		main()
	}
	os.Exit(m.Run())
}

// command returns the command of this package with the given arguments.
func command(args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), "LAB_TEST_MAIN=1")
	return cmd
}

func TestCommand(t *testing.T) {
	for _, test := range []struct {
		name           string
		args           []string
		status         int
		stdout, stderr string // regular expressions
	}{
		{"empty", []string{"--", "echo", "hello"}, 0, `^hello\n$`, `^lab: no sockets, made in .* s\n$`},
		{"status", []string{"--", "sh", "-c", "exit 7"}, 7, `^$`, `^lab: no sockets`},
		{"signal", []string{"--", "sh", "-c", "kill -TERM $$"}, 128 + 15, `^$`, `^lab: no sockets`},
		{"not found", []string{"--", "/nonexistent/command"}, 127, `^$`, `lab: fork/exec /nonexistent/command: no such file or directory\n$`},
		{"root", []string{"--", "id", "-u"}, 0, `^0\n$`, ``},
		{"states", []string{"states", "--", "cat", "/proc/net/tcp6"}, 0, `(?m)^ +\d+: .* 0A `,
			`LISTEN .* SYN_SENT .* SYN_RECV .* ESTABLISHED .* FIN_WAIT1 .* FIN_WAIT2 .* CLOSING .* TIME_WAIT .* CLOSE_WAIT .* LAST_ACK .* CLOSE .* BOUND_INACTIVE `},
		{"fill", []string{"est=100", "synrecv6=30", "timewait4=20", "--", "true"}, 0, `^$`,
			`^lab: 1 LISTEN \(1 IPv6\), 30 SYN_RECV \(30 IPv6\), 100 ESTABLISHED \(50 IPv6\), 20 TIME_WAIT \(0 IPv6\), made in`},
		{"churn", []string{"churn=1000", "--", "sh", "-c", "until grep -q ' 06 ' /proc/net/tcp; do :; done"}, 0, `^$`, `\nlab: \d+ connections churned\n$`},
		{"nodiag", []string{"nodiag=EPERM", "--", "ss", "-tan"}, 0, ``, `Operation not permitted`},
		{"netns", []string{"netns=red,blue", "--", "ls", "/run/netns"}, 0, `^blue\nred\n$`, ``},
		{"listener in a namespace", []string{"netns=red,blue", "--", "ip", "netns", "exec", "blue", "ss", "-tlnH"}, 0, `^LISTEN .* 127\.0\.0\.1:8002 .*\n$`, ``},
		{"wrong word", []string{"stats", "--", "true"}, 2, `^$`, `^lab: word "stats": not a word of the lab\nlab: hint: the words are states, est=N, .*timewait=N`},
		{"no command", []string{"states", "--"}, 2, `^$`, `^lab: usage: `},
		{"nothing", nil, 2, `^$`, `^lab: usage: `},
	} {
		t.Run(test.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			cmd := command(test.args...)
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			err := cmd.Run()
			var exit *exec.ExitError
			if err != nil && !errors.As(err, &exit) {
				t.Fatal(err)
			}
			if got := cmd.ProcessState.ExitCode(); got != test.status {
				t.Errorf("status %d, want %d", got, test.status)
			}
			if !regexp.MustCompile(test.stdout).Match(stdout.Bytes()) {
				t.Errorf("stdout %q does not match %s", stdout.String(), test.stdout)
			}
			if !regexp.MustCompile(test.stderr).Match(stderr.Bytes()) {
				t.Errorf("stderr %q does not match %s", stderr.String(), test.stderr)
			}
		})
	}
}

// TestEndsWithItsParent kills the outermost process. The command, the lab's
// process and the processes that hold descriptors must end, and so close the
// pipe.
func TestEndsWithItsParent(t *testing.T) {
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	cmd := command("est=100", "--", "sh", "-c", "echo ready; exec sleep 600")
	cmd.Stdout, cmd.Stderr = write, write
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	write.Close()
	buffer := make([]byte, 4096)
	for output := ""; !strings.Contains(output, "ready"); {
		n, err := read.Read(buffer)
		if err != nil {
			t.Fatalf("%v after %q", err, output)
		}
		output += string(buffer[:n])
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for err == nil { // until the last writer has ended
		_, err = read.Read(buffer)
	}
	cmd.Wait()
}

// TestPassesSignals sends SIGTERM to the outermost process, which must pass it
// to the command.
func TestPassesSignals(t *testing.T) {
	cmd := command("--", "sh", "-c", "trap 'exit 9' TERM; echo ready; while :; do sleep 0.01; done")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 6)); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Signal(unix.SIGTERM); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
	if got := cmd.ProcessState.ExitCode(); got != 9 {
		t.Errorf("status %d, want 9", got)
	}
}
