package screen

import (
	"errors"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"tcpstate/filter"
	"tcpstate/wording"
)

// input is the line where the user types a filter, or what to search for. The
// filter takes effect as soon as it is valid, and a search with each key.
type input struct {
	text   []rune
	cursor int
	err    error  // the error in the text; nil: it is valid
	before string // the text of the filter before
	recall int    // how many filters back the text comes from; 0: the user typed it
	typed  []rune // what the user typed before the first step back
	was    *filter.Filter
	search *search // where a search begins; nil: the text is a filter
	line   int     // the row of the cursor when the search began
}

// parsed is a filter whose host names have been looked up.
type parsed struct {
	text   string
	filter *filter.Filter
	err    error
}

func (m *model) beginFilter() tea.Cmd {
	m.input = &input{text: []rune(m.filter), cursor: len([]rune(m.filter)), before: m.filter, was: m.want.filter}
	return nil
}

// filterBy sets another filter.
func (m *model) filterBy(text string, f *filter.Filter) {
	if m.want.filter.String() != f.String() {
		m.want.filtered++
		m.moveTo(0)
	}
	m.filter, m.want.filter = text, f
}

// pressInput handles a key while the user types a filter.
func (m *model) pressInput(msg tea.KeyPressMsg) tea.Cmd {
	in := *m.input
	m.input = &in
	switch msg.String() {
	case "enter":
		return m.endInput()
	case "esc":
		if m.input = nil; in.search != nil {
			m.endSearch()
			m.moveTo(in.line)
			return nil
		}
		m.filterBy(in.before, in.was)
		return nil
	case "up", "down":
		switch {
		case in.search != nil: // a search keeps no history
		case msg.String() == "up":
			in.step(1, m.filters)
		default:
			in.step(-1, m.filters)
		}
	case "left", "ctrl+b":
		in.cursor = max(in.cursor-1, 0)
	case "right", "ctrl+f":
		in.cursor = min(in.cursor+1, len(in.text))
	case "home", "ctrl+a":
		in.cursor = 0
	case "end", "ctrl+e":
		in.cursor = len(in.text)
	case "backspace", "ctrl+h":
		in.cut(in.cursor-1, in.cursor)
	case "delete", "ctrl+d":
		in.cut(in.cursor, in.cursor+1)
	case "ctrl+u":
		in.cut(0, in.cursor)
	case "ctrl+k":
		in.cut(in.cursor, len(in.text))
	case "ctrl+w":
		word := strings.LastIndexByte(strings.TrimRight(string(in.text[:in.cursor]), " "), ' ') + 1
		in.cut(len([]rune(string(in.text[:in.cursor])[:word])), in.cursor)
	default:
		in.insert(msg.Key().Text)
	}
	m.input = &in
	m.tryInput()
	return nil
}

func (m *model) paste(text string) {
	in := *m.input
	in.insert(text)
	m.input = &in
	m.tryInput()
}

// step replaces the text by that of an earlier filter, or of a later one if by is
// negative.
func (in *input) step(by int, filters []string) {
	to := max(0, min(in.recall+by, len(filters)))
	if to == in.recall {
		return
	}
	if in.recall == 0 {
		in.typed = in.text
	}
	in.recall, in.text = to, in.typed
	if to > 0 {
		in.text = []rune(filters[len(filters)-to])
	}
	in.cursor = len(in.text)
}

// remember adds a filter to those that the key Up recalls.
func (m *model) remember(text string) {
	if strings.TrimSpace(text) == "" {
		return
	}
	m.filters = slices.DeleteFunc(slices.Clone(m.filters), func(f string) bool { return f == text })
	m.filters = append(m.filters, text)
	if len(m.filters) > maxFilters {
		m.filters = m.filters[1:]
	}
}

// maxFilters is how many filters the key Up recalls.
const maxFilters = 50

// insert inserts text at the cursor. It replaces line ends and other control
// characters by spaces.
func (in *input) insert(text string) {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, text)
	runes := []rune(text)
	in.text = append(append(append([]rune(nil), in.text[:in.cursor]...), runes...), in.text[in.cursor:]...)
	in.cursor += len(runes)
}

// cut removes the characters from index from to before index to.
func (in *input) cut(from, to int) {
	from, to = max(from, 0), min(to, len(in.text))
	if from >= to {
		return
	}
	in.text = append(append([]rune(nil), in.text[:from]...), in.text[to:]...)
	in.cursor = from
}

// tryInput sets the filter if the text is valid. It does not look up host
// names, since they change with each key.
func (m *model) tryInput() {
	text := string(m.input.text)
	if m.input.search != nil {
		m.searchAs(text, *m.input.search)
		return
	}
	f, err := m.parse(text, false)
	m.input.err = err
	if err == nil {
		m.filterBy(text, f)
	}
}

// endInput closes the input line. If the text is not valid without a lookup of
// host names, it returns the command that looks them up first.
func (m *model) endInput() tea.Cmd {
	if m.input.err == nil {
		if m.input.search == nil {
			m.remember(string(m.input.text))
		}
		m.input = nil
		return nil
	}
	text, parse := string(m.input.text), m.parse
	return func() tea.Msg {
		f, err := parse(text, true)
		return parsed{text, f, err}
	}
}

func (m *model) takeParsed(p parsed) {
	if m.input == nil || string(m.input.text) != p.text {
		return
	}
	if p.err != nil {
		in := *m.input
		in.err = p.err
		m.input = &in
		return
	}
	m.filterBy(p.text, p.filter)
	m.remember(p.text)
	m.input = nil
}

// inputError returns the error in the filter, and its column, or -1 if it has
// none. A search has no errors. The error may come from the parser, or from a source that does not know
// a value.
func (m *model) inputError() (text string, column int) {
	err := m.input.err
	if m.input.search != nil {
		return "", -1
	}
	if f := m.frame; err == nil && f != nil && f.request.filtered == m.want.filtered {
		err = f.err
	}
	if err == nil {
		return "", -1
	}
	var wrong *filter.Error
	if !errors.As(err, &wrong) || wrong.Expr != string(m.input.text) {
		return m.words.Error(err), -1
	}
	text = wrong.What.In(m.words)
	if hint := wording.Hint(wrong); !hint.IsZero() {
		text = m.say("screen.input.hint", "error", wrong.What, "hint", hint)
	}
	return text, len([]rune(wrong.Expr[:wrong.Offset]))
}
