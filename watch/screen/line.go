package screen

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/mattn/go-runewidth"
)

// The colours are of the basic sixteen, which every terminal has (ECMA-48, SGR).
const (
	bold    = "\x1b[1m"
	dim     = "\x1b[2m"
	reverse = "\x1b[7m"
	red     = "\x1b[31m"
	green   = "\x1b[32m"
	yellow  = "\x1b[33m"
	plain   = "\x1b[0m"
)

// metric measures text in columns, as bubbletea's renderer does: characters whose
// width is ambiguous (Unicode Standard Annex 11) take one.
var metric = runewidth.Condition{EastAsianWidth: false, StrictEmojiNeutral: true}

func width(text string) int { return metric.StringWidth(text) }

// padded returns text with spaces after it, so that it takes n columns.
func padded(text string, n int) string { return text + strings.Repeat(" ", max(0, n-width(text))) }

// aligned returns text with spaces before it, so that it takes n columns.
func aligned(text string, n int) string { return strings.Repeat(" ", max(0, n-width(text))) + text }

// safe escapes what could act on the terminal.
func safe(text string) string {
	if strings.IndexFunc(text, func(r rune) bool { return !strconv.IsPrint(r) }) < 0 {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if strconv.IsPrint(r) {
			b.WriteRune(r)
		} else {
			quoted := strconv.QuoteRune(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		}
	}
	return b.String()
}

// cut returns the beginning of a text, n columns of it at most, with a mark where
// something is left out.
func cut(text string, n int, mark string) string {
	if width(text) <= n {
		return text
	}
	if n < 1 {
		return ""
	}
	return metric.Truncate(text, n, mark)
}

// cutMiddle leaves out the middle of a text: of an address and port both ends
// tell something.
func cutMiddle(text string, n int, mark string) string {
	if width(text) <= n {
		return text
	}
	runes := []rune(text)
	tail := min(n/2, 8)
	head := n - tail - 1
	if head < 1 || len(runes) != width(text) {
		return cut(text, n, mark)
	}
	return string(runes[:head]) + mark + string(runes[len(runes)-tail:])
}

// line is a line of the screen as it is put together: no wider than the screen.
type line struct {
	m       *model
	text    strings.Builder
	columns int
}

func (m *model) line() *line { return &line{m: m} }

// put adds text in a colour, as much of it as there is room for.
func (l *line) put(color, text string) *line {
	text = cut(text, l.m.width-l.columns, l.m.ellipsis())
	l.columns += width(text)
	l.text.WriteString(l.m.paint(color, text))
	return l
}

// to adds spaces up to a column.
func (l *line) to(column int) *line { return l.put("", strings.Repeat(" ", max(0, column-l.columns))) }

func (l *line) String() string { return l.text.String() }

func (m *model) paint(color, text string) string {
	if !m.color || color == "" || text == "" {
		return text
	}
	return color + text + plain
}

// ellipsis is what stands for what is left out.
func (m *model) ellipsis() string {
	if m.ascii {
		return "~"
	}
	return "…"
}

// cutColumns returns the columns of a line of coloured text from one column on, as many
// as there is room for. The colours (ECMA-48 SGR) take no columns and all stay.
func cutColumns(text string, from, n int) string {
	var b strings.Builder
	column := 0
	for text != "" {
		if strings.HasPrefix(text, "\x1b[") {
			if end := strings.IndexByte(text, 'm'); end >= 0 {
				b.WriteString(text[:end+1])
				text = text[end+1:]
				continue
			}
		}
		r, size := utf8.DecodeRuneInString(text)
		w := metric.RuneWidth(r)
		if column >= from && column+w <= from+n {
			b.WriteRune(r)
		}
		column += w
		text = text[size:]
	}
	return b.String()
}
