package explain

import (
	"tcpstate/lifecycle"
	"tcpstate/tcp"
	"tcpstate/text"
)

// drawChart returns the lines of the chart of the state machine. If there is a
// host, the boxes have its counts.
func drawChart(w words, host *Host, ascii bool) []Text {
	c := newCanvas()
	for _, e := range edges {
		c.edge(e)
	}
	for s, corner := range boxes {
		state := tcp.State(s)
		name, count := state.String(), ""
		if state == lifecycle.NoSocket {
			name = w.say("ladder.nosocket")
		} else if host != nil {
			count = text.ShortCount(host.Counts.Of(state))
			if host.Unseen.Has(state) {
				count = "?"
			}
		}
		c.box(corner)
		inner := boxWidth - 2
		c.text(point{corner.x + 1, corner.y + 1}, text.PadRight(name, inner-len(count)), Code)
		c.text(point{corner.x + 1 + inner - len(count), corner.y + 1}, count, Strong)
	}
	return c.lines(ascii)
}

// The directions in which a line leaves a cell of the canvas.
const (
	north = 1 << iota
	east
	south
	west
	arrowHead = 1 << 7 // an arrow ends here, and points in the direction of the other bit
)

// cell is one column of a line of the canvas: strokes of lines, or text. A
// character of two columns is stored in the first cell and covers the second.
type cell struct {
	strokes byte
	text    string
	style   Style
	covered bool
}

type canvas struct{ cells [chartHeight][chartWidth]cell }

func newCanvas() *canvas { return &canvas{} }

func (c *canvas) at(p point) *cell { return &c.cells[p.y][p.x] }

// box draws the frame of a box.
func (c *canvas) box(p point) {
	x2, y2 := p.x+boxWidth-1, p.y+boxHeight-1
	c.line(point{p.x, p.y}, point{x2, p.y})
	c.line(point{p.x, y2}, point{x2, y2})
	c.line(point{p.x, p.y}, point{p.x, y2})
	c.line(point{x2, p.y}, point{x2, y2})
}

// edge draws the line of an edge, its arrow head and its label.
func (c *canvas) edge(e edge) {
	for i := range len(e.path) - 1 {
		c.line(e.path[i], e.path[i+1])
	}
	last, previous := e.path[len(e.path)-1], e.path[len(e.path)-2]
	c.at(last).strokes = arrowHead | directionOf(previous, last)
	c.text(e.at, e.label, Plain)
}

// directionOf returns the direction from a to b.
func directionOf(a, b point) byte {
	switch {
	case b.x > a.x:
		return east
	case b.x < a.x:
		return west
	case b.y > a.y:
		return south
	}
	return north
}

// line draws a straight line from a to b.
func (c *canvas) line(a, b point) {
	forth, back := directionOf(a, b), directionOf(b, a)
	for p := a; p != b; {
		c.at(p).strokes |= forth
		switch forth {
		case east:
			p.x++
		case west:
			p.x--
		case south:
			p.y++
		default:
			p.y--
		}
		c.at(p).strokes |= back
	}
}

// text writes a text that starts at p.
func (c *canvas) text(p point, s string, style Style) {
	for _, r := range s {
		*c.at(p) = cell{text: string(r), style: style}
		p.x++
		for range text.RuneWidth(r) - 1 {
			*c.at(p) = cell{covered: true}
			p.x++
		}
	}
}

var (
	unicodeCells = map[byte]string{
		north: "│", south: "│", north | south: "│", east: "─", west: "─", east | west: "─",
		south | east: "┌", south | west: "┐", north | east: "└", north | west: "┘",
		north | south | east: "├", north | south | west: "┤", east | west | south: "┬", east | west | north: "┴",
		north | south | east | west: "┼",
		arrowHead | north:           "▲", arrowHead | south: "▼", arrowHead | east: "►", arrowHead | west: "◄",
	}
	asciiCells = map[byte]string{
		north: "|", south: "|", north | south: "|", east: "-", west: "-", east | west: "-",
		arrowHead | north: "^", arrowHead | south: "v", arrowHead | east: ">", arrowHead | west: "<",
	}
)

// lines returns the lines of the canvas without trailing spaces.
func (c *canvas) lines(ascii bool) []Text {
	var lines []Text
	for y := range c.cells {
		var line Text
		end := chartWidth
		for end > 0 && c.cells[y][end-1] == (cell{}) {
			end--
		}
		for x := range end {
			at := &c.cells[y][x]
			if at.covered {
				continue
			}
			line = append(line, Span{at.style, at.character(ascii)})
		}
		lines = append(lines, joinSpans(line))
	}
	return lines
}

func (c *cell) character(ascii bool) string {
	switch {
	case c.text != "":
		return c.text
	case c.strokes == 0:
		return " "
	case !ascii:
		return unicodeCells[c.strokes]
	}
	if s, ok := asciiCells[c.strokes]; ok {
		return s
	}
	return "+"
}

// joinSpans joins neighbouring spans of the same style.
func joinSpans(t Text) Text {
	var list Text
	for _, s := range t {
		if n := len(list); n > 0 && list[n-1].Style == s.Style {
			list[n-1].Text += s.Text
			continue
		}
		list = append(list, s)
	}
	return list
}
