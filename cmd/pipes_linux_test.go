package cmd

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"tcpstate/internal/lab"
)

// TestLsIntoHeadEndsSilently breaks the pipe in every format, while the program
// has more output than the pipe can hold.
func TestLsIntoHeadEndsSilently(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		if err := l.Fill("timewait=8000"); err != nil {
			t.Fatal(err)
		}
		for _, format := range []string{"table", "csv", "ndjson", "json", "markdown"} {
			// PIPESTATUS, a variable of bash, has the exit statuses of both commands.
			script := `"$0" ls --format ` + format + ` | head -1; echo "${PIPESTATUS[*]}"`
			var stdout, stderr bytes.Buffer
			cmd := exec.CommandContext(t.Context(), "bash", "-c", script, program(t))
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			if err := cmd.Run(); err != nil {
				t.Fatal(err)
			}
			lines := strings.Split(strings.TrimSpace(stdout.String()), "\n")
			if stderr.String() != "" || len(lines) != 2 || lines[1] != "0 0" && lines[1] != "141 0" {
				t.Errorf("ls --format %s | head -1: stderr %q, stdout %q", format, stderr.String(), stdout.String())
			}
		}
	})
}

// TestLsReportsWriteErrors gives the program a stdout that is full, and one that
// is not open for writing.
func TestLsReportsWriteErrors(t *testing.T) {
	tests := []struct{ name, script, want string }{
		{"full", `"$0" ls >/dev/full`, "no space left on device"},
		{"full for json", `"$0" ls --json >/dev/full`, "no space left on device"},
		{"full for version", `"$0" version >/dev/full`, "no space left on device"},
		// A closed stdout cannot be tested: the Go runtime opens it on /dev/null
		// (checkfds in package runtime).
		{"not for writing", `"$0" ls 1</dev/null`, "bad file descriptor"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var stderr bytes.Buffer
			cmd := exec.CommandContext(t.Context(), "bash", "-c", test.script, program(t))
			cmd.Stderr = &stderr
			err := cmd.Run()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() != exitFailed {
				t.Errorf("%s: %v, want exit status 1", test.script, err)
			}
			if got := stderr.String(); !strings.HasPrefix(got, "tcpstate: ") || !strings.HasSuffix(got, ": "+test.want+"\n") || strings.Count(got, "\n") != 1 {
				t.Errorf("%s: stderr %q, want one line that ends in %q", test.script, got, test.want)
			}
		})
	}
}

// TestCtrlCEndsLs interrupts the program while nobody reads its output.
func TestCtrlCEndsLs(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		if err := l.Fill("timewait=30000"); err != nil {
			t.Fatal(err)
		}
		read, write, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer read.Close()
		var stderr bytes.Buffer
		cmd := exec.CommandContext(t.Context(), program(t), "ls", "--format", "ndjson")
		cmd.Stdout, cmd.Stderr = write, &stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		write.Close()
		if _, err := read.Read(make([]byte, 1)); err != nil { // the program has started to write
			t.Fatal(err)
		}
		if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
		// The program may be blocked in a write. Read slowly until it has handled
		// the signal.
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		go func() {
			for buffer := make([]byte, 512); ; time.Sleep(time.Millisecond) {
				if _, err := read.Read(buffer); err != nil {
					return
				}
			}
		}()
		err = <-ended
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != exitInterrupted || stderr.String() != "" {
			t.Errorf("after Ctrl-C: %v, stderr %q, want exit status 130 and an empty stderr", err, stderr.String())
		}
	})
}

func TestLsOfACancelledContextExits130(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	got := runIn(t, ctx, func(*environment) {}, "ls", "--format", "ndjson")
	if got.code != exitInterrupted || got.stderr != "" {
		t.Errorf("exit %d, stderr %q, want 130 and an empty stderr", got.code, got.stderr)
	}
}
