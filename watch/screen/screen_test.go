package screen

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	tea "charm.land/bubbletea/v2"

	"tcpstate/collect"
	"tcpstate/tcp"
	"tcpstate/text"
	"tcpstate/watch"
)

const any4 = "0.0.0.0:0"

// someSockets are sockets in several states, with one listener.
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

// later are the same a look later: one connection ended, one has begun, and one
// has gone to another state.
func later() []conn {
	list := someSockets()
	list[2].state = tcp.CloseWait
	list[3] = conn{state: tcp.Established, local: "10.0.0.1:36001", peer: "198.51.100.4:5432", inode: 110}
	for i := range 8 {
		list = append(list, conn{state: tcp.SynRecv, local: "10.0.0.1:443", peer: fmt.Sprintf("203.0.113.%d:%d", 30+i, 40100+i)})
	}
	return list
}

func TestScreens(t *testing.T) {
	inFront := func(s *Screen) { s.Front = tcp.SynRecv }
	for _, test := range []struct {
		name   string
		change func(*Screen)
		do     func(*driver)
	}{
		{"list", nil, func(d *driver) {}},
		{"front", inFront, func(d *driver) {}},
		{"groups", nil, func(d *driver) { d.press("g", "g", "g") }},
		{"filtered", nil, func(d *driver) { d.press("/"); d.write("dport = :5432"); d.press("enter") }},
		{"mistake", nil, func(d *driver) { d.press("/"); d.write("dport = :443 and sate listen") }},
		{"keys", nil, func(d *driver) { d.press("?") }},
		{"ascii", func(s *Screen) { s.ASCII = true; s.Front = tcp.SynRecv }, func(d *driver) {}},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := drive(t, test.change, someSockets()...)
			d.look(later()...)
			test.do(d)
			d.golden(test.name)
		})
	}
}

// TestSocketInFull looks at the parts of the page that this package makes.
func TestSocketInFull(t *testing.T) {
	d := drive(t, nil, someSockets()...)
	d.look(later()...)
	d.press("/")
	d.write("dport = :51001")
	d.press("enter", "enter")
	d.resize(100, 100)
	d.wants("socket 10.0.0.1:443 - 192.0.2.7:51001", "CLOSE_WAIT", "History",
		"03:04:05.000  ESTABLISHED     was there when the watch began", "03:04:06.000  CLOSE_WAIT      after 1s", "inode")
	sockets := later()
	d.look(append(sockets[:2:2], sockets[3:]...)...)
	d.wants("not seen any more since 03:04:07", "03:04:06.000  CLOSE_WAIT")
	d.press("q")
	d.wants("0 sockets")
	if d.m.want.open != 0 {
		t.Error("a socket is still read in full though nobody looks at it")
	}
}

func TestMarks(t *testing.T) {
	d := drive(t, nil, someSockets()...)
	d.resize(80, 40)
	if text := d.line("198.51.100.4:5432"); len(text) < 2 || text[:2] != "  " {
		t.Errorf("at the first look there is nothing to compare with: %q", text)
	}
	d.look(later()...)
	for text, mark := range map[string]string{"10.0.0.1:36000": "-", "10.0.0.1:36001": "+", "192.0.2.7:51001": ">", "192.0.2.9:51000": " "} {
		if line := d.line(text); len(line) < 2 || line[1:2] != mark {
			t.Errorf("%s is marked %q, want %q", text, line, mark)
		}
	}
	d.look(later()...)
	if line := d.line("10.0.0.1:36000"); line != "" {
		t.Errorf("what is gone is still there: %q", line)
	}
	if line := d.line("192.0.2.7:51001"); len(line) < 2 || line[1] != ' ' {
		t.Errorf("marked for more than one look: %q", line)
	}
}

