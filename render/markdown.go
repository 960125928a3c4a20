package render

import (
	"bytes"

	"tcpstate/tcp"
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

// escapeMarkdownFrom escapes the characters in b[start:] that would end the
// cell, and the escape character itself.
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
