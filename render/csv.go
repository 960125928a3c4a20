package render

import (
	"bytes"
	"unicode"
	"unicode/utf8"

	"tcpstate/tcp"
	"tcpstate/text"
)

// appendCSVHeader appends the names of the columns as a record.
func appendCSVHeader(b []byte, columns []*Column) []byte {
	for i, c := range columns {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, c.name...)
	}
	return append(b, '\n')
}

// appendCSV appends a socket as a record of RFC 4180, its line ended by LF
// alone, as encoding/csv writes it. An unknown value is an empty field. What is
// not printable is escaped as in a table: CSV is read on terminals too, and no
// field then holds a line break. JSON has such text exactly.
func appendCSV(b []byte, columns []*Column, s *tcp.Socket) []byte {
	for i, c := range columns {
		if i > 0 {
			b = append(b, ',')
		}
		start := len(b)
		b = c.appendText(b, s)
		switch {
		case c.fromOutside(s):
			b = quoteFrom(text.EscapeFrom(b, start), start)
		case c.kind == countdown:
			b = quoteFrom(b, start)
		}
	}
	return append(b, '\n')
}

// quoteFrom quotes the field b[start:] where encoding/csv would quote it.
func quoteFrom(b []byte, start int) []byte {
	if !needsQuotes(b[start:]) {
		return b
	}
	field := string(b[start:])
	b = append(b[:start], '"')
	for i := range len(field) {
		if field[i] == '"' {
			b = append(b, '"')
		}
		b = append(b, field[i])
	}
	return append(b, '"')
}

// needsQuotes is the rule of encoding/csv: a comma, a quote, a line break, a
// space to begin with, or what PostgreSQL takes for the end of data.
func needsQuotes(field []byte) bool {
	if len(field) == 0 {
		return false
	}
	if string(field) == `\.` || bytes.ContainsAny(field, "\",\r\n") {
		return true
	}
	first, _ := utf8.DecodeRune(field)
	return unicode.IsSpace(first)
}
