package screen

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"

	"tcpstate/collect"
	"tcpstate/tcp"
	"tcpstate/text"
)

const any4 = "0.0.0.0:0"

// someSockets returns sockets in several states, with one listener.
func someSockets() []conn {
	list := []conn{
		{state: tcp.Listen, local: "0.0.0.0:443", peer: any4, recvd: 3, inode: 100},
		{state: tcp.Established, local: "10.0.0.1:443", peer: "192.0.2.9:51000", sent: 1200, inode: 101},
		{state: tcp.Established, local: "10.0.0.1:443", peer: "192.0.2.7:51001", inode: 102},
		{state: tcp.Established, local: "10.0.0.1:36000", peer: "198.51.100.4:5432", recvd: 77, inode: 103},
		{state: tcp.CloseWait, local: "10.0.0.1:443", peer: "192.0.2.8:51002", recvd: 1, inode: 104},
		{state: tcp.TimeWait, local: "10.0.0.1:443", peer: "203.0.113.77:51003"},
	}
	for i := range 12 {
		list = append(list, conn{state: tcp.SynRecv, local: "10.0.0.1:443", peer: fmt.Sprintf("203.0.113.%d:%d", 10+i, 40000+i)})
	}
	return list
}

// laterSockets returns the same sockets one reading later: one connection was
// closed, one was opened, and one changed its state.
func laterSockets() []conn {
	list := someSockets()
	list[2].state = tcp.CloseWait
	list[3] = conn{state: tcp.Established, local: "10.0.0.1:36001", peer: "198.51.100.4:5432", inode: 110}
	for i := range 8 {
		list = append(list, conn{state: tcp.SynRecv, local: "10.0.0.1:443", peer: fmt.Sprintf("203.0.113.%d:%d", 30+i, 40100+i)})
	}
	return list
}

func TestScreens(t *testing.T) {
	focused := func(s *Screen) { s.Focus = tcp.SynRecv }
	for _, test := range []struct {
		name   string
		change func(*Screen)
		do     func(*driver)
	}{
		{"list", nil, func(d *driver) {}},
		{"focus", focused, func(d *driver) {}},
		{"groups", nil, func(d *driver) { d.press("g", "g", "g") }},
		{"filtered", nil, func(d *driver) { d.press("/"); d.write("dport = :5432"); d.press("enter") }},
		{"mistake", nil, func(d *driver) { d.press("/"); d.write("dport = :443 and sate listen") }},
		{"keys", nil, func(d *driver) { d.press("?") }},
		{"ascii", func(s *Screen) { s.ASCII = true; s.Focus = tcp.SynRecv }, func(d *driver) {}},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := drive(t, test.change, someSockets()...)
			d.refresh(laterSockets()...)
			test.do(d)
			d.golden(test.name)
		})
	}
}

// TestSocketInFull checks the parts of the page that this package writes.
func TestSocketInFull(t *testing.T) {
	d := drive(t, nil, someSockets()...)
	d.refresh(laterSockets()...)
	d.press("/")
	d.write("dport = :51001")
	d.press("enter", "enter")
	d.resize(100, 100)
	d.wants("socket 10.0.0.1:443 - 192.0.2.7:51001", "CLOSE_WAIT", "History",
		"03:04:05.000  ESTABLISHED     existed when watch began", "03:04:06.000  CLOSE_WAIT      after 1s", "inode")
	sockets := laterSockets()
	d.refresh(append(sockets[:2:2], sockets[3:]...)...)
	d.wants("not seen since 03:04:07", "03:04:06.000  CLOSE_WAIT")
	d.press("q")
	d.wants("0 sockets")
	if d.m.want.detail != 0 {
		t.Error("a socket is still read in full after its page was closed")
	}
}

// TestKeysBeforeTheFirstReading presses every key before there is a frame.
func TestKeysBeforeTheFirstReading(t *testing.T) {
	d := drive(t, nil, someSockets()...)
	d.m.frame = nil
	for _, b := range listKeys() {
		for _, key := range b.keys {
			m := d.m
			code, named := namedKeys[key]
			if !named {
				code = []rune(key)[0]
			}
			next, _ := m.Update(tea.KeyPressMsg{Code: code, Text: strings.Trim(key, "+")})
			if next.(model).View().Content == "" {
				t.Errorf("%s leaves the screen empty", key)
			}
		}
	}
}

// TestAnySize draws every view in every size, however small.
func TestAnySize(t *testing.T) {
	for _, keys := range []string{"", "3", "ggg", "/", "/(", "?", "fx", "f2", "c"} {
		d := drive(t, nil, someSockets()...)
		d.refresh(laterSockets()...)
		d.write(keys)
		for width := range 60 {
			for height := range 30 {
				d.resize(width, height)
				lines := strings.Split(d.screen(), "\n")
				if len(lines) > max(height, 1) {
					t.Fatalf("after %q, %d lines on a screen of %dx%d:\n%s", keys, len(lines), width, height, d.screen())
				}
				for _, line := range lines {
					if text.Width(line) > max(width, 1) {
						t.Fatalf("after %q, %q on a screen of %dx%d", keys, line, width, height)
					}
				}
			}
		}
	}
}

