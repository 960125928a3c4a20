package screen

import (
	"slices"

	tea "charm.land/bubbletea/v2"

	"tcpstate/render"
	"tcpstate/text"
)

// menu is the list from which the user chooses the columns. It lies over the list
// of sockets.
type menu struct {
	cursor, top int
}

func (m *model) openMenu() tea.Cmd {
	if m.want.group != ungrouped {
		m.note = m.say("screen.done.no-columns")
		return nil
	}
	m.menu = &menu{}
	return nil
}

// pressMenu handles a key while the user chooses columns.
func (m *model) pressMenu(key string) tea.Cmd {
	menu := *m.menu
	m.menu = &menu
	all := choices()
	switch key {
	case "q", "esc", "enter", "c":
		m.menu = nil
		return nil
	case "up", "k":
		menu.cursor = max(0, menu.cursor-1)
	case "down", "j":
		menu.cursor = min(menu.cursor+1, len(all)-1)
	case "home":
		menu.cursor = 0
	case "end", "G":
		menu.cursor = len(all) - 1
	case "space", "x":
		m.toggleColumn(all[menu.cursor].name)
	}
	n := m.pageHeight()
	menu.top = max(min(menu.top, menu.cursor), menu.cursor-n+1)
	m.menu = &menu
	return nil
}

// toggleColumn shows a column, in its usual place, or hides it. One column always
// stays.
func (m *model) toggleColumn(name string) {
	if i := slices.Index(m.columns, name); i >= 0 {
		if len(m.columns) == 1 {
			return
		}
		m.columns = slices.Delete(slices.Clone(m.columns), i, i+1)
		if name == "age" {
			m.allAges = false
		}
	} else {
		m.columns = insertColumn(m.columns, name)
		m.allAges = m.allAges || name == "age" || name == "idle"
	}
	m.left = 0
	m.want.needs = needsOf(m.columns, m.allAges)
}

// insertColumn returns the columns with one more: after the last of those that
// come before it in the order of choices.
func insertColumn(columns []string, name string) []string {
	all := choiceNames()
	at := 0
	for i, c := range columns {
		if slices.Index(all, c) < slices.Index(all, name) {
			at = i + 1
		}
	}
	return slices.Insert(slices.Clone(columns), at, name)
}

// toggleProcesses shows or hides the processes of the sockets.
func (m *model) toggleProcesses() tea.Cmd {
	if m.want.group != ungrouped {
		m.note = m.say("screen.done.no-columns")
		return nil
	}
	m.toggleColumn("process")
	return nil
}

// scrollColumns returns the action that scrolls the list by a column.
func scrollColumns(by int) func(*model) tea.Cmd {
	return func(m *model) tea.Cmd {
		if m.frame == nil || !m.frame.request.group.ofSockets() {
			return nil
		}
		all := len(m.columnNames())
		if m.frame.request.group == theListeners {
			all = len(m.listenerColumns(nil))
		}
		m.left = max(0, min(m.left+by, all-1))
		return nil
	}
}

// viewMenu draws the columns with what they show, and which of them are on the
// screen.
func (m *model) viewMenu() []string {
	lines := []string{m.line().put(text.Bold, m.say("screen.columns.title")).String()}
	n := m.pageHeight()
	for i, c := range choices() {
		if i < m.menu.top || i >= m.menu.top+n {
			continue
		}
		box, color := "[ ] ", text.Style("")
		if slices.Contains(m.columns, c.name) {
			box = "[x] "
		}
		lead := "  "
		if i == m.menu.cursor {
			lead, color = "> ", text.Reverse
		}
		l := m.line().put(color, lead+box+text.PadRight(c.name, 8)+"  "+docOf(c.name))
		if color != "" {
			l.put(color, text.Spaces(m.width-l.columns))
		}
		lines = append(lines, l.String())
	}
	for len(lines) < n+1 {
		lines = append(lines, "")
	}
	return append(lines, m.line().put(text.Dim, m.say("screen.columns.foot")).String())
}

// docOf returns what a column shows, as docs/json.md describes it.
func docOf(name string) string {
	for _, list := range [][]render.Field{render.PeopleColumns(), render.Fields()} {
		for _, f := range list {
			if f.Name == name {
				return f.Doc
			}
		}
	}
	return ""
}
