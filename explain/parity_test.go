package explain

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"tcpstate/wording"
)

var (
	placeholder = regexp.MustCompile(`\{\{.*?\}\}`)
	digits      = regexp.MustCompile(`[0-9]+`)
	command     = regexp.MustCompile(`(?m)^ {4,}\S.*$`)
	directive   = regexp.MustCompile(`(?m)^@.*$`)
)

// traits are what a page and its translation must have in common.
type traits struct {
	Headings, Placeholders, Numbers, Commands, Directives, Related []string
}

// traitsOf returns the traits of the source of a page. Numbers and placeholders
// are compared as multisets, because languages order their words differently.
func traitsOf(t *testing.T, b *Book, topic Topic, raw string) traits {
	t.Helper()
	p, err := b.page(topic, nil, topic.File(), raw)
	if err != nil {
		t.Fatal(err)
	}
	var has traits
	for _, s := range p.Sections {
		has.Headings = append(has.Headings, s.Key)
	}
	has.Related = p.Related()
	has.Directives = directive.FindAllString(raw, -1)
	for _, line := range command.FindAllString(raw, -1) {
		has.Commands = append(has.Commands, strings.TrimSpace(line))
	}
	has.Placeholders = sorted(placeholder.FindAllString(raw, -1))
	has.Numbers = sorted(digits.FindAllString(placeholder.ReplaceAllString(raw, ""), -1))
	return has
}

func sorted(list []string) []string {
	slices.Sort(list)
	return list
}

// TestLanguagesAgree checks that each page and its translation have the same
// headings, directives, placeholders, numbers and commands.
func TestLanguagesAgree(t *testing.T) {
	en, zh := open(t, wording.English), open(t, wording.Chinese)
	for _, topic := range Topics() {
		a := traitsOf(t, en, topic, sourceOf(t, wording.English, topic.File()))
		b := traitsOf(t, zh, topic, sourceOf(t, wording.Chinese, topic.File()))
		for _, row := range []struct {
			what string
			a, b []string
		}{
			{"headings", a.Headings, b.Headings}, {"directives", a.Directives, b.Directives},
			{"placeholders", a.Placeholders, b.Placeholders}, {"numbers", a.Numbers, b.Numbers},
			{"commands", a.Commands, b.Commands}, {"related topics", a.Related, b.Related},
		} {
			if !slices.Equal(row.a, row.b) {
				t.Errorf("%s: the %s differ: only en has %q, only zh has %q", topic.Name, row.what, without(row.a, row.b), without(row.b, row.a))
			}
		}
	}
}

// TestSocketTextsAgree does the same for the texts about particular sockets.
func TestSocketTextsAgree(t *testing.T) {
	en, err := open(t, wording.English).socketTexts()
	if err != nil {
		t.Fatal(err)
	}
	zh, err := open(t, wording.Chinese).socketTexts()
	if err != nil {
		t.Fatal(err)
	}
	for key, ours := range en {
		theirs := zh[key]
		for what, of := range map[string]func(string) []string{
			"fields":  fieldsIn,
			"numbers": func(s string) []string { return sorted(digits.FindAllString(placeholder.ReplaceAllString(s, ""), -1)) },
		} {
			if a, b := of(ours), of(theirs); !slices.Equal(a, b) {
				t.Errorf("%s: the %s differ: only en has %q, only zh has %q", key, what, without(a, b), without(b, a))
			}
		}
	}
}

// fieldsIn returns the fields and functions that a text uses, each once. Their
// number may differ, because sentences and their conditions differ between
// languages.
func fieldsIn(text string) []string {
	names := regexp.MustCompile(`\.[A-Z][A-Za-z]*|sysctl "[^"]*"|number "[^"]*"`)
	var list []string
	for _, p := range placeholder.FindAllString(text, -1) {
		list = append(list, names.FindAllString(p, -1)...)
	}
	return slices.Compact(sorted(list))
}

// without returns what occurs more often in list than in other.
func without(list, other []string) []string {
	left := slices.Clone(other)
	var more []string
	for _, s := range list {
		if i := slices.Index(left, s); i >= 0 {
			left = slices.Delete(left, i, i+1)
		} else {
			more = append(more, s)
		}
	}
	return more
}

func open(t *testing.T, l wording.Language) *Book {
	t.Helper()
	b, err := Open(l)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// sourceOf returns the source of a page.
func sourceOf(t *testing.T, l wording.Language, file string) string {
	t.Helper()
	text, err := folders.ReadFile(l.String() + "/" + file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
