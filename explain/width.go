package explain

import (
	"strings"
	"unicode/utf8"

	"github.com/mattn/go-runewidth"
)

// metric measures text in columns of a terminal. Characters whose width is
// ambiguous (Unicode Standard Annex 11), such as those that draw boxes, are one
// column wide on today's terminals, whatever the locale.
var metric = runewidth.Condition{EastAsianWidth: false, StrictEmojiNeutral: true}

// width returns how many columns text takes.
func width(text string) int { return metric.StringWidth(text) }

// padded returns text with spaces after it, so that it takes n columns.
func padded(text string, n int) string { return text + strings.Repeat(" ", max(0, n-width(text))) }

// isWide reports whether a character takes two columns, as Chinese does.
func isWide(r rune) bool { return metric.RuneWidth(r) == 2 }

// joinLines joins two lines of one paragraph. Between Chinese characters stands
// no space, nor beside Chinese punctuation.
func joinLines(a, b string) string {
	last, _ := utf8.DecodeLastRuneInString(a)
	first, _ := utf8.DecodeRuneInString(b)
	if isWide(last) && isWide(first) || isWidePunctuation(last) || isWidePunctuation(first) {
		return a + b
	}
	return a + " " + b
}

// closers may not begin a line and openers may not end one, as Chinese
// typesetting has it (GB/T 15834-2011, section 5.1.10).
const (
	closers = "、。，．：；！？）］｝】》」』〉”’％…·"
	openers = "（［｛【《「『〈“‘"
)

func isWidePunctuation(r rune) bool {
	return isWide(r) && (strings.ContainsRune(closers, r) || strings.ContainsRune(openers, r))
}
