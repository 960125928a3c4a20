package text

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mattn/go-runewidth"
)

// metric is the table of widths. Characters whose width is ambiguous (Unicode
// Standard Annex 11), such as those that draw boxes, take one column on today's
// terminals, whatever the locale.
var metric = runewidth.Condition{EastAsianWidth: false, StrictEmojiNeutral: true}

// Width returns how many columns of a terminal s takes: the sum of the widths of
// its characters, as wcwidth(3) has it. Chinese takes two columns a character.
// s must have no control characters and no colours; see [Columns] for these.
func Width[S chars](s S) int {
	if isASCII(s) {
		return len(s)
	}
	columns := 0
	for i := 0; i < len(s); {
		r, size := decode(s[i:])
		columns += RuneWidth(r)
		i += size
	}
	return columns
}

// RuneWidth returns how many columns a character takes: 0, 1 or 2. A mark that
// stands on the character before it takes none.
func RuneWidth(r rune) int {
	switch {
	case r >= ' ' && r <= '~':
		return 1
	case unicode.In(r, unicode.Mn, unicode.Me):
		return 0
	}
	return metric.RuneWidth(r)
}

// PadRight returns s with spaces after it, so that it takes n columns at least.
func PadRight(s string, n int) string { return s + Spaces(n-Width(s)) }

// PadLeft returns s with spaces before it, so that it takes n columns at least.
func PadLeft(s string, n int) string { return Spaces(n-Width(s)) + s }

// Spaces returns n spaces, none where n is negative.
func Spaces(n int) string { return strings.Repeat(" ", max(0, n)) }

// AppendSpaces appends n spaces, none where n is negative.
func AppendSpaces(b []byte, n int) []byte {
	for range n {
		b = append(b, ' ')
	}
	return b
}

// Truncate returns s if it takes n columns at most. Otherwise it returns as much
// of the beginning of s as fits n columns together with the mark, and the mark.
// Where there is no room for the mark, only its beginning is left.
func Truncate(s string, n int, mark string) string {
	if Width(s) <= n {
		return s
	}
	room := n - Width(mark)
	if room < 0 {
		return head(mark, n)
	}
	return head(s, room) + mark
}

// TruncateMiddle is Truncate, but leaves out the middle of s and keeps its end,
// at most 8 columns of it: both ends of an address with a port say something.
func TruncateMiddle(s string, n int, mark string) string {
	if Width(s) <= n {
		return s
	}
	end := min(n/2, 8)
	first := n - end - Width(mark)
	if first < 1 {
		return Truncate(s, n, mark)
	}
	return head(s, first) + mark + tail(s, end)
}

// head returns the beginning of s that takes n columns at most.
func head(s string, n int) string {
	columns := 0
	for i, r := range s {
		if columns += RuneWidth(r); columns > n {
			return s[:i]
		}
	}
	return s
}

// tail returns the end of s that takes n columns at most. It begins with no mark
// whose character is left out.
func tail(s string, n int) string {
	start, columns := len(s), 0
	for at := len(s); at > 0; {
		r, size := utf8.DecodeLastRuneInString(s[:at])
		at -= size
		width := RuneWidth(r)
		if columns += width; columns > n {
			break
		}
		if width > 0 {
			start = at
		}
	}
	return s[start:]
}

// Columns returns n columns of a line of coloured text, from the column from on.
// The colours (see [Style]) take no columns, and all of them stay.
func Columns(s string, from, n int) string {
	var b strings.Builder
	column := 0
	for s != "" {
		if strings.HasPrefix(s, sgr) {
			if end := strings.IndexByte(s, 'm'); end >= 0 {
				b.WriteString(s[:end+1])
				s = s[end+1:]
				continue
			}
		}
		r, size := utf8.DecodeRuneInString(s)
		width := RuneWidth(r)
		if column >= from && column+width <= from+n {
			b.WriteRune(r)
		}
		column += width
		s = s[size:]
	}
	return b.String()
}
