package screen

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"tcpstate/render"
	"tcpstate/tcp"
)

// binding assigns an action to keys. The help page is made from the table of
// bindings.
type binding struct {
	keys  []string // in bubbletea's names
	shown string   // as the help page shows them
	doc   string
	do    func(*model) tea.Cmd
}

// listKeys returns the keys of the list. Those of a row without names are handled
// by press.
func listKeys() []binding {
	return []binding{
		{[]string{"up", "k"}, "up k", "screen.key.up", move(-1)},
		{[]string{"down", "j"}, "down j", "screen.key.down", move(1)},
		{[]string{"pgup", "ctrl+b"}, "PgUp Ctrl-B", "screen.key.page-up", movePage(-1)},
		{[]string{"pgdown", "ctrl+f", "space"}, "PgDn Ctrl-F Space", "screen.key.page-down", movePage(1)},
		{[]string{"home"}, "Home", "screen.key.first", func(m *model) tea.Cmd { m.moveTo(0); return nil }},
		{[]string{"end", "G"}, "End G", "screen.key.last", func(m *model) tea.Cmd { m.moveTo(m.total() - 1); return nil }},
		{[]string{"enter"}, "Enter", "screen.key.open", (*model).enter},
		{[]string{"tab"}, "Tab", "screen.key.next-state", func(m *model) tea.Cmd { m.nextFocus(1); return nil }},
		{[]string{"shift+tab"}, "Shift-Tab", "screen.key.previous-state", func(m *model) tea.Cmd { m.nextFocus(-1); return nil }},
		{nil, "1 ... 9", "screen.key.digit", nil},
		{[]string{"/", "\\", "f4"}, "/ F4", "screen.key.filter", (*model).beginFilter},
		{[]string{"f", "f3"}, "f F3", "screen.key.search", (*model).beginSearch},
		{[]string{"n"}, "n", "screen.key.search-next", searchNext(false)},
		{[]string{"N"}, "N", "screen.key.search-previous", searchNext(true)},
		{[]string{"esc"}, "Esc", "screen.key.search-end", (*model).endSearch},
		{[]string{"g"}, "g", "screen.key.group", (*model).nextGroup},
		{[]string{"l"}, "l", "screen.key.listeners", (*model).toggleListeners},
		{[]string{"s"}, "s", "screen.key.sort", (*model).nextSort},
		{[]string{"S"}, "S", "screen.key.reverse", func(m *model) tea.Cmd { m.want.sort.descending = !m.want.sort.descending; return nil }},
		{[]string{"<"}, "<", "screen.key.sort-left", sortBeside(-1)},
		{[]string{">"}, ">", "screen.key.sort-right", sortBeside(1)},
		{[]string{"left"}, "Left", "screen.key.columns-left", scrollColumns(-1)},
		{[]string{"right"}, "Right", "screen.key.columns-right", scrollColumns(1)},
		{[]string{"c", "f2"}, "c F2", "screen.key.columns", (*model).openMenu},
		{[]string{"P"}, "P", "screen.key.processes", (*model).toggleProcesses},
		{[]string{"t"}, "t", "screen.key.theme", (*model).nextTheme},
		{[]string{"m"}, "m", "screen.key.mouse", (*model).toggleMouse},
		{[]string{"e"}, "e", "screen.key.explain", (*model).explain},
		{[]string{"d"}, "d", "screen.key.doctor", (*model).examine},
		{[]string{"p"}, "p", "screen.key.pause", (*model).pause},
		{[]string{"+", "="}, "+", "screen.key.faster", func(m *model) tea.Cmd { m.changeInterval(-1); return nil }},
		{[]string{"-", "_"}, "-", "screen.key.slower", func(m *model) tea.Cmd { m.changeInterval(1); return nil }},
		{[]string{"y"}, "y", "screen.key.copy", (*model).copyItem},
		{[]string{"?", "h"}, "? h", "screen.key.keys", (*model).help},
		{[]string{"ctrl+l"}, "Ctrl-L", "screen.key.redraw", func(*model) tea.Cmd { return tea.ClearScreen }},
		{nil, "Ctrl-Z", "screen.key.suspend", nil},
		{nil, "q Ctrl-C", "screen.key.quit", nil},
	}
}

// press handles a key.
func (m *model) press(msg tea.KeyPressMsg) tea.Cmd {
	key := msg.String()
	m.note = ""
	switch {
	case key == "ctrl+c":
		return tea.Interrupt
	case key == "ctrl+z":
		return m.stop(wholeJob)
	case m.input != nil:
		return m.pressInput(msg)
	case m.menu != nil:
		return m.pressMenu(key)
	case m.showing != theList:
		return m.pressPage(key)
	case key == "q":
		return tea.Quit
	case len(key) == 1 && '0' <= key[0] && key[0] <= '9':
		m.toggleFocus(tcp.State(key[0] - '0'))
		return nil
	}
	for _, b := range listKeys() {
		if slices.Contains(b.keys, key) {
			return b.do(m)
		}
	}
	return nil
}

func (m *model) total() int {
	if m.frame == nil {
		return 0
	}
	return m.frame.items.total
}

