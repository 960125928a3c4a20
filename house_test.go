package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// tiers is the order of the house: a package may import packages of later
// tiers only, never one of its own, so no circle can form and every package
// can be read knowing only what stands to its right. docs/architecture.md
// tells what lives in each.
var tiers = [][]string{
	{"."},
	{"cmd"},
	{"watch/screen"},
	{"watch"},
	{"collect", "render"},
	{"sockdiag", "procnet", "netns", "filter", "doctor", "explain"},
	{"wording"},
	{"lifecycle", "fields"},
	{"tcp", "text"},
}

// outsiders says which packages may import a module from outside. A module not
// named here may not be imported at all: each is a decision, with its reason.
var outsiders = []struct {
	module string
	by     []string
	reason string
}{
	{"github.com/spf13/cobra", []string{"cmd"}, "flags are the command line's business; the packages below take plain values"},
	{"github.com/spf13/pflag", []string{"cmd"}, "as cobra"},
	{"golang.org/x/term", []string{"cmd"}, "whether stdout is a terminal is for cmd alone to ask"},
	{"github.com/olekukonko/tablewriter", []string{"render"}, "tables are drawn in one place, and its start-up is paid by nobody else"},
	{"github.com/vishvananda/netlink/nl", []string{"sockdiag"}, "the transport of sock_diag; the codec is ours"},
	{"github.com/vishvananda/netlink", []string{"internal/lab"}, "the lab lays its own wire; the program changes nothing on a host"},
	{"github.com/mattn/go-runewidth", []string{"text"}, "the widths of characters; all others ask text"},
	{"charm.land/bubbletea/v2", []string{"watch/screen"}, "the screen alone reads keys and draws; what follows sockets does it for a pipe too"},
	{"github.com/charmbracelet/colorprofile", []string{"watch/screen"}, "tells bubbletea which colours there are"},
	{"github.com/google/go-cmp/cmp", []string{"internal/lab"}, "failures of tests show JSON key by key"},
	{"golang.org/x/sys/unix", []string{"sockdiag", "netns", "collect", "internal/lab", "internal/lab/run", "internal/bench"}, "system calls stay with those who talk to the kernel"},
}

// onlyTests may be imported by tests, and by commands beside it, and by nothing
// that a user runs: it makes sockets, the program only looks at them.
const onlyTests = "internal/lab"

func TestImports(t *testing.T) {
	for file, imports := range importsOfTheHouse(t) {
		room := path.Dir(file)
		isTest := strings.HasSuffix(file, "_test.go")
		for _, imported := range imports {
			if within, ok := strings.CutPrefix(imported, "tcpstate/"); ok {
				checkInside(t, file, room, within, isTest)
			} else if !isTest {
				checkOutside(t, file, room, imported)
			}
		}
	}
}

// checkInside checks the import of one of the house's own packages.
func checkInside(t *testing.T, file, room, imported string, isTest bool) {
	switch {
	case imported == onlyTests || strings.HasPrefix(imported, onlyTests+"/"):
		if !isTest && !strings.HasPrefix(room, "internal/") {
			t.Errorf("%s imports %s: only tests may, for the program must never make sockets", file, imported)
		}
	case isTest, strings.HasPrefix(room, "internal/"):
		// Tests and the commands of the house itself look wherever they must.
	case tier(room) < 0:
		t.Errorf("%s is in package %s, which has no tier: give it one here and in docs/architecture.md", file, room)
	case tier(imported) < 0:
		t.Errorf("%s imports %s, which has no tier", file, imported)
	case tier(imported) <= tier(room):
		t.Errorf("%s imports %s: a package may import later tiers only, or circles form", file, imported)
	}
}

// checkOutside checks the import of a package from outside.
func checkOutside(t *testing.T, file, room, imported string) {
	if first, _, _ := strings.Cut(imported, "/"); !strings.Contains(first, ".") {
		return // the standard library
	}
	if room == "tcp" {
		t.Errorf("%s imports %s: tcp is the vocabulary of all and takes only the standard library", file, imported)
		return
	}
	for _, o := range outsiders {
		if imported == o.module || strings.HasPrefix(imported, o.module+"/") {
			if !slices.Contains(o.by, room) {
				t.Errorf("%s imports %s, which only %s may: %s", file, imported, strings.Join(o.by, ", "), o.reason)
			}
			return
		}
	}
	t.Errorf("%s imports %s, which no package may yet: say here who and why", file, imported)
}

// ofText are pieces of code that only the package text may have: an escape, a
// width or a colour of one's own is where hostile text gets through to a terminal.
var ofText = regexp.MustCompile(`(strconv|unicode)\.IsPrint\(|strings\.Repeat\(" "|\\x1b\[|\\033\[|pkg/twwidth|strconv\.QuoteRune|html\.EscapeString|xml\.EscapeText`)

func TestTextIsInOnePlace(t *testing.T) {
	for file := range importsOfTheHouse(t) {
		room := path.Dir(file)
		if room == "text" || strings.HasSuffix(file, "_test.go") || strings.HasPrefix(room, "internal/") {
			continue
		}
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(string(source), "\n") {
			if found := ofText.FindString(line); found != "" && !strings.HasPrefix(strings.TrimSpace(line), "//") {
				t.Errorf("%s:%d: %s: ask the package text for that", file, i+1, found)
			}
		}
	}
}

func tier(room string) int {
	return slices.IndexFunc(tiers, func(rooms []string) bool { return slices.Contains(rooms, room) })
}

// importsOfTheHouse returns the imports of every Go file, whatever system it is
// for.
func importsOfTheHouse(t *testing.T) map[string][]string {
	imports := make(map[string][]string)
	err := filepath.WalkDir(".", func(file string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && file != "." && strings.HasPrefix(entry.Name(), "."):
			return fs.SkipDir
		case entry.IsDir() || filepath.Ext(file) != ".go":
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		file = filepath.ToSlash(file)
		imports[file] = nil
		for _, spec := range parsed.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			imports[file] = append(imports[file], name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(imports) < 10 {
		t.Fatalf("only %d Go files were found: the test does not see the house", len(imports))
	}
	return imports
}
