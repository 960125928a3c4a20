package filter

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"tcpstate/text"
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
