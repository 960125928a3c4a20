//go:build unix

package cmd

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"tcpstate/watch/screen"
	"tcpstate/wording"
)

func TestConfigFile(t *testing.T) {
	for _, row := range []struct{ xdg, home, want string }{
		{"/x", "/home/a", "/x/tcpstate/config.toml"},
		{"", "/home/a", "/home/a/.config/tcpstate/config.toml"},
		{"relative", "/home/a", "/home/a/.config/tcpstate/config.toml"},
		{"", "", ""},
		{"relative", "home", ""},
	} {
		vars := map[string]string{"XDG_CONFIG_HOME": row.xdg, "HOME": row.home}
		if got := configFile(&environment{getenv: func(name string) string { return vars[name] }}); got != row.want {
			t.Errorf("%v: %q", row, got)
		}
	}
}

const wholeConfiguration = `
[watch]
columns = ["state", "peer"]
sort = "-recv_q"
by = "none"
theme = "light"
mouse = false
interval = "250ms"
`

func TestParseConfiguration(t *testing.T) {
	c, err := parseConfiguration([]byte(wholeConfiguration))
	if err != nil {
		t.Fatal(err)
	}
	d, err := c.interval()
	if w := c.Watch; err != nil || d != 250*time.Millisecond || len(w.Columns) != 2 || *w.Sort != "-recv_q" || *w.By != "none" || *w.Theme != "light" || *w.Mouse {
		t.Errorf("%+v, %v, %v", c, d, err)
	}
	for _, key := range configurationKeys() {
		if !strings.Contains(wholeConfiguration, strings.TrimPrefix(key, "watch.")+" = ") {
			t.Errorf("the test does not set %s", key)
		}
	}
	for _, row := range []struct{ text, want, hint string }{
		{"[watch]\ntheme = \"dark\"\nthem = \"dark\"\n", `line 3: unknown key "watch.them"`, "did you mean watch.theme?"},
		{"\n[wach]\ntheme = \"dark\"\n", `line 2: unknown key "wach`, ""},
		{"theme = \"dark\"", `line 1: unknown key "theme"`, "watch.theme"},
		{"[watch]\nmouse = \"on\"\n", "line 2: ", ""},
		{"[watch]\nmouse = \n", "line 2: ", ""},
		{"[watch]\nmouse = true\nmouse = true\n", "line 3: ", ""},
	} {
		_, err := parseConfiguration([]byte(row.text))
		if err == nil || !strings.Contains(err.Error(), row.want) || !strings.Contains(wording.Hint(err).String(), row.hint) {
			t.Errorf("%q: %v, %v", row.text, err, wording.Hint(err))
		}
	}
}

// TestConfigurationAndFlags checks which of the two wins, and the exit code of
// mistakes.
func TestConfigurationAndFlags(t *testing.T) {
	home := t.TempDir()
	dir := filepath.Join(home, ".config", "tcpstate")
	must(t, os.MkdirAll(dir, 0o755))
	file := filepath.Join(dir, "config.toml")
	env := &environment{getenv: func(name string) string { return map[string]string{"HOME": home}[name] }}
	apply := func(args ...string) (*screen.Screen, error) {
		var f watchFlags
		command := newWatchCommand(env)
		flags := pflag.NewFlagSet("watch", pflag.ContinueOnError)
		flags.StringVar(&f.start.columns, "columns", "", "")
		flags.StringVar(&f.start.sort, "sort", "", "")
		flags.StringVar(&f.start.by, "by", "none", "")
		flags.StringVar(&f.start.mouse, "mouse", "on", "")
		flags.StringVar(&f.start.theme, "theme", "auto", "")
		flags.StringVar(&f.start.config, "config", "", "")
		flags.DurationVar(&f.interval, "interval", time.Second, "")
		flags.VisitAll(func(flag *pflag.Flag) {
			if own := command.Flags().Lookup(flag.Name); own == nil || own.DefValue != flag.DefValue {
				t.Fatalf("the flag %s of watch differs", flag.Name)
			}
		})
		must(t, flags.Parse(args))
		s := &screen.Screen{Interval: f.interval}
		return s, f.start.apply(s, flags, env)
	}
	if s, err := apply(); err != nil || s.NoMouse || s.Interval != time.Second {
		t.Errorf("without a file: %+v, %v", s, err)
	}
	must(t, os.WriteFile(file, []byte(wholeConfiguration), 0o644))
	if s, err := apply(); err != nil || !s.NoMouse || s.Interval != 250*time.Millisecond {
		t.Errorf("with a file: %+v, %v", s, err)
	}
	if s, err := apply("--mouse", "on", "--interval", "3s", "--by", "peer"); err != nil || s.NoMouse || s.Interval != 3*time.Second {
		t.Errorf("with a file and flags: %+v, %v", s, err)
	}
	if s, err := apply("--config", "/dev/null"); err != nil || s.NoMouse {
		t.Errorf("with an empty file: %+v, %v", s, err)
	}
	status := func(content string, args ...string) (int, string) {
		t.Helper()
		must(t, os.WriteFile(file, []byte(content), 0o644))
		_, err := apply(args...)
		var stderr strings.Builder
		return report(err, &stderr, nil), stderr.String()
	}
	for _, row := range []struct {
		content string
		args    []string
		status  int
		want    string
	}{
		{"[watch]\ntheme = \"ligth\"", nil, exitUsage, "config.toml\": watch.theme: unknown theme \"ligth\"\ntcpstate: hint: did you mean light?"},
		{"[watch]\nsort = \"rtt\"", nil, exitUsage, "watch.sort: the screen cannot sort by"},
		{"[watch]\ninterval = \"0s\"", nil, exitUsage, "watch.interval: \"0s\" is not a time"},
		{"[watch]\nx = 1", nil, exitUsage, "line 2: unknown key"},
		{"[watch]\nx = 1", []string{"--config", "/nowhere"}, exitFailed, "no such file"},
		{strings.Repeat("#", maxConfiguration+1), nil, exitFailed, "more than 65536 bytes"},
		{"", []string{"--config="}, exitUsage, "needs a file"},
	} {
		if got, stderr := status(row.content, row.args...); got != row.status || !strings.Contains(stderr, row.want) {
			t.Errorf("%.60q %v: exit %d, %s", row.content, row.args, got, stderr)
		}
	}
	must(t, os.Remove(file))
	must(t, syscall.Mkfifo(file, 0o644))
	if _, err := apply(); err == nil || !strings.Contains(err.Error(), "regular file") {
		t.Errorf("a named pipe: %v", err)
	}
}
