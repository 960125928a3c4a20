package cmd

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"tcpstate/internal/lab"
)

// TestDoctorIsReadOnATerminal shows findings that are longer than the terminal in a
// pager, and nothing with -q where nothing is wrong.
func TestDoctorIsReadOnATerminal(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		file := filepath.Join(t.TempDir(), "page")
		t.Setenv("FILE", file)
		terminal := func(height int) func(*environment) {
			clock := ticking(nil)
			return func(env *environment) {
				clock(env)
				env.stdoutTTY = true
				env.size = func() (int, int) { return 100, height }
				env.lookupEnv = func(string) (string, bool) { return "cat >$FILE", true }
			}
		}
		doctor := func(height int, args ...string) outcome {
			got := runIn(t, t.Context(), terminal(height), append([]string{"doctor", "--interval", "1ms", "--color", "never"}, args...)...)
			if got.code != exitDone || got.stderr != "" {
				t.Fatalf("%q: %+v", args, got)
			}
			return got
		}
		if got := doctor(24, "-q"); got.stdout != "" {
			t.Errorf("-q where nothing is wrong writes %q", got.stdout)
		}
		if got := doctor(24); !strings.HasPrefix(got.stdout, "Nothing is wrong") {
			t.Errorf("where nothing is wrong it writes %q", got.stdout)
		}
		must(t, l.SetSysctl("net.ipv4.tcp_sack", 0))
		must(t, l.SetSysctl("net.ipv4.tcp_window_scaling", 0))
		if got := doctor(24, "-q"); got.stdout != "" {
			t.Errorf("what is longer than the terminal is not paged: %s", got.stdout)
		}
		page, err := os.ReadFile(file)
		must(t, err)
		if !strings.HasPrefix(string(page), "info      1. net.ipv4.tcp_") || !strings.Contains(string(page), "\ninfo      2. net.ipv4.tcp_") {
			t.Errorf("the page begins with %.300s", page)
		}
		for _, got := range []outcome{doctor(24, "--no-pager"), doctor(200)} {
			if untimed(got.stdout) != untimed(string(page)) {
				t.Errorf("without a pager it writes %s", got.stdout)
			}
		}
		if got := doctor(24, "--json"); !strings.HasPrefix(got.stdout, "{") {
			t.Errorf("JSON is paged: %q", got.stdout)
		}
	})
}

// untimed removes the measured interval from findings.
func untimed(text string) string {
	return regexp.MustCompile(`counters over [^ ]+\.\n`).ReplaceAllString(text, "")
}
