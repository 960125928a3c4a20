package wording

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestGlossary holds the Chinese texts and pages to the glossary: one term for one
// thing.
func TestGlossary(t *testing.T) {
	glossary, err := os.ReadFile("glossary.txt")
	if err != nil {
		t.Fatal(err)
	}
	instead := map[string]string{} // a word that must not be used -> the term for it
	for line := range strings.Lines(string(glossary)) {
		if strings.HasPrefix(line, "#") || strings.TrimSpace(line) == "" {
			continue
		}
		parts := strings.Split(line, "|")
		if len(parts) != 3 {
			t.Fatalf("glossary.txt: %q does not have three parts", line)
		}
		for word := range strings.SplitSeq(parts[2], ",") {
			if word = strings.TrimSpace(word); word != "" {
				instead[word] = strings.TrimSpace(parts[0])
			}
		}
	}
	var files []string
	for _, pattern := range []string{"zh/*.txt", "../explain/zh/*.md", "../explain/zh/*.txt"} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: no files, %v", pattern, err)
		}
		files = append(files, found...)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for line := range strings.Lines(string(content)) {
			n++
			for word, term := range instead {
				if strings.Contains(line, word) {
					t.Errorf("%s:%d: %q: the glossary has %q", file, n, word, term)
				}
			}
		}
	}
}