func TestColors(t *testing.T) {
	plainly := drive(t, nil, someSockets()...)
	plainly.refresh(laterSockets()...)
	if strings.Contains(plainly.screen(), "\x1b") {
		t.Error("the screen has colours that were not requested")
	}
	colored := drive(t, func(s *Screen) { s.Color = true }, someSockets()...)
	colored.refresh(laterSockets()...)
	drawn := colored.screen()
	for _, want := range []string{text.Bold.Paint("tcpstate"), string(text.Reverse) + "> ", string(text.Green) + "+8", string(text.Red)} {
		if !strings.Contains(drawn, want) {
			t.Errorf("no %q in %q", want, drawn)
		}
	}
	var b strings.Builder
	for drawn != "" { // without its colours the screen is the same
		before, after, found := strings.Cut(drawn, "\x1b[")
		b.WriteString(before)
		if drawn = ""; found {
			_, drawn, _ = strings.Cut(after, "m")
		}
	}
	trim := func(text string) (lines []string) {
		for line := range strings.Lines(text) {
			lines = append(lines, strings.TrimRight(line, " \n"))
		}
		return lines
	}
	if got, want := trim(b.String()), trim(plainly.screen()); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("with colours:\n%s\nwithout:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestASCII(t *testing.T) {
	d := drive(t, func(s *Screen) { s.ASCII = true }, someSockets()...)
	d.refresh(laterSockets()...)
	for _, keys := range []string{"", "3", "g", "?"} {
		d.write(keys)
		for _, size := range sizes {
			d.resize(size[0], size[1])
			for _, r := range d.screen() {
				if r > '~' {
					t.Fatalf("%q is not ASCII:\n%s", r, d.screen())
				}
			}
		}
	}
}

func TestNamesAreData(t *testing.T) {
	d := drive(t, func(s *Screen) { s.Host = "evil\x1b]0;x\a" }, someSockets()...)
	if strings.Contains(d.screen(), "\x1b") {
		t.Error("the name of the host is not escaped")
	}
	zone := netip.MustParseAddr("fe80::1").WithZone("\x1b[2J\u202e")
	s := &tcp.Socket{State: tcp.SynRecv, Local: netip.AddrPortFrom(zone, 80), Peer: netip.AddrPortFrom(zone, 81), Processes: []tcp.Process{{Name: "\x1b]0;x\a"}}}
	var tally focusTally
	tally.reset()
	tally.add(s, &collect.Listeners{})
	focus := tally.summary(s.State)
	var names []string
	for _, e := range append(focus.peers, focus.prefixes...) {
		names = append(names, e.name)
	}
	if len(names) == 0 {
		t.Error("no peer is named")
	}
	columns := d.m.groupColumns([]*item{{name: byOwner.label(byOwner.keyOf(s, nil))}})
	if got := strings.Join(append(names, columns[0].cells...), ""); strings.ContainsAny(got, "\x1b\u202e\a") {
		t.Errorf("the names of groups are %q", got)
	}
}

func TestPages(t *testing.T) {
	d := drive(t, nil, someSockets()...)
	d.press("5", "e")
	d.wants("explain FIN_WAIT1")
	if len(d.m.page.lines) < 30 {
		t.Errorf("the page has %d lines: %q, %v", len(d.m.page.lines), d.m.page.lines, d.m.page.err)
	}
	d.press("end")
	if want := len(d.m.page.lines) - d.m.pageHeight(); d.m.page.top != want {
		t.Errorf("End scrolled to line %d, want %d", d.m.page.top, want)
	}
	d.press("home", "pgdown", "right")
	if d.m.page.top != d.m.pageHeight() || d.m.page.left == 0 {
		t.Errorf("at line %d, column %d", d.m.page.top, d.m.page.left)
	}
	late := page{serial: d.m.lastPage - 1, lines: []string{"too late"}}
	if d.send(late); d.m.page.lines[0] == "too late" {
		t.Error("a page that is too late is shown")
	}
	d.press("esc")
	d.wants("in FIN_WAIT1")
}

func TestQuit(t *testing.T) {
	d := drive(t, nil, someSockets()...)
	if d.press("q"); d.last != (tea.QuitMsg{}) {
		t.Errorf("q is %#v", d.last)
	}
	for _, keys := range []string{"", "/", "?"} {
		d.write(keys)
		if d.press("ctrl+c"); d.last != (tea.InterruptMsg{}) {
			t.Errorf("after %q Ctrl-C is %#v", keys, d.last)
		}
	}
}
