package screen

import (
	"fmt"
	"strings"
	"testing"

	"tcpstate/tcp"
	"tcpstate/text"
)

// peerAtCursor returns the peer of the socket under the cursor.
func (d *driver) peerAtCursor() string {
	d.t.Helper()
	if d.m.item() == nil || d.m.item().socket == nil {
		d.t.Fatalf("no socket is under the cursor:\n%s", d.screen())
	}
	return d.m.item().socket.Peer.String()
}

func TestSearch(t *testing.T) {
	d := drive(t, nil, someSockets()...)
	d.press("n")
	d.wants("f searches")
	d.press("f")
	d.write("192.0.2")
	d.wants("search: 192.0.2", "Enter keeps the row", "18 sockets")
	if got := d.peerAtCursor(); got != "192.0.2.9:51000" {
		t.Errorf("the first is %s", got)
	}
	d.write(".8")
	if got := d.peerAtCursor(); got != "192.0.2.8:51002" {
		t.Errorf("after a longer text, the first is %s", got)
	}
	d.write("9")
	d.wants(`no row shows "192.0.2.89"`)
	d.press("esc")
	if d.m.cursor != 0 || d.m.lookFor != "" {
		t.Errorf("Esc leaves the cursor at %d", d.m.cursor)
	}
	d.press("f")
	d.write("192.0.2")
	d.press("enter")
	for _, step := range []struct{ key, peer string }{
		{"n", "192.0.2.7:51001"}, {"n", "192.0.2.8:51002"}, {"n", "192.0.2.9:51000"}, {"n", "192.0.2.7:51001"}, {"N", "192.0.2.9:51000"}, {"N", "192.0.2.8:51002"},
	} {
		d.press(step.key)
		if got := d.peerAtCursor(); got != step.peer {
			t.Errorf("%s goes to %s, want %s", step.key, got, step.peer)
		}
	}
	d.wants("the search went on at the other end", "search 192.0.2")
	if len(d.m.filters) != 0 {
		t.Errorf("the searches are kept as filters: %q", d.m.filters)
	}
	d.refresh(someSockets()...)
	if got := d.peerAtCursor(); got != "192.0.2.8:51002" {
		t.Errorf("a reading moved the cursor to %s", got)
	}
	d.press("esc", "n")
	d.wants("f searches")
	d.press("f")
	d.write("close_w")
	d.press("enter")
	if got := d.peerAtCursor(); got != "192.0.2.8:51002" {
		t.Errorf("the state is at %s", got)
	}
	d.press("g", "g") // peers
	d.press("f")
	d.write("198.")
	d.press("enter")
	if got := d.m.item().name; got != "198.51.100.4" {
		t.Errorf("the group is %s", got)
	}
	d.press("n")
	if got := d.m.item().name; got != "198.51.100.4" {
		t.Errorf("the next group is %s", got)
	}
}

// TestSearchFarAway finds a socket that the frame does not hold.
func TestSearchFarAway(t *testing.T) {
	var sockets []conn
	for i := range 5000 {
		sockets = append(sockets, conn{state: tcp.Established, local: "10.0.0.1:443", peer: fmt.Sprintf("10.1.%d.%d:4000", i/250, 1+i%250), inode: i + 1})
	}
	d := drive(t, nil, sockets...)
	for range 2 {
		d.press("f")
		d.write("10.1.9.77:")
		d.press("enter")
		if got := d.peerAtCursor(); got != "10.1.9.77:4000" {
			t.Fatalf("found %s", got)
		}
		d.wants("10.1.9.77:4000", "10.1.9.76:4000")
		d.press("home", "s", "s", "s", "s") // another order
	}
	d.press("f")
	d.write(":4000")
	d.press("enter")
	at := d.m.cursor
	for i := range 50 {
		d.press("n")
		if d.m.cursor != at+i+1 {
			t.Fatalf("n went from row %d to %d", at+i, d.m.cursor)
		}
	}
}

func TestSearchIsMarked(t *testing.T) {
	d := drive(t, func(s *Screen) { s.Color = true }, someSockets()...)
	d.press("f")
	d.write("203.0.113.1")
	d.press("enter")
	drawn := d.screen()
	if !strings.Contains(drawn, text.Reverse.Paint("203.0.113.1")) || !strings.Contains(drawn, text.Bold.Paint("203.0.113.1")) {
		t.Errorf("the text is not marked in %q", drawn)
	}
}
