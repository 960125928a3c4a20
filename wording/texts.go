package wording

import (
	"fmt"
	"slices"
	"strings"

	"tcpstate/text"
)

// Texts maps the keys of one file to their texts.
type Texts map[string]string

// ParseError is the error for a file that is not in the format of this package.
type ParseError struct {
	File string
	Line int // counts from 1
	Msg  string
}

func (e *ParseError) Error() string { return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Msg) }

// Parse parses a file of texts. A key may occur only once. The error is a
// *ParseError.
func Parse(file, text string) (Texts, error) {
	texts := make(Texts, strings.Count(text, "\n")/2)
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	for i := 0; i < len(lines); {
		start := i
		line := lines[i]
		i++
		if line == "" || line[0] == '#' {
			continue
		}
		key, first, ok := strings.Cut(line, " =")
		if !ok || strings.ContainsAny(key, " {}") || first != "" && first[0] != ' ' {
			return nil, &ParseError{file, start + 1, `a line is "key = text"`}
		}
		if _, twice := texts[key]; twice {
			return nil, &ParseError{file, start + 1, fmt.Sprintf("the key %q occurs twice", key)}
		}
		for i < len(lines) && (lines[i] == "" || lines[i][0] == ' ') {
			i++
		}
		for lines[i-1] == "" { // empty lines at the end are not part of the text
			i--
		}
		if first == "" && i == start+1 {
			return nil, &ParseError{file, start + 1, fmt.Sprintf("the key %q has no text", key)}
		}
		texts[key] = textOf(strings.TrimPrefix(first, " "), lines[start+1:i])
	}
	return texts, nil
}

// textOf joins the lines of a text. first is the part after the "=".
func textOf(first string, more []string) string {
	switch {
	case first == "" && len(more) > 0:
		indent := len(more[0]) - len(strings.TrimLeft(more[0], " "))
		lines := make([]string, len(more))
		for i, line := range more {
			lines[i] = line[min(indent, len(line)-len(strings.TrimLeft(line, " "))):]
		}
		return strings.Join(lines, "\n")
	case len(more) > 0:
		for _, line := range more {
			first = text.JoinLines(first, strings.TrimSpace(line))
		}
	}
	if len(first) > 1 && first[0] == '"' && first[len(first)-1] == '"' {
		return first[1 : len(first)-1]
	}
	return first
}

// Place is a place for a value in a text.
type Place struct {
	Name   string
	Format string   // "", "q" or ","
	Forms  []string // singular and plural of a word, chosen by the number with that name; nil: the value itself
}

// Fill returns the text of a key with values in its places. Each value follows the
// name of its place. If the key has no text, Fill returns the key.
func (t Texts) Fill(key string, values ...string) string {
	text, ok := t[key]
	if !ok {
		return key
	}
	return fill(text, func(p Place) (string, bool) {
		for i := 0; i+1 < len(values); i += 2 {
			if values[i] == p.Name {
				return values[i+1], true
			}
		}
		return "", false
	})
}

// Check compares the texts with what a program uses. Each entry is a key, followed
// by the places of its text, as in "unit.ms {n}". Check returns a description of
// the first difference, or "".
func (t Texts) Check(used []string) string {
	known := make(map[string]bool, len(used))
	for _, entry := range used {
		key, _, _ := strings.Cut(entry, " ")
		known[key] = true
		text, ok := t[key]
		if !ok {
			return fmt.Sprintf("the key %q is missing", key)
		}
		if want, got := PlacesIn(entry), PlacesIn(text); !slices.Equal(want, got) {
			return fmt.Sprintf("the text of %q has the places %q, not %q", key, got, want)
		}
	}
	for key := range t {
		if !known[key] {
			return fmt.Sprintf("the key %q is not used", key)
		}
	}
	return ""
}

// PlacesIn returns the names of the places in a text, in ascending order, each
// once.
func PlacesIn(text string) []string {
	var names []string
	fill(text, func(p Place) (string, bool) {
		names = append(names, p.Name)
		return "", true
	})
	slices.Sort(names)
	return slices.Compact(names)
}

// fill replaces each place in a text by the result of value. A place for which
// value reports false stays as it is written.
func fill(text string, value func(Place) (string, bool)) string {
	if strings.IndexByte(text, '{') < 0 {
		return text
	}
	var b strings.Builder
	for {
		before, rest, open := strings.Cut(text, "{")
		b.WriteString(before)
		if !open {
			return b.String()
		}
		inner, after, closed := strings.Cut(rest, "}")
		place, ok := placeOf(inner)
		if !closed || !ok {
			b.WriteByte('{')
			text = rest
			continue
		}
		if content, known := value(place); known {
			b.WriteString(content)
		} else {
			b.WriteString("{" + inner + "}")
		}
		text = after
	}
}

// placeOf parses the part of a text between braces.
func placeOf(inner string) (Place, bool) {
	p := Place{Name: inner}
	if name, forms, ok := strings.Cut(inner, "|"); ok {
		p.Name, p.Forms = name, strings.Split(forms, "|")
	} else if name, format, ok := strings.Cut(inner, ":"); ok {
		p.Name, p.Format = name, format
		if format != "q" && format != "," {
			return p, false
		}
	}
	for _, r := range p.Name {
		if (r < 'a' || r > 'z') && r != '_' {
			return p, false
		}
	}
	return p, p.Name != "" && len(p.Forms) <= 2
}
