package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"golang.org/x/sys/unix"

	ground "tcpstate/internal/lab"
	"tcpstate/lab/segment"
	"tcpstate/tcp"
	"tcpstate/text"
)

// TestScenes plays every scene with its fast settings. It compares the segments of
// the run with those that another packet socket captures on the same links, and the
// states at the end with those that ss shows.
func TestScenes(t *testing.T) {
	for _, scene := range Scenes() {
		t.Run(scene.Name, func(t *testing.T) {
			ground.Run(t, func(t *testing.T, _ *ground.Lab) { checkScene(t, scene) })
		})
	}
}

func checkScene(t *testing.T, scene *Scene) {
	ctx, stop := context.WithTimeout(t.Context(), ground.Patience)
	defer stop()
	captured := &witness{}
	var steps []Step
	var shown [There + 1]map[string]string
	o := Options{Fast: true, witness: captured.open, Stay: func(p Places) error {
		for side, path := range map[Side]string{Here: p.HerePath, There: p.TherePath} {
			shown[side] = socketsOfSS(t, path)
		}
		return nil
	}}
	if err := Play(ctx, scene, o, func(s Step) { steps = append(steps, s) }); err != nil {
		t.Fatal(err)
	}
	captured.end()
	for _, side := range []Side{Here, There} {
		compare(t, "sent by "+side.String(), sentBy(steps, side), captured.sent[side])
		if want := statesAtEnd(steps, side); !agree(want, shown[side]) {
			t.Errorf("the run ends with the sockets %v of %s, ss shows %v", want, side, shown[side])
		}
	}
	last := time.Duration(-1)
	for _, s := range steps {
		if s.At < last {
			t.Errorf("%v comes after %v", s.At, last)
		}
		last = s.At
		if s.Kind <= Answer && strings.HasPrefix(s.Text.String(), "lab.") {
			t.Errorf("a note has no text: %s", s.Text)
		}
	}
	checkDrawing(t, scene, steps)
	t.Logf("%d steps, %v", len(steps), last)
}

// checkDrawing draws a run in several widths: no line is longer, and an ASCII drawing
// has only ASCII characters.
func checkDrawing(t *testing.T, scene *Scene, steps []Step) {
	for _, width := range []int{80, 100, 120, 200} {
		for _, ascii := range []bool{false, true} {
			var drawn bytes.Buffer
			d := &Drawing{W: &drawn, Width: width, ASCII: ascii}
			err := d.Begin(scene, ascii)
			for _, s := range steps {
				err = errors.Join(err, d.Step(s))
			}
			if err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(drawn.String()) {
				line = strings.TrimSuffix(line, "\n")
				if n := text.Width(line); n > width {
					t.Errorf("in %d columns a line has %d: %s", width, n, line)
				}
				if ascii && strings.ContainsFunc(line, func(r rune) bool { return r > unicode.MaxASCII }) {
					t.Errorf("not ASCII: %s", line)
				}
			}
		}
	}
}

// agree compares states by addresses. A socket that a timer of the kernel has ended
// between the two readings may be missing in the second.
func agree(run, ss map[string]string) bool {
	for k, state := range run {
		if now, ok := ss[k]; ok && now != state {
			return false
		} else if !ok && state != "TIME_WAIT" && state != "FIN_WAIT2" {
			return false
		}
	}
	for k := range ss {
		if run[k] == "" {
			return false
		}
	}
	return true
}

// sentBy returns the segments of a host in a run. A segment that arrives late was
// sent when it was held back.
func sentBy(steps []Step, side Side) (list []string) {
	for _, s := range steps {
		if s.Kind == Segment && s.Host == side && s.Fate != Late && s.Fate != Injected {
			list = append(list, fmt.Sprintf("%s options %x", s.Segment, s.Segment.Options))
		}
	}
	return list
}

// statesAtEnd returns the states of the sockets of a host at the end of a run.
func statesAtEnd(steps []Step, side Side) map[string]string {
	byCookie := map[tcp.Cookie]Step{}
	for _, s := range steps {
		if s.Kind == State && s.Host == side {
			byCookie[s.Socket.Cookie] = s
		}
	}
	states := map[string]string{}
	for _, s := range byCookie {
		if s.To != 0 && s.To != tcp.Close && s.To != tcp.BoundInactive {
			states[fmt.Sprint(s.Socket.Local, " ", s.Socket.Peer)] = s.To.String()
		}
	}
	return states
}

// socketsOfSS returns the states that ss shows in a namespace.
func socketsOfSS(t *testing.T, path string) map[string]string {
	out, err := exec.Command("nsenter", "--net="+path, "ss", "-tanH").CombinedOutput()
	if err != nil {
		t.Fatalf("ss: %v\n%s", err, out)
	}
	states := map[string]string{}
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		state, err := tcp.ParseState(words[0])
		if err != nil {
			t.Fatal(err)
		}
		if state != tcp.Close && state != tcp.BoundInactive {
			states[words[3]+" "+strings.Replace(words[4], ":*", ":0", 1)] = state.String()
		}
	}
	return states
}

// compare compares segments as texts. The capture may have more at the end: what a
// host sent when the scene had ended.
func compare(t *testing.T, what string, run, captured []string) {
	t.Helper()
	if len(captured) < len(run) || !slices.Equal(run, captured[:len(run)]) {
		t.Errorf("%s: the run has\n%s\nthe capture has\n%s", what, strings.Join(run, "\n"), strings.Join(captured, "\n"))
	}
}

// witness captures what hosts send, with packet sockets of its own.
type witness struct {
	sent  [There + 1][]string
	files []*os.File
	group sync.WaitGroup
}

// open begins to capture on a link of the wire.
func (w *witness) open(side Side, link string) error {
	device, err := net.InterfaceByName(link)
	if err != nil {
		return err
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return err
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1); err != nil {
		return err
	}
	if err := unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: bigEndian(unix.ETH_P_ALL), Ifindex: device.Index}); err != nil {
		return err
	}
	file := os.NewFile(uintptr(fd), link)
	w.files = append(w.files, file)
	w.group.Go(func() {
		buffer := make([]byte, 1<<16)
		for {
			n, err := file.Read(buffer)
			if err != nil {
				return
			}
			if got, err := segment.ParsePacket(buffer[:n]); err == nil {
				w.sent[side] = append(w.sent[side], fmt.Sprintf("%s options %x", got, got.Options))
			}
		}
	})
	return nil
}

func (w *witness) end() {
	for _, file := range w.files {
		file.Close()
	}
	w.group.Wait()
}

// TestDocsNameScenes checks that docs/lab.md has a row for each scene.
func TestDocsNameScenes(t *testing.T) {
	page, err := os.ReadFile("../docs/lab.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, scene := range Scenes() {
		if row := fmt.Sprintf("| `%s` | %s |", scene.Name, scene.Title()); !strings.Contains(string(page), row) {
			t.Errorf("docs/lab.md does not have the row\n%s", row)
		}
	}
}

// TestFind finds scenes by the names that people type.
func TestFind(t *testing.T) {
	for name, want := range map[string]string{"Handshake": "handshake", "the teardown": "teardown", "lose the third ACK": "lose-third-ack", "time_wait": "TIME_WAIT",
		"syn-received": "SYN_RECV", "fin wait 1": "FIN_WAIT1", "lose the ACK of the FIN": "lose-ack-of-fin"} {
		if scene, err := Find(name); err != nil || scene.Name != want {
			t.Errorf("%s: got %v, %v", name, scene, err)
		}
	}
	if scene, err := Find("handshak"); err == nil {
		t.Errorf("handshak: got %s", scene.Name)
	}
}
