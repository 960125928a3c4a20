package cmd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"syscall"
	"testing"
	"time"

	"tcpstate/collect"
	"tcpstate/tcp"
	"tcpstate/wording"
)

func TestColorIsDecidedInThisOrder(t *testing.T) {
	const yes, no = true, false
	tests := []struct {
		flag, force, noColor, term string
		tty                        bool
		want                       bool
	}{
		// Colours are used on a terminal that has them, unless NO_COLOR is set.
		{"auto", "", "", "xterm", yes, yes},
		{"auto", "", "", "", yes, yes},
		{"auto", "", "", "dumb", yes, no},
		{"auto", "", "1", "xterm", yes, no},
		{"auto", "", "0", "xterm", yes, no}, // any value counts (no-color.org)
		{"auto", "", "", "xterm", no, no},

		// CLICOLOR_FORCE takes precedence over these, except with the value 0.
		{"auto", "1", "", "xterm", no, yes},
		{"auto", "1", "1", "dumb", no, yes},
		{"auto", "yes", "", "", no, yes},
		{"auto", "0", "", "xterm", no, no},
		{"auto", "0", "", "xterm", yes, yes},
		{"auto", "0", "1", "xterm", yes, no},

		// The values always and never of the flag take precedence over everything.
		{"always", "", "1", "dumb", no, yes},
		{"always", "0", "", "", no, yes},
		{"never", "1", "", "xterm", yes, no},
		{"never", "", "", "xterm", yes, no},
	}
	for _, test := range tests {
		vars := map[string]string{"CLICOLOR_FORCE": test.force, "NO_COLOR": test.noColor, "TERM": test.term}
		env := &environment{stdoutTTY: test.tty, getenv: func(name string) string { return vars[name] }}
		got, err := useColor(test.flag, env)
		if got != test.want || err != nil {
			t.Errorf("%+v: colours %v, %v", test, got, err)
		}
	}
	if _, err := useColor("Always", &environment{}); err == nil {
		t.Error("--color Always is accepted")
	}
}

func TestReportReturnsExitCodes(t *testing.T) {
	hinted := wording.Fail("cmd.doctor.csv").WithHint("cmd.doctor.csv.hint")
	text := "tcpstate: findings cannot be written as CSV\ntcpstate: hint: the formats are table, json, ndjson and markdown\n"
	tests := []struct {
		err    error
		code   int
		stderr string
	}{
		{nil, 0, ""},
		{errors.New("reading x: gone"), 1, "tcpstate: reading x: gone\n"},
		{hinted, 1, text},
		{misused(hinted), 2, text},
		{misused(fmt.Errorf("wrapped: %w", hinted)), 2, "tcpstate: wrapped: " + strings.TrimPrefix(text, "tcpstate: ")},
		{misused(nil), 0, ""},
		{wording.Fail("cmd.unexpected", "argument", "x"), 1, "tcpstate: unexpected argument \"x\"\n"},
		{fmt.Errorf("writing: %w", syscall.EPIPE), 0, ""},
		{fmt.Errorf("reading: %w", context.Canceled), 130, ""},
		{fmt.Errorf("reading: %w", context.DeadlineExceeded), 1, "tcpstate: reading: context deadline exceeded\n"},
	}
	for _, test := range tests {
		var stderr bytes.Buffer
		if code := report(test.err, &stderr, nil); code != test.code || stderr.String() != test.stderr {
			t.Errorf("report(%v) = %d, stderr %q, want %d, %q", test.err, code, stderr.String(), test.code, test.stderr)
		}
	}
}

// count yields n sockets.
func count(n int) iter.Seq2[*tcp.Socket, error] {
	return func(yield func(*tcp.Socket, error) bool) {
		socket := &tcp.Socket{State: tcp.Established}
		for range n {
			if !yield(socket, nil) {
				return
			}
		}
	}
}

