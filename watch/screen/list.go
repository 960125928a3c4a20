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

// rowsTitle says what is listed.
func (m *model) rowsTitle() string {
	f := m.frame
	what := text.Count(f.rows.total-f.gone, "socket", "sockets")
	if m.want.group != ungrouped {
		what = text.Count(f.rows.total-f.gone, "group", "groups") + " by " + m.want.group.String()
	}
	if f.gone > 0 {
		what += fmt.Sprintf(", %d gone", f.gone)
	}
	if m.waiting() {
		what = "a moment ..."
	}
	order := "sort " + m.want.sort.by.String()
	if m.want.sort.descending {
		order += " down"
	}
	l := m.line().put(text.Bold, what)
	if m.want.front != 0 {
		l.put("", "  in ").put(render.StateStyle(m.want.front), m.want.front.String())
	}
	l.put("", "  "+order)
	if expr := strings.TrimSpace(m.filter); expr != "" && m.input == nil {
		l.put("", "  filter ").put(text.Yellow, expr)
	}
	return l.String()
}

// column is a column of the list.
type column struct {
	heading string
	cells   []string
	right   bool // aligned to the right
	middle  bool // cut in the middle where it must be
	well    int  // columns that it can be cut to and be read well; 0: it is never cut
	rank    int  // the highest is left out first where there is no room; 0: never
	colors  []text.Style
}

// gap stands between two columns.
const gap = 2

// table draws the headings and so many rows, those on the screen and no others.
func (m *model) table(n int) []string {
	rows := make([]*row, 0, n)
	for i := range min(n, max(m.frame.rows.total-m.top, 0)) {
		rows = append(rows, m.frame.rows.row(m.top+i))
	}
	columns := m.socketColumns(rows)
	if m.frame.wish.group != ungrouped {
		columns = m.groupColumns(rows)
	}
	columns, widths := m.fit(columns)
	lines := []string{m.tableLine(columns, widths, -1, "  ", text.Bold)}
	for i, row := range rows {
		switch {
		case row == nil:
			lines = append(lines, "  "+m.ellipsis())
		case m.top+i == m.cursor:
			lines = append(lines, m.tableLine(columns, widths, i, ">"+markText[row.mark], text.Reverse))
		default:
			lines = append(lines, m.tableLine(columns, widths, i, " "+markText[row.mark], markColor[row.mark]))
		}
	}
	return lines
}

var (
	markText  = [...]string{unmarked: " ", opening: "+", changed: ">", closed: "-"}
	markColor = [...]text.Style{unmarked: "", opening: text.Green, changed: text.Yellow, closed: text.Red}
)

// tableLine draws a row, or with -1 the headings. The row is all in one colour,
// or, where it has none, each cell in its own.
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
		if col.middle {
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
		l.put(own, cell)
	}
	if color == text.Reverse {
		l.put(color, text.Spaces(m.width-l.columns))
	}
	return strings.TrimRight(l.String(), " ")
}

// fit leaves out the columns that there is no room for, and cuts others: first
// to what can be read well, and where that is not enough, once nothing more can be
// left out, to what can be read at all.
func (m *model) fit(columns []column) ([]column, []int) {
	const lead = 2
	for {
		natural, well := lead-gap, lead-gap
		widths, last := make([]int, len(columns)), 0
		for i, c := range columns {
			widths[i] = text.Width(c.heading)
			for _, cell := range c.cells {
				widths[i] = max(widths[i], text.Width(cell))
			}
			natural += gap + widths[i]
			well += gap + widths[i] - c.spare(widths[i])
			if c.rank > columns[last].rank {
				last = i
			}
		}
		if well > m.width && columns[last].rank > 0 {
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
			if widest < 0 { // not even well enough: from the widest that can be cut
				for i, c := range columns {
					if c.well > 0 && widths[i] > 1 && (widest < 0 || widths[i] > widths[widest]) {
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

// spare returns by how much a column of that width can be cut and still be read
// well.
func (c *column) spare(width int) int {
	if c.well == 0 {
		return 0
	}
	return max(0, width-c.well)
}

// socketColumns returns the columns of sockets, with the cells of the rows.
func (m *model) socketColumns(rows []*row) []column {
	stateRank := 0
	if m.frame.wish.front != 0 {
		stateRank = 8 // it is all but the same in all rows
	}
	list := []struct {
		name string
		column
	}{
		{"netns", column{well: 12, rank: 5}},
		{"state", column{well: 14, rank: stateRank}},
		{"recv_q", column{right: true, rank: 3}},
		{"send_q", column{right: true, rank: 4}},
		{"local", column{middle: true, well: 21, rank: 2}},
		{"peer", column{middle: true, well: 21}},
		{"process", column{well: 15, rank: 1}},
		{"age", column{right: true, rank: 6}},
		{"timer", column{well: 16, rank: 7}},
		{"uid", column{right: true, rank: 9}},
		{"inode", column{right: true, rank: 10}},
		{"cookie", column{rank: 11}},
	}
	var columns []column
	for _, entry := range list {
		switch {
		case entry.name == "process" && !m.processes && m.frame.wish.sort.by != byProcess:
			continue
		case entry.name == "netns" && m.within == "":
			continue
		}
		of, err := render.ParseColumns(entry.name)
		if err != nil {
			panic(err) // the names are this program's own
		}
		c := entry.column
		c.heading, c.cells = of[0].Heading(), make([]string, len(rows))
		if entry.name == "state" {
			c.colors = make([]text.Style, len(rows))
		}
		for i, row := range rows {
			if row == nil || row.socket == nil {
				continue
			}
			c.cells[i] = string(of[0].AppendCell(nil, row.socket))
			if c.colors != nil {
				c.colors[i] = render.StateStyle(row.socket.State)
			}
		}
		columns = append(columns, c)
	}
	return columns
}

// groupColumns returns the columns of groups: what they have in common, how many
// there are, and of which states most.
func (m *model) groupColumns(rows []*row) []column {
	name := column{heading: strings.ToUpper(m.frame.wish.group.String()), well: 20, middle: true}
	total := column{heading: "TOTAL", right: true}
	change := column{heading: "CHANGE", right: true, rank: 1}
	states := column{heading: "STATES", well: 12, rank: 2}
	var nothing row
	for _, row := range rows {
		if row == nil {
			row = &nothing
		}
		name.cells = append(name.cells, text.Escape(row.name))
		total.cells = append(total.cells, strconv.Itoa(row.total))
		change.cells = append(change.cells, signed(row.change))
		states.cells = append(states.cells, stateList(&row.counts))
	}
	return []column{name, total, change, states}
}

// stateList returns the states of a group, with how many there are of each, the
// most first.
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
