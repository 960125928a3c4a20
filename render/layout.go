package render

import (
	"bytes"
	"iter"

	"tcpstate/text"
)

// layOut draws a table of any length. Its lines are the same as those of
// tablewriter. It reads the rows twice: first for the widths of the columns,
// then to write them.
func (l *Listing) layOut(out *output, sorted iter.Seq[[]byte]) error {
	var header []byte
	widths := make([]int, len(l.Columns))
	if l.Header {
		header = appendHeadings(nil, l.Columns)
		widen(widths, header)
	}
	for row := range sorted {
		widen(widths, row)
	}
	if l.Header {
		out.buf = l.appendLine(out.buf, widths, header, l.paintHeading)
	}
	for row := range sorted {
		out.buf = l.appendLine(out.buf, widths, row, l.paintCell)
		if err := out.endRow(); err != nil {
			return err
		}
	}
	return nil
}

// widen increases the widths to those of the cells.
func widen(widths []int, row []byte) {
	for i, cell := range cells(row) {
		widths[i] = max(widths[i], text.Width(cell))
	}
}

// appendLine appends the cells of a row, each drawn by paint. It appends spaces
// only before the next text, so a line does not end with spaces.
func (l *Listing) appendLine(b []byte, widths []int, row []byte, paint func(b []byte, c *Column, text []byte) []byte) []byte {
	start, owed := len(b), 0
	for i, cell := range cells(row) {
		c, missing := l.Columns[i], widths[i]-text.Width(cell)
		if c.kind.rightAligned() {
			owed, missing = owed+missing, 0
		}
		b = paint(text.AppendSpaces(b, owed), c, cell)
		owed = missing + columnGap
	}
	end := start + len(bytes.TrimRight(b[start:], " "))
	return append(b[:end], '\n')
}