// clock returns a clock that advances by step each time it is read.
func clock(step time.Duration) func() time.Time {
	now := time.Unix(0, 0)
	return func() time.Time {
		now = now.Add(step)
		return now
	}
}

func TestProgressIsForTerminalsAndForLongWork(t *testing.T) {
	tests := []struct {
		name       string
		tty, quiet bool
		step       time.Duration
		n          int
		want       string
	}{
		{"quick work", true, false, time.Millisecond, 100_000, ""},
		{"few sockets", true, false, time.Hour, 1000, ""},
		{"long work", true, false, 300 * time.Millisecond, 60_000,
			"\r\x1b[K32768 sockets read\r\x1b[K49152 sockets read\r\x1b[K"},
		{"long work, not on a terminal", false, false, time.Hour, 60_000, ""},
		{"long work, quiet", true, true, time.Hour, 60_000, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var stderr bytes.Buffer
			env := &environment{stderr: &stderr, stderrTTY: test.tty, now: clock(test.step)}
			n := 0
			for _, err := range withProgress(count(test.n), env, test.quiet) {
				if err != nil {
					t.Fatal(err)
				}
				n++
			}
			if n != test.n || stderr.String() != test.want {
				t.Errorf("%d of %d sockets, stderr %q, want %q", n, test.n, stderr.String(), test.want)
			}
		})
	}
}

func TestProgressIsErasedWhenTheReaderStops(t *testing.T) {
	var stderr bytes.Buffer
	env := &environment{stderr: &stderr, stderrTTY: true, now: clock(time.Second)}
	n := 0
	for range withProgress(count(100_000), env, false) {
		if n++; n == 20_000 {
			break
		}
	}
	if want := "\r\x1b[K16384 sockets read\r\x1b[K"; stderr.String() != want {
		t.Errorf("stderr %q, want %q", stderr.String(), want)
	}
}

func TestProgressPassesErrorsOn(t *testing.T) {
	broken := errors.New("broken")
	source := func(yield func(*tcp.Socket, error) bool) { yield(nil, broken) }
	env := &environment{stderr: io.Discard, stderrTTY: true, now: clock(0)}
	var got []error
	for _, err := range withProgress(source, env, false) {
		got = append(got, err)
	}
	if len(got) != 1 || got[0] != broken {
		t.Errorf("errors %v, want %v", got, broken)
	}
}

func TestNotesAreWrittenOnce(t *testing.T) {
	var stderr bytes.Buffer
	n := notes{env: &environment{stderr: &stderr}}
	n.printNew(nil)
	n.printNew(collect.Warnings{{Text: wording.Message{Key: "one"}}})
	n.printNew(collect.Warnings{{Text: wording.Message{Key: "one"}}})
	n.printNew(collect.Warnings{{Text: wording.Message{Key: "one"}}, {Text: wording.Message{Key: "two"}}})
	if want := "tcpstate: note: one\ntcpstate: note: two\n"; stderr.String() != want {
		t.Errorf("stderr %q, want %q", stderr.String(), want)
	}
	stderr.Reset()
	n = notes{env: &environment{stderr: &stderr}, quiet: true}
	n.printNew(collect.Warnings{{Text: wording.Message{Key: "one"}}})
	if stderr.String() != "" {
		t.Errorf("quiet notes write %q", stderr.String())
	}
}

