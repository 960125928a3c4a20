package text

// sgr is the start of every sequence of a Style (ECMA-48, SGR).
const sgr = "\x1b["

// Style is the style of a text on a terminal: an SGR sequence of ECMA-48. It
// uses only the basic sixteen colours, which every terminal and every theme
// has. Styles can be joined by +. The empty Style does not change the text.
//
// Package cmd decides whether colours are used, from the terminal and the
// flags. All other packages pass that decision to [Style.If].
type Style string

// The styles.
const (
	Bold    Style = sgr + "1m"
	Dim     Style = sgr + "2m"
	Reverse Style = sgr + "7m"
	Red     Style = sgr + "31m"
	Green   Style = sgr + "32m"
	Yellow  Style = sgr + "33m"
	Blue    Style = sgr + "34m"
	Magenta Style = sgr + "35m"
	Cyan    Style = sgr + "36m"
)

// plain is the sequence that ends every style.
const plain = sgr + "0m"

// EraseLine moves the cursor to the first column and clears the line (ECMA-48,
// CR and EL).
const EraseLine = "\r" + sgr + "K"

// EnterScreen shows the screen for programs that fill it, and takes back what
// such a program pushed on the stack of keyboard modes there. LeaveScreen undoes
// all that bubbletea sets: the modes of keys (XTMODKEYS, the keyboard protocol of
// kitty), of the mouse, of pasting, the hidden cursor, and that screen (DECSET
// 1049 of xterm).
const (
	EnterScreen = sgr + "?1049h" + sgr + "<1u"
	LeaveScreen = sgr + ">4m" + sgr + "<1u" + sgr + "?2026l" + sgr + "?2027l" + sgr + "?1002l" + sgr + "?1003l" + sgr + "?1006l" +
		sgr + "?2004l" + plain + sgr + "?1049l" + sgr + "?25h"
)

// If returns the style if colours are used, and otherwise the empty one.
func (s Style) If(colours bool) Style {
	if !colours {
		return ""
	}
	return s
}

// Paint returns t drawn in the style. Empty text stays empty.
func (s Style) Paint(t string) string {
	if s == "" || t == "" {
		return t
	}
	return string(s) + t + plain
}

// AppendPainted appends the result of s.Paint(t).
func AppendPainted[S chars](b []byte, s Style, t S) []byte {
	if s == "" || len(t) == 0 {
		return append(b, t...)
	}
	b = append(append(b, s...), t...)
	return append(b, plain...)
}
