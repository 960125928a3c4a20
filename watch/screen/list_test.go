package screen

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"

	"tcpstate/tcp"
)

func TestMarks(t *testing.T) {
	d := drive(t, nil, someSockets()...)
	d.resize(80, 40)
	if text := d.line("198.51.100.4:5432"); len(text) < 2 || text[:2] != "  " {
		t.Errorf("a mark after the first reading: %q", text)
	}
	d.refresh(laterSockets()...)
	for text, mark := range map[string]string{"10.0.0.1:36000": "-", "10.0.0.1:36001": "+", "192.0.2.7:51001": ">", "192.0.2.9:51000": " "} {
		if line := d.line(text); len(line) < 2 || line[1:2] != mark {
			t.Errorf("%s is marked %q, want %q", text, line, mark)
		}
	}
	d.refresh(laterSockets()...)
	if line := d.line("10.0.0.1:36000"); line != "" {
		t.Errorf("a closed socket is still shown: %q", line)
	}
	if line := d.line("192.0.2.7:51001"); len(line) < 2 || line[1] != ' ' {
		t.Errorf("marked for more than one reading: %q", line)
	}
}

func TestFocus(t *testing.T) {
	d := drive(t, nil, someSockets()...)
	d.press("3")
	if d.line("in 0/s") != "" {
		t.Error("rates are shown after one reading")
	}
	d.refresh(laterSockets()...)
	d.wants("SYN_RECV 20 +8  in 8.0/s  out 0/s", "0.0.0.0:443", "203.0.113.0/24", "20 sockets  in SYN_RECV")
	d.press("3")
	if d.m.want.focus != 0 {
		t.Error("the digit of the focused state does not remove the focus")
	}
	var seen []string
	for range 7 {
		d.press("tab")
		seen = append(seen, d.m.want.focus.String())
	}
	want := "LISTEN SYN_RECV ESTABLISHED TIME_WAIT CLOSE_WAIT UNKNOWN LISTEN"
	if got := strings.Join(seen, " "); got != want {
		t.Errorf("Tab went through %s, want %s", got, want)
	}
	if d.press("shift+tab"); d.m.want.focus != 0 {
		t.Errorf("Shift-Tab went to %s", d.m.want.focus)
	}
}

// TestLeavesFocus checks that a socket that left the focused state is shown a
// last time.
func TestLeavesFocus(t *testing.T) {
	d := drive(t, func(s *Screen) { s.Focus = tcp.Established }, someSockets()...)
	d.refresh(laterSockets()...)
	d.resize(100, 30)
	if line := d.line("192.0.2.7:51001"); !strings.Contains(line, "CLOSE_WAIT") || len(line) < 2 || line[1] != '>' {
		t.Errorf("a socket that left the state is shown as %q", line)
	}
	d.wants("in 1.0/s  out 2.0/s")
}

func TestGroups(t *testing.T) {
	d := drive(t, nil, someSockets()...)
	d.press("g", "g", "g")
	d.refresh(laterSockets()...)
	d.wants("groups by prefix")
	if line := d.line("203.0.113.0/24"); !strings.Contains(line, "21") || !strings.Contains(line, "+8") || !strings.HasPrefix(line, ">>") {
		t.Errorf("the prefix is shown as %q", line)
	}
	d.press("y")
	text := fmt.Sprint(d.last)
	var copied struct {
		By     map[string]string
		Total  int
		States map[string]int
	}
	if err := json.Unmarshal([]byte(text), &copied); err != nil || copied.By["prefix"] != "203.0.113.0/24" || copied.Total != 21 || copied.States["SYN_RECV"] != 20 {
		t.Errorf("copied %s (%v)", text, err)
	}
	d.press("enter")
	d.wants("21 sockets", "filter dst 203.0.113.0/24")
	d.press("g", "g", "down", "enter")
	d.wants("1 socket ", "filter (dst 203.0.113.0/24) and dst 203.0.113.11")
	d.press("/", "ctrl+u")
	d.write("dst 203.0.113.0/24")
	d.press("enter")
	d.press("g", "g", "g", "g")
	d.wants("group by listener", "0.0.0.0:443")
	d.press("g")
	d.wants("21 sockets")
}

