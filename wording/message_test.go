package wording

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	const file = `# A comment.

a.short = text
a.quoted = " text "
a.folded = one line
  and the next
  and the last

a.block =
  first

    indented
  last

a.empty = ""
`
	texts, err := Parse("en/a.txt", file)
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{
		"a.short": "text", "a.quoted": " text ", "a.folded": "one line and the next and the last",
		"a.block": "first\n\n  indented\nlast", "a.empty": "",
	} {
		if got, ok := texts[key]; !ok || got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
	if len(texts) != 5 {
		t.Errorf("%d texts", len(texts))
	}
	for wrong, want := range map[string]string{
		"a.x = 1\na.x = 2": `f:2: the key "a.x" occurs twice`,
		"a.x":              `f:1: a line is "key = text"`,
		"a x = 1":          `f:1: a line is "key = text"`,
		"a.x =":            `f:1: the key "a.x" has no text`,
		"  indented":       `f:1: a line is "key = text"`,
	} {
		if _, err := Parse("f", wrong); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", wrong, err, want)
		}
	}
}

func TestFill(t *testing.T) {
	texts := Texts{"plain": "a {name} b", "other": "{n} {n|socket|sockets} {n:,} {name:q}", "one": "{n|个}", "none": "{Name} {} { {a b}"}
	for _, c := range []struct{ key, want string }{
		{"plain", "a {name} b"}, {"other", "{n} {n|socket|sockets} {n:,} {name:q}"}, {"none", "{Name} {} { {a b}"}, {"missing", "missing"},
	} {
		if got := texts.Fill(c.key); got != c.want {
			t.Errorf("%s is %q without values, want %q", c.key, got, c.want)
		}
	}
	if got := fmt.Sprint(PlacesIn(texts["other"]), PlacesIn(texts["none"])); got != "[n name] []" {
		t.Errorf("places %s", got)
	}
	if wrong := texts.Check([]string{"plain {name}", "other {n} {name}", "one {n}", "none"}); wrong != "" {
		t.Error(wrong)
	}
	for want, used := range map[string][]string{
		`the key "more" is missing`:                                  {"more"},
		`the text of "plain" has the places ["name"], not ["other"]`: {"plain {other}"},
	} {
		if got := texts.Check(used); got != want {
			t.Errorf("%q: %q, want %q", used, got, want)
		}
	}
}

// catalogueOf returns a catalogue with one file of texts.
func catalogueOf(texts Texts) *Catalogue {
	c := For("xx")
	c.files.Store("a", func() Texts { return texts })
	return c
}

func TestMessages(t *testing.T) {
	c := catalogueOf(Texts{"a.n": "{n:,} {n|item|items}", "a.one": "{n|item}", "a.q": "<{x:q}>", "a.of": "[{first}{list}]", "a.err": "doing: {cause}"})
	for want, m := range map[string]Message{
		"1 item":          Say("a.n", "n", 1),
		"0 items":         Say("a.n", "n", 0),
		"12,345 items":    Say("a.n", "n", int64(12345)),
		"-1,234 items":    Say("a.n", "n", -1234),
		"item":            Say("a.one", "n", 7),
		`<"a\x1b\"">`:     Say("a.q", "x", "a\x1b\""),
		"[2 itemsa, b]":   Say("a.of", "first", Say("a.n", "n", 2), "list", []string{"a", "b"}),
		"[]":              Say("a.of", "first", Message{}, "list", []Message{}),
		"":                {},
		"a.missing":       Say("a.missing"),
		"doing: x":        Say("a.err", "cause", errors.New("x")),
		"doing: doing: x": Say("a.err", "cause", Wrap(errors.New("x"), "a.err")),
		"did you mean y?": Say("hint.meant", "word", "y"), // not in this language: English
		"item1 item":      Joined(Say("a.one", "n", 1), Message{}, Say("a.n", "n", 1)),
	} {
		if got := m.In(c); got != want {
			t.Errorf("%s says %q, want %q", m.Key, got, want)
		}
	}
	if got := Say("hint.meant", "word", "y").In(nil); got != "did you mean y?" {
		t.Errorf("without a catalogue it says %q", got)
	}
}

// TestErrors checks that an error is said in another language with its cause, and
// that what wraps it keeps its identity.
func TestErrors(t *testing.T) {
	c := catalogueOf(Texts{"a.outer": "außen: {cause}", "a.inner": "innen {x:q}"})
	err := error(Wrap(Wrap(fs.ErrPermission, "a.outer"), "a.outer"))
	if got := c.Error(err); got != "außen: außen: permission denied" || !errors.Is(err, fs.ErrPermission) {
		t.Errorf("%q, %v", got, errors.Is(err, fs.ErrPermission))
	}
	marked := marker{Fail("a.inner", "x", "y")}
	if got := c.Error(marked); got != `innen "y"` {
		t.Errorf("an error that marks another says %q", got)
	}
	if got := c.Error(fmt.Errorf("foreign: %w", marked)); got != "foreign: a.inner" {
		t.Errorf("a foreign error says %q", got)
	}
	if got := Both(fs.ErrExist, fs.ErrClosed); !errors.Is(got, fs.ErrExist) || !errors.Is(got, fs.ErrClosed) || got.Error() != "file already exists; and file already closed" {
		t.Errorf("both: %v", got)
	}
}

type marker struct{ error }

func (m marker) Unwrap() error { return m.error }

func TestHints(t *testing.T) {
	unlike := Fail("error.state", "state", "tabel").WithChoices("tabel", "table", "json")
	for _, c := range []struct {
		err  error
		want string
	}{
		{unlike, "did you mean table?"},
		{marker{unlike}, "did you mean table?"},
		{Both(fs.ErrExist, unlike), "did you mean table?"},
		{fmt.Errorf("x: %w", unlike), "did you mean table?"},
		{Fail("error.state", "state", "x").WithChoices("x", "table", "json"), "it can be table, json"},
		{Fail("error.state", "state", "x").WithChoices("x", "table", "json").WithHint("error.language", "name", "h"), `no pages in language "h"`},
		{Fail("error.state", "state", "x"), ""},
		{fs.ErrExist, ""},
		{nil, ""},
		{Fail("error.state", "state", "x").WithChoices(strings.Repeat("x", 50), strings.Repeat("x", 50)), "it can be " + strings.Repeat("x", 50)},
	} {
		if got := Hint(c.err).String(); got != c.want {
			t.Errorf("%v: hint %q, want %q", c.err, got, c.want)
		}
	}
}
