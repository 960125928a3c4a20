package explain

import (
	"strings"

	"tcpstate/tcp"
	"tcpstate/text"
)

// The widths of a ladder's parts, in columns: 18 for each end and 38 between
// them. With the separators the ladder has 80 columns.
const (
	ladderSideWidth   = 18
	ladderMiddleWidth = 38
)

// strokes are the characters for drawing lines.
type strokes struct {
	upright, level, left, right, down, up, cross string
	lost                                         string
}

var (
	unicodeStrokes = strokes{"│", "─", "◄", "►", "╲", "╱", "╳", "×"}
	asciiStrokes   = strokes{"|", "-", "<", ">", "\\", "/", "X", "x"}
)

func strokesOf(ascii bool) strokes {
	if ascii {
		return asciiStrokes
	}
	return unicodeStrokes
}

// ladderDrawing draws a ladder line by line.
type ladderDrawing struct {
	words  words
	marked tcp.State // the state that the page is about
	strokes
	lines []Text
}

// drawLadder returns the lines of a ladder. The marked state is in brackets,
// and its style is Strong.
func drawLadder(l *Ladder, w words, marked tcp.State, ascii bool) []Text {
	d := &ladderDrawing{words: w, marked: marked, strokes: strokesOf(ascii)}
	d.lines = append(d.lines, Text{{Text: strings.TrimRight(
		text.PadLeft(w.say(l.Left), ladderSideWidth+1)+text.Spaces(ladderMiddleWidth+4)+w.say(l.Right), " ")}})
	for i := range l.Rungs {
		d.rung(&l.Rungs[i])
	}
	return d.lines
}

// rung draws one rung. A segment takes two lines, with its text above the
// arrow. The sender's action is next to the text, and its state next to the
// arrow. The receiver's action and state start next to the arrow.
func (d *ladderDrawing) rung(r *Rung) {
	note := d.note(r.Note)
	switch {
	case r.Segment == "":
		d.sideBySide(d.side(r.Left), note, d.side(r.Right))
	case r.Crossed != "":
		middle := append(d.crossing(r.Segment, r.Crossed), note...)
		d.sideBySide(withStateAt(d.side(r.Left), len(middle)-len(note)), middle, withStateAt(d.side(r.Right), len(middle)-len(note)))
	default:
		sender, receiver := d.side(r.Left), d.side(r.Right)
		if r.From == Leftwards {
			sender, receiver = receiver, sender
		}
		if by := r.sender(); by.State == 0 && !by.None && by.Does != "" {
			sender = append(sender, nil) // next to the arrow
		}
		sender = withStateAt(sender, 2)
		arrow := max(1, len(sender)-1)
		middle := append(blank(arrow-1), center(r.Segment), d.arrow(r.From, r.Fate))
		receiver = append(blankText(arrow), receiver...)
		if r.From == Leftwards {
			sender, receiver = receiver, sender
		}
		d.sideBySide(sender, append(middle, note...), receiver)
	}
}

// withStateAt inserts empty lines before the last line, the state, so that it
// is at least the n-th line.
func withStateAt(lines []Text, n int) []Text {
	if len(lines) == 0 || len(lines) >= n {
		return lines
	}
	does, state := lines[:len(lines)-1], lines[len(lines)-1]
	list := append([]Text{}, does...)
	for len(list) < n-1 {
		list = append(list, nil)
	}
	return append(list, state)
}

func blank(n int) []string   { return make([]string, max(0, n)) }
func blankText(n int) []Text { return make([]Text, max(0, n)) }

// sender returns the end that sends the segment.
func (r *Rung) sender() Side {
	if r.From == Leftwards {
		return r.Right
	}
	return r.Left
}

// side returns the lines of one end: its action, then its state.
func (d *ladderDrawing) side(s Side) []Text {
	var lines []Text
	if s.Does != "" {
		for _, line := range text.WrapString(d.caption(s.Does), ladderSideWidth) {
			lines = append(lines, Text{{Text: line}})
		}
	}
	switch {
	case s.State != 0 && s.State == d.marked:
		lines = append(lines, Text{{Strong, "[" + s.State.String() + "]"}})
	case s.State != 0:
		lines = append(lines, Text{{Code, s.State.String()}})
	case s.None:
		lines = append(lines, Text{{Text: d.words.say("ladder.nosocket")}})
	}
	return lines
}

// caption returns the text of a key. Any other string is a caption itself.
func (d *ladderDrawing) caption(key string) string {
	if strings.HasPrefix(key, "ladder.") {
		return d.words.say(key)
	}
	return key
}

func (d *ladderDrawing) note(key string) []string {
	if key == "" {
		return nil
	}
	var lines []string
	for _, line := range text.WrapString(d.words.say(key), ladderMiddleWidth-4) {
		lines = append(lines, center(line))
	}
	return lines
}

// center centers a text between the two ends.
func center(s string) string { return text.Spaces((ladderMiddleWidth-text.Width(s))/2) + s }

// arrow draws the arrow of one segment.
func (d *ladderDrawing) arrow(from Direction, fate Fate) string {
	body, end := ladderMiddleWidth-1, ""
	switch fate {
	case Lost:
		body, end = ladderMiddleWidth*2/3, d.lost
	case Ignored:
		body, end = ladderMiddleWidth-2, d.lost
	}
	if from == Leftwards {
		head := d.left
		if fate != Arrives {
			head = end
		}
		return text.PadLeft(head+strings.Repeat(d.level, body), ladderMiddleWidth)
	}
	if fate != Arrives {
		return strings.Repeat(d.level, body) + end
	}
	return strings.Repeat(d.level, body) + d.right
}

// crossing draws two segments that cross each other.
func (d *ladderDrawing) crossing(rightwards, leftwards string) []string {
	half := ladderMiddleWidth/2 - 2
	arm := strings.Repeat(d.level, half)
	return []string{
		" " + rightwards,
		text.PadLeft(leftwards+" ", ladderMiddleWidth),
		arm + d.down + "  " + d.up + arm,
		text.Spaces(half+1) + d.cross + d.cross,
		d.left + arm[len(d.level):] + d.up + "  " + d.down + arm[len(d.level):] + d.right,
	}
}

// sideBySide adds the lines of both ends, with the lines between them in the
// middle.
func (d *ladderDrawing) sideBySide(left []Text, middle []string, rightSide []Text) {
	for i := range max(len(left), len(middle), len(rightSide)) {
		var line Text
		l, r, m := Text(nil), Text(nil), ""
		if i < len(left) {
			l = left[i]
		}
		if i < len(middle) {
			m = middle[i]
		}
		if i < len(rightSide) {
			r = rightSide[i]
		}
		line = append(line, Span{Text: text.Spaces(ladderSideWidth + 1 - text.Width(l.String()))})
		line = append(line, l...)
		line = append(line, Span{Text: " " + d.upright + text.PadRight(m, ladderMiddleWidth) + d.upright + " "})
		d.lines = append(d.lines, append(line, r...))
	}
}
