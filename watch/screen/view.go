package screen

import (
	"fmt"
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"

	"tcpstate/render"
	"tcpstate/tcp"
	"tcpstate/text"
)

// View draws the screen.
func (m model) View() tea.View {
	v := tea.View{AltScreen: true}
	if m.mouse {
		v.MouseMode = tea.MouseModeCellMotion
	}
	var lines []string
	if m.menu != nil {
		lines = m.viewMenu()
	} else if m.showing == theList {
		lines = m.viewList()
		if m.input != nil {
			v.Cursor = tea.NewCursor(min(text.Width(m.filterPrompt())+m.inputColumn(), m.width-1), len(lines)-2)
		}
	} else {
		lines = m.viewPage()
	}
	v.Content = m.theme.Apply(strings.Join(lines[:min(len(lines), m.height)], "\n"))
	return v
}

// viewList draws the list, with the head above it and the foot below it.
func (m *model) viewList() []string {
	lines := m.head()
	if m.frame == nil {
		lines = append(lines, m.line().put("", m.waitText()).String())
	} else {
		items := m.itemsShown(m.listHeight())
		columns, widths := m.tableColumns(items)
		lines = append(lines, m.itemsTitle(len(columns)))
		lines = append(lines, m.table(items, columns, widths)...)
	}
	foot := m.foot()
	for len(lines) < m.height-len(foot) {
		lines = append(lines, "")
	}
	return append(lines[:max(0, m.height-len(foot))], foot...)
}

// listHeight returns how many items of the list fit on the screen.
func (m *model) listHeight() int {
	const titles = 2 // the title of the list, and the headings of its columns
	return max(1, m.height-len(m.head())-titles-len(m.foot()))
}

// head draws the lines above the list.
func (m *model) head() []string {
	lines := []string{m.title()}
	if m.frame == nil {
		return lines
	}
	if m.want.focus != 0 {
		return append(append(lines, m.packedStates(max(1, m.height/12))...), m.focusPanel()...)
	}
	if m.height >= 20 && m.width >= 2*stateWidth+stateGap {
		return append(lines, m.stateGrid()...)
	}
	return append(lines, m.packedStates(max(1, m.height/5))...)
}

// The width of a state in the grid, and of the gap between two states.
const (
	stateWidth = 39
	stateGap   = 2
)

// stateGrid draws all states, each with its count, the change since the last
// reading, and a sparkline.
func (m *model) stateGrid() []string {
	columns := min((m.width+stateGap)/(stateWidth+stateGap), 4)
	each := (m.width - (columns-1)*stateGap) / columns
	perColumn := (tcp.NumStates + columns - 1) / columns
	lines := make([]string, perColumn)
	for i := range lines {
		l := m.line()
		for c := range columns {
			if s := tcp.State(1 + c*perColumn + i); int(s) <= tcp.NumStates {
				l.to(c * (each + stateGap))
				m.putState(l, s, each)
			}
		}
		lines[i] = l.String()
	}
	return lines
}

// putState draws a state with that many columns.
func (m *model) putState(l *line, s tcp.State, columns int) {
	const fixed = 2 + 14 + 1 + 7 + 1 + 7 + 1
	n := m.frame.counts.Of(s)
	color := render.StateStyle(s)
	if n == 0 {
		color = text.Dim
	}
	l.put(text.Dim, digitKey(s)+" ").put(color, text.PadRight(s.String(), 14)).put("", " "+text.PadLeft(m.number(s), 7)+" ")
	if n == 0 && m.frame.unlisted.Has(s) {
		return
	}
	change := m.change(s)
	l.put(changeColor(change), text.PadRight(signed(change), 7)).put("", " ")
	l.put(color, sparkline(m.frame.history, s, m.frame.request.interval, columns-fixed, m.steps()))
}

// number returns the number of sockets in a state, or "-" if the source does not
// list them.
func (m *model) number(s tcp.State) string {
	n := m.frame.counts.Of(s)
	if n == 0 && m.frame.unlisted.Has(s) {
		return "-"
	}
	return strconv.Itoa(n)
}

// digitKey returns the key that focuses a state, or a space if there is none.
func digitKey(s tcp.State) string {
	if s > 9 {
		return " "
	}
	return strconv.Itoa(int(s))
}

