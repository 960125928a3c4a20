package text

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// Wrap breaks text into lines of at most n columns. It breaks at spaces, which
// it then leaves out, and between Chinese characters. No line starts with
// closing punctuation or ends with opening punctuation. Several spaces count as
// one. A word that is longer than a line gets its own line. The last line is never a
// single Chinese character if the word before it fits there too.
//
// The text is a list of parts, each with a style of the caller. The lines
// consist of the same kind of parts.
func Wrap[L ~[]T, T ~struct {
	Style S
	Text  string
}, S any](t L, n int) []L {
	w := wrapper[S]{limit: n, rest: n}
	for _, styled := range t {
		s := span[S](styled)
		for _, piece := range pieces(s.Text) {
			w.add(span[S]{s.Style, piece})
		}
	}
	w.endParagraph()
	var list []L
	for _, line := range w.lines {
		l := make(L, len(line))
		for i, s := range line {
			l[i] = T(s)
		}
		list = append(list, l)
	}
	return list
}

// WrapString is like Wrap for text without styles. A line break in s ends a
// line. Empty lines are left out.
func WrapString(s string, n int) []string { return wrapString(s, n, n) }

// AppendWrapped appends s, wrapped to n columns. Its first line starts at the
// given column, which b has reached; the other lines are indented by indent
// spaces. There is no line break after the last line.
func AppendWrapped(b []byte, s string, n, column, indent int) []byte {
	for i, line := range wrapString(s, n-column, n-indent) {
		if i > 0 {
			b = AppendSpaces(append(b, '\n'), indent)
		}
		b = append(b, line...)
	}
	return b
}

// wrapString wraps s into lines. The first line and the rest may have different
// widths.
func wrapString(s string, first, rest int) []string {
	w := wrapper[struct{}]{limit: first, rest: rest}
	for part := range strings.SplitSeq(s, "\n") {
		for _, piece := range pieces(part) {
			w.add(span[struct{}]{Text: piece})
		}
		w.endParagraph()
	}
	list := make([]string, len(w.lines))
	for i, line := range w.lines {
		list[i] = join(line)
	}
	return list
}

// JoinLines joins two lines of a paragraph, as the reverse of Wrap: with a
// space, but not between Chinese characters or next to Chinese punctuation.
func JoinLines(a, b string) string {
	last, _ := utf8.DecodeLastRuneInString(a)
	first, _ := utf8.DecodeRuneInString(b)
	if isWide(last) && isWide(first) || isWidePunctuation(last) || isWidePunctuation(first) {
		return a + b
	}
	return a + " " + b
}

// closers may not start a line, and openers may not end one (GB/T 15834-2011,
// section 5.1.10).
const (
	closers = "、。，．：；！？）］｝】》」』〉”’％…·"
	openers = "（［｛【《「『〈“‘"
)

func isWide(r rune) bool { return RuneWidth(r) == 2 }

func isWidePunctuation(r rune) bool {
	return isWide(r) && strings.ContainsRune(closers+openers, r)
}

// span is a part of a text in one style.
type span[S any] struct {
	Style S
	Text  string
}

func join[S any](spans []span[S]) string {
	var b strings.Builder
	for _, s := range spans {
		b.WriteString(s.Text)
	}
	return b.String()
}

// pieces splits text into spaces, Chinese characters and words.
func pieces(text string) []string {
	const (
		word = 1 + iota
		space
		single
	)
	var list []string
	start, kind := 0, 0
	for i, r := range text {
		now := word
		switch {
		case r == ' ':
			now = space
		case isWide(r), strings.ContainsRune(closers+openers, r):
			now = single
		}
		if i > start && (now != kind || now == single) {
			list = append(list, text[start:i])
			start = i
		}
		kind = now
	}
	if start < len(text) {
		list = append(list, text[start:])
	}
	return list
}

// wrapper joins pieces to words that must not be broken, and words to lines.
type wrapper[S any] struct {
	limit   int // columns of the current line
	rest    int // columns of every later line
	lines   [][]span[S]
	current []span[S] // the current line
	begins  []int     // where each word of the current line begins
	before  []int     // the same of the line before, if a word that did not fit ended it
	gap     bool      // there was a space between that line and the current one
	used    int       // its columns
	held    []span[S] // the current word
	space   bool      // there is a space before the word
	glued   bool      // the next piece belongs to the word
}

func (w *wrapper[S]) add(s span[S]) {
	first, _ := utf8.DecodeRuneInString(s.Text)
	switch {
	case first == ' ':
		if w.glued && len(w.held) > 0 {
			return
		}
		w.endWord()
		w.space = true
		return
	case strings.ContainsRune(closers, first):
		w.held = append(w.held, s)
		w.glued = false
		return
	case strings.ContainsRune(openers, first):
		w.endWord()
		w.held = append(w.held, s)
		w.glued = true
		return
	case isWide(first):
		if !w.glued {
			w.endWord()
		}
	case len(w.held) > 0 && !w.glued && w.endsWide():
		w.endWord()
	}
	w.held = append(w.held, s)
	w.glued = false
}

// endsWide reports whether the current word ends with a Chinese character.
func (w *wrapper[S]) endsWide() bool {
	last, _ := utf8.DecodeLastRuneInString(w.held[len(w.held)-1].Text)
	return isWide(last)
}

// endWord adds the current word to the line, or to the next line.
func (w *wrapper[S]) endWord() {
	if len(w.held) == 0 {
		return
	}
	columns := Width(join(w.held))
	gap := 0
	if w.space && len(w.current) > 0 {
		gap = 1
	}
	if len(w.current) > 0 && w.used+gap+columns > w.limit {
		before := w.begins
		w.endLine()
		w.before, w.gap = before, gap > 0
		gap = 0
	}
	if gap > 0 {
		w.current = append(w.current, span[S]{Text: " "})
	}
	w.begins = append(w.begins, len(w.current))
	w.current = append(w.current, w.held...)
	w.used += gap + columns
	w.held, w.space, w.glued = nil, false, false
}

func (w *wrapper[S]) endLine() {
	if len(w.current) == 0 {
		return
	}
	w.lines = append(w.lines, w.current)
	w.current, w.used, w.limit, w.space = nil, 0, w.rest, false
	w.begins, w.before = nil, nil
}

// endParagraph ends the last word and the last line of a paragraph. A last line with
// only one Chinese character, with its punctuation, takes the word before it too.
func (w *wrapper[S]) endParagraph() {
	w.endWord()
	if len(w.begins) == 1 && len(w.before) > 1 && isOneWide(join(w.current)) {
		above := w.lines[len(w.lines)-1]
		at := w.before[len(w.before)-1]
		moved := slices.Clone(above[at:])
		if w.gap {
			moved = append(moved, span[S]{Text: " "})
		}
		if columns := Width(join(moved)); columns+w.used <= w.limit {
			above = above[:at]
			if above[at-1].Text == " " {
				above = above[:at-1]
			}
			w.lines[len(w.lines)-1] = above
			w.current = append(moved, w.current...)
		}
	}
	w.endLine()
}

// isOneWide reports whether a line is one Chinese character with its punctuation.
func isOneWide(line string) bool {
	n := 0
	for _, r := range line {
		if !strings.ContainsRune(closers+openers, r) {
			n++
			if !isWide(r) {
				return false
			}
		}
	}
	return n == 1
}
