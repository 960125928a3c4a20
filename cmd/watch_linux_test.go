package cmd

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tcpstate/internal/lab"
	"tcpstate/tcp"
)

// event is one line of the output of watch --json.
type event struct {
	Event         string
	At            time.Time
	From, To      string
	Socket        map[string]any
	Total         int
	States        map[string]int
	Missing       []string
	Events, Ticks int // only in the event "dropped"
}

// readEvents decodes lines of events. It fails the test if a line has a key that
// docs/json.md does not document.
func readEvents(t *testing.T, text string) (events []event) {
	t.Helper()
	documented := documentedKeys(t, "Events")
	for line := range strings.Lines(text) {
		var keys map[string]any
		if err := json.Unmarshal([]byte(line), &keys); err != nil {
			t.Fatalf("%v in %q", err, line)
		}
		for key := range keys {
			if documented[key] == "" {
				t.Errorf("docs/json.md does not have the key %q of %s", key, line)
			}
		}
		var e event
		decoder := json.NewDecoder(strings.NewReader(line))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&e); err != nil {
			t.Fatalf("%v in %q", err, line)
		}
		events = append(events, e)
	}
	return events
}

// live sets the real clock in an environment.
func live(env *environment) { env.now = time.Now }

// TestWatchAgreesWithCount checks that a tick of watch has the numbers of count,
// with the same flags and from both sources.
func TestWatchAgreesWithCount(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		if _, err := l.States(); err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{
			nil, {"-4"}, {"-6"}, {"--state", "SYN_RECV,close-wait"}, {"--source", "procfs"}, {"--source", "procfs", "--state", "TIME_WAIT"},
			{"-p"}, {"-N", "/proc/self/ns/net"}, {"state", "connected"}, {"recvq", ">", "0"}, {"age", ">=", "0s"},
			{"process", "!=", "nothing"}, {"family", "=", "ipv6"}, {"--state", "LISTEN", "state", "established"},
		} {
			want := runArgs(t, append([]string{"count", "-q", "--json"}, args...)...)
			var counts countDocument
			if err := json.Unmarshal([]byte(want.stdout), &counts); err != nil {
				t.Fatal(err)
			}
			got := runIn(t, t.Context(), live, append([]string{"watch", "-q", "--json", "--count", "2", "--interval", "1ms"}, args...)...)
			if got.code != exitDone || got.stderr != "" {
				t.Errorf("watch %q: exit %d, stderr %q", args, got.code, got.stderr)
			}
			events := readEvents(t, got.stdout)
			if len(events) != 2 {
				t.Errorf("watch %q: %s, want two ticks and nothing else", args, got.stdout)
				continue
			}
			for _, tick := range events {
				if tick.Event != "tick" || tick.Total != counts.Total || len(tick.States)+len(tick.Missing) != tcp.NumStates || len(tick.States) != len(counts.States) {
					t.Errorf("watch %q counts %d in %d states, count %d", args, tick.Total, len(tick.States), counts.Total)
				}
				for state, n := range counts.States {
					if tick.States[state] != n {
						t.Errorf("watch %q counts %d %s, count %d", args, tick.States[state], state, n)
					}
				}
			}
		}
	})
}

// TestWatchReportsSockets reads the output of watch while a socket is opened and
// closed. The program must write each event before the next tick.
func TestWatchReportsSockets(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		cmd := exec.CommandContext(t.Context(), program(t), "watch", "-p", "--json", "--interval", "10ms", "--state", "listen")
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(stdout)
		next := func(wanted string) event {
			t.Helper()
			for lines.Scan() {
				if e := readEvents(t, lines.Text())[0]; e.Event == wanted {
					return e
				}
			}
			t.Fatalf("the program ended before it reported %q: %v, stderr %q", wanted, lines.Err(), stderr.String())
			return event{}
		}
		next("tick")
		fd := openListener(t, netip.MustParseAddrPort("127.0.0.1:8080"))
		opened := next("opened")
		if opened.To != "LISTEN" || opened.From != "" || opened.Socket["state"] != "LISTEN" || opened.Socket["processes"] == nil {
			t.Errorf("opened: %+v", opened)
		}
		if tick := next("tick"); tick.Total != 1 || !tick.At.Equal(opened.At) {
			t.Errorf("the tick at %v has %d listeners, want 1 at %v, the time of the event \"opened\"", tick.At, tick.Total, opened.At)
		}
		if err := unix.Close(fd); err != nil {
			t.Fatal(err)
		}
		closed := next("closed")
		if closed.From != "LISTEN" || closed.To != "" || closed.Socket["cookie"] != opened.Socket["cookie"] || closed.Socket["processes"] == nil {
			t.Errorf("closed: %+v, opened %+v", closed, opened)
		}
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		for lines.Scan() { // until the program has ended
		}
		cmd.Wait()
		if code := cmd.ProcessState.ExitCode(); code != exitInterrupted || stderr.Len() > 0 {
			t.Errorf("after Ctrl-C exit %d, stderr %q", code, stderr.String())
		}
	})
}

