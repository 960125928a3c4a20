package explain

import (
	"strings"
	"unicode"
)

// wrap breaks text into lines of at most n columns: at spaces, and between
// Chinese characters, but so that no line begins with what closes or ends with
// what opens. A word that is longer than a line has one to itself.
func wrap(text Text, n int) []Text {
	w := wrapper{limit: n}
	for _, span := range text {
		for _, piece := range pieces(span.Text) {
			w.add(Span{span.Style, piece})
		}
	}
	w.word()
	w.line()
	return w.lines
}

// pieces cuts text into spaces, Chinese characters and words.
func pieces(text string) []string {
	var list []string
	start, kind := 0, 0
	for i, r := range text {
		now := 1
		switch {
		case r == ' ':
			now = 2
		case isWide(r), strings.ContainsRune(closers+openers, r):
			now = 3
		}
		if i > start && (now != kind || now == 3) {
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

// wrapper puts pieces together to unbreakable words, and words to lines.
type wrapper struct {
	limit   int
	lines   []Text
	current Text // the line at hand
	used    int  // its columns
	held    Text // the word at hand: what may not be parted
	space   bool // a space stands before it
	glued   bool // what comes next may not be parted from it
}

func (w *wrapper) add(s Span) {
	first := []rune(s.Text)[0]
	switch {
	case first == ' ':
		if w.glued && len(w.held) > 0 {
			return
		}
		w.word()
		w.space = true
		return
	case strings.ContainsRune(closers, first):
		w.held = append(w.held, s)
		w.glued = false
		return
	case strings.ContainsRune(openers, first):
		w.word()
		w.held = append(w.held, s)
		w.glued = true
		return
	case isWide(first):
		if !w.glued {
			w.word()
		}
	case len(w.held) > 0 && !w.glued && endsWide(w.held):
		w.word()
	}
	w.held = append(w.held, s)
	w.glued = false
}

func endsWide(t Text) bool {
	runes := []rune(t[len(t)-1].Text)
	last := runes[len(runes)-1]
	return isWide(last) && !unicode.IsSpace(last)
}

// word puts the word at hand on the line, or on the next.
func (w *wrapper) word() {
	if len(w.held) == 0 {
		return
	}
	columns := width(w.held.String())
	gap := 0
	if w.space && w.used > 0 {
		gap = 1
	}
	if w.used > 0 && w.used+gap+columns > w.limit {
		w.line()
		gap = 0
	}
	if gap > 0 {
		w.current = append(w.current, Span{Text: " "})
	}
	w.current = append(w.current, w.held...)
	w.used += gap + columns
	w.held, w.space, w.glued = nil, false, false
}

// line ends the line at hand.
func (w *wrapper) line() {
	if w.used > 0 {
		w.lines = append(w.lines, w.current)
	}
	w.current, w.used = nil, 0
}

// wrapString is wrap for text in one style.
func wrapString(text string, n int) []string {
	var lines []string
	for _, line := range wrap(Text{{Text: text}}, n) {
		lines = append(lines, line.String())
	}
	return lines
}
