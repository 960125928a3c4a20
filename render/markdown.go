package render

import (
	"tcpstate/tcp"
	"tcpstate/text"
)

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
