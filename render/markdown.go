package render

import (
	"bytes"

	"tcpstate/tcp"
)

// appendMarkdownHeader appends the two lines that a table of GitHub Flavored
// Markdown begins with; without them it would be no table.
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

// appendMarkdown appends a socket as a row.
func appendMarkdown(b []byte, columns []*Column, s *tcp.Socket) []byte {
	for _, c := range columns {
		b = append(b, "| "...)
		start := len(b)
		b = c.appendCell(b, s)
		b = append(escapeMarkdownFrom(b, start), ' ')
	}
	return append(b, "|\n"...)
}

// escapeMarkdownFrom escapes in b[start:] what would end the cell, and the
// character that escapes.
func escapeMarkdownFrom(b []byte, start int) []byte {
	if !bytes.ContainsAny(b[start:], `|\`) {
		return b
	}
	cell := string(b[start:])
	b = b[:start]
	for i := range len(cell) {
		if cell[i] == '|' || cell[i] == '\\' {
			b = append(b, '\\')
		}
		b = append(b, cell[i])
	}
	return b
}
