package explain

import (
	"embed"
	"fmt"
	"slices"
	"strings"
	"text/template"

	"tcpstate/text"
	"tcpstate/wording"
)

//go:generate go run tcpstate/internal/gendocs ../docs/states.svg ../docs/states.md ../docs/states.zh.md

//go:embed en zh
var folders embed.FS

// Book is the pages of one language.
type Book struct {
	Language wording.Language
	words    words
	machine  translation
}

// Open returns the book of a language.
func Open(l wording.Language) (*Book, error) {
	file := l.String() + "/words.txt"
	text, err := folders.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("opening the pages of language %q: %w", l, err)
	}
	w, err := parseWords(file, string(text))
	if err != nil {
		return nil, err
	}
	b := &Book{Language: l, words: w}
	if l == wording.English {
		return b, nil
	}
	file = l.String() + "/machine.txt"
	if text, err = folders.ReadFile(file); err != nil {
		return nil, fmt.Errorf("opening the pages of language %q: %w", l, err)
	}
	if b.machine, err = parseTranslation(file, string(text)); err != nil {
		return nil, err
	}
	return b, nil
}

// Page is the page of a topic with all placeholders filled in.
type Page struct {
	Topic    Topic
	Language wording.Language
	Title    string
	Summary  Text // one sentence
	Sections []Section
	Host     *Host // nil: the page is not about a host

	words   words
	machine translation
}

// Section is a heading with the content under it.
type Section struct {
	Key     string // identifies the heading in every language, such as "clock"
	Heading string // the heading in the language of the page
	Blocks  []Block
}

// Page returns the page of a topic with the values of a host, or, with a nil
// host, with the kernel's defaults.
func (b *Book) Page(t Topic, host *Host) (*Page, error) {
	file := b.Language.String() + "/" + t.File()
	raw, err := folders.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading the page of %s: %w", t.Name, err)
	}
	return b.page(t, host, file, string(raw))
}

// page is like Page for a given source text.
func (b *Book) page(t Topic, host *Host, file, raw string) (*Page, error) {
	text, err := b.fill(file, raw, nil, host)
	if err != nil {
		return nil, err
	}
	src, err := parseSource(file, text)
	if err != nil {
		return nil, err
	}
	p := &Page{Topic: t, Language: b.Language, Title: src.title, Summary: src.summary, Host: host, words: b.words, machine: b.machine}
	if p.Sections, err = b.sections(t, file, src.parts); err != nil {
		return nil, err
	}
	return p, nil
}

// fill replaces the placeholders of a text by their values.
func (b *Book) fill(file, raw string, data any, host *Host) (string, error) {
	for i, line := range strings.Split(raw, "\n") {
		if text.Width(line) > maxSourceLine && !strings.HasPrefix(line, "|") {
			return "", &MarkupError{File: file, Line: i + 1, Msg: fmt.Sprintf("a line of %d columns: at most %d", text.Width(line), maxSourceLine)}
		}
	}
	funcs := values{words: b.words, host: host}.functions()
	tmpl, err := template.New(file).Option("missingkey=error").Funcs(funcs).Parse(raw)
	if err != nil {
		return "", fmt.Errorf("parsing the placeholders of %s: %w", file, err)
	}
	var filled strings.Builder
	if err := tmpl.Execute(&filled, data); err != nil {
		return "", fmt.Errorf("filling the placeholders of %s: %w", file, err)
	}
	return filled.String(), nil
}

// sectionRules lists the headings in their order. must and may are the kinds of
// pages that must or may have the heading.
var sectionRules = []struct {
	key       string
	must, may []Kind
	directive string // the directive that a section with this heading must have
}{
	{"diagram", []Kind{KindState}, []Kind{KindProcess, KindQuestion}, "ladder"},
	{"how", []Kind{KindProcess}, nil, ""},
	{"why", []Kind{KindQuestion}, nil, ""},
	{"moves", []Kind{KindState}, nil, "transitions"},
	{"clock", []Kind{KindState}, []Kind{KindProcess, KindQuestion}, "clock"},
	{"now", []Kind{KindState}, []Kind{KindProcess, KindQuestion}, "live"},
	{"normal", []Kind{KindState}, []Kind{KindProcess}, ""},
	{"said", nil, []Kind{KindProcess, KindQuestion}, ""},
	{"do", []Kind{KindState}, []Kind{KindProcess, KindQuestion}, ""},
	{"dont", []Kind{KindState}, []Kind{KindProcess, KindQuestion}, ""},
	{"related", []Kind{KindState, KindProcess, KindQuestion}, nil, ""},
	{"sources", []Kind{KindState, KindProcess, KindQuestion}, nil, ""},
}

