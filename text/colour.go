package text

// sgr begins every sequence of a Style (ECMA-48, SGR).
const sgr = "\x1b["

// Style is how a piece of text is drawn on a terminal: an SGR sequence of
// ECMA-48, of the basic sixteen colours that every terminal and every theme has.
// Two styles are joined by +. The empty Style draws text as it is.
//
// cmd decides whether there are colours, by the terminal and the flags; all
// others ask [Style.If] with that answer.
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

// plain ends every style.
const plain = sgr + "0m"

// EraseLine moves the cursor to the first column and empties its line (ECMA-48,
// CR and EL).
const EraseLine = "\r" + sgr + "K"

// If returns the style where there are colours, and otherwise the empty one.
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

// AppendPainted appends t as s.Paint returns it.
func AppendPainted[S chars](b []byte, s Style, t S) []byte {
	if s == "" || len(t) == 0 {
		return append(b, t...)
	}
	b = append(append(b, s...), t...)
	return append(b, plain...)
}
