package explain

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"tcpstate/tcp"
	"tcpstate/text"
)

// Terminal is the layout of a page for a terminal.
type Terminal struct {
	Width int // columns; pages use at least 80 and at most 100
	Color bool
	ASCII bool // draw diagrams with ASCII characters only

	// Prose is the width of all but diagrams and tables, if it is less than 80
	// columns; 0: that of the page.
	Prose int
}

// The narrowest and the widest page. Ladders and tables need 80 columns, and
// lines over 100 columns are hard to read.
const (
	minWidth = 80
	maxWidth = 100
	minProse = 20
)

func (t Terminal) width() int { return min(max(t.Width, minWidth), maxWidth) }

// WriteText writes the page for a terminal. No line is wider than the terminal,
// or than 80 columns if the terminal is narrower. The error is w's.
func (p *Page) WriteText(w io.Writer, t Terminal) error {
	l := newLayout(w, t)
	l.heading(p.Title)
	l.wrapped(p.Summary, "", "")
	for i := range p.Sections {
		l.blank()
		l.heading(p.Sections[i].Heading)
		for n, b := range p.expanded(&p.Sections[i]) {
			if n > 0 {
				l.blank()
			}
			l.block(b, p.words, p.Topic.State)
		}
	}
	return l.end()
}

// layout writes a page line by line.
type layout struct {
	out *bufio.Writer
	Terminal
}

func newLayout(w io.Writer, t Terminal) *layout {
	t.Width = t.width()
	if t.Prose == 0 || t.Prose > t.Width {
		t.Prose = t.Width
	}
	t.Prose = max(t.Prose, minProse)
	return &layout{out: bufio.NewWriter(w), Terminal: t}
}

func (l *layout) end() error { return l.out.Flush() }

// indent is the indentation of blocks below their heading.
const indent = "  "

func (l *layout) blank() { l.line(nil) }

func (l *layout) heading(title string) { l.line(Text{{Strong, title}}) }

// line writes a line in its colours, without trailing spaces.
func (l *layout) line(t Text) {
	n := len(t)
	for n > 0 && strings.TrimRight(t[n-1].Text, " ") == "" {
		n--
	}
	for i, s := range t[:n] {
		if i == n-1 {
			s.Text = strings.TrimRight(s.Text, " ")
		}
		l.out.WriteString(l.paint(s))
	}
	l.out.WriteString("\n")
}

// paint draws a piece of text in its style.
func (l *layout) paint(s Span) string {
	styles := [...]text.Style{Plain: "", Strong: text.Bold, Code: text.Cyan}
	return styles[s.Style].If(l.Color).Paint(s.Text)
}

// wrapped writes text in several lines, with one indent for the first line and
// another one for the rest.
func (l *layout) wrapped(t Text, first, rest string) {
	for i, line := range text.Wrap(t, l.Prose-text.Width(first)) {
		lead := rest
		if i == 0 {
			lead = first
		}
		l.line(append(Text{{Text: lead}}, line...))
	}
}

// block writes an indented block.
func (l *layout) block(b Block, w words, marked tcp.State) {
	switch b.Kind {
	case Paragraph:
		l.wrapped(b.Text, indent, indent)
	case Bullets, Steps:
		for i, item := range b.Items {
			mark := "- "
			if b.Kind == Steps {
				mark = fmt.Sprintf("%d. ", i+1)
			}
			l.wrapped(item.Text, indent+mark, indent+text.Spaces(len(mark)))
			for _, line := range item.Lines {
				l.line(Text{{Text: indent + "    "}, {Code, line}})
			}
		}
	case Commands:
		for _, line := range b.Lines {
			l.line(Text{{Text: indent + "  "}, {Code, line}})
		}
	case Table:
		for _, line := range layTable(b.Table, l.Width-len(indent)) {
			l.line(append(Text{{Text: indent}}, line...))
		}
	case Directive:
		for _, line := range drawLadder(b.Ladder, w, marked, l.ASCII) {
			l.line(line)
		}
	}
}

// tableGap is the number of spaces between the columns of a table.
const tableGap = 2

// layTable lays out a table with a width of n columns. If the cells are too
// wide, it wraps the widest columns.
func layTable(rows [][]Text, n int) []Text {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], text.Width(cell.String()))
		}
	}
	for total(widths)+tableGap*(len(widths)-1) > n {
		widest := 0
		for i, w := range widths {
			if w > widths[widest] {
				widest = i
			}
		}
		if widths[widest] <= 8 {
			break // narrower columns would be hard to read
		}
		widths[widest]--
	}
	var lines []Text
	for r, row := range rows {
		lines = append(lines, layRow(row, widths, r == 0)...)
	}
	return lines
}

func total(widths []int) int {
	sum := 0
	for _, w := range widths {
		sum += w
	}
	return sum
}

// layRow lays out one row. It takes as many lines as the tallest cell.
func layRow(row []Text, widths []int, head bool) []Text {
	cells := make([][]Text, len(row))
	height := 1
	for i, cell := range row {
		if head {
			cell = Text{{Strong, cell.String()}}
		}
		cells[i] = text.Wrap(cell, widths[i])
		height = max(height, len(cells[i]))
	}
	lines := make([]Text, height)
	for i := range lines {
		for c := range cells {
			var cell Text
			if i < len(cells[c]) {
				cell = cells[c][i]
			}
			lines[i] = append(lines[i], cell...)
			if c < len(cells)-1 {
				lines[i] = append(lines[i], Span{Text: text.Spaces(max(0, widths[c]-text.Width(cell.String())) + tableGap)})
			}
		}
	}
	return lines
}

// WriteText writes the explanation for a terminal, like Page.WriteText.
func (t *SocketExplanation) WriteText(w io.Writer, o Terminal) error {
	l := newLayout(w, o)
	for i, g := range t.Groups {
		if i > 0 {
			l.blank()
		}
		l.heading(g.Heading)
		for n, b := range g.Blocks {
			if n > 0 {
				l.blank()
			}
			l.block(b, t.words, g.State)
		}
	}
	return l.end()
}
