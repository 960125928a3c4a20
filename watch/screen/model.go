package screen

import (
	"cmp"

	tea "charm.land/bubbletea/v2"

	"tcpstate/filter"
	"tcpstate/text"
	"tcpstate/watch"
	"tcpstate/wording"
)

// model is the state of the screen, as bubbletea requires it: a value from
// which Update makes the next one. It reads no clock: all times come from
// frames.
type model struct {
	host       string
	within     string // the network namespace, as the user named it; "": none
	quiet      bool   // show no notes
	color      bool
	ascii      bool
	columns    []string // the columns of sockets, by the names of choices
	allAges    bool     // show the ages of all sockets: see needsOf
	left       int      // how many columns are scrolled out on the left
	themeName  string   // in text.ThemeNames
	theme      text.Theme
	background text.Background // as the terminal reports it
	mouse      bool            // handle the mouse; otherwise the terminal selects text with it
	parse      func(text string, lookUp bool) (*filter.Filter, error)
	ask        func(request)
	stop       func(stopping) tea.Cmd // leaves the terminal for a while
	pages      *pages
	words      *wording.Catalogue

	width, height int
	frame         *frame // the last frame; nil before the first
	want          request
	failure       error // the error that ends the screen

	top       int // index of the first item on the screen
	cursor    int // index of the item under the cursor
	at        watch.ID
	atName    string   // the name of the group under the cursor
	filter    string   // the text of the filter, as the user typed it
	filters   []string // that were applied, the latest last
	input     *input   // the line where the user types a filter; nil: not shown
	lookFor   string   // the text of the search, as the user typed it; "": none
	lastFound int      // the serial number of the last search whose result was taken
	menu      *menu    // the columns to choose from; nil: not shown
	showing   view
	page      page
	under     []covered // the pages under the one that is shown
	note      string    // the result of the last key
	lastPage  int       // the serial number of the last page
}

// view is the part of the program that the screen shows.
type view uint8

// The views.
const (
	theList view = iota
	thePage
	theSocket
)

func newModel(s *Screen, ask func(request)) model {
	columns, allAges := s.columns()
	m := model{host: s.Host, within: s.Session.Query.Netns, quiet: s.Quiet, color: s.Color, ascii: s.ASCII, columns: columns, allAges: allAges, mouse: !s.NoMouse,
		parse: s.Parse, ask: ask, stop: func(stopping) tea.Cmd { return nil }, words: s.Words, filter: s.Filter, want: firstRequest(s), width: 80, height: 24}
	m.useTheme(cmp.Or(s.theme, text.ThemeNames()[0]))
	return m
}

// say returns a text in the language of the screen.
func (m *model) say(key string, values ...any) string { return wording.Say(key, values...).In(m.words) }

// Init asks the terminal for its background, so that the theme fits it.
func (m model) Init() tea.Cmd {
	if !m.color {
		return nil
	}
	return tea.RequestBackgroundColor
}

// Update returns the model after a message, and a command for bubbletea.
func (m model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	before := m.want
	var cmd tea.Cmd
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		cmd = m.resize(msg.Width, msg.Height)
	case *frame:
		cmd = m.takeFrame(msg)
	case suspended:
		return m, m.stop(thisProcess)
	case continued:
		return m, m.stop(afterStop)
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
	case tea.BackgroundColorMsg:
		m.takeBackground(msg)
	case tea.MouseWheelMsg:
		m.wheel(msg)
	case tea.MouseClickMsg:
		m.click(msg)
	}
	m.keepInView()
	if m.want != before {
		m.want.serial = before.serial + 1
		m.ask(m.want)
	}
	return m, cmd
}

// resize stores the size of the terminal. It writes a page again if the width
// has changed.
func (m *model) resize(width, height int) tea.Cmd {
	relay := width != m.width && m.showing == thePage
	m.width, m.height = max(width, 1), max(height, 1)
	switch {
	case relay:
		return m.writePage()
	case m.showing == theSocket:
		m.layOutSocket()
	}
	return nil
}

// takeFrame stores a frame. The cursor stays on its socket or group.
func (m *model) takeFrame(f *frame) tea.Cmd {
	first := m.frame == nil
	if first && f.err != nil && f.request.serial <= 1 && f.history == nil {
		m.failure = f.err
		return tea.Quit
	}
	m.frame = f
	if f.request.group == m.want.group && f.request.focus == m.want.focus {
		if at := f.items.find(m.at, m.atName); at >= 0 && m.cursor != 0 {
			m.top += at - m.cursor
			m.cursor = at
		}
	}
	m.moveTo(m.cursor)
	m.takeFound(f.found)
	if m.showing == theSocket {
		m.layOutSocket()
	}
	return nil
}

// moveTo moves the cursor to an item, or to the nearest one, and stores which
// socket or group that is.
func (m *model) moveTo(i int) {
	if m.frame == nil {
		return
	}
	m.cursor = max(0, min(i, m.frame.items.total-1))
	m.at, m.atName = 0, ""
	if item := m.frame.items.item(m.cursor); item != nil {
		m.at, m.atName = item.id, item.name
	}
}

// keepInView scrolls the list so that the cursor is visible. It requests other
// items if the frame does not hold all items on the screen and one screen
// before and after them.
func (m *model) keepInView() {
	if m.frame == nil {
		return
	}
	n := m.listHeight()
	m.top = max(min(m.top, m.cursor), m.cursor-n+1)
	m.top = max(0, min(m.top, m.frame.items.total-n))
	if !m.frame.items.covers(m.top-n, m.top+2*n) {
		m.want.top, m.want.height = m.top, n
	}
}

// item returns the item under the cursor, or nil if there is none.
func (m *model) item() *item {
	if m.frame == nil {
		return nil
	}
	return m.frame.items.item(m.cursor)
}

// waiting reports whether the frame does not answer the current request yet.
func (m *model) waiting() bool {
	if m.frame == nil {
		return true
	}
	have, want := m.frame.request, m.want
	return have.focus != want.focus || have.group != want.group || have.sort != want.sort || have.filtered != want.filtered
}
