package cmd

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// completions returns what the program offers a shell for the last argument, without
// the descriptions.
func completions(t *testing.T, args ...string) (words []string) {
	t.Helper()
	got := runArgs(t, append([]string{"__complete"}, args...)...)
	if got.code != exitDone {
		t.Fatalf("__complete %q: %+v", args, got)
	}
	for line := range strings.Lines(got.stdout) {
		word, _, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		words = append(words, word)
	}
	return words[:len(words)-1] // the last line is for the script
}

// TestValuesAreCompleted completes values of flags, and elements of lists of them.
func TestValuesAreCompleted(t *testing.T) {
	for _, test := range []struct {
		args        string // the last word is completed; "_" is no word
		has, hasNot string
	}{
		{"ls --columns _", "tcp_info.rtt_us", "-rtt"},
		{"ls --columns state,rec", "state,recv_q_bytes", "state,state"},
		{"ls --columns=state,local,rec", "state,local,recv_q_bytes", "state,local,local"},
		{"ls --sort state,-r", "state,-rtt", "state,-state"},
		{"ls --sort=-state,r", "-state,rtt", "-state,state"},
		{"ls --columns local,laddr", "local,laddr", ""},
		{"count --by remot", "remote", "listener"},
		{"count --by _", "congestion", "remote"},
		{"ls --sort tx", "tx_queue", "sport"},
		{"ls cw", "cwnd", "state"},
		{"ls state established nosuch", "", "and"},
		{"count --by peer,_", "peer,process", "peer,peer"},
		{"ls --state _", "SYN_RECV", "syn-recv"},
		{"watch --state SYN_RECV,_", "SYN_RECV,CLOSE_WAIT", "SYN_RECV,SYN_RECV"},
		{"count --state syn-recv,c", "syn-recv,close-wait", "syn-recv,CLOSE_WAIT"},
		{"count --state close_w", "close_wait", "close-wait"},
		{"doctor --state _", "synchronized", ""},
		{"--source _", "procfs", ""},
		{"ls --format _", "ndjson", ""},
		{"doctor --only syn-flood,_", "syn-flood,close-wait-leak", "syn-flood,syn-flood"},
		{"doctor --skip _", "conntrack-full", ""},
		{"doctor --set close-wait-leak.a", "close-wait-leak.age=", ""},
		{"doctor --fail-on _", "warning", ""},
		{"ls -N _", "all", ""},
		{"explain -N _", "all", ""},
		{"explain _", "TIME_WAIT", ""},
		{"explain --lang _", "zh", ""},
		{"ls --lang _", "zh", ""},
		{"explain --format _", "markdown", "csv"},
		{"explain TIME_WAIT _", "", "CLOSE_WAIT"},
		{"help _", "doctor", ""},
		{"help completion _", "fish", "doctor"},
		{"completion _", "zsh", ""},

		{"ls _", "state", "and"},
		{"count state _", "close-wait", "CLOSE_WAIT"},
		{"count state C", "CLOSE_WAIT", "close-wait"},
		{"watch state established,_", "established,close-wait", "established,established"},
		{"doctor state established _", "and", "exclude"},
		{"ls (state established and not t", "timer", ""},
		{"ls timer _", "keepalive", "and"},
		{"ls timer != on,_", "on,persist", "on,on"},
		{"ls family _", "ipv6", "and"},
		{"ls recvq _", "gt", "and"},
		{"ls dev _", "lo", "and"},
		{"ls not pi", "pid", "and"},
		{"_", "ls", "state"},
		{"l", "ls", ""},
		{"sp", "sport", ""},
		{"state _", "established", "ls"},
		{"-l state established _", "and", "ls"},
	} {
		args := strings.Fields(test.args)
		last := len(args) - 1
		args[last] = strings.TrimSuffix(args[last], "_")
		got := completions(t, args...)
		if test.has != "" && !slices.Contains(got, test.has) || slices.Contains(got, test.hasNot) {
			t.Errorf("%s: offers %q, want %q among these and not %q", test.args, got, test.has, test.hasNot)
		}
	}
	// An expression in one argument.
	if got := completions(t, "ls", "state established and (state close-wait or s"); !slices.Contains(got, "state established and (state close-wait or sport") {
		t.Errorf("in one argument: %q", got)
	}
}

// TestFilesAreOfferedForFlagsThatTakeThem looks at the directive for the shell: :4 is
// no files, :16 directories, :0 files.
func TestFilesAreOfferedForFlagsThatTakeThem(t *testing.T) {
	for args, want := range map[string]string{
		"ls --limit": ":4", "ls --interval": ":4", "watch --until": ":4", "ls --proc": ":16", "doctor --baseline": ":0",
	} {
		got := runArgs(t, append(append([]string{"__complete"}, strings.Fields(args)...), "")...)
		if got.stdout != want+"\n" {
			t.Errorf("%s: %q, want %s", args, got.stdout, want)
		}
	}
	if got := runArgs(t, "__complete", "ls", "-N", "/run/"); got.stdout != ":0\n" {
		t.Errorf("a path of -N: %q", got.stdout)
	}
}

// TestUnknownShells has no script for them.
func TestUnknownShells(t *testing.T) {
	got := runArgs(t, "completion", "fihs")
	if want := "tcpstate: unknown shell \"fihs\"\ntcpstate: hint: did you mean fish?\n"; got.code != exitUsage || got.stderr != want || got.stdout != "" {
		t.Errorf("%+v, want %q", got, want)
	}
	if got := runArgs(t, "completion", "bash", "zsh"); got.code != exitUsage {
		t.Errorf("two shells: %+v", got)
	}
	if got := runArgs(t, "completion"); got.code != exitDone || !strings.Contains(got.stdout, "fish") {
		t.Errorf("no shell: %+v", got)
	}
}

// TestNamesOfProcessesCannotHarmShells offers names that a shell would act on, if they
// came into its line.
func TestNamesOfProcessesCannotHarmShells(t *testing.T) {
	dir := t.TempDir()
	for i, name := range []string{"nginx", "tmux: server", "$(reboot)", "a;b", "`id`", "x|y", "\x1b[2J", "a\nb", "\u202egnp", "-rf", "'q'", ""} {
		process := filepath.Join(dir, strconv.Itoa(i+1))
		if err := os.Mkdir(process, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(process, "comm"), []byte(name+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"nginx", `tmux:\ server`}
	if got := completions(t, "ls", "--proc", dir, "process", ""); !slices.Equal(got, want) {
		t.Errorf("offers %q, want %q", got, want)
	}
	if got := completions(t, "ls", "--proc", dir, "ngi"); !slices.Equal(got, want[:1]) {
		t.Errorf("alone: offers %q, want %q", got, want[:1])
	}
	got := runArgs(t, "__complete", "ls", "--proc", dir, "pid", "")
	if harm := strings.ContainsAny(got.stdout, "\x1b\u202e"); harm || !strings.Contains(got.stdout, "1\tnginx\n") {
		t.Errorf("pids: %q", got.stdout)
	}
}