// TestDetailIsOnlyWhatIsRequested checks that ls requests no details that the
// arguments do not need, because each has a cost.
func TestDetailIsOnlyWhatIsRequested(t *testing.T) {
	tests := []struct {
		args []string
		want tcp.Detail
	}{
		{nil, 0},
		{[]string{"-antW"}, 0},
		{[]string{"-o"}, tcp.DetailAge},
		{[]string{"-e"}, tcp.DetailExtended},
		{[]string{"-i"}, tcp.DetailInfo | tcp.DetailAge}, // IDLE is among its columns
		{[]string{"-m"}, tcp.DetailMemory},
		{[]string{"-oeim"}, tcp.DetailAge | tcp.DetailExtended | tcp.DetailInfo | tcp.DetailMemory},
		{[]string{"--json"}, 0},
		{[]string{"--json", "-oeim"}, tcp.DetailAge | tcp.DetailExtended | tcp.DetailInfo | tcp.DetailMemory},
		{[]string{"--format", "csv", "--columns", "state,local,timer.kind"}, 0},
		{[]string{"--format", "csv", "--columns", "state,tcp_info.rtt_us"}, tcp.DetailInfo},
		{[]string{"--columns", "state", "-i"}, 0}, // the columns were named
		{[]string{"--sort", "-tcp_info.rtt_us"}, tcp.DetailInfo},
		{[]string{"--sort", "-recv_q_bytes"}, 0},
		{[]string{"--json", "--sort", "memory.drops"}, tcp.DetailMemory},
	}
	for _, test := range tests {
		o := parseLs(t, test.args...)
		if o.query.Detail != test.want {
			t.Errorf("ls %q requests %04b, want %04b", test.args, o.query.Detail, test.want)
		}
	}
}

// parseLs returns the options for arguments of ls.
func parseLs(t *testing.T, args ...string) *lsOptions {
	t.Helper()
	var f lsFlags
	c := newLsCommand(quietEnvironment(nil, nil))
	c.ResetFlags()
	f.register(c)
	if err := c.ParseFlags(args); err != nil {
		t.Fatal(err)
	}
	o, err := f.options(c.Flags(), c.Flags().Args(), quietEnvironment(nil, nil))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestFlagsSetTheQuery(t *testing.T) {
	both := []tcp.Family{tcp.IPv4, tcp.IPv6}
	tests := []struct {
		args     []string
		states   tcp.StateSet
		families []tcp.Family
		source   collect.Source
		proc     string
	}{
		{nil, tcp.All, both, collect.Auto, "/proc"},
		{[]string{"-4"}, tcp.All, []tcp.Family{tcp.IPv4}, collect.Auto, "/proc"},
		{[]string{"-6"}, tcp.All, []tcp.Family{tcp.IPv6}, collect.Auto, "/proc"},
		{[]string{"-46"}, tcp.All, both, collect.Auto, "/proc"},
		{[]string{"-l"}, tcp.Set(tcp.Listen), both, collect.Auto, "/proc"},
		{[]string{"--state", "TIME_WAIT,close-wait", "--state", "SYN_RCVD"}, tcp.Set(tcp.TimeWait, tcp.CloseWait, tcp.SynRecv), both, collect.Auto, "/proc"},
		{[]string{"--state", "LISTEN,bucket", "-l"}, tcp.Set(tcp.Listen), both, collect.Auto, "/proc"},
		{[]string{"--source", "procfs", "--proc", "/host/proc"}, tcp.All, both, collect.ProcFS, "/host/proc"},
		{[]string{"--source", "sock_diag", "--proc", "/proc/"}, tcp.All, both, collect.SockDiag, "/proc/"},
	}
	for _, test := range tests {
		q := parseLs(t, test.args...).query
		got := fmt.Sprint(q.States, q.Families, q.Source, q.Proc)
		if want := fmt.Sprint(test.states, test.families, test.source, test.proc); got != want {
			t.Errorf("ls %q requests %s, want %s", test.args, got, want)
		}
	}
}

func TestLsWithoutAHostnameNamesNone(t *testing.T) {
	got := runIn(t, t.Context(), func(env *environment) {
		env.hostname = func() (string, error) { return "web1", errors.New("none") }
	}, "ls", "--json", "--proc", "testdata/proc")
	if got.code != exitDone {
		t.Fatalf("%+v", got)
	}
	if d := readDocument(t, got.stdout); d.Host != "" || !d.TakenAt.Equal(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)) {
		t.Errorf("host %q, taken at %v", d.Host, d.TakenAt)
	}
}
