package filter

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Error reports what is wrong with an expression, and at which place.
type Error struct {
	Expr   string // the expression: the arguments, joined by blanks
	Offset int    // the place in Expr, in bytes; len(Expr) is its end
	Msg    string // what is wrong
	hint   string
}

// Error returns one line: the place, as a column that counts from 1, and what
// is wrong. Caret shows the place.
func (e *Error) Error() string {
	column := utf8.RuneCountInString(e.Expr[:e.Offset]) + 1
	return fmt.Sprintf("filter: column %d: %s", column, e.Msg)
}

// Hint returns what would be valid at that place, or "".
func (e *Error) Hint() string { return e.hint }

// caretWidth is the maximum number of columns of the expression that Caret
// shows.
const caretWidth = 72

// Caret returns two lines: the expression, or the part around the place if it
// is long, and a caret under the place. It shows control characters as U+FFFD,
// so that the text stays on its line and cannot change the terminal.
func (e *Error) Caret() string {
	shown := []rune(strings.Map(printable, e.Expr))
	place := utf8.RuneCountInString(e.Expr[:e.Offset])
	before, after := "", ""
	if start := place - caretWidth*2/3; start > 0 && len(shown) > caretWidth {
		shown, place, before = shown[start:], place-start, "..."
	}
	if len(shown) > caretWidth {
		shown, after = shown[:caretWidth], "..."
	}
	return before + string(shown) + after + "\n" + strings.Repeat(" ", len(before)+place) + "^"
}

func printable(r rune) rune {
	switch {
	case r == '\t' || r == '\n' || r == '\r':
		return ' '
	case !unicode.IsPrint(r):
		return utf8.RuneError
	}
	return r
}

// quote quotes a part of the expression for a message, and shortens a long one.
func quote(text string) string {
	const most = 40
	if len(text) > most {
		cut := most
		for cut > most-utf8.UTFMax && !utf8.RuneStart(text[cut]) { // do not cut inside a valid rune
			cut--
		}
		text = text[:cut] + "..."
	}
	return fmt.Sprintf("%q", text)
}
