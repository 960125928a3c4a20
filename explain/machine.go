package explain

import (
	"fmt"
	"slices"
	"strings"

	"tcpstate/lifecycle"
)

// translation has the sentences of tcp's machine in another language: its events
// and what Linux does. They stand in machine.txt, each English sentence on a
// line and the translation indented below it, so that a sentence that changes in
// the machine is missed here. English has none: it is nil.
type translation map[string]string

// say returns a sentence of the machine in the language.
func (t translation) say(english string) string {
	if t == nil {
		return english
	}
	return t[english]
}

// sayIf is say of a sentence that may not be there.
func (t translation) sayIf(english string) string {
	if english == "" {
		return ""
	}
	return t.say(english)
}

// parseTranslation reads machine.txt: every sentence of the machine, and no other.
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
			wrong = "a translation stands below its sentence"
		case indented:
			t[english] = translated
			english = ""
		case english != "":
			wrong = fmt.Sprintf("%q is not translated", english)
		case !slices.Contains(sentences(), line):
			wrong = fmt.Sprintf("%q is no sentence of the machine", line)
		default:
			english = line
		}
		if wrong != "" {
			return nil, &MarkupError{File: file, Line: i + 1, Msg: wrong}
		}
	}
	for _, s := range sentences() {
		if t[s] == "" {
			return nil, &MarkupError{File: file, Line: 1, Msg: fmt.Sprintf("%q is not translated", s)}
		}
	}
	return t, nil
}

// sentences returns every sentence of the machine once, in its order.
func sentences() []string {
	var list []string
	for _, t := range lifecycle.Transitions() {
		list = append(list, t.Event.String())
		if t.Linux != "" {
			list = append(list, t.Linux)
		}
	}
	return unique(list)
}
