package screen

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"tcpstate/explain"
	"tcpstate/render"
	"tcpstate/tcp"
	"tcpstate/text"
)

// detail returns the socket that is shown in full, or nil if it has not been
// read yet.
func (m *model) detail() *socketDetail {
	if m.frame == nil || m.frame.detail == nil || m.frame.detail.id != m.want.detail || m.frame.detail.socket == nil {
		return nil
	}
	return m.frame.detail
}

// layOutSocket lays out the socket that is shown in full.
func (m *model) layOutSocket() {
	o := m.detail()
	switch {
	case o != nil:
		m.page.title = m.say("screen.socket.title", "ends", text.Escape(addressesOf(o.socket)))
		m.page.lines = m.socketLines(o)
	case m.frame != nil && m.frame.detail != nil && m.frame.detail.id == m.want.detail:
		m.page.lines = []string{m.say("screen.socket.closed")}
	default:
		m.page.lines = []string{m.say("screen.wait")}
	}
	m.scroll(0)
}

func addressesOf(s *tcp.Socket) string {
	if s.Peer.Port() == 0 {
		return s.Local.String()
	}
	return s.Local.String() + " - " + s.Peer.String()
}

// socketLines returns the lines of a socket in full: its owner and its queues,
// the states that it went through, what happens to it next, and all fields that
// the kernel reports.
func (m *model) socketLines(o *socketDetail) []string {
	s := o.socket
	var lines []string
	add := func(name, value string) {
		lines = append(lines, m.paint(text.Dim, text.PadRight(name, 10))+text.EscapeLine(value))
	}
	cell := func(name string) string { return string(m.columnOf(name).AppendCell(nil, s)) }
	lines = append(lines, m.paint(text.Dim, text.PadRight(m.say("screen.socket.state"), 10))+m.paint(render.StateStyle(s.State), s.State.String()))
	if !o.gone.IsZero() {
		add(m.say("screen.socket.gone"), m.say("screen.socket.gone-since", "time", o.gone.Format("15:04:05")))
	}
	add(m.say("screen.socket.local"), cell("local"))
	add(m.say("screen.socket.peer"), cell("peer"))
	add(m.say("screen.socket.process"), cell("process"))
	if command := cell("command"); command != "-" {
		add(m.say("screen.socket.command"), command)
	}
	if uid, known := s.Owner.UID.Get(); known {
		add(m.say("screen.socket.user"), fmt.Sprintf("%d %s", uid, s.Owner.User))
	}
	if s.State == tcp.Listen {
		add(m.say("screen.socket.queue"), m.say("screen.socket.waiting", "n", cell("recv_q"), "most", cell("send_q")))
	} else {
		add(m.say("screen.socket.queues"), m.say("screen.socket.bytes", "unread", cell("recv_q"), "unacknowledged", cell("send_q")))
	}
	add(m.say("screen.socket.timer"), cell("timer"))
	add(m.say("screen.socket.age"), cell("age"))
	if o.err != nil {
		add(m.say("screen.socket.note"), m.words.Error(o.err))
	}
	lines = append(lines, "", m.paint(text.Bold, m.say("screen.socket.history")))
	lines = append(lines, m.historyLines(o)...)
	lines = append(lines, "")
	lines = append(lines, m.outlookLines(o)...)
	return append(lines, m.fieldLines(s)...)
}

// historyLines returns the states in which the socket was seen.
func (m *model) historyLines(o *socketDetail) []string {
	var lines []string
	for i, step := range o.history {
		what := m.say("screen.socket.from-start")
		switch {
		case i > 0:
			what = m.say("screen.socket.after", "time", roundedDuration(step.At.Sub(o.history[i-1].At)))
		case o.new:
			what = m.say("screen.socket.opened")
		}
		lines = append(lines, fmt.Sprintf("  %s  %s  %s", step.At.Format("15:04:05.000"), m.paint(render.StateStyle(step.State), text.PadRight(step.State.String(), 14)), what))
	}
	return lines
}

