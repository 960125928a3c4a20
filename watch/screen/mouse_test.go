package screen

import (
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"

	"tcpstate/tcp"
	"tcpstate/text"
)

// clickOn clicks on the first place of the screen that has the text.
func (d *driver) clickOn(what string) {
	d.t.Helper()
	for y, line := range strings.Split(d.screen(), "\n") {
		if i := strings.Index(line, what); i >= 0 {
			d.send(tea.MouseClickMsg{X: text.Width(line[:i]), Y: y, Button: tea.MouseLeft})
			return
		}
	}
	d.t.Fatalf("no %q on the screen:\n%s", what, d.screen())
}

func TestClicks(t *testing.T) {
	for _, size := range sizes {
		d := drive(t, nil, someSockets()...)
		d.resize(size[0], size[1])
		d.clickOn("PEER")
		d.wants("sort peer", "PEER▲")
		d.clickOn("PEER")
		d.wants("sort peer down", "PEER▼")
		d.clickOn("PEER")
		d.clickOn("192.0.2.9:51000")
		if got := d.m.item().socket.Peer.String(); got != "192.0.2.9:51000" {
			t.Errorf("%v: a click moved the cursor to %s", size, got)
		}
		d.clickOn("TIME_WAIT")
		if d.m.want.focus != tcp.TimeWait {
			t.Errorf("%v: a click focused %s", size, d.m.want.focus)
		}
		d.wants("1 socket  in TIME_WAIT")
		d.clickOn("LISTEN 1")
		d.wants("1 socket  in LISTEN")
		d.clickOn("LISTEN 1")
		d.wants("18 sockets")
	}
	d := drive(t, nil, someSockets()...)
	for x := range 80 {
		for y := range 24 { // no place breaks the screen
			d.send(tea.MouseClickMsg{X: x, Y: y, Button: tea.MouseLeft})
		}
	}
	d.press("?")
	d.send(tea.MouseClickMsg{X: 3, Y: 3, Button: tea.MouseLeft})
	d.wants("In the list:")
}

// TestClickedState clicks on each part of a state in the grid.
func TestClickedState(t *testing.T) {
	d := drive(t, nil, someSockets()...)
	for x, want := range map[int]tcp.State{0: tcp.SynRecv, 5: tcp.SynRecv, 38: tcp.SynRecv, 41: tcp.CloseWait, 79: tcp.CloseWait} {
		if got := d.m.stateAt(x, 3); got != want {
			t.Errorf("column %d is of %s, want %s:\n%s", x, got, want, d.screen())
		}
	}
	if got := d.m.stateAt(5, 0); got != 0 {
		t.Errorf("the title is of %s", got)
	}
}

func TestMouseSwitch(t *testing.T) {
	d := drive(t, nil, someSockets()...)
	if d.m.View().MouseMode == tea.MouseModeNone {
		t.Error("the mouse is off at first")
	}
	d.press("m")
	d.wants("the mouse selects text")
	if d.m.View().MouseMode != tea.MouseModeNone {
		t.Error("m leaves the mouse on")
	}
	off := drive(t, func(s *Screen) { s.NoMouse = true }, someSockets()...)
	if off.m.View().MouseMode != tea.MouseModeNone {
		t.Error("the mouse is on against the setting")
	}
	if off.press("m"); off.m.View().MouseMode == tea.MouseModeNone {
		t.Error("m leaves the mouse off")
	}
}

func TestSortBesides(t *testing.T) {
	d := drive(t, nil, someSockets()...)
	for _, want := range []string{"RECV-Q▼", "SEND-Q▼", "LOCAL▲", "PEER▲", "AGE▼", "TIMER▲", "TIMER▲"} {
		d.press(">")
		d.wants(want)
	}
	d.press("<", "<")
	d.wants("PEER▲")
	d.press("S")
	d.wants("PEER▼")
}
