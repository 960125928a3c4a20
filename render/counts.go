package render

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"tcpstate/tcp"
	"tcpstate/text"
	"tcpstate/wording"
)

// Counting says how to write counts of sockets.
type Counting struct {
	Format Format
	By     []CountKey         // the keys that define the groups; none: no groups
	Header bool               // column headings in a table or CSV
	Color  bool               // ANSI colours in a table
	Meta   Meta               // metadata of a JSON document
	Words  *wording.Catalogue // of the table; nil: English
}

// CountKey is one key that defines groups.
type CountKey struct {
	Name    string
	Numeric bool // its values are numbers, which JSON writes as numbers
}

// CountGroup is the counts of the sockets that have the same values.
type CountGroup struct {
	Values []string // one for each key; "" if these sockets have no value for it
	Counts tcp.Counts
}

// remarks are the keys of what explains the states about which people ask most.
var remarks = [tcp.NumStates + 1]string{
	tcp.SynRecv:   "render.remark.half-open",
	tcp.CloseWait: "render.remark.close-wait",
	tcp.TimeWait:  "render.remark.time-wait",
}

// Write writes the counts of all states, or of the groups, to w.
func (c *Counting) Write(w io.Writer, counts tcp.Counts, groups []CountGroup, warnings []string) error {
	out := &output{w: w}
	var err error
	switch c.Format {
	case JSON:
		err = c.appendJSON(out, counts, groups, warnings)
	case NDJSON:
		err = c.appendNDJSON(out, counts, groups)
	case CSV:
		err = c.appendCSV(out, counts, groups)
	case Markdown:
		c.appendMarkdown(out, c.rows(counts, groups))
	default:
		err = c.draw(out, c.rows(counts, groups))
	}
	if err != nil {
		return err
	}
	return out.flush()
}

// countRows holds the rows of a table for people, and its headings.
type countRows struct {
	headings []string
	right    []bool
	states   []tcp.State // the state of each heading; 0 if the heading is not a state
	rows     [][]string
}

// rows returns the table of states, or the table of groups.
func (c *Counting) rows(counts tcp.Counts, groups []CountGroup) countRows {
	if len(c.By) == 0 {
		return c.stateRows(counts)
	}
	return c.groupRows(counts, groups)
}

// barLength is the length of the bar for the largest count, in columns.
const barLength = 20

func (c *Counting) stateRows(counts tcp.Counts) countRows {
	t := countRows{headings: []string{"STATE", "SOCKETS", "SHARE", "", ""}, right: []bool{false, true, true, false, false}}
	total, largest := counts.Total(), slices.Max(counts[:])
	for s := range tcp.All.States() {
		n := counts.Of(s)
		bar, remark := "", ""
		if n > 0 {
			bar = strings.Repeat("#", max(1, n*barLength/largest))
		}
		if n > 0 && remarks[s] != "" {
			remark = wording.Say(remarks[s]).In(c.Words)
		}
		t.rows = append(t.rows, []string{s.String(), c.number(&counts, s, "-"), share(n, total), bar, remark})
	}
	t.rows = append(t.rows, []string{"TOTAL", strconv.Itoa(total), "", "", ""})
	return t
}

// number returns the number of sockets in a state, or unknown if the source does
// not list them.
func (c *Counting) number(counts *tcp.Counts, s tcp.State, unknown string) string {
	if !numberKnown(counts, s, c.Meta.Unlisted) {
		return unknown
	}
	return strconv.Itoa(counts.Of(s))
}

// share returns n in percent of total. It returns "" if n is 0, and it never
// shows 0 percent for another n.
func share(n, total int) string {
	switch {
	case n == 0:
		return ""
	case 1000*n < total:
		return "<0.1%"
	}
	return fmt.Sprintf("%.1f%%", 100*float64(n)/float64(total))
}

// groupRows returns a table with a column for each key, for the total, and for
// each state that occurs.
func (c *Counting) groupRows(counts tcp.Counts, groups []CountGroup) countRows {
	var t countRows
	add := func(heading string, right bool, s tcp.State) {
		t.headings, t.right, t.states = append(t.headings, heading), append(t.right, right), append(t.states, s)
	}
	for _, key := range c.By {
		add(strings.ToUpper(key.Name), key.Numeric, 0)
	}
	add("TOTAL", true, 0)
	var occurring []tcp.State
	for s := range tcp.All.States() {
		if counts.Of(s) > 0 {
			occurring = append(occurring, s)
			add(s.String(), true, s)
		}
	}
	for _, group := range groups {
		var row []string
		for _, value := range group.Values {
			row = append(row, text.Escape(cmp.Or(value, "-")))
		}
		row = append(row, strconv.Itoa(group.Counts.Total()))
		for _, s := range occurring {
			row = append(row, c.number(&group.Counts, s, "-"))
		}
		t.rows = append(t.rows, row)
	}
	return t
}

// draw draws the table.
func (c *Counting) draw(out *output, t countRows) error {
	headings := t.headings
	if !c.Header {
		headings = nil
	}
	if c.Color {
		headings = t.paint(headings)
	}
	return drawCells(out, headings, t.right, slices.Values(t.rows))
}

// paint colours the table: states have their colours, and other headings are
// bold. It returns the headings.
func (t *countRows) paint(headings []string) []string {
	for _, row := range t.rows {
		if s, err := tcp.ParseState(row[0]); err == nil {
			row[0] = stateColors[s].Paint(row[0])
		}
		for i, s := range t.states {
			if s != 0 && row[i] != "0" && remarks[s] != "" {
				row[i] = stateColors[s].Paint(row[i])
			}
		}
	}
	painted := slices.Clone(headings)
	for i, heading := range headings {
		painted[i] = text.Bold.Paint(heading)
	}
	return painted
}

func (c *Counting) appendMarkdown(out *output, t countRows) {
	line := func(cells []string) {
		for _, cell := range cells {
			out.buf = append(append(append(out.buf, "| "...), cell...), ' ')
		}
		out.buf = append(out.buf, "|\n"...)
	}
	line(t.headings)
	for _, right := range t.right {
		rule := "| :-- "
		if right {
			rule = "| --: "
		}
		out.buf = append(out.buf, rule...)
	}
	out.buf = append(out.buf, "|\n"...)
	for _, row := range t.rows {
		for i := range c.By { // the values of the group, which come from outside
			row[i] = text.EscapeMarkdownCell(row[i])
		}
		line(row)
	}
}

// appendCSV appends a record for each state. With groups, it appends a record
// for each group, with a field for each state.
func (c *Counting) appendCSV(out *output, counts tcp.Counts, groups []CountGroup) error {
	var records strings.Builder
	w := csv.NewWriter(&records)
	header := []string{"state", "sockets"}
	if len(c.By) > 0 {
		header = nil
		for _, key := range c.By {
			header = append(header, key.Name)
		}
		header = append(header, "total")
		for s := range tcp.All.States() {
			header = append(header, s.String())
		}
	}
	if c.Header {
		w.Write(header)
	}
	if len(c.By) == 0 {
		for s := range tcp.All.States() {
			w.Write([]string{s.String(), c.number(&counts, s, "")})
		}
	}
	for _, group := range groups {
		var record []string
		for _, value := range group.Values {
			record = append(record, text.Escape(value))
		}
		record = append(record, strconv.Itoa(group.Counts.Total()))
		for s := range tcp.All.States() {
			record = append(record, c.number(&group.Counts, s, ""))
		}
		w.Write(record)
	}
	w.Flush()
	out.buf = append(out.buf, records.String()...)
	return w.Error()
}
