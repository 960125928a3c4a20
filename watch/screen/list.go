package screen

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"tcpstate/render"
	"tcpstate/tcp"
	"tcpstate/text"
)

// itemsTitle returns the line above the list. It says how many items there are,
// how they are selected and sorted, and how many columns are on the screen, if
// these are not all.
func (m *model) itemsTitle(columns int) string {
	f := m.frame
	what := m.say("screen.sockets", "n", f.items.total-f.gone)
	switch m.want.group {
	case ungrouped:
	case theListeners:
		what = m.say("screen.listeners", "n", f.items.total)
	default:
		what = m.say("screen.groups", "n", f.items.total-f.gone, "by", m.want.group)
	}
	if f.gone > 0 {
		what = m.say("screen.gone", "rows", what, "n", f.gone)
	}
	if m.waiting() {
		what = m.waitText()
	} else if f.searches {
		what += "  " + m.say("screen.looking-up")
	}
	order := m.say("screen.sort", "column", m.want.sort.by)
	if m.want.sort.descending {
		order = m.say("screen.sort-down", "column", m.want.sort.by)
	}
	l := m.line().put(text.Bold, what)
	if m.want.focus != 0 && m.want.group != theListeners {
		l.put("", "  "+m.say("screen.in")+" ").put(render.StateStyle(m.want.focus), m.want.focus.String())
	}
	l.put("", "  "+order)
	if m.lookFor != "" {
		l.put("", "  "+m.say("screen.search")+" ").put(text.Yellow, m.lookFor)
	}
	if expr := strings.TrimSpace(m.filter); expr != "" && m.input == nil {
		l.put("", "  "+m.say("screen.filter")+" ").put(text.Yellow, expr)
	}
	all := columns
	switch m.frame.request.group {
	case ungrouped:
		all = len(m.columnNames())
	case theListeners:
		all = len(m.listenerColumns(nil))
	}
	if columns < all {
		l.put(text.Dim, "  "+m.say("screen.columns.some", "n", columns, "all", all))
	}
	return l.String()
}

// waitText says what the screen waits for.
func (m *model) waitText() string {
	if f := m.want.filter; f != nil && f.Needs().Has(tcp.DetailProcesses) {
		return m.say("screen.looking-up")
	}
	return m.say("screen.wait")
}

// column is a column of the list.
type column struct {
	heading  string
	sorts    sortBy // what the list is sorted by after a click on the heading
	sortable bool
	cells    []string
	right    bool // align to the right
	middle   bool // truncate in the middle
	list     bool // truncate after a whole entry: two spaces are between two entries
	readable int  // the least width that is easy to read; 0: the column is never truncated
	rank     int  // the column with the highest rank is left out first if the screen is too narrow; 0: never left out
	colors   []text.Style
}

// gap is the number of spaces between two columns.
const gap = 2

// table draws the headings and the items on the screen.
func (m *model) table(items []*item, columns []column, widths []int) []string {
	lines := []string{m.tableLine(columns, widths, -1, "  ", text.Bold)}
	for i, item := range items {
		switch {
		case item == nil:
			lines = append(lines, "  "+m.ellipsis())
		case m.top+i == m.cursor:
			lines = append(lines, m.tableLine(columns, widths, i, ">"+markText[item.mark], text.Reverse))
		default:
			lines = append(lines, m.tableLine(columns, widths, i, " "+markText[item.mark], markColor[item.mark]))
		}
	}
	return lines
}

// itemsShown returns the n items on the screen, or all that follow. An item that
// the frame does not hold is nil.
func (m *model) itemsShown(n int) []*item {
	items := make([]*item, 0, n)
	for i := range min(n, max(m.frame.items.total-m.top, 0)) {
		items = append(items, m.frame.items.item(m.top+i))
	}
	return items
}

// tableColumns returns the columns of a table of items that are on the screen,
// with their widths.
func (m *model) tableColumns(items []*item) ([]column, []int) {
	var columns []column
	switch m.frame.request.group {
	case ungrouped:
		columns = m.socketColumns(items)
	case theListeners:
		columns = m.listenerColumns(items)
	default:
		columns = m.groupColumns(items)
	}
	m.markSorted(columns)
	if m.left > 0 && m.frame.request.group.ofSockets() {
		return m.scrolled(columns)
	}
	return m.fit(columns)
}

// scrolled leaves out the columns that are scrolled out on the left, and shows the
// others in full, as far as the screen is wide enough. The last one may be cut.
func (m *model) scrolled(columns []column) ([]column, []int) {
	columns = columns[min(m.left, len(columns)-1):]
	room := m.width - 2 // the cursor and the mark
	var widths []int
	for i, c := range columns {
		if i > 0 && room <= 0 {
			return columns[:i], widths
		}
		width := c.width()
		widths = append(widths, max(1, min(width, room)))
		room -= width + gap
	}
	return columns, widths
}

// width returns the number of columns that the heading and the cells need.
func (c *column) width() int {
	width := text.Width(c.heading)
	for _, cell := range c.cells {
		width = max(width, text.Width(cell))
	}
	return width
}

// markSorted marks the column by which the list is sorted with an arrow: up is
// the smallest value first. Such a column is never left out.
func (m *model) markSorted(columns []column) {
	sort := m.frame.request.sort
	for i := range columns {
		if c := &columns[i]; c.sortable && c.sorts == sort.by {
			c.heading += m.arrow(sort.descending)
			c.rank = 0
			return
		}
	}
}

