package filter

import (
	"net/netip"
	"os"
	"regexp"
	"strings"
	"testing"
)

const docsPath = "../docs/filters.md"

func readDocs(t *testing.T) string {
	t.Helper()
	docs, err := os.ReadFile(docsPath)
	if err != nil {
		t.Fatal(err)
	}
	return string(docs)
}

// TestDocsExamples parses each example of the documentation: the text after
// "tcpstate" and a command, between backticks or on a line of its own.
func TestDocsExamples(t *testing.T) {
	anyName := Names{
		Service:   func(string) (uint16, bool) { return 443, true },
		Host:      func(string) ([]netip.Addr, error) { return []netip.Addr{netip.IPv6Loopback()}, nil },
		Interface: func(name string) (uint32, bool) { return 2, name == "eth0" },
		User:      func(string) (uint32, bool) { return 33, true },
		Cgroup:    func(string) (uint64, bool) { return 7, true },
		Process:   func(string) bool { return true },
	}
	examples := regexp.MustCompile("(?m)(?:^|`)tcpstate (?:ls|count)((?: [^`\n]*)?)(?:`|$)").FindAllStringSubmatch(readDocs(t), -1)
	if len(examples) < 70 {
		t.Errorf("only %d examples", len(examples))
	}
	used := map[string]bool{}
	for _, example := range examples {
		var args []string
		for _, arg := range shellWords(strings.ReplaceAll(example[1], `\|`, "|")) { // the documentation escapes | in tables
			if !strings.HasPrefix(arg, "-") {
				args = append(args, arg)
			}
		}
		if _, err := Parse(args, anyName); err != nil {
			t.Errorf("%s: %v", example[1], err)
		}
		for word := range strings.FieldsSeq(strings.Join(args, " ")) {
			used[word] = true
		}
	}
	for _, k := range kinds {
		if !used[k.word] {
			t.Errorf("no example in docs/filters.md uses %s", k.word)
		}
	}
}

// shellWords splits a command line like a shell that knows only single quotes.
func shellWords(line string) []string {
	var words []string
	for i, part := range strings.Split(line, "'") {
		if i%2 == 1 {
			words = append(words, part)
		} else {
			words = append(words, strings.Fields(part)...)
		}
	}
	return words
}

// TestDocsGrammar checks that the documentation has the grammar of the package
// comment.
func TestDocsGrammar(t *testing.T) {
	source, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(source), "// # The grammar\n//\n")
	var grammar []string
	for line := range strings.SplitSeq(rest, "\n") {
		text, indented := strings.CutPrefix(line, "//\t")
		if !indented && line != "//" {
			break
		}
		if !indented {
			text = ""
		}
		grammar = append(grammar, text)
	}
	want := "```text\n" + strings.TrimSpace(strings.Join(grammar, "\n")) + "\n```\n"
	if !strings.Contains(readDocs(t), want) {
		t.Errorf("%s does not contain the grammar of doc.go:\n%s", docsPath, want)
	}
}
