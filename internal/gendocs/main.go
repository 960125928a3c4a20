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
	"strings"

	"tcpstate/fields"
	"tcpstate/render"
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
