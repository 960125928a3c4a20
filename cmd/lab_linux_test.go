package cmd

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	ground "tcpstate/internal/lab"
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
	var flags, once []string // all segments, and without those that were sent again
	sent := map[string]bool{}
	events := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		checkDocumented(t, "Scenes", line)
		var event struct {
			Event, Host string
			Segment     struct {
				Flags       []string
				RelativeSeq uint32 `json:"relative_seq"`
				RelativeAck uint32 `json:"relative_ack"`
			}
		}
		must(t, json.Unmarshal([]byte(line), &event))
		events[event.Event] = true
		if event.Event == "segment" {
			names := strings.Join(event.Segment.Flags, ",")
			flags = append(flags, names)
			if id := fmt.Sprint(event.Host, event.Segment); !sent[id] {
				sent[id] = true
				once = append(once, names)
			}
		}
	}
	// On a busy machine a SYN-ACK may be sent again, and a host answers it once more.
	next := 0
	want := strings.Fields("SYN SYN,ACK ACK FIN,ACK ACK FIN,ACK ACK")
	for _, names := range once {
		if next < len(want) && names == want[next] {
			next++
		}
	}
	if next < len(want) || len(once) > len(want) && len(flags) == len(once) {
		t.Errorf("the segments are %q, want %q", flags, want)
	}
	// A timer that is set again is an event only if a host is read between the two times.
	for _, event := range []string{"begin", "note", "call", "return", "state", "counter", "end"} {
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

// labOutput runs the program in a pipe and returns what it prints.
func labOutput(t *testing.T, input string, args ...string) string {
	t.Helper()
	c := exec.Command(program(t), append([]string{"lab"}, args...)...)
	c.Env = append(os.Environ(), "LANG=C.UTF-8", "SHELL=/bin/sh")
	c.Stdin = strings.NewReader(input)
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("lab %q: %v\n%s", args, err, out)
	}
	return string(out)
}

// TestLabSteps waits after each note, and goes on at the end of the input.
func TestLabSteps(t *testing.T) {
	t.Parallel()
	out := labOutput(t, "\n", "--step", "handshake")
	notes, prompts := strings.Count(out, "\n* "), strings.Count(out, "[Enter]")
	if notes != 6 || prompts != notes {
		t.Errorf("%d notes and %d prompts, want 6 of each\n%s", notes, prompts, out)
	}
	if got := runArgs(t, "lab", "--step", "--json", "handshake"); got.code != exitUsage {
		t.Errorf("exit status %d, %s", got.code, got.stderr)
	}
}

// TestLabAsks asks for a state, and judges the answer.
func TestLabAsks(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]string{"syn-received": "\nRight: SYN_RECV.\n", "ESTAB": "\nNo, it is SYN_RECV.\n", "the server waits": "", "": ""} {
		out := labOutput(t, answer+"\n", "--ask", "lose", "the", "third", "ACK")
		prompt, end := strings.Index(out, "\nYour answer:"), strings.Index(out, "\n= ")
		if prompt < 0 || end < prompt {
			t.Errorf("%q: the prompt is at %d, the answer at %d\n%s", answer, prompt, end, out)
		}
		if judged := strings.Contains(out, "\nRight") || strings.Contains(out, "\nNo, "); judged != (want != "") || !strings.Contains(out, want) {
			t.Errorf("%q: want %q\n%s", answer, want, out)
		}
	}
}

// TestLabShell runs ss and this program in the shell, on both hosts.
func TestLabShell(t *testing.T) {
	t.Parallel()
	commands := "echo begin; ss -tanH; " + program(t) + " ls --format csv; nsenter --net=$TCPSTATE_THERE ss -tanH; exit 7\n"
	out := labOutput(t, commands, "--shell", "--fast", "teardown")
	_, out, _ = strings.Cut(out, "begin\n")
	for _, want := range []string{"TIME-WAIT ", "TIME_WAIT,0,0,,,10.77.0.1:", "10.77.0.2:80 "} {
		if !strings.Contains(out, want) {
			t.Errorf("there is no %q in\n%s", want, out)
		}
	}
}

// TestLabTakesClocksOfHost plays a scene on a host with another setting.
func TestLabTakesClocksOfHost(t *testing.T) {
	ground.Run(t, func(t *testing.T, l *ground.Lab) {
		must(t, l.SetSysctl("net.ipv4.tcp_keepalive_time", 2))
		must(t, l.SetSysctl("net.ipv4.tcp_keepalive_intvl", 1))
		out := labOutput(t, "", "lose-keepalive")
		for _, want := range []string{"net.ipv4.tcp_keepalive_time = 2\n", "keepalive in 2.0s", "After 2s without a segment"} {
			if !strings.Contains(out, want) {
				t.Errorf("there is no %q in\n%s", want, out)
			}
		}
	})
}

// TestLabFills makes sockets and counts them in the shell, with this program.
func TestLabFills(t *testing.T) {
	t.Parallel()
	commands := program(t) + " count -q --state TIME_WAIT; " + program(t) + " count -q --state ESTABLISHED\n"
	out := labOutput(t, commands, "--fill", "est=10,timewait4=1200", "--shell")
	for _, want := range []string{"10 ESTABLISHED (4 IPv6)\n", "1,200 TIME_WAIT (0 IPv6)\n", "\n1200\n10\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("there is no %q in\n%s", want, out)
		}
	}
	for _, args := range [][]string{{"--fill", "est=3"}, {"--fill", "est=4,states"}, {"--fill", "est=4", "handshake"}, {"--fill", "est=4", "--json"}, {"--fill", "est=4", "--fast"}} {
		if got := runArgs(t, append([]string{"lab"}, args...)...); got.code != exitUsage {
			t.Errorf("%q: exit status %d, %s", args, got.code, got.stderr)
		}
	}
}