func (m *model) steps() []rune {
	if m.ascii {
		return asciiBlocks
	}
	return blocks
}

// change returns by how much the count of a state has changed since the reading
// before.
func (m *model) change(s tcp.State) int {
	if m.frame.firstReading {
		return 0
	}
	return m.frame.counts.Of(s) - m.frame.before.Of(s)
}

// signed returns a change with its sign, or nothing for 0.
func signed(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%+d", n)
}

func changeColor(n int) text.Style {
	if n < 0 {
		return text.Red
	}
	return text.Green
}

// filterPrompt is the text before what the user types.
func (m *model) filterPrompt() string {
	if m.input.search != nil {
		return m.say("screen.input.search")
	}
	return m.say("screen.input.lead")
}

// foot draws the lines below the list: the filter that the user types with its
// error, or a note, or the keys.
func (m *model) foot() []string {
	if m.input != nil {
		return m.inputLines()
	}
	l := m.line()
	switch {
	case m.note != "":
		l.put(text.Yellow, m.note)
	case m.frame != nil && m.frame.err != nil:
		l.put(text.Red, m.words.Error(m.frame.err))
	case m.frame != nil && !m.quiet && len(m.frame.warnings) > 0 && m.frame.at.Second()%10 < 5:
		l.put(text.Yellow, m.say("screen.note", "note", m.frame.warnings[len(m.frame.warnings)-1].Text))
	default:
		for i, key := range []string{"screen.foot.keys", "screen.foot.quit", "screen.foot.filter", "screen.foot.state", "screen.foot.group",
			"screen.foot.sort", "screen.foot.open", "screen.foot.explain", "screen.foot.doctor", "screen.foot.pause"} {
			hint := m.say(key)
			if i > 0 {
				hint = "  " + hint
			}
			if l.columns+text.Width(hint) > m.width {
				break
			}
			l.put(text.Dim, hint)
		}
	}
	return []string{l.String()}
}

// inputLines draws the filter that the user types, and a caret under its error.
// It scrolls a long filter to the left.
func (m *model) inputLines() []string {
	in := m.input
	skip := m.inputSkip()
	first := m.line().put(text.Bold, m.filterPrompt()).put("", string(in.text[skip:])).String()
	complaint, at := m.inputError()
	complaint = text.EscapeLine(complaint)
	second := m.line()
	switch {
	case in.search != nil && m.note != "":
		second.put(text.Yellow, m.note)
	case in.search != nil:
		second.put(text.Dim, m.say("screen.input.searching"))
	case complaint == "":
		second.put(text.Dim, m.say("screen.input.valid"))
	case at < skip:
		second.put(text.Red, complaint)
	default:
		column := text.Width(m.filterPrompt()) + text.Width(string(in.text[skip:at]))
		if room := m.width - column - 2; text.Width(complaint) > room && column > text.Width(complaint)+1 {
			second.to(column-text.Width(complaint)-1).put(text.Red, complaint+" ^")
		} else if text.Width(complaint) > room && m.width-text.Width(complaint) > column-m.width {
			second.put("", text.Spaces(min(column, max(0, m.width-1)))).put(text.Red, "^ "+complaint)
		} else {
			second.to(column).put(text.Red, "^ "+complaint)
		}
	}
	return []string{first, second.String()}
}

// inputSkip returns how many characters of the filter are scrolled out on the
// left.
func (m *model) inputSkip() int {
	return max(0, m.input.cursor-max(0, m.width-text.Width(m.filterPrompt())-2))
}

// inputColumn returns the column of the cursor in the visible part of the
// filter.
func (m *model) inputColumn() int {
	return text.Width(string(m.input.text[m.inputSkip():m.input.cursor]))
}

// line builds one line of the screen, and keeps it within the width of the
// screen.
type line struct {
	m       *model
	drawn   strings.Builder
	columns int
}

func (m *model) line() *line { return &line{m: m} }

// put adds text in a style, and truncates it at the edge of the screen. It
// escapes control characters.
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

// ellipsis returns the character that replaces truncated text.
func (m *model) ellipsis() string {
	if m.ascii {
		return "~"
	}
	return "…"
}
