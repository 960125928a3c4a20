package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

func TestPagesAreFresh(t *testing.T) {
	for name, by := range map[string]string{"json.md": "render", "doctor.md": "doctor"} {
		page, err := os.ReadFile("../../docs/" + name)
		if err != nil {
			t.Fatal(err)
		}
		fresh, err := generate(page)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(page, fresh) {
			t.Errorf("docs/%s is stale: run go generate ./%s", name, by)
		}
	}
}

func TestGenerate(t *testing.T) {
	got, err := generate([]byte("before\n<!-- generated: columns -->\nold\n<!-- end -->\nafter\n"))
	if err != nil {
		t.Fatal(err)
	}
	text := string(got)
	if !strings.HasPrefix(text, "before\n<!-- generated: columns -->\n| column |") ||
		!strings.HasSuffix(text, "|\n<!-- end -->\nafter\n") || strings.Contains(text, "old") {
		t.Errorf("generated %q", text)
	}
	for page, want := range map[string]string{
		"<!-- generated: fields -->\n":               `the generated part "fields" has no end`,
		"<!-- generated: nosuch -->\n<!-- end -->\n": `nothing generates the part "nosuch"`,
	} {
		if _, err := generate([]byte(page)); err == nil || err.Error() != want {
			t.Errorf("generate(%q): error %v, want %s", page, err, want)
		}
	}
}

func TestDocumentsAreFresh(t *testing.T) {
	for name := range documents {
		fresh, _, err := document("../../docs/" + name)
		if err != nil {
			t.Error(err)
			continue
		}
		page, err := os.ReadFile("../../docs/" + name)
		if err != nil {
			t.Errorf("%v: run go generate ./explain", err)
		} else if !bytes.Equal(page, fresh) {
			t.Errorf("docs/%s is stale: run go generate ./explain", name)
		}
	}
}