func move(n int) func(*model) tea.Cmd {
	return func(m *model) tea.Cmd { m.moveTo(m.cursor + n); return nil }
}

func movePage(n int) func(*model) tea.Cmd {
	return func(m *model) tea.Cmd {
		m.top += n * m.listHeight()
		m.moveTo(m.cursor + n*m.listHeight())
		return nil
	}
}

// wheelItems is how many items one step of the wheel moves the cursor.
const wheelItems = 3

func (m *model) wheel(msg tea.MouseWheelMsg) {
	n := 0
	switch msg.Button {
	case tea.MouseWheelUp:
		n = -wheelItems
	case tea.MouseWheelDown:
		n = wheelItems
	}
	switch {
	case m.menu != nil:
	case m.showing == theList:
		m.moveTo(m.cursor + n)
	default:
		m.scroll(n)
	}
}

// toggleFocus focuses a state. If the state is 0 or is focused already, no
// state is focused then.
func (m *model) toggleFocus(s tcp.State) {
	if s == m.want.focus {
		s = 0
	}
	m.want.focus = s
	m.moveTo(0)
}

// nextFocus focuses the next state that has sockets, or no state after the last
// one.
func (m *model) nextFocus(by int) {
	if m.frame == nil {
		return
	}
	s := int(m.want.focus)
	for range tcp.NumStates + 1 {
		s = (s + by + tcp.NumStates + 1) % (tcp.NumStates + 1)
		if s == 0 || m.frame.counts.Of(tcp.State(s)) > 0 {
			break
		}
	}
	m.want.focus = tcp.State(s)
	m.moveTo(0)
}

func (m *model) nextGroup() tea.Cmd {
	if m.want.group++; m.want.group >= groupings {
		m.want.group = ungrouped
	}
	m.want.sort = m.want.group.sortings()[0]
	m.moveTo(0)
	return nil
}

func (m *model) nextSort() tea.Cmd {
	m.want.sort = m.want.sort.next(m.want.group.sortings())
	m.moveTo(0)
	return nil
}

func (m *model) pause() tea.Cmd {
	m.want.paused = !m.want.paused
	return nil
}

// intervals are the intervals that + and - go through.
var intervals = []time.Duration{100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond, time.Second,
	2 * time.Second, 5 * time.Second, 10 * time.Second, 30 * time.Second, time.Minute}

// changeInterval sets the next longer interval, or the next shorter one if by
// is negative.
func (m *model) changeInterval(by int) {
	if by > 0 {
		for _, p := range intervals {
			if p > m.want.interval {
				m.want.interval = p
				return
			}
		}
		return
	}
	for _, p := range slices.Backward(intervals) {
		if p < m.want.interval {
			m.want.interval = p
			return
		}
	}
}

// enter shows the socket under the cursor in full, or filters by the group
// under the cursor.
func (m *model) enter() tea.Cmd {
	item := m.item()
	switch {
	case item == nil:
		return nil
	case item.socket != nil:
		m.want.detail = item.id
		m.cover(theSocket, page{title: m.say("screen.socket")})
		return nil
	case item.term == "":
		m.note = m.say("screen.done.no-filter")
		return nil
	}
	text := item.term
	if strings.TrimSpace(m.filter) != "" {
		text = "(" + m.filter + ") and " + text
	}
	f, err := m.parse(text, false)
	if err != nil {
		m.note = m.words.Error(err)
		return nil
	}
	m.filterBy(text, f)
	m.want.group, m.want.sort = ungrouped, socketOrders[0]
	m.note = m.say("screen.done.filtered", "term", item.term)
	return nil
}

// explain opens the explanation of the focused state, or of the state of the
// socket under the cursor.
func (m *model) explain() tea.Cmd {
	state := m.want.focus
	if item := m.item(); state == 0 && item != nil && item.socket != nil {
		state = item.socket.State
	}
	if state == 0 {
		m.note = m.say("screen.done.no-state")
		return nil
	}
	return m.openPage(explanation, state)
}

func (m *model) examine() tea.Cmd { return m.openPage(examination, 0) }

// copyItem copies the item under the cursor to the clipboard of the terminal,
// by OSC 52.
func (m *model) copyItem() tea.Cmd {
	item := m.item()
	if item == nil {
		return nil
	}
	text := item.json(m.frame.request.group, m.frame.unlisted)
	m.note = m.say("screen.done.copied", "n", len(text))
	return tea.SetClipboard(text)
}

// json returns the item in the JSON format of ls or count.
func (r *item) json(g grouping, unlisted tcp.StateSet) string {
	if r.socket != nil {
		return string(render.AppendSocket(nil, r.socket))
	}
	by := map[string]string{}
	if r.key != (groupKey{}) {
		by[g.String()] = r.name
	}
	name, err := json.Marshal(by)
	if err != nil {
		panic(err) // cannot happen: strings can always be encoded
	}
	b := fmt.Appendf(nil, `{"by":%s,"total":%d,"states":`, name, r.total)
	return string(append(render.AppendStates(b, &r.counts, unlisted), '}'))
}