func TestFront(t *testing.T) {
	d := drive(t, nil, someSockets()...)
	d.press("3")
	if d.line("in 0/s") != "" {
		t.Error("rates are told after one look")
	}
	d.look(later()...)
	d.wants("SYN_RECV 20 +8  in 8.0/s  out 0/s", "0.0.0.0:443", "203.0.113.0/24", "20 sockets  in SYN_RECV")
	d.press("3")
	if d.m.want.front != 0 {
		t.Error("the digit of the state in front does not take it back")
	}
	var seen []string
	for range 7 {
		d.press("tab")
		seen = append(seen, d.m.want.front.String())
	}
	want := "LISTEN SYN_RECV ESTABLISHED TIME_WAIT CLOSE_WAIT UNKNOWN LISTEN"
	if got := strings.Join(seen, " "); got != want {
		t.Errorf("Tab went through %s, want %s", got, want)
	}
	if d.press("shift+tab"); d.m.want.front != 0 {
		t.Errorf("Shift-Tab went to %s", d.m.want.front)
	}
}

// TestLeavesFront shows a socket that has gone on from the state in front.
func TestLeavesFront(t *testing.T) {
	d := drive(t, func(s *Screen) { s.Front = tcp.Established }, someSockets()...)
	d.look(later()...)
	d.resize(100, 30)
	if line := d.line("192.0.2.7:51001"); !strings.Contains(line, "CLOSE_WAIT") || len(line) < 2 || line[1] != '>' {
		t.Errorf("a socket that left the state is shown as %q", line)
	}
	d.wants("in 1.0/s  out 2.0/s")
}

func TestSort(t *testing.T) {
	d := drive(t, nil, someSockets()...)
	d.press("s")
	d.wants("sort recv-q down")
	if row := d.m.frame.rows.row(0); row.socket.RecvQueue != 77 {
		t.Errorf("the first row has %d bytes", row.socket.RecvQueue)
	}
	d.press("S")
	d.wants("sort recv-q\n")
	if row := d.m.frame.rows.row(d.m.total() - 1); row.socket.RecvQueue != 77 {
		t.Errorf("the last row has %d bytes", row.socket.RecvQueue)
	}
	for d.m.want.sort.by != byPeer {
		d.press("s")
	}
	for range 2 { // what has no peer is last in both directions
		if row := d.m.frame.rows.row(d.m.total() - 1); row.socket.State != tcp.Listen {
			t.Errorf("sorted by peer the last row is %s", row.socket.Peer)
		}
		d.press("S")
	}
	for range socketOrders {
		d.press("s")
		for i := range d.m.total() {
			if d.m.frame.rows.row(i) == nil {
				t.Fatalf("no row %d in the order by %s", i, d.m.want.sort.by)
			}
		}
	}
}

