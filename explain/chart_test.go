package explain

import (
	"bytes"
	"encoding/xml"
	"io"
	"strings"
	"testing"

	"tcpstate/lifecycle"
	"tcpstate/tcp"
	"tcpstate/wording"
)

// leads reports whether the machine has a transition from one state to another
// for which by returns true.
func leads(from, to tcp.State, by func(*lifecycle.Transition) bool) bool {
	for _, t := range lifecycle.Transitions() {
		if t.From == from && t.To == to && by(&t) {
			return true
		}
	}
	return false
}

// TestChartMatchesMachine checks that the machine has each edge of the chart,
// with the event of the edge and the segment in its label.
func TestChartMatchesMachine(t *testing.T) {
	for _, e := range edges {
		_, sent, _ := strings.Cut(e.label, " / ")
		if !leads(e.from, e.to, func(tr *lifecycle.Transition) bool {
			return tr.Event == e.event && tr.Sent.String() == sent && tr.Standing != lifecycle.RFCOnly
		}) {
			t.Errorf("the machine has no transition from %s by %s, sending %q, to %s", e.from, e.event, sent, e.to)
		}
	}
}

// TestChartLines checks that each line of the chart starts and ends next to the
// right boxes, that it is straight, and that it does not cover another box.
func TestChartLines(t *testing.T) {
	for _, e := range edges {
		if p := e.path[0]; !touches(p, boxes[e.from]) {
			t.Errorf("%s to %s starts at %v, not next to its box", e.from, e.to, p)
		}
		if p := e.path[len(e.path)-1]; !touches(p, boxes[e.to]) {
			t.Errorf("%s to %s ends at %v, not next to its box", e.from, e.to, p)
		}
		for i := range len(e.path) - 1 {
			if a, b := e.path[i], e.path[i+1]; a.x != b.x && a.y != b.y {
				t.Errorf("%s to %s is not straight from %v to %v", e.from, e.to, a, b)
			}
		}
	}
	for _, l := range wording.Languages() {
		for _, host := range []*Host{nil, busyHost()} {
			for _, ascii := range []bool{false, true} {
				checkChart(t, open(t, l), host, ascii)
			}
		}
	}
}

// touches reports whether a cell is next to a side of a box.
func touches(p, box point) bool {
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
		t.Error("the total is missing")
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
	if drawn != len(edges)-1 { // two lines share one arrow before TIME_WAIT
		t.Errorf("%d arrows are drawn for %d lines:\n%s", drawn, len(edges), text)
	}
	if strings.Count(text, frames[:3]) < len(boxes) {
		t.Errorf("a box is broken:\n%s", text)
	}
}

func TestSVG(t *testing.T) {
	for _, l := range wording.Languages() {
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