// sections turns the parts of a page into sections. It checks that they have
// known headings in the right order, and the right directives.
func (b *Book) sections(t Topic, file string, parts []part) ([]Section, error) {
	var sections []Section
	for _, rule := range sectionRules {
		heading := b.words.say("heading." + rule.key)
		if len(parts) == 0 || parts[0].heading != heading {
			if slices.Contains(rule.must, t.Kind) {
				line := 0
				if len(parts) > 0 {
					line = parts[0].line
				}
				return nil, &MarkupError{File: file, Line: line, Msg: fmt.Sprintf("the heading %q is due here", heading)}
			}
			continue
		}
		part := parts[0]
		parts = parts[1:]
		if !slices.Contains(rule.must, t.Kind) && !slices.Contains(rule.may, t.Kind) {
			return nil, &MarkupError{File: file, Line: part.line, Msg: fmt.Sprintf("%q has no place in a page of this kind", heading)}
		}
		s := Section{Key: rule.key, Heading: heading, Blocks: part.blocks}
		if msg := s.check(t, rule.directive); msg != "" {
			return nil, &MarkupError{File: file, Line: part.line, Msg: msg}
		}
		sections = append(sections, s)
	}
	if len(parts) > 0 {
		return nil, &MarkupError{File: file, Line: parts[0].line, Msg: fmt.Sprintf("%q is no heading, or not in its place", parts[0].heading)}
	}
	return sections, nil
}

// check checks the directives of a section, finds its ladders, and checks its
// related topics. It returns the first error, or "".
func (s *Section) check(t Topic, directive string) string {
	seen := 0
	for i := range s.Blocks {
		block := &s.Blocks[i]
		if block.Kind != Directive {
			continue
		}
		if block.Name != directive {
			return fmt.Sprintf("@%s has no place under %q", block.Name, s.Heading)
		}
		seen++
		if directive == "ladder" {
			l, ok := ladders[block.Arg]
			if !ok {
				return fmt.Sprintf("no ladder %q", block.Arg)
			}
			block.Ladder = l
		} else if block.Arg != "" || seen > 1 {
			return fmt.Sprintf("@%s must be there once, alone on its line", directive)
		}
		if directive == "clock" {
			if _, ok := topicClocks[t.Name]; !ok {
				return fmt.Sprintf("no clock is known for %s: add one in explain/clocks.go", t.Name)
			}
		}
	}
	if directive != "" && seen == 0 {
		return fmt.Sprintf("@%s is missing under %q", directive, s.Heading)
	}
	switch s.Key {
	case "related":
		return s.checkRelated(t)
	case "sources":
		if len(s.Blocks) != 1 || s.Blocks[0].Kind != Bullets {
			return "the sources are one list"
		}
	}
	return ""
}

// checkRelated checks that the section is one line of canonical topic names.
func (s *Section) checkRelated(t Topic) string {
	if len(s.Blocks) != 1 || s.Blocks[0].Kind != Paragraph {
		return "the related topics are one paragraph: names, joined by commas"
	}
	for _, name := range s.related() {
		if !slices.ContainsFunc(topics, func(other Topic) bool { return other.Name == name }) {
			return fmt.Sprintf("no topic is named %q", name)
		}
		if name == t.Name {
			return "a page is not related to itself"
		}
	}
	return ""
}

// related returns the topics that a section "related" lists.
func (s *Section) related() []string { return strings.Split(s.Blocks[0].Text.String(), ", ") }

// Related returns the names of the page's related topics.
func (p *Page) Related() []string {
	for i := range p.Sections {
		if p.Sections[i].Key == "related" {
			return p.Sections[i].related()
		}
	}
	return nil
}
