package explain

import (
	"fmt"
	"strings"
)

// Text is inline text: the content of a paragraph, an item or a cell.
type Text []Span

// Span is a part of a text in one style.
type Span struct {
	Style Style
	Text  string
}

// Style is the style of a part of a text.
type Style uint8

// The styles.
const (
	Plain  Style = iota
	Code         // between `backticks`: what a user types, or a name of the kernel
	Strong       // between **asterisks**
)

// String returns the text without its styles.
func (t Text) String() string {
	var b strings.Builder
	for _, s := range t {
		b.WriteString(s.Text)
	}
	return b.String()
}

// parseText parses inline text: `code`, **strong**, and a backslash before a
// character that has no special meaning.
func parseText(text string) (Text, error) {
	var spans Text
	var run strings.Builder
	style := Plain
	end := func() {
		if run.Len() > 0 {
			spans = append(spans, Span{style, run.String()})
			run.Reset()
		}
	}
	for i := 0; i < len(text); i++ {
		rest := text[i:]
		switch {
		case rest[0] == '\\' && len(rest) > 1 && isPunctuation(rest[1]):
			i++
			run.WriteByte(rest[1])
		case rest[0] == '`' && style != Strong:
			end()
			style = Code - style
		case strings.HasPrefix(rest, "**") && style != Code:
			end()
			style = Strong - style
			i++
		default:
			run.WriteByte(rest[0])
		}
	}
	if style != Plain {
		return nil, fmt.Errorf("` or ** is opened and never closed in %q", text)
	}
	end()
	return spans, nil
}

// literal returns text with a backslash before each character that may have a
// special meaning in the markup.
func literal(text string) string {
	var b strings.Builder
	for i := range len(text) {
		if isPunctuation(text[i]) {
			b.WriteByte('\\')
		}
		b.WriteByte(text[i])
	}
	return b.String()
}

// isPunctuation reports whether c is ASCII punctuation: the characters that a
// backslash may precede, as in CommonMark section 2.4.
func isPunctuation(c byte) bool {
	return c > ' ' && c < 0x7f && !('0' <= c && c <= '9') && !('a' <= c && c <= 'z') && !('A' <= c && c <= 'Z')
}
