package screen

import (
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"tcpstate/tcp"
	"tcpstate/text"
)

// toggleMouse gives the mouse to the terminal, which can then select text, or
// takes it back.
func (m *model) toggleMouse() tea.Cmd {
	m.mouse = !m.mouse
	m.note = m.say("screen.done.mouse-off")
	if m.mouse {
		m.note = m.say("screen.done.mouse-on")
	}
	return nil
}

// click handles a click of the left button: on a heading it sorts by the column,
// on a state above the list it focuses the state, and on a row it moves the
// cursor there.
func (m *model) click(msg tea.MouseClickMsg) {
	if msg.Button != tea.MouseLeft || m.showing != theList || m.menu != nil || m.frame == nil {
		return
	}
	m.note = ""
	head := len(m.head())
	row := msg.Y - head - 2 // the title of the list, and the headings of its columns
	switch {
	case msg.Y < head:
		if s := m.stateAt(msg.X, msg.Y); s != 0 {
			m.toggleFocus(s)
		}
	case row == -1:
		m.clickHeading(msg.X)
	case row >= 0 && row < min(m.listHeight(), m.total()-m.top):
		m.moveTo(m.top + row)
	}
}

// stateAt returns the state that is drawn at a place of the head, or 0. A state
// takes the columns from its name, or from its digit before the name, to the next
// state.
func (m *model) stateAt(x, y int) tcp.State {
	plain := *m
	plain.color = false
	head := plain.head()
	drawn := head[y]
	before := 0 // the columns of the digit before a name
	if slices.ContainsFunc(head, func(line string) bool { return strings.HasPrefix(line, digitKey(1)+" ") }) {
		before = 2
	}
	found, start := tcp.State(0), -1
	for s := range tcp.All.States() {
		for at := 0; ; {
			i := strings.Index(drawn[at:], s.String())
			if i < 0 {
				break
			}
			at += i
			end := at + len(s.String())
			whole := (at == 0 || drawn[at-1] == ' ') && (end == len(drawn) || drawn[end] == ' ')
			if column := text.Width(drawn[:at]) - before; whole && column <= x && column > start {
				found, start = s, column
			}
			at = end
		}
	}
	return found
}

// clickHeading sorts by the column whose heading is at a place. If the list is
// sorted by it already, the direction changes.
func (m *model) clickHeading(x int) {
	columns, widths := m.tableColumns(m.itemsShown(m.listHeight()))
	at := 2 // the cursor and the mark
	for i, c := range columns {
		if x >= at && x < at+widths[i]+gap && c.sortable {
			m.sortBy(c.sorts)
			return
		}
		at += widths[i] + gap
	}
}

// sortBy sorts by a value, or in the other direction if it is the value already.
func (m *model) sortBy(by sortBy) {
	if m.want.sort.by == by {
		m.want.sort.descending = !m.want.sort.descending
	} else {
		m.want.sort = by.usual()
	}
	m.moveTo(0)
}

// sortBeside returns the action that sorts by the next column on the screen to
// the right, or to the left.
func sortBeside(by int) func(*model) tea.Cmd {
	return func(m *model) tea.Cmd {
		if m.frame == nil || m.waiting() {
			return nil
		}
		columns, _ := m.tableColumns(m.itemsShown(m.listHeight()))
		at, shown := -1, []sortBy{}
		for _, c := range columns {
			if c.sortable {
				if c.sorts == m.want.sort.by {
					at = len(shown)
				}
				shown = append(shown, c.sorts)
			}
		}
		switch to := at + by; {
		case at < 0 && len(shown) > 0:
			m.sortBy(shown[0])
		case to >= 0 && to < len(shown):
			m.sortBy(shown[to])
		}
		return nil
	}
}