func TestNewGroups(t *testing.T) {
	d := drive(t, nil, conn{state: tcp.Established, local: "10.0.0.1:80", peer: "192.0.2.1:1000", inode: 1})
	d.press("g", "g")
	d.refresh(conn{state: tcp.Established, local: "10.0.0.1:80", peer: "192.0.2.2:1000", inode: 2})
	if line := d.line("192.0.2.2"); len(line) < 2 || line[1] != '+' {
		t.Errorf("a new group is shown as %q", line)
	}
	if line := d.line("192.0.2.1"); len(line) < 2 || line[1] != '-' {
		t.Errorf("a group that no longer exists is shown as %q", line)
	}
}

func TestCursorStaysOnItsSocket(t *testing.T) {
	d := drive(t, nil, someSockets()...)
	d.press("down", "down")
	at := d.m.item().socket.Peer
	d.refresh(append(laterSockets(), conn{state: tcp.Listen, local: "0.0.0.0:22", peer: any4, inode: 7})...)
	if got := d.m.item().socket.Peer; got != at {
		t.Errorf("the cursor went from %s to %s", at, got)
	}
	d.press("end")
	if d.m.cursor != d.m.total()-1 {
		t.Errorf("End went to row %d of %d", d.m.cursor, d.m.total())
	}
	d.refresh()
	if d.m.cursor != 0 && d.m.total() == 0 {
		t.Errorf("the cursor is in row %d of none", d.m.cursor)
	}
}

// TestLongList moves through a list of which a frame holds only parts.
func TestLongList(t *testing.T) {
	var sockets []conn
	for i := range 5000 {
		sockets = append(sockets, conn{state: tcp.Established, local: "10.0.0.1:443", peer: fmt.Sprintf("10.1.%d.%d:4000", i/250, 1+i%250), inode: i + 1})
	}
	d := drive(t, nil, sockets...)
	held := 0
	for _, p := range d.m.frame.items.parts {
		held += len(p.items)
	}
	if held > 1000 {
		t.Errorf("a frame of %d rows holds %d", len(sockets), held)
	}
	check := func(move string) {
		t.Helper()
		n := d.m.listHeight()
		for i := range n {
			if d.m.frame.items.item(d.m.top+i) == nil {
				t.Fatalf("after %s item %d is not in the frame", move, d.m.top+i)
			}
		}
		if d.m.cursor < d.m.top || d.m.cursor >= d.m.top+n {
			t.Fatalf("after %s the cursor, in row %d, is off the screen, which starts at %d", move, d.m.cursor, d.m.top)
		}
	}
	d.press("end")
	check("End")
	if got := d.m.item().socket.Peer.String(); got != "10.1.19.250:4000" {
		t.Errorf("the last row is %s", got)
	}
	serial := d.m.want.serial
	d.press("up")
	if d.m.want.serial != serial {
		t.Error("the model requested an item that it has")
	}
	d.press("home")
	for i := range 120 {
		d.press("pgdown")
		check(fmt.Sprintf("PgDn %d", i))
	}
	for i := range 120 {
		d.send(tea.MouseWheelMsg{Button: tea.MouseWheelUp})
		check(fmt.Sprintf("wheel %d", i))
	}
	for range 120 {
		d.press("k")
	}
	check("k")
	d.press("end")
	d.refresh(sockets[:100]...)
	if want := d.m.frame.items.total - d.m.listHeight(); d.m.top != want {
		t.Errorf("after the list became shorter, item %d is the first on the screen, want %d", d.m.top, want)
	}
	d.refresh(sockets[:100]...)
	check("what is gone")
}
