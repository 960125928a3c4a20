package explain

import (
	"fmt"
	"slices"
	"strings"

	"tcpstate/lifecycle"
)

// translation maps the English sentences of the state machine (its events, and
// what Linux does) to another language. machine.txt has each English sentence
// on a line, and its translation indented below. The English sentence is the
// key, so a change of it without a new translation is an error. For English it
// is nil.
type translation map[string]string

// say returns a sentence of the machine in the language.
func (t translation) say(english string) string {
	if t == nil {
		return english
	}
	return t[english]
}

// sayIf is like say, but the sentence may be empty.
func (t translation) sayIf(english string) string {
	if english == "" {
		return ""
	}
	return t.say(english)
}

// parseTranslation parses machine.txt, which must have every sentence of the
// machine and no others.
func parseTranslation(file, text string) (translation, error) {
	t := translation{}
	english := ""
	for i, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		wrong := ""
		translated, indented := strings.CutPrefix(line, "    ")
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
			continue
		case indented && english == "":
			wrong = "a translation must be below its sentence"
		case indented:
			t[english] = translated
			english = ""
		case english != "":
			wrong = fmt.Sprintf("%q is not translated", english)
		case !slices.Contains(machineSentences(), line):
			wrong = fmt.Sprintf("%q is no sentence of the machine", line)
		default:
			english = line
		}
		if wrong != "" {
			return nil, &MarkupError{File: file, Line: i + 1, Msg: wrong}
		}
	}
	for _, s := range machineSentences() {
		if t[s] == "" {
			return nil, &MarkupError{File: file, Line: 1, Msg: fmt.Sprintf("%q is not translated", s)}
		}
	}
	return t, nil
}

// machineSentences returns every sentence of the machine once, in the order of
// the machine.
func machineSentences() []string {
	var list []string
	for _, t := range lifecycle.Transitions() {
		list = append(list, t.Event.String())
		if t.Linux != "" {
			list = append(list, t.Linux)
		}
	}
	return unique(list)
}
