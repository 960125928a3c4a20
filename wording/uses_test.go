package wording

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// callees are the functions and methods that take a key and, after it, the names
// and values of its places: which argument the key is, and which places they give a
// value themselves.
var callees = map[string]struct {
	key    int
	places []string
}{
	"Say":      {},
	"Fail":     {},
	"WithHint": {},
	"say":      {},
	"Wrap":     {1, []string{"cause"}},
	"refuse":   {2, []string{"text"}},
}

// givenElsewhere are the places of keys that a table names and that a loop gives
// their values.
var givenElsewhere = map[string][]string{
	"netns.entering": {"cause", "name"}, "netns.opening": {"cause", "name"}, "netns.reading": {"cause", "name"}, "netns.examining": {"cause", "name"}, // OpError.Message
	"filter.no-number": {"text"}, "filter.no-bytes": {"text"}, "filter.no-duration": {"text"}, // unit.wrong
	"doctor.do.queue.path":      {"network"}, // Rule.advise
	"doctor.do.conntrack.raise": {"value"},
	"doctor.do.address-gone":    {"address"}, "doctor.do.own-conntrack": {"conntrack"},
	"doctor.do.accept.backlog": {"backlog"},
	"findings.baseline.same":   {"time"}, "findings.baseline.worse": {"time"}, "findings.baseline.new": {"time"}, // Findings.textOf
	"doctor.lacks.processes": {"n"}, "doctor.lacks.clocks": {"n"}, "doctor.lacks.setting": {"n", "name"}, // Lack.Message
	"error.state": {"state"}, // tcp.UnknownStateError.Wording
}

// families are the keys that code puts together from a prefix and a name. The tests
// of their packages check that each name has its texts.
var families = regexp.MustCompile(`^doctor\.([a-z0-9-]+\.(name|meaning|when)|[a-z0-9-]+\.[a-z0-9-]+\.(limits|reason)|risk\.[a-z0-9-]+\.(value|harm))$|^help\.([a-z]+\.)?(short|long|flag\.[a-z0-9-]+)$`)

// use is a key in the program, with the places that get a value there.
type use struct {
	at     token.Position
	key    string
	places []string
	called bool // with values; else the key stands alone
}

// TestUses holds every key in the program to the texts: each has a text in English,
// a text has the places that get values and no other, and each text has a use. Each
// other language has the same keys, with the same places.
func TestUses(t *testing.T) {
	texts := textsOf(t, English)
	file := func(key string) string { name, _, _ := strings.Cut(key, "."); return name }
	files := map[string]bool{}
	for key := range texts {
		files[file(key)] = true
	}
	used := map[string]bool{}
	for _, u := range usesIn(t, "..") {
		text, ok := texts[u.key]
		switch {
		case !ok && !u.called && !files[file(u.key)]:
			continue // a text with a dot that is no key
		case !ok:
			t.Errorf("%s: no text has the key %q", u.at, u.key)
			continue
		}
		used[u.key] = true
		want, got := PlacesIn(text), u.places
		if !u.called && givenElsewhere[u.key] != nil {
			got = givenElsewhere[u.key]
		}
		if !slices.Equal(want, got) {
			t.Errorf("%s: %q has the places %q, and gets %q", u.at, u.key, want, got)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(texts)) {
		if !used[key] && !families.MatchString(key) {
			t.Errorf("nothing says %q", key)
		}
	}
	for _, l := range Languages() {
		translated := textsOf(t, l)
		for _, key := range slices.Sorted(maps.Keys(texts)) {
			if translated[key] == "" {
				t.Errorf("%s: %q has no text", l, key)
			}
		}
		for key, text := range translated {
			if want, got := PlacesIn(texts[key]), PlacesIn(text); texts[key] == "" || !slices.Equal(want, got) {
				t.Errorf("%s: %q has the places %q, in English %q", l, key, got, want)
			}
		}
	}
}

// textsOf reads all files of a language and checks their form.
func textsOf(t *testing.T, l Language) Texts {
	all := Texts{}
	names, err := fs.Glob(folders, l.String()+"/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		raw, err := fs.ReadFile(folders, name)
		if err != nil {
			t.Fatal(err)
		}
		texts, err := Parse(name, string(raw))
		if err != nil {
			t.Error(err)
		}
		for key, text := range texts {
			if prefix := strings.TrimSuffix(path.Base(name), ".txt") + "."; !strings.HasPrefix(key, prefix) {
				t.Errorf("%s: the key %q does not begin with %q", name, key, prefix)
			}
			if rest := fill(text, func(Place) (string, bool) { return "", true }); strings.Contains(rest, "{") {
				t.Errorf("%s: %q has braces that are no place: %s", name, key, text)
			}
			all[key] = text
		}
	}
	return all
}

var keyShape = regexp.MustCompile(`^[a-z]+\.[a-z0-9.-]+[a-z0-9]$`)

// usesIn returns the uses in all Go files below a folder but those of tests.
func usesIn(t *testing.T, root string) []use {
	var uses []use
	set := token.NewFileSet()
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (strings.HasPrefix(entry.Name(), ".") && name != root || name == filepath.Join(root, "internal")):
			return fs.SkipDir
		case entry.IsDir() || filepath.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		parsed, err := parser.ParseFile(set, name, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		uses = append(uses, usesOf(t, set, parsed)...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(uses) < 100 {
		t.Fatalf("only %d uses were found: the test does not see the program", len(uses))
	}
	return uses
}

// usesOf returns the uses in a file. The short texts of package explain have keys of
// their own, which its method say and its table wordKeys name.
func usesOf(t *testing.T, set *token.FileSet, file *ast.File) []use {
	var uses []use
	called := map[*ast.BasicLit]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		name := ""
		switch f := call.Fun.(type) {
		case *ast.Ident:
			name = f.Name
		case *ast.SelectorExpr:
			name = f.Sel.Name
		}
		callee, ok := callees[name]
		if !ok || len(call.Args) <= callee.key || name == "say" && file.Name.Name == "explain" {
			return true
		}
		literal, ok := call.Args[callee.key].(*ast.BasicLit)
		if !ok {
			return true // a key from a table, or put together
		}
		called[literal] = true
		u := use{at: set.Position(call.Pos()), key: textIn(literal), places: slices.Clone(callee.places), called: true}
		values := call.Args[callee.key+1:]
		for i := 0; i < len(values); i += 2 {
			place, ok := values[i].(*ast.BasicLit)
			if !ok || i+1 == len(values) {
				t.Errorf("%s: a place is a literal, and its value stands after it", u.at)
				break
			}
			called[place] = true
			u.places = append(u.places, textIn(place))
		}
		slices.Sort(u.places)
		uses = append(uses, u)
		return true
	})
	ast.Inspect(file, func(n ast.Node) bool {
		literal, ok := n.(*ast.BasicLit)
		if ok && literal.Kind == token.STRING && !called[literal] && keyShape.MatchString(textIn(literal)) {
			uses = append(uses, use{at: set.Position(literal.Pos()), key: textIn(literal)})
		}
		return true
	})
	return uses
}

// textIn returns the text of a literal, "" where it is no string.
func textIn(literal *ast.BasicLit) string {
	text, err := strconv.Unquote(literal.Value)
	if literal.Kind != token.STRING || err != nil {
		return ""
	}
	return text
}