func (m *model) arrow(down bool) string {
	switch {
	case m.ascii && down:
		return "v"
	case m.ascii:
		return "^"
	case down:
		return "▼"
	}
	return "▲"
}

var (
	markText  = [...]string{unmarked: " ", opening: "+", changed: ">", closed: "-"}
	markColor = [...]text.Style{unmarked: "", opening: text.Green, changed: text.Yellow, closed: text.Red}
)

// tableLine draws item i, or the headings if i is -1. The line has one colour,
// or each cell has its own if colour is empty.
func (m *model) tableLine(columns []column, widths []int, i int, lead string, color text.Style) string {
	l := m.line().put(color, lead)
	for c, col := range columns {
		cell, own := col.heading, color
		if i >= 0 {
			cell = col.cells[i]
			if own == "" && col.colors != nil {
				own = col.colors[i]
			}
		}
		if col.list {
			cell = m.truncateList(cell, widths[c])
		} else if col.middle {
			cell = text.TruncateMiddle(cell, widths[c], m.ellipsis())
		} else {
			cell = text.Truncate(cell, widths[c], m.ellipsis())
		}
		if c > 0 {
			l.put(color, text.Spaces(gap))
		}
		if col.right {
			cell = text.PadLeft(cell, widths[c])
		} else if c < len(columns)-1 || color == text.Reverse {
			cell = text.PadRight(cell, widths[c])
		}
		if i < 0 {
			l.put(own, cell)
		} else {
			m.putCell(l, own, cell)
		}
	}
	if color == text.Reverse {
		l.put(color, text.Spaces(m.width-l.columns))
	}
	return strings.TrimRight(l.String(), " ")
}

// truncateList truncates a list of names with numbers, which has two spaces
// between its entries, after a whole entry. If the first entry does not fit, it
// truncates the name in it: a part of a number would be another number.
func (m *model) truncateList(cell string, width int) string {
	if text.Width(cell) <= width {
		return cell
	}
	mark := m.ellipsis()
	for kept := cell; ; {
		at := strings.LastIndex(kept, "  ")
		if at < 0 {
			name, number, _ := strings.Cut(kept, " ")
			if room := width - 1 - text.Width(number); room > text.Width(mark) {
				return text.Truncate(name, min(room, text.Width(name)-1), mark) + " " + number
			}
			return text.Truncate(mark, width, mark)
		}
		kept = kept[:at]
		switch left := width - text.Width(kept) - text.Width(mark); {
		case left > 0:
			return kept + " " + mark
		case left == 0:
			return kept + mark
		}
	}
}

// fit leaves out columns and truncates others until the table is as narrow as
// the screen. It first truncates columns down to the width that is easy to
// read. If that is not enough, and no more columns can be left out, it
// truncates them further.
func (m *model) fit(columns []column) ([]column, []int) {
	const lead = 2
	for {
		natural, readable := lead-gap, lead-gap
		widths, last := make([]int, len(columns)), 0
		for i, c := range columns {
			widths[i] = c.width()
			natural += gap + widths[i]
			readable += gap + widths[i] - c.spare(widths[i])
			if c.rank > columns[last].rank {
				last = i
			}
		}
		if readable > m.width && columns[last].rank > 0 {
			columns = slices.Delete(columns, last, last+1)
			continue
		}
		for over := natural - m.width; over > 0; over-- {
			widest, spare := -1, 0
			for i, c := range columns {
				if room := c.spare(widths[i]); room > spare {
					widest, spare = i, room
				}
			}
			if widest < 0 { // no column can be truncated and stay easy to read: take the widest
				for i, c := range columns {
					if c.readable > 0 && widths[i] > 1 && (widest < 0 || widths[i] > widths[widest]) {
						widest = i
					}
				}
			}
			if widest < 0 {
				break
			}
			widths[widest]--
		}
		return columns, widths
	}
}

// spare returns how many columns of that width can be cut off so that the text
// stays easy to read.
func (c *column) spare(width int) int {
	if c.readable == 0 {
		return 0
	}
	return max(0, width-c.readable)
}

// groupColumns returns the columns of a list of groups: the name, the number of
// sockets, and the states.
func (m *model) groupColumns(items []*item) []column {
	name := column{heading: strings.ToUpper(m.frame.request.group.String()), readable: 20, middle: true, sorts: byName, sortable: true}
	total := column{heading: "TOTAL", right: true, sorts: byTotal, sortable: true}
	change := column{heading: "CHANGE", right: true, rank: 2, sorts: byChange, sortable: true}
	states := column{heading: "STATES", readable: 12, rank: 1, list: true}
	var nothing item
	for _, item := range items {
		if item == nil {
			item = &nothing
		}
		if item.looked || item == &nothing {
			name.cells = append(name.cells, text.Escape(item.name))
		} else {
			name.cells = append(name.cells, m.say("screen.looking-up"))
		}
		total.cells = append(total.cells, strconv.Itoa(item.total))
		change.cells = append(change.cells, signed(item.change))
		states.cells = append(states.cells, stateList(&item.counts))
	}
	return []column{name, total, change, states}
}

// stateList returns the states of a group and the number of sockets in each,
// the largest first.
func stateList(counts *tcp.Counts) string {
	var parts []string
	left := *counts
	for {
		most := tcp.State(0)
		for s := range tcp.All.States() {
			if left.Of(s) > left.Of(most) {
				most = s
			}
		}
		if most == 0 {
			return strings.Join(parts, "  ")
		}
		parts = append(parts, fmt.Sprintf("%s %d", most, left[most]))
		left[most] = 0
	}
}
