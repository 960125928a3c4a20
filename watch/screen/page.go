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
)

// page is a text that fills the screen, and what part of it is shown.
type page struct {
	kind  kind
	state tcp.State // of an explanation
	title string
	lines []string
	err   error
	asked int // which question it answers

	top, left int
}

// kind is what a page is.
type kind uint8

// The pages.
const (
	keys kind = iota
	explanation
	examination
)

// pages writes the pages that take a look at the host of their own, beside the
// reader.
type pages struct {
	ctx   context.Context
	query collect.Query
	book  *explain.Book
	now   func() time.Time
}

// layout is how wide a page is to be, and with which characters.
type layout struct {
	width        int
	color, ascii bool
}

func (m *model) layout() layout { return layout{m.width, m.color, m.ascii} }

// openPage shows a page, and begins to write one that takes its time.
func (m *model) openPage(k kind, state tcp.State) tea.Cmd {
	m.lastOpen++
	m.showing = thePage
	m.page = page{kind: k, state: state, asked: m.lastOpen, lines: []string{"a moment ..."}}
	asked, pages, l := m.lastOpen, m.pages, m.layout()
	switch k {
	case explanation:
		m.page.title = "explain " + state.String()
		return func() tea.Msg { return pages.answer(asked, func() (string, error) { return pages.explain(state, l) }) }
	case examination:
		m.page.title = "doctor"
		return func() tea.Msg { return pages.answer(asked, func() (string, error) { return pages.examine(l) }) }
	}
	m.page.title, m.page.lines = "keys", helpLines()
	return nil
}

func (m *model) help() tea.Cmd { return m.openPage(keys, 0) }

// takePage takes over a page that was asked for, unless another was meanwhile.
func (m *model) takePage(p page) {
	if m.showing != thePage || p.asked != m.page.asked {
		return
	}
	m.page.lines, m.page.err = p.lines, p.err
}

// pressPage answers a key on a page.
func (m *model) pressPage(key string) tea.Cmd {
	switch key {
	case "q", "esc", "enter", "backspace":
		m.showing, m.page, m.want.open = theList, page{}, 0
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
		if o := m.openedSocket(); m.showing == theSocket && o != nil {
			text := string(render.AppendSocket(nil, o.socket))
			m.note = "copied the socket as JSON, where the terminal allows it"
			return tea.SetClipboard(text)
		}
	case "e":
		if o := m.openedSocket(); m.showing == theSocket && o != nil {
			m.want.open = 0
			return m.openPage(explanation, o.socket.State)
		}
	case "?", "h":
		m.want.open = 0
		return m.help()
	case "ctrl+l":
		return tea.ClearScreen
	case "ctrl+z":
		return tea.Suspend
	}
	return nil
}

// maxLeft is how far a page can be moved to the left: pages have 100 columns at
// most, and a listing of arguments may have more.
const maxLeft = 400

// pageHeight is how many lines of a page are shown.
func (m *model) pageHeight() int { return max(m.height-2, 1) }

func (m *model) scroll(n int) {
	m.page.top = max(0, min(m.page.top+n, len(m.page.lines)-m.pageHeight()))
}

func helpLines() []string {
	lines := []string{"In the list:", ""}
	for _, b := range listKeys() {
		lines = append(lines, "  "+text.PadRight(b.shown, 18)+"  "+b.doc)
	}
	return append(lines, "", "On a page like this: the same keys move, Left and Right too; q or Esc goes back.",
		"", "Rows are marked for one look: + opened, > changed, - gone.")
}

// answer returns the page that write writes.
func (p *pages) answer(asked int, write func() (string, error)) page {
	text, err := write()
	answer := page{asked: asked, err: err}
	if err == nil {
		answer.lines = linesOf(text)
	}
	return answer
}

func linesOf(text string) []string { return strings.Split(strings.TrimRight(text, "\n"), "\n") }

// explain returns explain's page of a state, with the numbers of this host.
func (p *pages) explain(state tcp.State, l layout) (string, error) {
	topic, _ := explain.TopicOf(state)
	host, warnings, err := collect.ReadHost(p.ctx, p.query, topic)
	if err != nil { // which is no reason not to explain
		host, warnings = nil, append(warnings, collect.LeaveHostOut(err))
	}
	text, err := p.book.Page(topic, host)
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	err = text.WriteText(&b, explain.Terminal{Width: l.width, Color: l.color, ASCII: l.ascii})
	return b.String() + notes(warnings), err
}

// notes returns the lines at the end of a page that tell warnings.
func notes(warnings collect.Warnings) string {
	var b strings.Builder
	for i, warning := range warnings.Texts() {
		if i == 0 {
			b.WriteString("\n")
		}
		b.WriteString("note: " + text.EscapeLine(warning) + "\n")
	}
	return b.String()
}

// between is from one reading of the counters to the next, for the doctor.
const between = time.Second

// examine returns what the doctor finds.
func (p *pages) examine(l layout) (string, error) {
	q := p.query
	q.Filter, q.States = nil, tcp.All
	begun := p.now()
	checkups, warnings, err := collect.BeginCheckups(p.ctx, q, doctor.DefaultThresholds())
	if err != nil {
		return "", err
	}
	select {
	case <-p.ctx.Done():
		return "", p.ctx.Err()
	case <-time.After(between):
	}
	var list []render.Checkup
	for _, c := range checkups {
		if err := c.End(p.now().Sub(begun)); err != nil {
			return "", err
		}
		warnings = append(warnings, c.Warnings()...)
		checked, unchecked := doctor.Check(c.Observation, doctor.Rules())
		list = append(list, render.Checkup{Netns: c.Netns, Findings: doctor.Examine(c.Observation, doctor.Rules()),
			Checked: checked, Unchecked: unchecked, Sockets: c.Observation.Survey.Counts.Total()})
	}
	var b bytes.Buffer
	findings := render.Findings{Format: render.Table, Color: l.color, Width: l.width, Interval: between}
	err = findings.Write(&b, list, warnings.Texts())
	return b.String() + notes(warnings), err
}
