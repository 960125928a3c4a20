package screen

import (
	tea "charm.land/bubbletea/v2"

	"tcpstate/filter"
	"tcpstate/tcp"
	"tcpstate/watch"
)

// model is the screen as bubbletea has it: a value that Update makes another of.
// It reads no clock: times are those of frames.
type model struct {
	host      string
	within    string // the network namespace, as it was named; "": none was
	quiet     bool   // no notes are shown
	color     bool
	ascii     bool
	processes bool // who holds each socket is shown
	parse     func(text string, lookUp bool) (*filter.Filter, error)
	ask       func(wish)
	pages     *pages

	width, height int
	frame         *frame // the last one; nil before the first
	want          wish
	failure       error // why the screen ends

	top      int // the first row of the list that is shown
	cursor   int // the row of the list that the cursor is on
	at       watch.ID
	atName   string // of a group
	filter   string // what is filtered by, as it was typed
	input    *input // the line in which a filter is typed; nil: none is
	showing  view
	page     page
	note     string // what the last key has done
	lastOpen int    // the page that was asked for last
}

// view is what the screen shows.
type view uint8

// The views.
const (
	theList view = iota
	thePage
	theSocket
)

func newModel(s *Screen, ask func(wish)) model {
	return model{host: s.Host, within: s.Session.Query.Netns, quiet: s.Quiet, color: s.Color, ascii: s.ASCII, processes: s.Session.Query.Detail.Has(tcp.DetailProcesses),
		parse: s.Parse, ask: ask, filter: s.Filter, want: firstWish(s), width: 80, height: 24}
}

// Init begins nothing: the reader has begun by itself.
func (m model) Init() tea.Cmd { return nil }

// Update returns the model after a message.
func (m model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	before := m.want
	var cmd tea.Cmd
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		cmd = m.resize(msg.Width, msg.Height)
	case *frame:
		cmd = m.take(msg)
	case crash:
		m.failure = msg
		return m, tea.Quit
	case parsed:
		m.takeParsed(msg)
	case page:
		m.takePage(msg)
	case tea.KeyPressMsg:
		cmd = m.press(msg)
	case tea.PasteMsg:
		if m.input != nil {
			m.paste(msg.Content)
		}
	case tea.MouseWheelMsg:
		m.wheel(msg)
	}
	m.keepInView()
	if m.want != before {
		m.want.serial = before.serial + 1
		m.ask(m.want)
	}
	return m, cmd
}

// resize takes over the size of the terminal. A page that was laid out for
// another width is laid out again.
func (m *model) resize(width, height int) tea.Cmd {
	relay := width != m.width && m.showing == thePage
	m.width, m.height = max(width, 1), max(height, 1)
	switch {
	case relay:
		return m.openPage(m.page.kind, m.page.state)
	case m.showing == theSocket:
		m.laySocket()
	}
	return nil
}

// take takes over a frame. The cursor stays on its socket or group.
func (m *model) take(f *frame) tea.Cmd {
	first := m.frame == nil
	if first && f.err != nil && f.wish.serial <= 1 && f.history == nil {
		m.failure = f.err
		return tea.Quit
	}
	m.frame = f
	if f.wish.group == m.want.group && f.wish.front == m.want.front {
		if at := f.rows.find(m.at, m.atName); at >= 0 && m.cursor != 0 {
			m.top += at - m.cursor
			m.cursor = at
		}
	}
	m.moveTo(m.cursor)
	if m.showing == theSocket {
		m.laySocket()
	}
	return nil
}

// moveTo puts the cursor on a row, or as near as there is one, and takes note of
// what stands there.
func (m *model) moveTo(i int) {
	if m.frame == nil {
		return
	}
	m.cursor = max(0, min(i, m.frame.rows.total-1))
	m.at, m.atName = 0, ""
	if row := m.frame.rows.row(m.cursor); row != nil {
		m.at, m.atName = row.id, row.name
	}
}

// keepInView scrolls the list so that the cursor is seen, and asks for other rows
// where those that are shown, and a screen on either side of them, are not at
// hand.
func (m *model) keepInView() {
	if m.frame == nil {
		return
	}
	n := m.listHeight()
	m.top = max(min(m.top, m.cursor), m.cursor-n+1)
	m.top = max(0, min(m.top, m.frame.rows.total-n))
	if !m.frame.rows.covers(m.top-n, m.top+2*n) {
		m.want.top, m.want.height = m.top, n
	}
}

// row returns the row under the cursor, nil where there is none.
func (m *model) row() *row {
	if m.frame == nil {
		return nil
	}
	return m.frame.rows.row(m.cursor)
}

// waiting reports whether the rows that are shown are not those that are wanted
// yet.
func (m *model) waiting() bool {
	if m.frame == nil {
		return true
	}
	have, want := m.frame.wish, m.want
	return have.front != want.front || have.group != want.group || have.sort != want.sort || have.filtered != want.filtered
}
