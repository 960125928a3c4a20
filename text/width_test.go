package text

import (
	"strings"
	"testing"
)

func TestWidth(t *testing.T) {
	for s, want := range map[string]int{
		"": 0, "abc": 3, "三次": 4, "é": 1, "e\u0301": 1, "पानी": 4, "שָׁ": 1, "│─►": 3, "😀": 2, "🇨🇳": 2, "…": 1, "ｱ": 1, "Ａ": 2,
	} {
		if got := Width(s); got != want {
			t.Errorf("%q takes %d columns, want %d", s, got, want)
		}
	}
}

func TestTruncate(t *testing.T) {
	for _, test := range []struct {
		s    string
		n    int
		mark string
		want string
	}{
		{"abcdef", 6, "…", "abcdef"}, {"abcdef", 5, "…", "abcd…"}, {"abcdef", 5, "...", "ab..."}, {"abcdef", 2, "...", ".."}, {"abcdef", 0, "…", ""},
		{"abcdef", -3, "…", ""}, {"四次挥手", 5, "…", "四次…"}, {"四次挥手", 4, "…", "四…"}, {"e\u0301e\u0301e\u0301", 2, "…", "e\u0301…"}, {"abc", 2, "", "ab"},
	} {
		if got := Truncate(test.s, test.n, test.mark); got != test.want {
			t.Errorf("Truncate(%q, %d, %q) = %q, want %q", test.s, test.n, test.mark, got, test.want)
		}
	}
}

func TestTruncateMiddle(t *testing.T) {
	for _, test := range []struct {
		s    string
		n    int
		mark string
		want string
	}{
		{"10.0.0.1:443", 12, "…", "10.0.0.1:443"}, {"192.168.100.200:51000", 16, "…", "192.168…00:51000"}, {"192.168.100.200:51000", 17, "~", "192.168.~00:51000"},
		{"abcdef", 1, "…", "…"}, {"abcdef", 0, "…", ""}, {"四次挥手四次挥手", 7, "…", "四…手"}, {"abcdefe\u0301f", 4, "…", "a…e\u0301f"},
	} {
		if got := TruncateMiddle(test.s, test.n, test.mark); got != test.want {
			t.Errorf("TruncateMiddle(%q, %d, %q) = %q, want %q", test.s, test.n, test.mark, got, test.want)
		}
	}
}

func TestColumns(t *testing.T) {
	for _, test := range []struct {
		s       string
		from, n int
		want    string
	}{
		{"abcdef", 0, 3, "abc"}, {"abcdef", 2, 3, "cde"}, {"abc", 5, 3, ""},
		{"\x1b[1mab\x1b[0mcd", 1, 2, "\x1b[1mb\x1b[0mc"}, {"四次挥手", 0, 5, "四次"}, {"四次挥手", 1, 4, "次"},
		{"\x1b[", 0, 5, "\x1b["}, {"a\xffb", 0, 3, "a\ufffdb"},
	} {
		if got := Columns(test.s, test.from, test.n); got != test.want {
			t.Errorf("Columns(%q, %d, %d) = %q, want %q", test.s, test.from, test.n, got, test.want)
		}
	}
}

// FuzzWidth checks that all functions agree on what fits into a number of
// columns.
func FuzzWidth(f *testing.F) {
	for i, s := range hostile {
		f.Add(s, i)
	}
	f.Fuzz(func(t *testing.T, s string, n int) {
		n %= 100
		s = Escape(s)
		for _, mark := range []string{"…", "...", ""} {
			for name, got := range map[string]string{"Truncate": Truncate(s, n, mark), "TruncateMiddle": TruncateMiddle(s, n, mark)} {
				if Width(got) > max(0, n) {
					t.Errorf("%s(%q, %d, %q) = %q, of %d columns", name, s, n, mark, got, Width(got))
				}
				if Width(s) <= n && got != s {
					t.Errorf("%s(%q, %d, %q) = %q, though all of it fits", name, s, n, mark, got)
				}
			}
		}
		for _, got := range []string{PadLeft(s, n), PadRight(s, n)} {
			if Width(got) != max(n, Width(s)) || strings.Trim(got, " ") != strings.Trim(s, " ") {
				t.Errorf("%q padded to %d columns is %q", s, n, got)
			}
		}
		if got := Columns(Bold.Paint(s), 0, Width(s)); got != Bold.Paint(s) {
			t.Errorf("all columns of %q are %q", s, got)
		}
		if n > 0 && Width(Columns(s, 1, n)) > n {
			t.Errorf("%d columns of %q are %q", n, s, Columns(s, 1, n))
		}
	})
}
