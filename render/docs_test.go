package render

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"tcpstate/internal/filled"
	"tcpstate/tcp"
)

// documented returns the types of the fields from docs/json.md.
func documented(t testing.TB) map[string]string {
	t.Helper()
	page, err := os.ReadFile("../docs/json.md")
	if err != nil {
		t.Fatal(err)
	}
	schema, _, _ := strings.Cut(string(page), "\n## CSV\n")
	types := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\| ([a-z ]+) \\|").FindAllStringSubmatch(schema, -1) {
		types[row[1]] = row[2]
	}
	if types["tcp_info.rtt_us"] != "integer" || types["sockets"] != "list of objects" {
		t.Fatalf("docs/json.md does not have the form that this test reads: %v", types)
	}
	return types
}

// TestOutputIsDocumented checks whole documents against docs/json.md.
func TestOutputIsDocumented(t *testing.T) {
	types := documented(t)
	mapped := timeWait()
	mapped.Interface = "\x1b"
	text := write(t, &Listing{Format: JSON, Meta: Meta{Missing: []string{"cookie"}, NotRequested: []OptionJSON{{"-i", []string{"tcp_info"}}}}}, each(listener(), established(), mapped, full(), filled.Socket(), &tcp.Socket{}))
	seen := map[string]bool{}
	check(t, types, seen, "", decode(t, []byte(text)))
	for name := range types {
		if !seen[name] {
			t.Errorf("%s is documented but was never written", name)
		}
	}
}

func FuzzOutputIsDocumented(f *testing.F) {
	types := documented(f)
	for seed := range uint64(100) {
		f.Add(seed, "eth0")
	}
	f.Fuzz(func(t *testing.T, seed uint64, text string) {
		for key, v := range decode(t, appendSocket(nil, newDice(seed, text).socket())).(map[string]any) {
			check(t, types, map[string]bool{}, key, v)
		}
	})
}

// check reports a value whose name is not documented, or whose type differs
// from the documented one.
func check(t *testing.T, types map[string]string, seen map[string]bool, name string, v any) {
	t.Helper()
	// The page has the fields of a socket without the name of their list in the document.
	name = strings.TrimPrefix(strings.TrimPrefix(name, "sockets[]"), ".")
	seen[name] = true
	typ := ""
	switch v := v.(type) {
	case map[string]any:
		typ = "object"
		for key, v := range v {
			check(t, types, seen, strings.TrimPrefix(name+"."+key, "."), v)
		}
	case []any:
		typ = types[name]
		if !strings.HasPrefix(typ, "list of ") {
			t.Errorf("%s is a list, documented as %q", name, typ)
		}
		for _, item := range v {
			if object, ok := item.(map[string]any); ok && typ == "list of objects" {
				for key, v := range object {
					check(t, types, seen, strings.TrimPrefix(name+"[]."+key, "sockets[]."), v)
				}
				continue
			}
			of := "list of strings"
			if number, ok := item.(json.Number); ok && !strings.ContainsAny(number.String(), ".eE") {
				of = "list of integers"
			} else if _, ok := item.(string); !ok {
				of = "list of something else"
			}
			if typ != of {
				t.Errorf("%s contains %v, documented as %q", name, item, typ)
			}
		}
	case string:
		typ = "string"
	case bool:
		typ = "boolean"
	case json.Number:
		typ = "integer"
		if strings.ContainsAny(v.String(), ".eE") {
			t.Errorf("%s is %v, which is not an integer", name, v)
		}
	}
	if name != "" && types[name] != typ {
		t.Errorf("%s is %q, documented as %q", name, typ, types[name])
	}
}

// TestUnits checks that every field has a full description that does not break
// the table of the page.
func TestUnits(t *testing.T) {
	for _, f := range Fields() {
		if f.Doc == "" || f.When == "" || f.Type == "" {
			t.Errorf("%s is not fully described: %+v", f.Name, f)
		}
		if strings.Contains(f.Doc, "|") || strings.Contains(f.When, "|") {
			t.Errorf("%s would break the table of the page: %+v", f.Name, f)
		}
	}
}
