package cmd

import (
	"bytes"
	"context"
	"encoding/json"
	flags "flag" // this package has a type named flag
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// TestMain runs the program instead of the tests if the test binary is called by
// one of the program's names. So scripts and pipes run the real Main.
func TestMain(m *testing.M) {
	if name := filepath.Base(os.Args[0]); name == "tcpstate" || name == "netstat" {
		os.Exit(Main())
	}
	flags.Parse()
	isSet := false
	flags.Visit(func(f *flags.Flag) { isSet = isSet || f.Name == "test.parallel" })
	if !isSet {
		if err := flags.Set("test.parallel", strconv.Itoa(labsAtOnce)); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

// labsAtOnce is the number of tests that run at the same time, unless go test
// -parallel sets it. It is higher than the number of processors, because the tests
// wait most of the time for processes and for timers of the kernel.
const labsAtOnce = 8

// program returns the path of an executable that runs as tcpstate.
func program(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "tcpstate")
	if err := os.Symlink(self, path); err != nil {
		t.Fatal(err)
	}
	return path
}

// outcome is the result of a run of the program.
type outcome struct {
	code           int
	stdout, stderr string
}

// quietEnvironment returns an environment without terminals and variables. Its
// clock is stopped.
func quietEnvironment(stdout, stderr *bytes.Buffer) *environment {
	return &environment{
		stdout: stdout, stderr: stderr,
		getenv:   func(string) string { return "" },
		now:      func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) },
		hostname: func() (string, error) { return "web1", nil },
	}
}

// runArgs runs the program with args in this process.
func runArgs(t *testing.T, args ...string) outcome {
	t.Helper()
	return runIn(t, t.Context(), func(*environment) {}, args...)
}

// runIn is like runArgs, in an environment to which change was applied.
func runIn(t *testing.T, ctx context.Context, change func(*environment), args ...string) outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	env := quietEnvironment(&stdout, &stderr)
	change(env)
	code := run(ctx, args, env)
	return outcome{code, stdout.String(), stderr.String()}
}

// document is the JSON that ls writes.
type document struct {
	Schema       string    `json:"schema"`
	Kind         string    `json:"kind"`
	TakenAt      time.Time `json:"taken_at"`
	Host         string    `json:"host"`
	Source       string    `json:"source"`
	Missing      []string  `json:"missing"`
	NotRequested []struct {
		Option string
		Fields []string
	} `json:"not_requested"`
	Warnings []string         `json:"warnings"`
	Sockets  []map[string]any `json:"sockets"`
}

// list runs ls --json with more arguments and returns its document; the fields of
// the sockets have flattened names. It fails the test unless ls succeeds and
// writes nothing to stderr.
func list(t *testing.T, args ...string) document {
	t.Helper()
	got := runArgs(t, append([]string{"ls", "--json"}, args...)...)
	if got.code != exitDone || got.stderr != "" {
		t.Fatalf("ls --json %q: exit %d, stderr %q", args, got.code, got.stderr)
	}
	return readDocument(t, got.stdout)
}

func readDocument(t *testing.T, text string) document {
	t.Helper()
	var d document
	decoder := json.NewDecoder(bytes.NewReader([]byte(text)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&d); err != nil {
		t.Fatalf("%v in %.500s", err, text)
	}
	for i, socket := range d.Sockets {
		flat := map[string]any{}
		flatten(flat, "", socket)
		d.Sockets[i] = flat
	}
	return d
}

// flatten adds the fields of object to flat. The name of a field of a nested
// object has the names of its parents and dots before it.
func flatten(flat map[string]any, prefix string, object map[string]any) {
	for name, value := range object {
		if inner, ok := value.(map[string]any); ok {
			flatten(flat, prefix+name+".", inner)
			continue
		}
		flat[prefix+name] = value
	}
}

// must ends the test unless err is nil.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
