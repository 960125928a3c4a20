package filter

import (
	"strings"
	"unicode/utf8"

	"tcpstate/text"
	"tcpstate/wording"
)

// Error reports what is wrong with an expression, and at which place.
type Error struct {
	Expr   string          // the expression: the arguments, joined by blanks
	Offset int             // of the place within Expr, in bytes; len(Expr) is its end
	What   wording.Message // what is wrong
	hint   wording.Message
	cause  error

	given string   // a word that is not known
	known []string // those that are
}

// Error returns one line: the place, as a column that counts from one, and
// what is wrong. Caret shows the place.
func (e *Error) Error() string { return e.Message().String() }

// Message returns the same line.
func (e *Error) Message() wording.Message {
	return wording.Say("filter.error", "column", utf8.RuneCountInString(e.Expr[:e.Offset])+1, "what", e.What)
}

// Unwrap returns the error of the package that reads states, or nil.
func (e *Error) Unwrap() error { return e.cause }

// Hint returns what would have fitted there, or no text.
func (e *Error) Hint() wording.Message { return e.hint }

// Spelling returns a word that is not known, and the words that are; or none.
func (e *Error) Spelling() (string, []string) { return e.given, e.known }

// caretWidth is the maximum number of columns of the expression that Caret
// shows.
const caretWidth = 72

// Caret returns two lines: the expression, or the part around the place if it
// is long, and a caret under the place. Characters that are not printable are
// escaped (text.EscapeLine), so that the text stays on its line and cannot
// control the terminal. Tabs and newlines become spaces.
func (e *Error) Caret() string {
	head, rest := shown(e.Expr[:e.Offset]), shown(e.Expr[e.Offset:])
	before, after := "", ""
	if skip := text.Width(head) - caretWidth*2/3; skip > 0 && text.Width(head)+text.Width(rest) > caretWidth {
		before, head = "...", text.Columns(head, skip, caretWidth)
	}
	if room := caretWidth - text.Width(head); text.Width(rest) > room {
		rest, after = text.Truncate(rest, room, ""), "..."
	}
	return before + head + rest + after + "\n" + text.Spaces(len(before)+text.Width(head)) + "^"
}

// shown returns a part of an expression as Caret shows it.
func shown(expr string) string {
	return text.EscapeLine(strings.NewReplacer("\t", " ", "\n", " ", "\r", " ").Replace(expr))
}

// quote quotes a part of the expression for a message, and shortens a long one.
func quote(expr string) string { return text.Quote(expr, 40) }
