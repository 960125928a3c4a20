package screen

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tcpstate/tcp"
	"tcpstate/text"
)

// TestStackOfPages opens pages on pages and goes back one by one.
func TestStackOfPages(t *testing.T) {
	for _, back := range []string{"q", "esc", "backspace"} {
		d := drive(t, nil, someSockets()...)
		d.press("down", "down", "enter")
		d.wants("socket 10.0.0.1:443 - 203.0.113.11:40001")
		d.press("down", "down")
		top := d.m.page.top
		d.press("e", "pgdown")
		d.wants("explain SYN_RECV")
		d.press("?", "?")
		d.wants("In the list:")
		d.press(back)
		d.wants("explain SYN_RECV")
		if d.m.page.top == 0 {
			t.Error("the explanation has lost its position")
		}
		d.press(back)
		d.wants("socket 10.0.0.1:443 - 203.0.113.11:40001", "History")
		if top == 0 || d.m.page.top != top {
			t.Errorf("the socket is at line %d, and was at %d", d.m.page.top, top)
		}
		d.press(back)
		d.wants("18 sockets")
		if d.m.cursor != 2 || d.m.want.detail != 0 {
			t.Errorf("back in the list, the cursor is at %d, and socket %d is read in full", d.m.cursor, d.m.want.detail)
		}
	}
}

// TestPagesBelowOthers finishes and resizes a page that another one covers.
func TestPagesBelowOthers(t *testing.T) {
	d := drive(t, nil, someSockets()...)
	d.press("3", "e", "?")
	d.send(page{serial: d.m.lastPage - 1, lines: []string{"finished below"}})
	d.wants("In the list:")
	d.press("q")
	d.wants("finished below")
	d.press("?")
	d.resize(60, 24)
	d.press("q")
	d.wants("explain SYN_RECV")
	for _, line := range d.m.page.lines[:3] { // below are diagrams
		if text.Width(line) > 60 {
			t.Fatalf("the page is not written for 60 columns: %q", line)
		}
	}
	if len(d.m.page.lines) < 10 {
		t.Errorf("the page has %q", d.m.page.lines)
	}
}

// TestHistoryOutlivesFilters applies a filter and removes it again.
func TestHistoryOutlivesFilters(t *testing.T) {
	d := drive(t, nil, someSockets()...)
	d.refresh(laterSockets()...)
	d.press("/")
	d.write("dport = :5432")
	d.press("enter")
	if n := len(d.m.frame.history); n != 1 {
		t.Errorf("the history of a new filter has %d readings", n)
	}
	d.press("/", "ctrl+u", "enter")
	if n := len(d.m.frame.history); n != 3 {
		t.Errorf("without the filter the history has %d readings, want the two from before and the new one", n)
	}
	if n := d.m.frame.history[0].counts.Of(tcp.SynRecv); n != 12 {
		t.Errorf("the first reading had %d SYN_RECV", n)
	}
	d.now = d.now.Add(2 * historyLength)
	d.press("/")
	d.write("dport = :5432")
	if n := len(d.m.frame.history); n != 1 {
		t.Errorf("the history of a filter that was used long ago has %d readings", n)
	}
	for filter, history := range d.r.histories {
		if age := d.now.Sub(history[len(history)-1].at); age > historyLength {
			t.Errorf("the history of %q is kept %s after its last reading", filter, age)
		}
	}
}

// TestFiltersAreRecalled goes through the filters that were applied before.
func TestFiltersAreRecalled(t *testing.T) {
	d := drive(t, nil, someSockets()...)
	for _, filter := range []string{"dport = :5432", "sport = :443", "dport = :5432"} {
		d.press("/", "ctrl+u")
		d.write(filter)
		d.press("enter")
	}
	d.press("/", "ctrl+u")
	d.write("dst 10.0.0.1")
	for _, step := range [][2]string{{"up", "dport = :5432"}, {"up", "sport = :443"}, {"up", "sport = :443"}, {"down", "dport = :5432"}, {"down", "dst 10.0.0.1"}, {"down", "dst 10.0.0.1"}} {
		d.press(step[0])
		if got := string(d.m.input.text); got != step[1] {
			t.Errorf("%s gives %q, want %q", step[0], got, step[1])
		}
	}
}

