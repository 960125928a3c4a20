package explain

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"tcpstate/lifecycle"
	"tcpstate/tcp"
	"tcpstate/text"
)

// The size of a column and of a line of the chart, and the margin, in units of
// the drawing.
const (
	svgColumn = 9
	svgLine   = 20
	svgMargin = 12
)

// WriteSVG writes the chart of the state machine as an SVG drawing. It has the
// same boxes and edges as the chart for a terminal. Its colours follow the
// reader's choice of a light or dark theme. The error is w's.
func (b *Book) WriteSVG(w io.Writer) error {
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, svgHead, chartWidth*svgColumn+2*svgMargin, chartHeight*svgLine+2*svgMargin, text.EscapeXML(b.words.say("map.title")))
	for _, e := range edges {
		var points []string
		for i, p := range e.path {
			x, y := middleOf(p)
			switch i { // from the border of one box to that of the other
			case 0:
				x, y = toBorder(e.path[1], p, x, y)
			case len(e.path) - 1:
				x, y = toBorder(e.path[i-1], p, x, y)
			}
			points = append(points, fmt.Sprintf("%d,%d", x, y))
		}
		fmt.Fprintf(out, "<polyline class=\"edge\" points=\"%s\" marker-end=\"url(#head)\"/>\n", strings.Join(points, " "))
		x, y := middleOf(e.at)
		fmt.Fprintf(out, "<text class=\"label\" x=\"%d\" y=\"%d\" textLength=\"%d\">%s</text>\n",
			x-svgColumn/2, y+4, len(e.label)*svgColumn, text.EscapeXML(e.label))
	}
	for s, p := range boxes {
		b.svgBox(out, tcp.State(s), p)
	}
	fmt.Fprint(out, "</svg>\n")
	return out.Flush()
}

// svgBox writes the box of one state. Its colour shows whether neither end has
// closed, the local end closed first, or the peer did.
func (b *Book) svgBox(out io.Writer, s tcp.State, p point) {
	class, name := "box", s.String()
	switch {
	case s == lifecycle.NoSocket:
		class, name = "none", b.words.say("ladder.nosocket")
	case tcp.Set(tcp.FinWait1, tcp.FinWait2, tcp.Closing, tcp.TimeWait).Has(s):
		class = "first"
	case tcp.Set(tcp.CloseWait, tcp.LastAck).Has(s):
		class = "second"
	case s == tcp.Established:
		class = "open"
	}
	x, y := middleOf(p)
	fmt.Fprintf(out, "<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"6\"/>\n",
		class, x, y, (boxWidth-1)*svgColumn, (boxHeight-1)*svgLine)
	fmt.Fprintf(out, "<text class=\"state\" x=\"%d\" y=\"%d\">%s</text>\n",
		x+(boxWidth-1)*svgColumn/2, y+(boxHeight-1)*svgLine/2+5, text.EscapeXML(name))
}

// middleOf returns the middle of a cell of the chart, in units of the drawing.
func middleOf(p point) (x, y int) {
	return svgMargin + p.x*svgColumn + svgColumn/2, svgMargin + p.y*svgLine + svgLine/2
}

// toBorder moves the end of a line by one cell, away from the rest of the line,
// so that it touches the border of the box next to it.
func toBorder(from, at point, x, y int) (int, int) {
	switch directionOf(from, at) {
	case east:
		return x + svgColumn, y
	case west:
		return x - svgColumn, y
	case south:
		return x, y + svgLine
	}
	return x, y - svgLine
}

const svgHead = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-label="%s">
<style>
svg { --ink: #1f2328; --edge: #59636e; --open: #dafbe1; --first: #ddf4ff; --second: #fff1e5; --box: #f6f8fa; --paper: #ffffff }
@media (prefers-color-scheme: dark) {
  svg { --ink: #f0f6fc; --edge: #9198a1; --open: #12391f; --first: #0c2d4d; --second: #4a2a0f; --box: #21262d; --paper: #0d1117 }
}
.paper { fill: #ffffff; fill: var(--paper) }
.edge { fill: none; stroke: #59636e; stroke: var(--edge); stroke-width: 1.4 }
.head { fill: #59636e; fill: var(--edge) }
.label { fill: #1f2328; fill: var(--ink); font: 14px ui-monospace, monospace }
.state { fill: #1f2328; fill: var(--ink); font: bold 15px ui-sans-serif, sans-serif; text-anchor: middle }
rect.box, rect.open, rect.first, rect.second, rect.none { stroke: #59636e; stroke: var(--edge); stroke-width: 1.4 }
.box { fill: #f6f8fa; fill: var(--box) }
.open { fill: #dafbe1; fill: var(--open) }
.first { fill: #ddf4ff; fill: var(--first) }
.second { fill: #fff1e5; fill: var(--second) }
.none { fill: none; stroke-dasharray: 4 4 }
</style>
<defs><marker id="head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" orient="auto"><path class="head" d="M0,0 L10,5 L0,10 z"/></marker></defs>
<rect class="paper" width="100%%" height="100%%"/>
`
