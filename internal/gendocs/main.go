// Gendocs writes the generated parts of docs/json.md and docs/doctor.md from
// the tables of packages render and doctor. It also writes the whole of
// docs/states.md, docs/states.zh.md and docs/states.svg from the pages of
// package explain:
//
//	go run tcpstate/internal/gendocs docs/json.md docs/doctor.md
//	go run tcpstate/internal/gendocs docs/states.md docs/states.zh.md docs/states.svg
//
// A generated part is between a line "<!-- generated: NAME -->" and the next
// line "<!-- end -->". Gendocs does not change the text around it.
package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"tcpstate/doctor"
	"tcpstate/explain"
	"tcpstate/fields"
	"tcpstate/render"
	"tcpstate/wording"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: gendocs FILE...")
		os.Exit(2)
	}
	for _, path := range os.Args[1:] {
		if err := rewrite(path); err != nil {
			fmt.Fprintln(os.Stderr, "gendocs:", err)
			os.Exit(1)
		}
	}
}

func rewrite(path string) error {
	if whole, ok, err := document(path); ok {
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		return os.WriteFile(path, whole, 0o644)
	}
	page, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	page, err = generate(page)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return os.WriteFile(path, page, 0o644)
}

// drawing is the name of the chart's file. The pages that show it are in the
// same directory.
const drawing = "states.svg"

// documents maps the names of the files that are generated as a whole to their
// writers.
var documents = map[string]func() ([]byte, error){
	"states.md":    func() ([]byte, error) { return states(wording.English) },
	"states.zh.md": func() ([]byte, error) { return states(wording.Chinese) },
	drawing:        chart,
}

// document returns the content of the file at path, and whether that file is
// generated as a whole.
func document(path string) ([]byte, bool, error) {
	write, ok := documents[filepath.Base(path)]
	if !ok {
		return nil, false, nil
	}
	text, err := write()
	return text, true, err
}

// states returns all pages of a language in one document.
func states(l wording.Language) ([]byte, error) {
	book, err := explain.Open(l)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = book.WriteDocs(&b, drawing)
	return b.Bytes(), err
}

func chart() ([]byte, error) {
	book, err := explain.Open(wording.English)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = book.WriteSVG(&b)
	return b.Bytes(), err
}

const (
	begin = "<!-- generated: "
	end   = "<!-- end -->\n"
)

// generate returns the page with new text in its generated parts.
func generate(page []byte) ([]byte, error) {
	var out bytes.Buffer
	for {
		before, rest, found := bytes.Cut(page, []byte(begin))
		out.Write(before)
		if !found {
			return out.Bytes(), nil
		}
		name, rest, _ := bytes.Cut(rest, []byte(" -->\n"))
		_, after, found := bytes.Cut(rest, []byte(end))
		if !found {
			return nil, fmt.Errorf("the generated part %q has no end", name)
		}
		part, err := table(string(name))
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&out, "%s%s -->\n%s%s", begin, name, part, end)
		page = after
	}
}

// table returns the generated part with the given name.
func table(name string) (string, error) {
	var b strings.Builder
	switch name {
	case "fields":
		b.WriteString("| field | type | unit | present | meaning |\n|---|---|---|---|---|\n")
		for _, f := range render.Fields() {
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", f.Name, f.Type, fields.UnitOf(f.Name), f.When, f.Doc)
		}
	case "columns":
		b.WriteString("| column | meaning |\n|---|---|\n")
		for _, f := range render.PeopleColumns() {
			fmt.Fprintf(&b, "| `%s` | %s |\n", f.Name, f.Doc)
		}
	default:
		if part, ok := doctorPart(name); ok {
			return part, nil
		}
		return "", fmt.Errorf("nothing generates the part %q", name)
	}
	return b.String(), nil
}

// doctorPart returns a generated part of docs/doctor.md, and whether there is
// one with that name.
func doctorPart(name string) (string, bool) {
	var b strings.Builder
	switch name {
	case "rules":
		for _, r := range doctor.Rules() {
			writeRule(&b, r)
		}
	case "thresholds":
		b.WriteString("| threshold | default | what it limits | why so | source |\n|---|---|---|---|---|\n")
		defaults := doctor.DefaultThresholds()
		for i, t := range doctor.ThresholdTable() {
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", t.Name, defaults.Text(i), t.Limits(), t.Reason(), t.Source())
		}
	case "risks":
		b.WriteString("| setting | when it is | severity | what it then does | source |\n|---|---|---|---|---|\n")
		for _, r := range doctor.Risks() {
			fmt.Fprintf(&b, "| `%s` | %s | %v | %s | %s |\n", r.Setting, r.Value(), r.Severity, r.Harm(), r.Source)
		}
	default:
		return "", false
	}
	return b.String(), true
}

func writeRule(b *strings.Builder, r doctor.Rule) {
	var severities []string
	for _, s := range r.Severities {
		severities = append(severities, s.String())
	}
	fmt.Fprintf(b, "### %s\n\n%s: %s.\n\n%s\n\n", r.Code, strings.Join(severities, ", "), r.Name(), r.Meaning())
	fmt.Fprintf(b, "Condition: %s.\n\nAdvice:\n\n", r.Condition())
	for i, s := range r.Advice {
		fmt.Fprintf(b, "%d. %s", i+1, wording.Say(s.Say))
		if s.Run != "" {
			fmt.Fprintf(b, ": `%s`", s.Run)
		}
		if s.When != "" {
			fmt.Fprintf(b, " (where %s)", wording.Say(s.When))
		}
		if s.Since != "" {
			fmt.Fprintf(b, " (from Linux %s)", s.Since)
		}
		b.WriteString("\n")
	}
	fmt.Fprintf(b, "\nMore: `tcpstate explain %s`. Sources: %s.\n\n", r.Topic, strings.Join(r.Sources, "; "))
}
