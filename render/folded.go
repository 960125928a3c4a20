package render

import (
	"iter"
	"slices"
	"strings"

	"tcpstate/text"
)

// detailIndent is the number of spaces before the lines below a socket.
const detailIndent = 4

// folded lays out a table that is too wide for its lines: the first columns in the
// row of a socket, the others in lines below it, each with its name. A column has
// the same place below every socket.
type folded struct {
	*Listing
	head   int        // columns in the row
	widths []int      // of all columns; of the columns in the lines below, without their names
	lines  [][]detail // below each socket
}

// detail is a column in a line below a socket.
type detail struct {
	column int
	name   string
}

// fold returns the layout of a table that is wider than the screen, and false if the
// table is not.
func (l *Listing) fold(sorted iter.Seq[[]byte]) (*folded, bool) {
	if l.Width == 0 || l.Head == 0 {
		return nil, false
	}
	f := &folded{Listing: l, widths: make([]int, len(l.Columns))}
	known := make([]bool, len(l.Columns))
	for row := range sorted {
		widen(f.widths, row)
		for i, cell := range cells(row) {
			known[i] = known[i] || string(cell) != "-"
		}
	}
	if f.rowWidth(len(l.Columns)) <= l.Width {
		return nil, false
	}
	f.head = l.Head
	for f.head > l.ends() && f.rowWidth(f.head) > l.Width {
		f.head--
	}
	room := 0
	for i := f.head; i < len(l.Columns); i++ {
		if !known[i] {
			continue
		}
		d := detail{i, strings.ToLower(l.Columns[i].Heading())}
		need := columnGap + len(d.name) + 1 + f.widths[i]
		if room -= need; room < 0 {
			f.lines = append(f.lines, nil)
			room = l.Width - detailIndent + columnGap - need
		}
		last := len(f.lines) - 1
		f.lines[last] = append(f.lines[last], d)
	}
	return f, true
}

// ends returns the number of columns that always stay in the row: those up to the
// two ends.
func (l *Listing) ends() int {
	return 1 + slices.IndexFunc(l.Columns, func(c *Column) bool { return c.name == "peer" })
}

// rowWidth returns the width of a row of the first n columns.
func (f *folded) rowWidth(n int) int {
	width := (n - 1) * columnGap
	for i := range n {
		cells := f.widths[i]
		if f.Header {
			cells = max(cells, text.Width([]byte(f.Columns[i].Heading())))
		}
		width += cells
	}
	return width
}

// draw writes the rows, each with its lines.
func (f *folded) draw(out *output, sorted iter.Seq[[]byte]) error {
	row := *f.Listing
	row.Columns = f.Columns[:f.head]
	widths := f.widths[:f.head:f.head]
	if f.Header {
		header := appendHeadings(nil, row.Columns)
		widen(widths, header)
		out.buf = row.appendLine(out.buf, widths, header, row.paintHeading)
	}
	values := make([][]byte, len(f.Columns))
	var head []byte
	for line := range sorted {
		head = head[:0]
		for i, cell := range cells(line) {
			values[i] = cell
			if i < f.head {
				head = append(append(head, cell...), '\t')
			}
		}
		out.buf = row.appendLine(out.buf, widths, head, row.paintCell)
		for _, details := range f.lines {
			out.buf = f.appendDetails(out.buf, details, values)
		}
		if err := out.endRow(); err != nil {
			return err
		}
	}
	return nil
}

// appendDetails appends a line below a socket. It leaves the place of an unknown
// value empty, and appends nothing if all are unknown.
func (f *folded) appendDetails(b []byte, details []detail, values [][]byte) []byte {
	start, owed := len(b), detailIndent
	for _, d := range details {
		value, width := values[d.column], len(d.name)+1+f.widths[d.column]
		if string(value) == "-" {
			owed += width + columnGap
			continue
		}
		b = text.AppendPainted(text.AppendSpaces(b, owed), text.Dim.If(f.Color), d.name)
		b = f.paintCell(append(b, ' '), f.Columns[d.column], value)
		owed = columnGap + width - len(d.name) - 1 - text.Width(value)
	}
	if len(b) == start {
		return b
	}
	return append(b, '\n')
}
