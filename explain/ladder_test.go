package explain

import (
	"slices"
	"strings"
	"testing"

	"tcpstate/lifecycle"
	"tcpstate/tcp"
	"tcpstate/text"
	"tcpstate/wording"
)

// TestLaddersMatchMachine walks down both sides of each ladder. There must be a
// transition in the machine from each state to the next.
func TestLaddersMatchMachine(t *testing.T) {
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
				if known && !leads(at, s.State, func(tr *lifecycle.Transition) bool { return tr.Standing != lifecycle.RFCOnly }) {
					t.Errorf("%s, %s, rung %d: no transition from %s to %s", name, side, i, at, s.State)
				}
				at, known = s.State, !s.None // what follows is another socket
			}
		}
	}
}

// TestLadderWords checks that every caption is a key, and that every key is
// used.
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
			t.Errorf("no ladder uses %q", key)
		}
	}
}

// TestLadderColumns checks that the vertical lines of all ladders are in the
// same columns, in each language and with any text next to them.
func TestLadderColumns(t *testing.T) {
	for _, l := range wording.Languages() {
		w := open(t, l).words
		for name, ladder := range ladders {
			for _, s := range []strokes{unicodeStrokes, asciiStrokes} {
				lines := drawLadder(ladder, w, tcp.TimeWait, s == asciiStrokes)
				for _, line := range lines[1:] {
					drawn := line.String()
					if column(drawn, ladderSideWidth+2) != s.upright || column(drawn, ladderSideWidth+3+ladderMiddleWidth) != s.upright || text.Width(drawn) > 80 {
						t.Errorf("%s in %s: a vertical line is in the wrong column, or the line is too wide: %s", name, l, drawn)
					}
				}
			}
		}
	}
}

// column returns the character that starts at a column, or an empty string.
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
