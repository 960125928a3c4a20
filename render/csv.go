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

// appendCSV appends a socket as a record of RFC 4180. The line ends with LF
// only, as encoding/csv writes it. An unknown value is an empty field.
// Characters that are not printable are escaped as in a table, because people
// also read CSV on terminals. So no field contains a line break. JSON has the
// exact text.
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

// quoteFrom quotes the field b[start:] if encoding/csv would quote it.
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

// needsQuotes reports whether encoding/csv would quote a field: if it contains
// a comma, a quote or a line break, if it begins with a space, or if it is \.
// (the end of data for PostgreSQL).
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
