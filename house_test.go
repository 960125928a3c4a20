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

// tiers is the order of the packages. A package may import only packages of
// later tiers, never one of its own tier. So import cycles are impossible, and a
// reader of a package needs to know only packages of later tiers.
// docs/architecture.md describes each package.
var tiers = [][]string{
	{"."},
	{"cmd"},
	{"watch/screen"},
	{"watch"},
	{"collect", "render", "lab"},
	{"sockdiag", "procnet", "netns", "filter", "doctor", "explain", "tty"},
	{"wording"},
	{"lifecycle", "fields", "lab/ground"},
	{"tcp", "text", "lab/segment", "lab/private"},
}

// outsiders lists the modules of other authors, the packages that may import
// each, and the reason. No package may import a module that is not in the list.
var outsiders = []struct {
	module string
	by     []string
	reason string
}{
	{"github.com/spf13/cobra", []string{"cmd"}, "only cmd handles flags; the packages of later tiers take plain values"},
	{"github.com/spf13/pflag", []string{"cmd"}, "same reason as cobra"},
	{"github.com/pelletier/go-toml/v2", []string{"cmd"}, "only cmd reads the configuration of the user; it becomes the same values as flags"},
	{"golang.org/x/term", []string{"cmd"}, "only cmd checks whether stdout is a terminal"},
	{"github.com/olekukonko/tablewriter", []string{"render"}, "tables are drawn in one place, and no other package pays for its initialization"},
	{"github.com/vishvananda/netlink/nl", []string{"sockdiag"}, "the transport of sock_diag; the codec is ours"},
	{"github.com/vishvananda/netlink", []string{"lab/ground", "lab"}, "the labs create links in their own namespaces; the program changes nothing on a host"},
	{"github.com/mattn/go-runewidth", []string{"text"}, "only text computes the widths of characters"},
	{"charm.land/bubbletea/v2", []string{"watch/screen"}, "only the screen reads keys and draws; package watch also serves output to a pipe"},
	{"github.com/charmbracelet/colorprofile", []string{"watch/screen"}, "passes the available colours to bubbletea"},
	{"github.com/google/go-cmp/cmp", []string{"internal/lab"}, "test failures show differences of JSON key by key"},
	{"golang.org/x/sys/unix", []string{"cmd", "sockdiag", "netns", "collect", "tty", "lab", "lab/ground", "lab/private", "internal/lab", "internal/lab/run", "internal/bench"}, "only packages that talk to the kernel make system calls; cmd asks it whether the program has more rights than its user"},
}

// onlyTests is a package that only tests and the other packages of internal/ may
// import. The program may not, because the package creates sockets and the
// program must only read them. (Package lab creates some too, but only in
// namespaces that it made itself.)
const onlyTests = "internal/lab"

func TestImports(t *testing.T) {
	for file, imports := range allImports(t) {
		pkg := path.Dir(file)
		isTest := strings.HasSuffix(file, "_test.go")
		for _, imported := range imports {
			if within, ok := strings.CutPrefix(imported, "tcpstate/"); ok {
				checkInside(t, file, pkg, within, isTest)
			} else if !isTest {
				checkOutside(t, file, pkg, imported)
			}
		}
	}
}

// checkInside checks the import of a package of this module.
func checkInside(t *testing.T, file, pkg, imported string, isTest bool) {
	switch {
	case imported == onlyTests || strings.HasPrefix(imported, onlyTests+"/"):
		if !isTest && !strings.HasPrefix(pkg, "internal/") {
			t.Errorf("%s imports %s: only tests may, because the program must never create sockets", file, imported)
		}
	case isTest, strings.HasPrefix(pkg, "internal/"):
		// Tests and the packages of internal/ may import any package.
	case tier(pkg) < 0:
		t.Errorf("%s is in package %s, which has no tier: give it one here and in docs/architecture.md", file, pkg)
	case tier(imported) < 0:
		t.Errorf("%s imports %s, which has no tier", file, imported)
	case tier(imported) <= tier(pkg):
		t.Errorf("%s imports %s: a package may import later tiers only, to prevent import cycles", file, imported)
	}
}

// checkOutside checks the import of a package of another module.
func checkOutside(t *testing.T, file, pkg, imported string) {
	if first, _, _ := strings.Cut(imported, "/"); !strings.Contains(first, ".") {
		return // the standard library
	}
	if pkg == "tcp" {
		t.Errorf("%s imports %s: all packages use tcp, so it imports only the standard library", file, imported)
		return
	}
	for _, o := range outsiders {
		if imported == o.module || strings.HasPrefix(imported, o.module+"/") {
			if !slices.Contains(o.by, pkg) {
				t.Errorf("%s imports %s, which only %s may: %s", file, imported, strings.Join(o.by, ", "), o.reason)
			}
			return
		}
	}
	t.Errorf("%s imports %s, which no package may import: add it to outsiders with the packages that may, and the reason", file, imported)
}

// ofText matches code that only the package text may contain. If another package
// escapes, measures or colours text by itself, hostile text can reach a terminal.
var ofText = regexp.MustCompile(`(strconv|unicode)\.IsPrint\(|strings\.Repeat\(" "|\\x1b\[|\\033\[|pkg/twwidth|strconv\.QuoteRune|html\.EscapeString|xml\.EscapeText`)

func TestTextIsInOnePlace(t *testing.T) {
	for file := range allImports(t) {
		pkg := path.Dir(file)
		if pkg == "text" || strings.HasSuffix(file, "_test.go") || strings.HasPrefix(pkg, "internal/") {
			continue
		}
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(string(source), "\n") {
			if found := ofText.FindString(line); found != "" && !strings.HasPrefix(strings.TrimSpace(line), "//") {
				t.Errorf("%s:%d: %s: use the package text for that", file, i+1, found)
			}
		}
	}
}

func tier(pkg string) int {
	return slices.IndexFunc(tiers, func(packages []string) bool { return slices.Contains(packages, pkg) })
}

// allImports returns the imports of every Go file of this module, for all
// operating systems.
func allImports(t *testing.T) map[string][]string {
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
		t.Fatalf("only %d Go files were found: the test does not see the module", len(imports))
	}
	return imports
}
