package explain

import (
	"bytes"
	"encoding/xml"
	"io"
	"slices"
	"strings"
	"testing"

	"tcpstate/lifecycle"
	"tcpstate/tcp"
	"tcpstate/text"
)

// leads reports whether the machine has a way from one state to another, by any
// event that the filter lets pass.
func leads(from, to tcp.State, by func(*lifecycle.Transition) bool) bool {
	for _, t := range lifecycle.Transitions() {
		if t.From == from && t.To == to && by(&t) {
			return true
		}
	}
	return false
}

// TestChartIsTheMachine finds each line of the chart in the machine, with what
// its label says is sent.
func TestChartIsTheMachine(t *testing.T) {
	for _, e := range edges {
		_, sent, _ := strings.Cut(e.label, " / ")
		if !leads(e.from, e.to, func(way *lifecycle.Transition) bool {
			return way.Event == e.event && way.Sent.String() == sent && way.Standing != lifecycle.RFCOnly
		}) {
			t.Errorf("the machine has no way from %s by %s, sending %q, to %s", e.from, e.event, sent, e.to)
		}
	}
}

// TestChartLines looks whether each line of the chart begins and ends beside the
// boxes it leads from and to, goes straight, and hides no other.
func TestChartLines(t *testing.T) {
	for _, e := range edges {
		if p := e.path[0]; !besides(p, boxes[e.from]) {
			t.Errorf("%s to %s begins at %v, not beside its box", e.from, e.to, p)
		}
		if p := e.path[len(e.path)-1]; !besides(p, boxes[e.to]) {
			t.Errorf("%s to %s ends at %v, not beside its box", e.from, e.to, p)
		}
		for i := range len(e.path) - 1 {
			if a, b := e.path[i], e.path[i+1]; a.x != b.x && a.y != b.y {
				t.Errorf("%s to %s is not straight from %v to %v", e.from, e.to, a, b)
			}
		}
	}
	for _, l := range Languages() {
		for _, host := range []*Host{nil, busyHost()} {
			for _, ascii := range []bool{false, true} {
				checkChart(t, open(t, l), host, ascii)
			}
		}
	}
}

// besides reports whether a cell touches a box.
func besides(p, box point) bool {
	within := func(n, from, size int) bool { return n >= from && n < from+size }
	return within(p.x, box.x, boxWidth) && (p.y == box.y-1 || p.y == box.y+boxHeight) ||
		within(p.y, box.y, boxHeight) && (p.x == box.x-1 || p.x == box.x+boxWidth)
}

func checkChart(t *testing.T, b *Book, host *Host, ascii bool) {
	t.Helper()
	var out bytes.Buffer
	if err := b.WriteChart(&out, host, Terminal{Width: 80, ASCII: ascii}); err != nil {
		t.Fatal(err)
	}
	text := out.String()
	checkLines(t, "the chart in "+b.Language.String(), text, Terminal{Width: 80, ASCII: ascii})
	for _, e := range edges {
		if strings.Count(text, e.label) < 1 {
			t.Errorf("the label %q is hidden", e.label)
		}
	}
	for s := range tcp.All.States() {
		if !strings.Contains(text, s.String()) {
			t.Errorf("%s is not in the chart", s)
		}
	}
	if host != nil && !strings.Contains(text, number(host.Counts.Total())) {
		t.Error("the total is not told")
	}
	arrows, frames := "►◄▲▼", "┌┐└┘"
	if ascii {
		return
	}
	drawn := 0
	for _, r := range text {
		if strings.ContainsRune(arrows, r) {
			drawn++
		}
	}
	if drawn != len(edges)-1 { // two lines end in one arrow before TIME_WAIT
		t.Errorf("%d arrows are drawn for %d lines:\n%s", drawn, len(edges), text)
	}
	if strings.Count(text, frames[:3]) < len(boxes) {
		t.Errorf("a box is broken:\n%s", text)
	}
}

// TestLaddersAreTheMachine walks down both sides of each ladder: from one state
// to the next there must be a way in the machine.
func TestLaddersAreTheMachine(t *testing.T) {
	for name, l := range ladders {
		for side, of := range map[string]func(*Rung) Side{
			"left":  func(r *Rung) Side { return r.Left },
			"right": func(r *Rung) Side { return r.Right },
		} {
			at, known := lifecycle.NoSocket, false
			for i := range l.Rungs {
				s := of(&l.Rungs[i])
				switch {
				case s.Dies:
					known = false
					continue
				case s.State == 0 && !s.None:
					continue
				}
				if known && !leads(at, s.State, func(way *lifecycle.Transition) bool { return way.Standing != lifecycle.RFCOnly }) {
					t.Errorf("%s, %s, rung %d: no way leads from %s to %s", name, side, i, at, s.State)
				}
				at, known = s.State, true
			}
		}
	}
}

// TestLadderWords wants every caption to be a key, and every key to be used.
func TestLadderWords(t *testing.T) {
	used := []string{"ladder.nosocket"}
	for name, l := range ladders {
		keys := []string{l.Left, l.Right}
		for _, r := range l.Rungs {
			keys = append(keys, r.Note, r.Left.Does, r.Right.Does)
		}
		for _, key := range keys {
			if strings.HasPrefix(key, "ladder.") || strings.HasPrefix(key, "end.") {
				used = append(used, key)
				if !slices.Contains(wordKeys, key) {
					t.Errorf("%s: no words for %q", name, key)
				}
			}
		}
	}
	for _, key := range wordKeys {
		if (strings.HasPrefix(key, "ladder.") || strings.HasPrefix(key, "end.")) && !slices.Contains(used, key) {
			t.Errorf("no ladder says %q", key)
		}
	}
}

// TestLadderColumns wants the uprights of all ladders in the same columns, in
// either language, whatever is written beside them.
func TestLadderColumns(t *testing.T) {
	for _, l := range Languages() {
		w := open(t, l).words
		for name, ladder := range ladders {
			for _, s := range []strokes{unicodeStrokes, asciiStrokes} {
				lines := drawLadder(ladder, w, tcp.TimeWait, s == asciiStrokes)
				for _, line := range lines[1:] {
					drawn := line.String()
					if column(drawn, ladderSide+2) != s.upright || column(drawn, ladderSide+3+ladderMiddle) != s.upright || text.Width(drawn) > 80 {
						t.Errorf("%s in %s is crooked: %s", name, l, drawn)
					}
				}
			}
		}
	}
}

// column returns the character that begins in a column.
func column(line string, at int) string {
	n := 0
	for _, r := range line {
		if n == at {
			return string(r)
		}
		n += text.RuneWidth(r)
	}
	return ""
}

func TestSVG(t *testing.T) {
	for _, l := range Languages() {
		var b bytes.Buffer
		if err := open(t, l).WriteSVG(&b); err != nil {
			t.Fatal(err)
		}
		text := b.String()
		elements := map[string]int{}
		for d := xml.NewDecoder(&b); ; {
			token, err := d.Token()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if e, ok := token.(xml.StartElement); ok {
				elements[e.Name.Local]++
			}
		}
		if elements["polyline"] != len(edges) || elements["rect"] != len(boxes)+1 || elements["text"] != len(edges)+len(boxes) {
			t.Errorf("the drawing has %v", elements)
		}
		for s := range tcp.All.States() {
			if !strings.Contains(text, ">"+s.String()+"<") {
				t.Errorf("%s is not in the drawing", s)
			}
		}
	}
}