// TestStatesAreNotCut draws all states in few columns and lines: a state is drawn
// with its whole number or counted in the mark, and those without sockets come last.
func TestStatesAreNotCut(t *testing.T) {
	d := drive(t, nil, someSockets()...)
	d.refresh(laterSockets()...)
	f := *d.m.frame
	f.counts, f.before, f.firstReading = tcp.Counts{}, tcp.Counts{}, false
	for s := range tcp.All.States() {
		f.counts[s] = 12345
	}
	f.counts[tcp.Listen], f.before = 0, f.counts
	f.before[tcp.Listen] = 7
	d.m.frame = &f
	for width := 24; width < 200; width++ {
		d.m.width = width
		for most := 1; most <= 4; most++ {
			drawn := strings.Join(d.m.packedStates(most), "  ")
			shown := strings.Count(drawn, " 12345") + strings.Count(drawn, "LISTEN 0")
			left := 0
			if _, mark, cut := strings.Cut(drawn, "… "); cut {
				fmt.Sscan(mark, &left)
			}
			if shown+left != tcp.NumStates {
				t.Fatalf("in %d columns and %d lines %d states are shown and %d left out: %q", width, most, shown, left, drawn)
			}
			if strings.Contains(drawn, "LISTEN 0") && left > 0 {
				t.Fatalf("an empty state takes the room of others: %q", drawn)
			}
		}
	}
}

func TestTruncatedLists(t *testing.T) {
	m := model{}
	for width, want := range map[int]string{40: "CLOSE_WAIT 12  ESTABLISHED 345", 29: "CLOSE_WAIT 12 …", 15: "CLOSE_WAIT 12 …", 14: "CLOSE_WAIT 12…", 13: "CLOSE_WA… 12", 8: "CLOS… 12", 3: "…"} {
		if got := m.truncateList("CLOSE_WAIT 12  ESTABLISHED 345", width); got != want {
			t.Errorf("in %d columns: %q, want %q", width, got, want)
		}
	}
}

// TestAgesAreNotCut draws the ages in few columns.
func TestAgesAreNotCut(t *testing.T) {
	f := &focusSummary{ages: [...]int{101, 102, 103, 104, 105, 106, 107}}
	m := model{width: 40, height: 24}
	if got, want := strings.Join(m.ages(f), "|"), "age  <1s 101  <10s 102  <1m 103|<10m 104  <1h 105  ≥1h 106  unknown 107"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if ageBounds[3] != 10*time.Minute {
		t.Error("other ages")
	}
}

// TestCutLinesAreMarked scrolls a page to the right.
func TestCutLinesAreMarked(t *testing.T) {
	m := model{width: 10, height: 24}
	coloured := text.Bold.Paint("0123456789")
	for _, test := range []struct {
		line, want string
		left       int
	}{{"0123456789", "0123456789", 0}, {"0123456789a", "012345678…", 0}, {"0123456789a", "123456789a", 1}, {"0123456789abc", "123456789…", 1},
		{coloured, coloured, 0}, {coloured + "a", text.Bold.Paint("012345678") + "…", 0}} {
		m.page.left = test.left
		if got := m.pageLine(test.line); got != test.want {
			t.Errorf("%q from column %d: %q, want %q", test.line, test.left, got, test.want)
		}
	}
}

// TestKeysAreNotCut reads the page of keys at several widths: no line is wider than
// the screen, and in 80 columns each key has one line.
func TestKeysAreNotCut(t *testing.T) {
	d := drive(t, nil, someSockets()...)
	for _, width := range []int{40, 80, 200} {
		d.resize(width, 24)
		lines := d.m.helpLines()
		for _, line := range lines {
			if text.Width(line) > width {
				t.Errorf("in %d columns a line has %d: %q", width, text.Width(line), line)
			}
		}
		whole := strings.Join(strings.Fields(strings.Join(lines, " ")), " ")
		for _, b := range listKeys() {
			if doc := d.m.say(b.doc); width >= 80 && !strings.Contains(whole, b.shown+" "+doc) {
				t.Errorf("in %d columns the key %s lacks its text %q", width, b.shown, doc)
			}
		}
		if n := slices.Index(lines[2:], ""); width >= 80 && n != len(listKeys()) {
			t.Errorf("in %d columns %d keys have %d lines", width, len(listKeys()), n)
		}
	}
}
