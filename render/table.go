package render

import (
	"bytes"
	"fmt"
	"iter"
	"slices"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"

	"tcpstate/tcp"
	"tcpstate/text"
)

// drawnByLibrary is the maximum number of rows for which tablewriter draws a
// table. It takes about 14 µs and 200 allocations for each row, which does not
// matter for a table that a person reads. For more rows, layOut draws the same
// lines.
const drawnByLibrary = 2000

// columnGap is the number of spaces between two columns.
const columnGap = 2

// appendHeadings appends the headings in the same form as appendCells.
func appendHeadings(b []byte, columns []*Column) []byte {
	for _, c := range columns {
		b = append(append(b, c.Heading()...), '\t')
	}
	return b
}

// AppendCell appends the cell of the socket in the column, as in a table. An
// unknown value is "-". The text is escaped, so it cannot control a terminal.
func (c *Column) AppendCell(b []byte, s *tcp.Socket) []byte { return c.appendCell(b, s) }

// appendCells appends a socket in the form that a table keeps: cells with a tab
// after each. No cell contains a tab, because appendCell escapes it.
func appendCells(b []byte, columns []*Column, s *tcp.Socket) []byte {
	for _, c := range columns {
		b = append(c.appendCell(b, s), '\t')
	}
	return b
}

// cells yields the index and the text of each cell in a row from appendCells.
func cells(row []byte) iter.Seq2[int, []byte] {
	return func(yield func(int, []byte) bool) {
		for i := 0; len(row) > 0; i++ {
			cell, rest, _ := bytes.Cut(row, []byte{'\t'})
			if !yield(i, cell) {
				return
			}
			row = rest
		}
	}
}

// draw draws the table.
func (l *Listing) draw(out *output, kept *sortedRows) error {
	sorted := kept.sorted()
	if l.Sparse {
		l, sorted = l.withoutEmpty(sorted)
	}
	if f, tooWide := l.fold(sorted); tooWide {
		return f.draw(out, sorted)
	}
	if len(kept.order) > drawnByLibrary {
		return l.layOut(out, sorted)
	}
	return l.drawByLibrary(out, sorted)
}

// withoutEmpty returns the listing and the rows without the rare columns that
// are empty in all rows.
func (l *Listing) withoutEmpty(sorted iter.Seq[[]byte]) (*Listing, iter.Seq[[]byte]) {
	hidden := make([]bool, len(l.Columns))
	for i, c := range l.Columns {
		hidden[i] = c.rare
	}
	for row := range sorted {
		for i, cell := range cells(row) {
			hidden[i] = hidden[i] && string(cell) == "-"
		}
	}
	if !slices.Contains(hidden, true) {
		return l, sorted
	}
	shown := *l
	shown.Columns = nil
	for i, c := range l.Columns {
		if !hidden[i] {
			shown.Columns = append(shown.Columns, c)
		}
	}
	return &shown, func(yield func([]byte) bool) {
		var short []byte
		for row := range sorted {
			short = short[:0]
			for i, cell := range cells(row) {
				if !hidden[i] {
					short = append(append(short, cell...), '\t')
				}
			}
			if !yield(short) {
				return
			}
		}
	}
}

// drawByLibrary draws a table of sockets with tablewriter.
func (l *Listing) drawByLibrary(out *output, sorted iter.Seq[[]byte]) error {
	var headings []string
	if l.Header {
		headings = l.texts(appendHeadings(nil, l.Columns), l.paintHeading)
	}
	right := make([]bool, len(l.Columns))
	for i, c := range l.Columns {
		right[i] = c.kind.rightAligned()
	}
	return drawCells(out, headings, right, func(yield func([]string) bool) {
		for row := range sorted {
			if !yield(l.texts(row, l.paintCell)) {
				return
			}
		}
	})
}

// drawCells draws a table with tablewriter. It has two spaces between columns
// and no lines. right marks the columns that are aligned to the right. If
// headings is nil, there are no headings. Cells may contain colours, but no
// other control characters.
func drawCells(out *output, headings []string, right []bool, rows iter.Seq[[]string]) error {
	var drawn bytes.Buffer
	table := tablewriter.NewTable(&drawn,
		tablewriter.WithRenderer(renderer.NewBlueprint(tw.Rendition{
			Borders: tw.BorderNone,
			Symbols: tw.NewSymbolCustom("gap").WithColumn(text.Spaces(columnGap)),
			Settings: tw.Settings{Lines: tw.LinesNone, Separators: tw.Separators{
				ShowHeader: tw.Off, ShowFooter: tw.Off, BetweenRows: tw.Off, BetweenColumns: tw.On,
			}},
		})),
		tablewriter.WithConfig(libraryConfig(right)),
		tablewriter.WithEastAsian(tw.Off), // widths as text.Width has them, whatever the locale
	)
	if headings != nil {
		table.Header(headings)
	}
	for row := range rows {
		if err := table.Append(row); err != nil {
			return fmt.Errorf("drawing the table: %w", err)
		}
	}
	if err := table.Render(); err != nil {
		return fmt.Errorf("drawing the table: %w", err)
	}
	for line := range bytes.Lines(drawn.Bytes()) {
		out.buf = append(append(out.buf, bytes.TrimRight(line, " \n")...), '\n')
	}
	return nil
}

// texts returns the cells of a row, each drawn by paint.
func (l *Listing) texts(row []byte, paint func(b []byte, c *Column, text []byte) []byte) []string {
	list := make([]string, len(l.Columns))
	for i, cell := range cells(row) {
		list[i] = string(paint(nil, l.Columns[i], cell))
	}
	return list
}

// libraryConfig returns a configuration in which tablewriter does not change
// the text of a cell.
func libraryConfig(right []bool) tablewriter.Config {
	cell := tw.CellConfig{
		Formatting: tw.CellFormatting{AutoFormat: tw.Off, AutoWrap: tw.WrapNone},
		Padding:    tw.CellPadding{Global: tw.PaddingNone},
	}
	for _, toTheRight := range right {
		align := tw.AlignLeft
		if toTheRight {
			align = tw.AlignRight
		}
		cell.Alignment.PerColumn = append(cell.Alignment.PerColumn, align)
	}
	return tablewriter.Config{
		Header:   cell,
		Row:      cell,
		Behavior: tw.Behavior{TrimSpace: tw.Off, TrimTab: tw.Off, TrimLine: tw.Off},
	}
}

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

// appendMarkdownHeader appends the first two lines of a table of GitHub
// Flavored Markdown. A table must have them.
func appendMarkdownHeader(b []byte, columns []*Column) []byte {
	for _, c := range columns {
		b = append(append(b, "| "...), c.Heading()...)
		b = append(b, ' ')
	}
	b = append(b, "|\n"...)
	for _, c := range columns {
		rule := "| :-- "
		if c.kind.rightAligned() {
			rule = "| --: "
		}
		b = append(b, rule...)
	}
	return append(b, "|\n"...)
}

// appendMarkdown appends a socket as a row. Only text from outside can have
// anything that Markdown takes for markup.
func appendMarkdown(b []byte, columns []*Column, s *tcp.Socket) []byte {
	for _, c := range columns {
		b = append(b, "| "...)
		start := len(b)
		b = c.appendCell(b, s)
		if c.fromOutside(s) {
			b = text.EscapeMarkdownCellFrom(b, start)
		}
		b = append(b, ' ')
	}
	return append(b, "|\n"...)
}
