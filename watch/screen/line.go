package screen

import (
	"strings"

	"tcpstate/text"
)

// line is a line of the screen as it is put together: no wider than the screen.
type line struct {
	m       *model
	drawn   strings.Builder
	columns int
}

func (m *model) line() *line { return &line{m: m} }

// put adds text in a style, as much of it as there is room for. What could act on
// the terminal is escaped.
func (l *line) put(style text.Style, s string) *line {
	s = text.Truncate(text.EscapeLine(s), l.m.width-l.columns, l.m.ellipsis())
	l.columns += text.Width(s)
	l.drawn.WriteString(l.m.paint(style, s))
	return l
}

// to adds spaces up to a column.
func (l *line) to(column int) *line { return l.put("", text.Spaces(column-l.columns)) }

func (l *line) String() string { return l.drawn.String() }

func (m *model) paint(style text.Style, s string) string { return style.If(m.color).Paint(s) }

// ellipsis is what stands for what is left out.
func (m *model) ellipsis() string {
	if m.ascii {
		return "~"
	}
	return "…"
}
