// Package text prepares text for a terminal. It is the one place that decides
// which characters reach a terminal, how many columns they take, where a line
// breaks, and how a number with its unit is written.
//
// Text that another program or user chose (the name of a process, of an interface, of a
// network namespace, a file, an argument) is data. Before it is written to a
// terminal, a table, CSV, Markdown or HTML it goes through [Escape]; JSON has
// [AppendJSON]. The contract of the escapes:
//
//   - The result is valid UTF-8 and has only visible characters: letters, marks,
//     numbers, punctuation, symbols and the ordinary space. It has no control
//     characters, no characters that change the direction or the form of text, and
//     no blank characters.
//   - Every other character is written as \x1b (ASCII), \u202e or \U000e0001,
//     and a byte that is not UTF-8 as \xff. These are the escapes of Go's
//     strings, without its short forms such as \n.
//   - Two different values never look the same: if a value itself has the four
//     characters \x1b, they are written as \\x1b. All other backslashes stay, so
//     that C:\temp and systemd's dev-disk\x2dby do not change.
//   - Characters of different scripts that look similar (Latin a and Cyrillic а)
//     do not change.
//   - Text of printable ASCII is not copied, and the Append functions allocate
//     nothing for it.
//
// The package knows nothing about sockets, states or the terminal. The use of
// colours and the width of the terminal are arguments. The package does not print,
// and keeps nothing from one call to the next.
package text

import (
	"strconv"
	"unicode"
	"unicode/utf8"
)

// chars is text as a string or as bytes.
type chars interface{ string | []byte }

// mode says what an escape leaves unchanged in addition to visible characters.
type mode uint8

const (
	value mode = iota // nothing: backslashes that could be misread are doubled
	line              // all backslashes
	lines             // all backslashes, and line breaks
)

// Escape escapes a value that another program or user chose. Different values
// give different results. Call it only once: a second call escapes the
// backslashes of the first.
func Escape(s string) string { return escape(s, value) }

// AppendEscaped appends the result of Escape(s).
func AppendEscaped(b []byte, s string) []byte { return appendEscaped(b, s, value) }

// EscapeFrom escapes b[start:] in place, like Escape.
func EscapeFrom(b []byte, start int) []byte {
	n := shown(b[start:], value)
	if start+n == len(b) {
		return b
	}
	rest := string(b[start+n:])
	return appendEscaped(b[:start+n], rest, value)
}

// EscapeLine escapes a message that may already contain quoted or escaped
// values, so it leaves backslashes unchanged. It escapes line breaks. A second
// call changes nothing.
func EscapeLine(s string) string { return escape(s, line) }

// EscapeLines is like EscapeLine for a message of several lines: it leaves line
// breaks unchanged.
func EscapeLines(s string) string { return escape(s, lines) }

// Quote quotes a part of the input for a message, like %q. It truncates the
// input after at most n bytes, between two characters, and marks this with
// three dots.
func Quote(s string, n int) string {
	if len(s) <= n {
		return strconv.Quote(s)
	}
	cut := n
	for cut > max(0, n-utf8.UTFMax) && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return strconv.Quote(s[:cut]) + "..."
}

func escape(s string, m mode) string {
	if shown(s, m) == len(s) {
		return s
	}
	return string(appendEscaped(make([]byte, 0, len(s)+16), s, m))
}

func appendEscaped[S chars](b []byte, s S, m mode) []byte {
	for {
		n := shown(s, m)
		b = append(b, s[:n]...)
		if s = s[n:]; len(s) == 0 {
			return b
		}
		if s[0] == '\\' {
			n = backslashes(s)
			for range 2 * n {
				b = append(b, '\\')
			}
			s = s[n:]
			continue
		}
		r, size := decode(s)
		b = appendCode(b, r, s[0], size)
		s = s[size:]
	}
}

// shown returns how many bytes at the start of s stay unchanged.
func shown[S chars](s S, m mode) int {
	for i := 0; i < len(s); {
		switch c := s[i]; {
		case c == '\\' && m == value:
			n := backslashes(s[i:])
			if isMisread(s[i+n:]) {
				return i
			}
			i += n
		case c >= ' ' && c <= '~', c == '\n' && m == lines:
			i++
		default:
			r, size := decode(s[i:])
			if r == utf8.RuneError && size == 1 || !isVisible(r) {
				return i
			}
			i += size
		}
	}
	return len(s)
}

// backslashes returns the number of backslashes at the start of s.
func backslashes[S chars](s S) int {
	n := 0
	for n < len(s) && s[n] == '\\' {
		n++
	}
	return n
}

// isMisread reports whether a reader could take a backslash before s for a part
// of an escape of this package: either s itself will be escaped, or it looks
// like the rest of an escape. Escapes that this package never writes, such as
// systemd's \x2d, do not count.
func isMisread[S chars](s S) bool {
	if len(s) == 0 {
		return false
	}
	digits := 0
	switch s[0] {
	case 'x':
		digits = 2
	case 'u':
		digits = 4
	case 'U':
		digits = 8
	default:
		r, size := decode(s)
		return r == utf8.RuneError && size == 1 || !isVisible(r)
	}
	if len(s) <= digits {
		return false
	}
	code, err := strconv.ParseUint(string(s[1:1+digits]), 16, 32)
	if err != nil {
		return false
	}
	if digits == 2 {
		return code < ' ' || code > '~'
	}
	return code <= unicode.MaxRune && !isVisible(rune(code))
}

// isVisible reports whether a character is visible and does not affect other
// characters. strconv.IsPrint excludes control and format characters (Unicode
// categories Cc and Cf), spaces other than the ordinary one, surrogates, and
// characters that are private or not assigned. A few of the characters that it
// accepts are blank.
func isVisible(r rune) bool {
	switch {
	case r < utf8.RuneSelf:
		return r >= ' ' && r <= '~'
	case !strconv.IsPrint(r):
		return false
	case r == '\u2800', r == '\U00016fe4', r == '\U0001d159': // a Braille pattern, a filler and a note head, all blank
		return false
	}
	return !unicode.In(r, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point)
}

// appendCode appends the escape of a character, or of a byte that is not UTF-8.
func appendCode(b []byte, r rune, first byte, size int) []byte {
	switch {
	case size == 1:
		return appendHex(append(b, `\x`...), uint32(first), 2)
	case r <= 0xffff:
		return appendHex(append(b, `\u`...), uint32(r), 4)
	}
	return appendHex(append(b, `\U`...), uint32(r), 8)
}

// appendHex appends n in hexadecimal with the given number of digits.
func appendHex(b []byte, n uint32, digits int) []byte {
	for shift := 4 * (digits - 1); shift >= 0; shift -= 4 {
		b = append(b, "0123456789abcdef"[n>>shift&0xf])
	}
	return b
}

// decode is utf8.DecodeRune for strings and for bytes.
func decode[S chars](s S) (r rune, size int) {
	return utf8.DecodeRuneInString(string(s[:min(len(s), utf8.UTFMax)]))
}

// isASCII reports whether all of s is printable ASCII.
func isASCII[S chars](s S) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