func TestGroups(t *testing.T) {
	d := drive(t, nil, someSockets()...)
	d.press("g", "g", "g")
	d.look(later()...)
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

func TestGroupsThatCome(t *testing.T) {
	d := drive(t, nil, conn{state: tcp.Established, local: "10.0.0.1:80", peer: "192.0.2.1:1000", inode: 1})
	d.press("g", "g")
	d.look(conn{state: tcp.Established, local: "10.0.0.1:80", peer: "192.0.2.2:1000", inode: 2})
	if line := d.line("192.0.2.2"); len(line) < 2 || line[1] != '+' {
		t.Errorf("a new group is shown as %q", line)
	}
	if line := d.line("192.0.2.1"); len(line) < 2 || line[1] != '-' {
		t.Errorf("a group that is gone is shown as %q", line)
	}
}

func TestFilter(t *testing.T) {
	d := drive(t, nil, someSockets()...)
	d.press("/")
	d.write("sport = :443 and recvq > 0")
	d.wants("1 socket  sort state", "filter: sport = :443 and recvq > 0")
	d.press("backspace", "backspace")
	d.wants("^ ")
	d.wants("1 socket ") // of the last filter that was right
	d.press("esc")
	d.wants("18 sockets  sort state\n")
	d.press("/")
	d.write("dst database")
	d.wants("^")
	d.press("enter")
	if d.m.input != nil {
		t.Fatalf("a host was not looked up:\n%s", d.screen())
	}
	d.wants("1 socket ", "filter dst database")
	d.press("/", "ctrl+u", "enter")
	d.wants("18 sockets")
	d.press("/")
	d.write("ab cd")
	d.press("ctrl+w", "left", "left", "left", "delete", "home", "x", "end", "y")
	if got := string(d.m.input.text); got != "xab y" && got != "xb y" && got != "xa y" {
		t.Errorf("typed %q", got)
	}
	d.press("ctrl+u")
	d.send(tea.PasteMsg{Content: "state\nlisten\x1b"})
	if got := string(d.m.input.text); got != "state listen " {
		t.Errorf("pasted %q", got)
	}
	d.wants("1 socket ")
}

// TestCaret holds the caret to the column of the mistake, wherever the text is.
func TestCaret(t *testing.T) {
	d := drive(t, nil, someSockets()...)
	d.press("/")
	for _, before := range []string{"", "sport = :443 and ", "sport = :443 and sport = :443 and sport = :443 and sport = :443 and "} {
		d.press("ctrl+u")
		d.write(before + "sate")
		lines := strings.Split(d.screen(), "\n")
		input, caret := lines[len(lines)-2], lines[len(lines)-1]
		if got, want := strings.Index(caret, "^"), strings.LastIndex(input, "sate"); got != want {
			t.Errorf("the caret is in column %d, the mistake in %d:\n%s\n%s", got, want, input, caret)
		}
	}
}

// TestFilterThatCannotBeJudged tells under the filter, and once it is taken, that
// the source does not know what it looks at.
func TestFilterThatCannotBeJudged(t *testing.T) {
	d := drive(t, nil, someSockets()...)
	d.press("/")
	d.write("sport = 443 and rtt > 1ms")
	lines := strings.Split(d.screen(), "\n")
	if caret := lines[len(lines)-1]; !strings.HasPrefix(caret, strings.Repeat(" ", len("filter: sport = 443 and "))+"^ procfs does not tell") {
		t.Errorf("under the filter stands %q", caret)
	}
	d.press("enter")
	d.wants("procfs does not tell")
	d.press("/", "ctrl+u", "enter")
	d.wants("18 sockets  sort state\n", "? keys")
}

// TestMistakeOffTheScreen tells of a mistake that is to the left of the screen.
func TestMistakeOffTheScreen(t *testing.T) {
	d := drive(t, nil, someSockets()...)
	d.press("/")
	d.write("sate listen " + strings.Repeat("and sport = :443 ", 8))
	d.wants(`unknown word "sate"`)
	if d.line("^") != "" {
		t.Errorf("a caret under something else:\n%s", d.screen())
	}
}

func TestCursorStaysOnItsSocket(t *testing.T) {
	d := drive(t, nil, someSockets()...)
	d.press("down", "down")
	at := d.m.row().socket.Peer
	d.look(append(later(), conn{state: tcp.Listen, local: "0.0.0.0:22", peer: any4, inode: 7})...)
	if got := d.m.row().socket.Peer; got != at {
		t.Errorf("the cursor went from %s to %s", at, got)
	}
	d.press("end")
	if d.m.cursor != d.m.total()-1 {
		t.Errorf("End went to row %d of %d", d.m.cursor, d.m.total())
	}
	d.look()
	if d.m.cursor != 0 && d.m.total() == 0 {
		t.Errorf("the cursor is in row %d of none", d.m.cursor)
	}
}

// TestLongList moves about in a list that frames hold only parts of.
func TestLongList(t *testing.T) {
	var sockets []conn
	for i := range 5000 {
		sockets = append(sockets, conn{state: tcp.Established, local: "10.0.0.1:443", peer: fmt.Sprintf("10.1.%d.%d:4000", i/250, 1+i%250), inode: i + 1})
	}
	d := drive(t, nil, sockets...)
	held := 0
	for _, p := range d.m.frame.rows.parts {
		held += len(p.rows)
	}
	if held > 1000 {
		t.Errorf("a frame of %d rows holds %d", len(sockets), held)
	}
	check := func(move string) {
		t.Helper()
		n := d.m.listHeight()
		for i := range n {
			if d.m.frame.rows.row(d.m.top+i) == nil {
				t.Fatalf("after %s row %d is not at hand", move, d.m.top+i)
			}
		}
		if d.m.cursor < d.m.top || d.m.cursor >= d.m.top+n {
			t.Fatalf("after %s the cursor, in row %d, is off the screen, which begins with %d", move, d.m.cursor, d.m.top)
		}
	}
	d.press("end")
	check("End")
	if got := d.m.row().socket.Peer.String(); got != "10.1.19.250:4000" {
		t.Errorf("the last row is %s", got)
	}
	serial := d.m.want.serial
	d.press("up")
	if d.m.want.serial != serial {
		t.Error("the reader was asked for a row that was at hand")
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
	d.look(sockets[:100]...)
	if want := d.m.frame.rows.total - d.m.listHeight(); d.m.top != want {
		t.Errorf("of a list that has become shorter row %d is the first on the screen, want %d", d.m.top, want)
	}
	d.look(sockets[:100]...)
	check("what is gone")
}

// TestKeysBeforeTheFirstLook presses every key while nothing is known yet.
func TestKeysBeforeTheFirstLook(t *testing.T) {
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
	for _, keys := range []string{"", "3", "ggg", "/", "/(", "?"} {
		d := drive(t, nil, someSockets()...)
		d.look(later()...)
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
	plainly.look(later()...)
	if strings.Contains(plainly.screen(), "\x1b") {
		t.Error("colours, though none were asked for")
	}
	colored := drive(t, func(s *Screen) { s.Color = true }, someSockets()...)
	colored.look(later()...)
	drawn := colored.screen()
	for _, want := range []string{text.Bold.Paint("tcpstate"), string(text.Reverse) + "> ", string(text.Green) + "+8", string(text.Red)} {
		if !strings.Contains(drawn, want) {
			t.Errorf("no %q in %q", want, drawn)
		}
	}
	var b strings.Builder
	for drawn != "" { // without its colours it is the same screen
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
	d.look(later()...)
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
		t.Error("the name of the host reaches the terminal as it is")
	}
	zone := netip.MustParseAddr("fe80::1").WithZone("\x1b[2J\u202e")
	s := &tcp.Socket{State: tcp.SynRecv, Local: netip.AddrPortFrom(zone, 80), Peer: netip.AddrPortFrom(zone, 81), Processes: []tcp.Process{{Name: "\x1b]0;x\a"}}}
	var tally frontTally
	tally.reset()
	tally.add(s, &collect.Listeners{})
	front := tally.told(s.State)
	var names []string
	for _, e := range append(front.peers, front.prefixes...) {
		names = append(names, e.name)
	}
	if len(names) == 0 {
		t.Error("no peer is named")
	}
	columns := d.m.groupColumns([]*row{{name: byOwner.text(byOwner.keyOf(s, nil))}})
	if got := strings.Join(append(names, columns[0].cells...), ""); strings.ContainsAny(got, "\x1b\u202e\a") {
		t.Errorf("the names of groups are %q", got)
	}
}

func TestPaceAndPause(t *testing.T) {
	d := drive(t, nil, someSockets()...)
	d.press("+")
	d.wants("every 500ms")
	for range 10 {
		d.press("+")
	}
	d.wants("every 100ms")
	for range 20 {
		d.press("-")
	}
	d.wants("every 1m")
	d.press("p")
	d.wants("paused")
	at := d.m.frame.at
	d.look(later()...)
	if d.m.frame.at != at {
		t.Error("paused, and yet it looked")
	}
	d.press("s")
	d.wants("sort recv-q down")
	d.press("p")
	d.wants("20 SYN_RECV"[3:], "every 1m")
	if d.m.frame.at == at {
		t.Error("it does not go on")
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
	late := page{asked: d.m.lastOpen - 1, lines: []string{"too late"}}
	if d.send(late); d.m.page.lines[0] == "too late" {
		t.Error("the answer to another question is shown")
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

// TestNoFirstLook ends the screen where there is nothing to show, and shows
// errors of later looks beside what was seen before.
func TestNoFirstLook(t *testing.T) {
	d := drive(t, func(s *Screen) { s.Session.Query.Proc = filepath.Join(s.Session.Query.Proc, "none") }, someSockets()...)
	if !errors.Is(d.m.failure, os.ErrNotExist) || d.last != (tea.QuitMsg{}) {
		t.Errorf("ended with %v, %#v", d.m.failure, d.last)
	}
	d = drive(t, nil, someSockets()...)
	if err := os.Remove(filepath.Join(d.dir, "net/tcp")); err != nil {
		t.Fatal(err)
	}
	d.now = d.now.Add(time.Second)
	d.send(d.r.next(t.Context()))
	if d.m.failure != nil {
		t.Errorf("ended with %v", d.m.failure)
	}
	d.wants("no such file")
}

// TestReaderKeepsTime looks at each interval, answers wishes between two looks,
// and rests while paused.
func TestReaderKeepsTime(t *testing.T) {
	d := drive(t, nil, someSockets()...) // for its files
	synctest.Test(t, func(t *testing.T) {
		s := &Screen{Session: &watch.Session{Now: time.Now, Query: collect.Query{Source: collect.ProcFS, Proc: d.dir, States: tcp.All,
			Families: []tcp.Family{tcp.IPv4, tcp.IPv6}}}, Interval: time.Second}
		r := newReader(s)
		w := firstWish(s)
		frames := make(chan *frame, 100)
		go r.run(t.Context(), func(f *frame) { frames <- f })
		began := time.Now()
		count := func(after time.Duration) (looks, all int) {
			time.Sleep(after)
			synctest.Wait()
			seen := map[time.Time]bool{}
			for all = len(frames); len(frames) > 0; {
				if f := <-frames; f.at.After(began) {
					seen[f.at] = true
				}
			}
			return len(seen), all
		}
		if looks, _ := count(3500 * time.Millisecond); looks != 3 {
			t.Errorf("%d looks in 3.5 s after the first", looks)
		}
		began = time.Now()
		w.serial, w.sort = 2, socketOrders[1]
		r.ask(w)
		if looks, all := count(0); looks != 0 || all != 1 {
			t.Errorf("%d looks and %d frames for another order", looks, all)
		}
		w.serial, w.paused = 3, true
		r.ask(w)
		if looks, all := count(time.Minute); looks != 0 || all != 1 {
			t.Errorf("%d looks and %d frames while paused", looks, all)
		}
		w.serial, w.paused, w.interval = 4, false, 100*time.Millisecond
		r.ask(w)
		if looks, _ := count(time.Second - time.Millisecond); looks != 10 {
			t.Errorf("%d looks at an interval of 100 ms", looks)
		}
		old := w
		old.serial = 1
		r.ask(old)
		if r.latest().serial != 4 {
			t.Error("an old wish has replaced a new one")
		}
	})
}

func TestSparkline(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, test := range []struct {
		name    string
		counts  []int
		columns int
		want    string
	}{
		{"nothing", nil, 4, ""},
		{"zero", []int{0, 0}, 4, "  __"},
		{"constant", []int{5, 5, 5}, 4, " ..."},
		{"constant and many", []int{500, 500, 500}, 4, " ..."},
		{"rising", []int{0, 1, 2, 3, 4, 5, 6, 7}, 8, "_.-=+*%#"},
		{"close together", []int{1000, 1001, 1000}, 3, "###"},
		{"two looks in a column", []int{0, 0, 0, 0, 8, 0}, 4, "__#_"},
	} {
		var history []sample
		for i, n := range test.counts {
			s := sample{at: at.Add(time.Duration(i) * time.Second)}
			s.counts[tcp.Established] = n
			history = remember(history, s)
		}
		got := sparkline(history, tcp.Established, time.Second, test.columns, asciiBlocks)
		if got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
	var history []sample
	for i := range 5000 {
		history = remember(history, sample{at: at.Add(time.Duration(i) * 100 * time.Millisecond)})
	}
	if len(history) > mostSamples {
		t.Errorf("%d samples are kept", len(history))
	}
}
