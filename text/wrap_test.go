package text

import (
	"slices"
	"strings"
	"testing"
)

func TestWrapString(t *testing.T) {
	for _, test := range []struct {
		s    string
		n    int
		want []string
	}{
		{"one two three", 8, []string{"one two", "three"}},
		{"one  two   three ", 80, []string{"one two three"}},
		{"averylongword and", 5, []string{"averylongword", "and"}},
		{"one\ntwo three\n\nfour", 80, []string{"one", "two three", "four"}},
		{"三次握手，四次挥手。", 8, []string{"三次握", "手，四次", "挥手。"}},
		{"见（握手）一节", 4, []string{"见", "（握", "手）", "一节"}},
		{"状态 TIME_WAIT 持续60秒", 12, []string{"状态", "TIME_WAIT 持", "续60秒"}},
		{"一二三四五六七", 6, []string{"一二三", "四五", "六七"}},
		{"", 10, nil},
	} {
		if got := WrapString(test.s, test.n); !slices.Equal(got, test.want) {
			t.Errorf("%q in %d columns: %q, want %q", test.s, test.n, got, test.want)
		}
	}
}

func TestWrapKeepsStyles(t *testing.T) {
	type piece struct {
		Style int
		Text  string
	}
	got := Wrap([]piece{{0, "a word in "}, {1, "two styles"}, {0, ", as one"}}, 12)
	want := [][]piece{
		{{0, "a"}, {0, " "}, {0, "word"}, {0, " "}, {0, "in"}},
		{{1, "two"}, {0, " "}, {1, "styles"}, {0, ","}},
		{{0, "as"}, {0, " "}, {0, "one"}},
	}
	if !slices.EqualFunc(got, want, slices.Equal[[]piece]) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestAppendWrapped(t *testing.T) {
	for _, test := range []struct {
		s                 string
		n, column, indent int
		want              string
	}{
		{"short enough", 78, 0, 2, "short enough"},
		{strings.Repeat("a", 39) + " " + strings.Repeat("b", 38), 78, 0, 2, strings.Repeat("a", 39) + " " + strings.Repeat("b", 38)},
		{"one two three four", 9, 0, 2, "one two\n  three\n  four"},
		{"one two three", 13, 6, 6, "one two\n      three"},
		{"one\ntwo", 80, 0, 2, "one\n  two"},
		{"", 80, 4, 4, ""},
	} {
		if got := string(AppendWrapped(nil, test.s, test.n, test.column, test.indent)); got != test.want {
			t.Errorf("%q in %d columns from %d: %q, want %q", test.s, test.n, test.column, got, test.want)
		}
	}
}

func TestJoinLines(t *testing.T) {
	for _, test := range [][3]string{{"a", "b", "a b"}, {"三次", "握手", "三次握手"}, {"三次，", "abc", "三次，abc"}, {"状态", "LISTEN", "状态 LISTEN"}} {
		if got := JoinLines(test[0], test[1]); got != test[2] {
			t.Errorf("%q and %q are joined to %q, want %q", test[0], test[1], got, test[2])
		}
	}
}

// FuzzWrap checks that wrapping loses only spaces, and that only a word that
// cannot be broken is wider than a line.
func FuzzWrap(f *testing.F) {
	f.Add("one two three", 8)
	f.Add("三次握手，（四次）挥手。 abc", 6)
	for i, s := range hostile {
		f.Add(s, i+4)
	}
	f.Fuzz(func(t *testing.T, s string, n int) {
		if n < 4 || n > 200 {
			return
		}
		s = Escape(s)
		lines := WrapString(s, n)
		bare := func(s string) string { return strings.ReplaceAll(s, " ", "") }
		if got := bare(strings.Join(lines, "")); got != bare(s) {
			t.Errorf("%q became %q", s, got)
		}
		for _, line := range lines {
			if Width(line) > n && strings.Contains(line, " ") {
				t.Errorf("%q is wider than %d", line, n)
			}
		}
	})
}