// roundedDuration returns a time between two readings.
func roundedDuration(d time.Duration) string { return d.Round(10 * time.Millisecond).String() }

// outlookLines returns what happens to the socket next, as explain describes
// it.
func (m *model) outlookLines(o *socketDetail) []string {
	if m.pages == nil || m.pages.book == nil || !o.gone.IsZero() {
		return nil
	}
	explainer := m.pages.book.SocketExplainer(o.settings)
	explainer.Add(o.socket)
	explanation, err := explainer.Explain()
	if err != nil {
		return []string{text.EscapeLine(m.words.Error(err)), ""}
	}
	var b bytes.Buffer
	if err := explanation.WriteText(&b, explain.Terminal{Width: m.width, Prose: m.width, Color: m.color, ASCII: m.ascii}); err != nil || b.Len() == 0 {
		return nil
	}
	return append(linesOf(b.String()), "")
}

// fieldLines returns the JSON fields of a socket that are known, with their
// descriptions. The fields of an object follow the name of the object.
func (m *model) fieldLines(s *tcp.Socket) []string {
	type known struct{ object, name, value, doc string }
	var list []known
	names, values := 0, 0
	for _, f := range render.Fields() {
		if strings.Contains(f.Name, "[]") || f.Type == "object" {
			continue
		}
		value := cellOf(f.Name, s)
		if value == "-" {
			continue
		}
		object, name, nested := strings.Cut(f.Name, ".")
		if !nested {
			object, name = m.say("screen.socket"), f.Name
		}
		list = append(list, known{object, name, value, f.Doc})
		names, values = max(names, len(name)), max(values, min(text.Width(value), 20))
	}
	var lines []string
	last := ""
	for _, f := range list {
		if f.object != last {
			lines = append(lines, m.paint(text.Bold, f.object))
			last = f.object
		}
		lines = append(lines, fmt.Sprintf("  %s  %s  %s", text.PadRight(f.name, names), text.PadRight(f.value, values), m.paint(text.Dim, f.doc)))
	}
	return lines
}

// cellOf returns the cell of a socket in the table's column of that name, or
// "-" if there is no such column.
func cellOf(name string, s *tcp.Socket) string {
	columns, err := render.ParseColumns(name)
	if err != nil {
		return "-"
	}
	return string(columns[0].AppendCell(nil, s))
}

// viewPage draws a page or a socket in full.
func (m *model) viewPage() []string {
	lines := []string{m.line().put(text.Bold, m.page.title).String()}
	n := m.pageHeight()
	if m.page.err != nil {
		lines = append(lines, m.line().put(text.Red, m.words.Error(m.page.err)).String())
	} else {
		for i := m.page.top; i < min(m.page.top+n, len(m.page.lines)); i++ {
			lines = append(lines, m.pageLine(m.page.lines[i]))
		}
	}
	for len(lines) < n+1 {
		lines = append(lines, "")
	}
	foot := m.line()
	if m.note != "" {
		foot.put(text.Yellow, m.note)
	} else {
		last := min(m.page.top+n, len(m.page.lines))
		foot.put(text.Dim, m.say("screen.foot.page", "first", min(m.page.top+1, last), "last", last, "n", len(m.page.lines)))
		if m.showing == theSocket {
			foot.put(text.Dim, "  "+m.say("screen.foot.socket"))
		}
	}
	return append(lines, foot.String())
}

// pageLine returns the columns of a line of a page that are on the screen. If
// there is more on the right, it ends with a mark.
func (m *model) pageLine(line string) string {
	if text.ColouredWidth(line) <= m.page.left+m.width {
		return strings.TrimRight(text.Columns(line, m.page.left, m.width), " ")
	}
	return text.Columns(line, m.page.left, m.width-1) + m.ellipsis()
}