// openListener returns a listening socket of IPv4.
func openListener(t *testing.T, at netip.AddrPort) int {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, unix.IPPROTO_TCP)
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrInet4{Addr: at.Addr().As4(), Port: int(at.Port())})
	}
	if err == nil {
		err = unix.Listen(fd, 8)
	}
	if err != nil {
		t.Fatal(err)
	}
	return fd
}

// TestWatchUntil waits for conditions on the number of sockets.
func TestWatchUntil(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		openListener(t, netip.MustParseAddrPort("127.0.0.1:8080"))
		for _, test := range []struct {
			args           []string
			code           int
			stdout, stderr string
		}{
			{[]string{"--until", ">0", "--state", "listen"}, exitDone, "1\n", ""},
			{[]string{"--until", ">0", "-q", "sport", "=", ":8080"}, exitDone, "", ""},
			{[]string{"--until", "=1", "--until-for", "20ms", "--interval", "5ms"}, exitDone, "1\n", ""},
			{[]string{"--until", ">1", "--for", "20ms", "--interval", "5ms"}, exitFailed, "1\n", "tcpstate: waiting for >1 sockets: there is 1\n"},
			{[]string{"--until", ">1", "--count", "2", "--interval", "5ms", "-q"}, exitFailed, "", "tcpstate: waiting for >1 sockets: there is 1\n"},
			{[]string{"--until", "=1", "--until-for", "1h", "--for", "20ms", "--interval", "5ms"}, exitFailed, "1\n",
				"tcpstate: waiting for =1 sockets for 1h0m0s: there is 1\n"},
		} {
			got := runIn(t, t.Context(), live, append([]string{"watch"}, test.args...)...)
			if got != (outcome{test.code, test.stdout, test.stderr}) {
				t.Errorf("watch %q: %+v, want %+v", test.args, got, test)
			}
		}
		got := runIn(t, t.Context(), live, "watch", "--until", "=1", "--json")
		if events := readEvents(t, got.stdout); got.code != exitDone || len(events) != 1 || events[0].Total != 1 {
			t.Errorf("watch --until --json: %+v", got)
		}
		// A server that starts to listen ends the wait.
		ctx, stop := context.WithTimeout(t.Context(), lab.Patience)
		defer stop()
		cmd := exec.CommandContext(ctx, program(t), "watch", "--until", ">0", "--interval", "10ms", "sport", "=", ":8081")
		var stdout bytes.Buffer
		cmd.Stdout = &stdout
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		openListener(t, netip.MustParseAddrPort("127.0.0.1:8081"))
		if err := cmd.Wait(); err != nil || stdout.String() != "1\n" {
			t.Errorf("waiting for a listener: %v, %q", err, stdout.String())
		}
	})
}

// TestWatchIntoHeadEndsSilently breaks the pipe of an endless stream.
func TestWatchIntoHeadEndsSilently(t *testing.T) {
	for _, args := range []string{"", "--json"} {
		script := `"$0" watch --interval 5ms ` + args + ` | head -1; echo "${PIPESTATUS[*]}"`
		var stdout, stderr bytes.Buffer
		cmd := exec.CommandContext(t.Context(), "bash", "-c", script, program(t))
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		if err := cmd.Run(); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSpace(stdout.String()), "\n")
		if stderr.Len() > 0 || len(lines) != 2 || lines[1] != "0 0" && lines[1] != "141 0" {
			t.Errorf("watch %s | head -1: stderr %q, stdout %q", args, stderr.String(), stdout.String())
		}
	}
}

// TestWatchNamesServices resolves names without a name server: the names of
// services come from a list on this host.
func TestWatchNamesServices(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		cmd := exec.CommandContext(t.Context(), program(t), "watch", "-r", "-q", "--interval", "10ms", "--state", "listen")
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		defer func() { cmd.Process.Kill(); cmd.Wait() }()
		lines := bufio.NewScanner(stdout)
		lines.Scan()
		openListener(t, netip.MustParseAddrPort("127.0.0.1:443"))
		for lines.Scan() {
			if text := lines.Text(); strings.Contains(text, " + ") {
				if !strings.Contains(text, ":https") {
					t.Errorf("the listener on port 443 is shown as %q", text)
				}
				return
			}
		}
		t.Error("the program ended before it reported the listener")
	})
}

// brokenPipe is a writer whose reader has closed the pipe.
type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, syscall.EPIPE }

// TestWatchWithoutItsReader checks that watch ends silently when its reader closes
// the pipe, but that --until then fails, because its condition was not met.
func TestWatchWithoutItsReader(t *testing.T) {
	for _, test := range []struct {
		args   []string
		code   int
		stderr string
	}{
		{nil, exitDone, ""},
		{[]string{"--until", ">1000000000"}, exitFailed, "tcpstate: waiting for >1000000000 sockets: the reader of the events has ended\n"},
	} {
		args := append([]string{"watch", "-q", "--json", "--interval", "5ms"}, test.args...)
		got := runIn(t, t.Context(), func(env *environment) { env.now, env.stdout = time.Now, brokenPipe{} }, args...)
		if got.code != test.code || got.stderr != test.stderr {
			t.Errorf("%q: %+v", args, got)
		}
	}
}
