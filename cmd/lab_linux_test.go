package cmd

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"tcpstate/lab"
)

// asNobody returns a command that runs the program as an ordinary user, in a
// directory where that user may write.
func asNobody(t *testing.T, dir string, args ...string) *exec.Cmd {
	t.Helper()
	c := exec.Command(program(t), args...)
	c.Env = append(os.Environ(), "LANG=C.UTF-8")
	if os.Geteuid() != 0 {
		return c
	}
	// The directories of tests are closed to others: give the user a copy.
	raw, err := os.ReadFile(c.Path)
	must(t, err)
	c.Path = filepath.Join(dir, "tcpstate")
	must(t, os.WriteFile(c.Path, raw, 0o755))
	must(t, os.Chmod(c.Path, 0o755))
	must(t, os.Chown(dir, 65534, 65534))
	c.Dir = dir
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	return c
}

// openDir returns a directory that every user can reach.
func openDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "tcpstate-lab")
	must(t, err)
	must(t, os.Chmod(dir, 0o755))
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// TestLabRunsForAnyUser plays a scene as an ordinary user, and compares its JSON
// with docs/json.md and its capture with what tshark reads.
func TestLabRunsForAnyUser(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	file := filepath.Join(dir, "scene.pcap")
	c := asNobody(t, dir, "lab", "teardown", "--json", "--pcap", file)
	var stderr bytes.Buffer
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.Bytes())
	}
	var flags []string
	events := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		checkDocumented(t, "Scenes", line)
		var event struct {
			Event   string
			Segment struct{ Flags []string }
		}
		must(t, json.Unmarshal([]byte(line), &event))
		events[event.Event] = true
		if event.Event == "segment" {
			flags = append(flags, strings.Join(event.Segment.Flags, ","))
		}
	}
	if got, want := strings.Join(flags, " "), "SYN SYN,ACK ACK FIN,ACK ACK FIN,ACK ACK"; got != want {
		t.Errorf("the segments are %s, want %s", got, want)
	}
	for _, event := range []string{"begin", "note", "call", "return", "state", "timer", "counter", "end"} {
		if !events[event] {
			t.Errorf("there is no event %s", event)
		}
	}
	checkCapture(t, file, flags)
}

// checkCapture has tshark read a capture. Its checksums must be right.
func checkCapture(t *testing.T, file string, flags []string) {
	t.Helper()
	tshark, err := exec.LookPath("tshark")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("tshark is not installed")
	}
	out, err := exec.Command(tshark, "-r", file, "-o", "tcp.check_checksum:TRUE", "-T", "fields", "-e", "tcp.checksum.status", "-e", "tcp.flags").Output()
	must(t, err)
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(lines) != len(flags) {
		t.Fatalf("tshark reads %d segments, the run has %d", len(lines), len(flags))
	}
	number := map[string]string{"SYN": "0x0002", "SYN,ACK": "0x0012", "ACK": "0x0010", "FIN,ACK": "0x0011"}
	for i, line := range lines {
		if want := "1\t" + number[flags[i]]; line != want {
			t.Errorf("segment %d: tshark reads %q, want %q", i, line, want)
		}
	}
}

// TestLabLists lists the scenes, and names the nearest one for a wrong name.
func TestLabLists(t *testing.T) {
	for _, args := range [][]string{{"lab"}, {"lab", "--list"}} {
		got := runArgs(t, args...)
		for _, scene := range lab.Scenes() {
			if !strings.Contains(got.stdout, scene.Name+" ") {
				t.Errorf("%q does not list %s:\n%s", args, scene.Name, got.stdout)
			}
		}
	}
	got := runArgs(t, "lab", "handshakes")
	if got.code != exitUsage || !strings.Contains(got.stderr, "did you mean handshake?") {
		t.Errorf("exit status %d, %s", got.code, got.stderr)
	}
	if got := runArgs(t, "lab", "--list", "handshake"); got.code != exitUsage {
		t.Errorf("exit status %d, %s", got.code, got.stderr)
	}
}

// TestLabFails checks that the error of the program inside comes out.
func TestLabFails(t *testing.T) {
	t.Parallel()
	c := exec.Command(program(t), "lab", "handshake", "--pcap", filepath.Join(t.TempDir(), "missing", "file"))
	var stderr bytes.Buffer
	c.Stderr = &stderr
	exit, ok := errors.AsType[*exec.ExitError](c.Run())
	if !ok || exit.ExitCode() != exitFailed || !strings.Contains(stderr.String(), "no such file") {
		t.Errorf("%v: %s", exit, stderr.String())
	}
}
