package screen

import (
	"bytes"
	"context"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"tcpstate/collect"
	"tcpstate/doctor"
	"tcpstate/explain"
	"tcpstate/render"
	"tcpstate/tcp"
	"tcpstate/text"
	"tcpstate/wording"
)

// page is a text that fills the screen, with the position to which it is
// scrolled.
type page struct {
	kind   kind
	state  tcp.State // the state that is explained
	title  string
	lines  []string
	err    error
	serial int // the serial number of its request
	width  int // of the screen for which it was written

	top, left int
}

// kind is the kind of a page.
type kind uint8

// The kinds of pages.
const (
	keys kind = iota
	explanation
	examination
)

// pages writes the pages that read the host themselves, independent of the
// reader.
type pages struct {
	ctx   context.Context
	query collect.Query
	book  *explain.Book
	words *wording.Catalogue
	now   func() time.Time
}

// layout is the width of a page, and the characters and colours that it may use.
type layout struct {
	width        int
	color, ascii bool
}

func (m *model) layout() layout { return layout{m.width, m.color, m.ascii} }

// openPage shows a page, on the one that is shown now. If the page takes time,
// openPage returns the command that writes it.
func (m *model) openPage(k kind, state tcp.State) tea.Cmd {
	m.cover(thePage, page{kind: k, state: state})
	return m.writePage()
}

// writePage writes the page that is shown for the width of the screen.
func (m *model) writePage() tea.Cmd {
	m.lastPage++
	m.page = page{kind: m.page.kind, state: m.page.state, serial: m.lastPage, width: m.width, lines: []string{m.say("screen.wait")}}
	state, serial, pages, l := m.page.state, m.lastPage, m.pages, m.layout()
	switch m.page.kind {
	case explanation:
		m.page.title = m.say("screen.page.explain", "state", state)
		return func() tea.Msg { return pages.answer(serial, func() (string, error) { return pages.explain(state, l) }) }
	case examination:
		m.page.title = m.say("screen.page.doctor")
		return func() tea.Msg { return pages.answer(serial, func() (string, error) { return pages.examine(l) }) }
	}
	m.page.title, m.page.lines = m.say("screen.keys.title"), m.helpLines()
	return nil
}

func (m *model) help() tea.Cmd { return m.openPage(keys, 0) }

// pressPage handles a key on a page.
func (m *model) pressPage(key string) tea.Cmd {
	switch key {
	case "q", "esc", "enter", "backspace":
		return m.back()
	case "up", "k":
		m.scroll(-1)
	case "down", "j":
		m.scroll(1)
	case "pgup", "ctrl+b":
		m.scroll(-m.pageHeight())
	case "pgdown", "ctrl+f", "space":
		m.scroll(m.pageHeight())
	case "home", "g":
		m.page.top = 0
	case "end", "G":
		m.scroll(len(m.page.lines))
	case "left":
		m.page.left = max(0, m.page.left-8)
	case "right":
		m.page.left = min(m.page.left+8, maxLeft)
	case "y":
		if o := m.detail(); m.showing == theSocket && o != nil {
			text := string(render.AppendSocket(nil, o.socket))
			m.note = m.say("screen.done.copied-socket")
			return tea.SetClipboard(text)
		}
	case "e":
		if o := m.detail(); m.showing == theSocket && o != nil {
			return m.openPage(explanation, o.socket.State)
		}
	case "?", "h":
		if m.showing != thePage || m.page.kind != keys {
			return m.help()
		}
	case "ctrl+l":
		return tea.ClearScreen
	}
	return nil
}

// maxLeft is how many columns a page can be scrolled to the right. Pages have
// at most 100 columns, but a command line may be longer.
const maxLeft = 400

// pageHeight returns how many lines of a page are on the screen.
func (m *model) pageHeight() int { return max(m.height-2, 1) }

func (m *model) scroll(n int) {
	m.page.top = max(0, min(m.page.top+n, len(m.page.lines)-m.pageHeight()))
}

// helpLines returns the page of keys, wrapped to the width of the screen.
func (m *model) helpLines() []string {
	const margin = 22
	lines := []string{m.say("screen.keys.list"), ""}
	for _, b := range listKeys() {
		shown := "  " + b.shown
		for _, line := range text.WrapString(m.say(b.doc), max(m.width-margin, margin/2)) {
			lines = append(lines, text.PadRight(shown, margin)+line)
			shown = ""
		}
	}
	for _, key := range []string{"screen.keys.page", "screen.keys.marks"} {
		lines = append(append(lines, ""), text.WrapString(m.say(key), m.width)...)
	}
	return lines
}

// answer returns a page with the text that write returns.
func (p *pages) answer(serial int, write func() (string, error)) page {
	text, err := write()
	answer := page{serial: serial, err: err}
	if err == nil {
		answer.lines = linesOf(text)
	}
	return answer
}

func linesOf(text string) []string { return strings.Split(strings.TrimRight(text, "\n"), "\n") }

// explain returns the explanation of a state, with the numbers of this host.
func (p *pages) explain(state tcp.State, l layout) (string, error) {
	topic, _ := explain.TopicOf(state)
	host, warnings, err := collect.ReadHost(p.ctx, p.query, topic)
	if err != nil { // explain the state without numbers of this host
		host, warnings = nil, append(warnings, collect.LeaveHostOut(err))
	}
	text, err := p.book.Page(topic, host)
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	err = text.WriteText(&b, explain.Terminal{Width: l.width, Prose: l.width, Color: l.color, ASCII: l.ascii})
	return b.String() + p.notes(warnings), err
}

// notes returns the warnings as lines for the end of a page.
func (p *pages) notes(warnings collect.Warnings) string {
	var b strings.Builder
	for i, warning := range warnings.In(p.words) {
		if i == 0 {
			b.WriteString("\n")
		}
		b.WriteString(wording.Say("screen.note", "note", text.EscapeLine(warning)).In(p.words) + "\n")
	}
	return b.String()
}

// examineInterval is the time between the two readings of the counters for the
// doctor.
const examineInterval = time.Second

// examine returns the findings of the doctor.
func (p *pages) examine(l layout) (string, error) {
	q := p.query
	q.Filter, q.States = nil, tcp.All
	begun := p.now()
	checkups, warnings, err := collect.BeginCheckups(p.ctx, q, doctor.DefaultThresholds(), collect.Twice)
	if err != nil {
		return "", err
	}
	select {
	case <-p.ctx.Done():
		return "", p.ctx.Err()
	case <-time.After(examineInterval):
	}
	var list []render.Checkup
	interval := examineInterval
	for _, c := range checkups {
		if err := c.End(p.now().Sub(begun)); err != nil {
			return "", err
		}
		warnings = append(warnings, c.Warnings()...)
		interval = max(interval, c.Observation.Interval) // the first reading itself may take longer
		checked, unchecked := doctor.Check(c.Observation, doctor.Rules())
		list = append(list, render.Checkup{Netns: c.Netns, Label: c.Label, Findings: doctor.Examine(c.Observation, doctor.Rules()),
			Checked: checked, Unchecked: unchecked, Sockets: c.Observation.Survey.Counts.Total()})
	}
	var b bytes.Buffer
	findings := render.Findings{Format: render.Table, Color: l.color, Width: l.width, Interval: interval, Words: p.words}
	err = findings.Write(&b, list, warnings.Texts())
	return b.String() + p.notes(warnings), err
}
