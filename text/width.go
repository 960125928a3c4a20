package text

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mattn/go-runewidth"
)

// metric is the table of widths. Characters of ambiguous width (Unicode
// Standard Annex 11), such as box-drawing characters, take one column on
// today's terminals in every locale.
var metric = runewidth.Condition{EastAsianWidth: false, StrictEmojiNeutral: true}

// Width returns how many columns s takes on a terminal: the sum of the widths
// of its characters, as in wcwidth(3). A Chinese character takes two columns. s
// must not contain control characters or colours; for these see [Columns].
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

// RuneWidth returns how many columns a character takes: 0, 1 or 2. A combining
// mark takes none.
func RuneWidth(r rune) int {
	switch {
	case r >= ' ' && r <= '~':
		return 1
	case unicode.In(r, unicode.Mn, unicode.Me):
		return 0
	}
	return metric.RuneWidth(r)
}

// PadRight adds spaces after s, so that it takes at least n columns.
func PadRight(s string, n int) string { return s + Spaces(n-Width(s)) }

// PadLeft adds spaces before s, so that it takes at least n columns.
func PadLeft(s string, n int) string { return Spaces(n-Width(s)) + s }

// Spaces returns n spaces, or none if n is negative.
func Spaces(n int) string { return strings.Repeat(" ", max(0, n)) }

// AppendSpaces appends n spaces, or none if n is negative.
func AppendSpaces(b []byte, n int) []byte {
	for range n {
		b = append(b, ' ')
	}
	return b
}

// Truncate returns s if it takes at most n columns. Otherwise it returns the
// start of s and the mark, which together take at most n columns. If there is
// no room for the mark, it returns only the start of the mark.
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

// TruncateMiddle is like Truncate, but it leaves out the middle of s and keeps
// the end, at most 8 columns. In an address with a port, both ends matter.
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

// head returns the start of s that takes at most n columns.
func head(s string, n int) string {
	columns := 0
	for i, r := range s {
		if columns += RuneWidth(r); columns > n {
			return s[:i]
		}
	}
	return s
}

// tail returns the end of s that takes at most n columns. It does not start
// with a combining mark whose character is left out.
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

// ColouredWidth returns the columns of a line of coloured text. Colours (see
// [Style]) take none.
func ColouredWidth(s string) int {
	columns := 0
	for {
		before, after, found := strings.Cut(s, sgr)
		columns += Width(before)
		if !found {
			return columns
		}
		_, s, _ = strings.Cut(after, "m")
	}
}

// Columns returns n columns of a line of coloured text, starting at the column
// from. Colours (see [Style]) take no columns, and all of them stay.
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
