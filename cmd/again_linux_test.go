package cmd

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"tcpstate/internal/lab"
)

// TestLsAgain reads several listings of ls -c and then interrupts the program.
func TestLsAgain(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		for _, args := range [][]string{
			{"-c", "--interval", "20ms"}, {"--interval", "20ms"}, {"-cpe", "--interval", "20ms"},
			{"-c", "--interval", "20ms", "--source", "procfs"}, {"-cN", "all", "--interval", "20ms"},
		} {
			listenOn(t, loopback4, func(int) {})
			var stderr bytes.Buffer
			cmd := exec.CommandContext(t.Context(), program(t), append([]string{"ls"}, args...)...)
			cmd.Stderr = &stderr
			stdout, err := cmd.StdoutPipe()
			must(t, err)
			must(t, cmd.Start())
			lines := bufio.NewReader(stdout)
			headings, rows := 0, 0
			// All rows of a listing come before the next heading.
			for headings < 4 {
				line, err := lines.ReadString('\n')
				if err != nil {
					t.Fatalf("%q: after %d headings: %v, stderr %q", args, headings, err, stderr.String())
				}
				switch {
				case strings.Contains(line, "RECV-Q"):
					if headings++; headings > 1 && rows == 0 {
						t.Errorf("%q: listing %d is empty", args, headings-1)
					}
					rows = 0
				case strings.Contains(line, "LISTEN"):
					rows++
				}
			}
			must(t, cmd.Process.Signal(syscall.SIGINT))
			rest, err := io.ReadAll(lines)
			must(t, err)
			cmd.Wait()
			if code := cmd.ProcessState.ExitCode(); code != exitInterrupted {
				t.Errorf("%q: exit %d, stderr %q", args, code, stderr.String())
			}
			if len(rest) > 0 && rest[len(rest)-1] != '\n' {
				t.Errorf("%q: the last line is incomplete: %q", args, rest)
			}
			if strings.Contains(stderr.String(), "context") {
				t.Errorf("%q: stderr %q", args, stderr.String())
			}
		}
	})
}

// TestLsAgainSeesNewSockets opens a listener between two listings in JSON, where
// each listing is a document.
func TestLsAgainSeesNewSockets(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		cmd := exec.CommandContext(t.Context(), program(t), "ls", "-cp", "--interval", "10ms", "--json")
		stdout, err := cmd.StdoutPipe()
		must(t, err)
		must(t, cmd.Start())
		decoder := json.NewDecoder(stdout)
		next := func() (d document) {
			t.Helper()
			must(t, decoder.Decode(&d))
			return d
		}
		first := next()
		if len(first.Sockets) != 0 {
			t.Fatalf("the first listing has %v, want no sockets", first.Sockets)
		}
		fd, _ := listenOn(t, loopback4, func(int) {})
		pid := lab.Actor{Name: "newcomer"}.Start(t, fd).PID
		must(t, unix.Close(fd))
		for range 500 {
			d := next()
			if !d.TakenAt.After(first.TakenAt) {
				t.Errorf("a listing is taken at %v, not after the first at %v", d.TakenAt, first.TakenAt)
			}
			if len(d.Sockets) == 1 {
				processes := processesIn(t, d.Sockets[0]["processes"])
				if len(processes) == 1 && processes[0].pid == pid && processes[0].name == "newcomer" {
					must(t, cmd.Process.Signal(os.Interrupt))
					io.Copy(io.Discard, stdout)
					cmd.Wait()
					return
				}
			}
		}
		t.Errorf("the new process was not seen in 500 listings")
	})
}

// TestLsAgainIntoHeadEndsSilently breaks the pipe between listings.
func TestLsAgainIntoHeadEndsSilently(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		listenOn(t, loopback4, func(int) {})
		for _, format := range []string{"table", "csv", "ndjson", "json", "markdown"} {
			script := `"$0" ls -c --interval 10ms --format ` + format + ` | head -9 >/dev/null; echo "${PIPESTATUS[*]}"`
			var stdout, stderr bytes.Buffer
			cmd := exec.CommandContext(t.Context(), "bash", "-c", script, program(t))
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			must(t, cmd.Run())
			if got := stdout.String(); stderr.String() != "" || got != "0 0\n" && got != "141 0\n" {
				t.Errorf("%s: statuses %q, stderr %q", format, got, stderr.String())
			}
		}
	})
}
