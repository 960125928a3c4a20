package text

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The escapes for markup expect visible text: text from outside must go through
// Escape first.

// EscapeMarkdown escapes what would be markup in a line of Markdown (CommonMark
// with GitHub's tables and strikethrough). An underscore within a word is not
// markup (CommonMark 0.31, section 6.2). It stays, so that SYN_RECV is readable
// in the source. A number with a full stop at the start of a line may still
// start a list.
func EscapeMarkdown(s string) string {
	if !hasMarkdown(s) {
		return s
	}
	return string(appendMarkdown(make([]byte, 0, len(s)+8), s))
}

// EscapeMarkdownCell is like EscapeMarkdown for a cell of a table.
func EscapeMarkdownCell(s string) string { return MarkdownCell(EscapeMarkdown(s)) }

// EscapeMarkdownCellFrom escapes b[start:] in place, like EscapeMarkdownCell.
func EscapeMarkdownCellFrom(b []byte, start int) []byte {
	if !bytes.ContainsAny(b[start:], alwaysMarkdown+sometimesMarkdown+"|") {
		return b
	}
	cell := string(b[start:])
	return append(b[:start], EscapeMarkdownCell(cell)...)
}

// MarkdownCell escapes what would end a cell of a table in s, which is Markdown
// already. A "|" ends a cell even within code (GitHub Flavored Markdown,
// section 4.10).
func MarkdownCell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

// MarkdownCode returns s as inline code.
func MarkdownCode(s string) string {
	fence := "`"
	for strings.Contains(s, fence) {
		fence += "`"
	}
	if strings.HasPrefix(s, "`") || strings.HasSuffix(s, "`") {
		s = " " + s + " " // one space at each end is not part of the code (CommonMark 0.31, section 6.1)
	}
	return fence + s + fence
}

// alwaysMarkdown are the characters that are always escaped. sometimesMarkdown
// are those that are escaped where they could be markup.
const (
	alwaysMarkdown    = "\\`*<[]#~"
	sometimesMarkdown = "_&>-+"
)

func hasMarkdown(s string) bool { return strings.ContainsAny(s, alwaysMarkdown+sometimesMarkdown) }

func appendMarkdown(b []byte, s string) []byte {
	for i := range len(s) {
		if isMarkdown(s, i) {
			b = append(b, '\\')
		}
		b = append(b, s[i])
	}
	return b
}

// isMarkdown reports whether the byte at i would be markup.
func isMarkdown(s string, i int) bool {
	c, rest := s[i], s[i+1:]
	switch {
	case strings.IndexByte(alwaysMarkdown, c) >= 0:
		return true
	case c == '_':
		before, _ := utf8.DecodeLastRuneInString(s[:i])
		after, _ := utf8.DecodeRuneInString(rest)
		return !isAlphanumeric(before) || !isAlphanumeric(after)
	case c == '&': // a reference to a character, such as &lt; or &#60;
		return rest != "" && (rest[0] == '#' || isAlphanumeric(rune(rest[0])))
	case c == '>': // a quotation
		return i == 0
	case c == '-' || c == '+': // a list
		return i == 0 && strings.HasPrefix(rest, " ")
	}
	return false
}

func isAlphanumeric(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// EscapeXML escapes what would be markup in XML or HTML, in text and in a
// quoted value of an attribute.
func EscapeXML(s string) string { return xmlEscaper.Replace(s) }

var xmlEscaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&#39;")
