package text

import (
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// hostile are values that may break the output, by accident or by intent.
var hostile = []string{
	"", "eth0", " ", "a b", `C:\temp\`, `dev-disk\x2dby\x2duuid.mount`, `\`, `\\`, `\x1b`, `\\x1b`, "\\\x1b", "\\\\\x1b", `\x1B[31m`, `\u202e`, "\\\u202e",
	`\U000e0001`, `\u00`, `\xZZ`, "\x00\x01\b\t\n\f\r\x1b[31m\x7f", "\u0085\u009b31m", "line\u2028par\u2029", "\u202egnp.exe", "\u2066\u200f\u061c\ufeff\u00ad",
	"\xff\xc0\xaf\xed\xa0\x80", "\xc2", "中文\xe4\xb8", "\ufffd", "中文", "e\u0301", "\U0001f600", "❤\ufe0f", "\U000e0041tag", "\u00a0\u3000", "\u3164\u115f\u2800", "\ue000",
	"a\u034fb", "\U000e0100", "日本語", "اسم", "पानी", "🇨🇳",
}

func TestEscape(t *testing.T) {
	for value, want := range map[string]string{
		"eth0":                  "eth0",
		"":                      "",
		`a\b C:\temp\`:          `a\b C:\temp\`,
		`disk\x2dby\x20id`:      `disk\x2dby\x20id`,
		"\x1b[31mred\x07\t":     `\x1b[31mred\x07\x09`,
		"a\nb\rc":               `a\x0ab\x0dc`,
		"\x7f\u0085\u009b":      `\x7f\u0085\u009b`,
		"\u202egnp\u2066\ufeff": `\u202egnp\u2066\ufeff`,
		"\u2028\u00a0\u00ad":    `\u2028\u00a0\u00ad`,
		"\U000e0041":            `\U000e0041`,
		"\xff\xc3":              `\xff\xc3`,
		"\ufffd":                "\ufffd",
		"中é\U0001f600":          "中é\U0001f600",
		"\u3164\u2800x\ufe0f":   `\u3164\u2800x\ufe0f`,
		`\x1b`:                  `\\x1b`,
		`\x1B`:                  `\\x1B`,
		"\\\x1b":                `\\\x1b`,
		`\\x1b`:                 `\\\\x1b`,
		`\u202e \U000e0001`:     `\\u202e \\U000e0001`,
		`\u00e9 \x41 \u12`:      `\u00e9 \x41 \u12`,
	} {
		if got := Escape(value); got != want {
			t.Errorf("%q is escaped as %q, want %q", value, got, want)
		}
		if got := string(AppendEscaped([]byte("keep\n"), value)); got != "keep\n"+want {
			t.Errorf("AppendEscaped of %q gives %q", value, got)
		}
		if got := string(EscapeFrom([]byte("keep\n"+value), 5)); got != "keep\n"+want {
			t.Errorf("EscapeFrom of %q gives %q", value, got)
		}
	}
}

func TestEscapeMessage(t *testing.T) {
	const message = "unknown \"\\x1b[31m\" in C:\\temp\x1b\n\tend\xff"
	if got, want := EscapeLine(message), `unknown "\x1b[31m" in C:\temp\x1b\x0a\x09end\xff`; got != want {
		t.Errorf("EscapeLine gives %q, want %q", got, want)
	}
	if got, want := EscapeLines(message), "unknown \"\\x1b[31m\" in C:\\temp\\x1b\n\\x09end\\xff"; got != want {
		t.Errorf("EscapeLines gives %q, want %q", got, want)
	}
}

func TestQuote(t *testing.T) {
	for _, test := range []struct {
		value string
		n     int
		want  string
	}{
		{"abc", 3, `"abc"`}, {"abcd", 3, `"abc"...`}, {"üüü", 3, `"ü"...`}, {"中中", 5, `"中"...`}, {"\x80\x80\x80\x80\x80\x80", 5, `"\x80"...`}, {"a\x1b", 9, `"a\x1b"`},
	} {
		if got := Quote(test.value, test.n); got != test.want {
			t.Errorf("Quote(%q, %d) = %s, want %s", test.value, test.n, got, test.want)
		}
	}
}

// TestEveryRune compares the visible characters with the tables of Unicode.
func TestEveryRune(t *testing.T) {
	seen := []*unicode.RangeTable{unicode.L, unicode.M, unicode.N, unicode.P, unicode.S}
	unseen := []*unicode.RangeTable{unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point, unicode.Bidi_Control, unicode.Join_Control}
	without := "\u2800\U00016fe4\U0001d159"
	for r := rune(0x80); r <= unicode.MaxRune; r++ {
		want := unicode.In(r, seen...) && !unicode.In(r, unseen...) && !strings.ContainsRune(without, r)
		if r >= 0xd800 && r <= 0xdfff {
			continue // no text contains it
		}
		if got := Escape(string(r)) == string(r); got != want {
			t.Fatalf("%U is shown: %v, want %v", r, got, want)
		}
	}
}

// unescape reverses Escape.
func unescape(s string) string {
	var b []byte
	for s != "" {
		n := backslashes(s)
		if n == 0 {
			r, size := utf8.DecodeRuneInString(s)
			b, s = utf8.AppendRune(b, r), s[size:]
			continue
		}
		rest := s[n:]
		size := 0
		if isMisread(rest) {
			size = 1 + map[byte]int{'x': 2, 'u': 4, 'U': 8}[rest[0]]
		}
		if size == 0 {
			b, s = append(b, s[:n]...), rest
			continue
		}
		b = append(b, s[:n/2]...)
		if s = rest; n%2 == 0 {
			continue
		}
		code, _ := strconv.ParseUint(rest[1:size], 16, 32)
		if rest[0] == 'x' {
			b = append(b, byte(code))
		} else {
			b = utf8.AppendRune(b, rune(code))
		}
		s = rest[size:]
	}
	return string(b)
}

// FuzzEscape checks the contract of the package.
func FuzzEscape(f *testing.F) {
	for _, value := range hostile {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		escaped, line, lines := Escape(value), EscapeLine(value), EscapeLines(value)
		for _, got := range []string{escaped, line, strings.ReplaceAll(lines, "\n", "")} {
			checkVisible(t, value, got)
		}
		if got := unescape(escaped); got != value {
			t.Errorf("%q is escaped as %q, which reads as %q", value, escaped, got)
		}
		if got := string(AppendEscaped([]byte(value), value)); got != value+escaped {
			t.Errorf("AppendEscaped after %q gives %q", value, got)
		}
		if got := string(EscapeFrom([]byte(value+value), len(value))); got != value+escaped {
			t.Errorf("EscapeFrom after %q gives %q", value, got)
		}
		if EscapeLine(line) != line || EscapeLines(lines) != lines || EscapeLine(escaped) != escaped {
			t.Errorf("%q: escaping a message once more changes it", value)
		}
		if strings.Count(lines, "\n") != strings.Count(value, "\n") {
			t.Errorf("%q and %q do not have the same number of lines", value, lines)
		}
		checkVisible(t, value, Quote(value, len(value)/2))
	})
}

// checkVisible checks that a text cannot control a terminal and hides nothing,
// and that its width is the sum of the widths of its characters.
func checkVisible(t *testing.T, value, got string) {
	t.Helper()
	if !utf8.ValidString(got) {
		t.Errorf("%q gives %q, which is not UTF-8", value, got)
	}
	columns := 0
	for _, r := range got {
		columns += RuneWidth(r)
		if !unicode.IsPrint(r) || unicode.In(r, unicode.Cc, unicode.Cf, unicode.Bidi_Control) {
			t.Errorf("%q gives %q, which has %U", value, got, r)
		}
	}
	if Width(got) != columns || Width([]byte(got)) != columns {
		t.Errorf("%q takes %d columns, its characters %d", got, Width(got), columns)
	}
	if isASCII(got) && columns != len(got) {
		t.Errorf("%q takes %d columns", got, columns)
	}
}

func TestEscapeAllocatesNothing(t *testing.T) {
	for _, value := range []string{"nginx: worker", `dev-disk\x2dby.mount`, `C:\temp`, "中文", "é"} {
		b := make([]byte, 0, 1000)
		raw := append(make([]byte, 0, 1000), value...)
		if n := testing.AllocsPerRun(100, func() {
			b = AppendEscaped(b[:0], value)
			raw = EscapeFrom(raw, 0)
			Escape(value)
			EscapeLine(value)
			b = AppendJSON(b, value)
			_ = Width(value) + Width(raw)
		}); n != 0 {
			t.Errorf("%q: %v allocations", value, n)
		}
	}
}

func BenchmarkEscape(b *testing.B) {
	for name, value := range map[string]string{"ascii": "nginx: worker process", "unit": `dev-disk\x2dby\x2duuid.mount`, "chinese": "工作进程工作进程", "control": "\x1b[31mred\x1b[0m"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			buf := make([]byte, 0, 1000)
			for b.Loop() {
				buf = AppendEscaped(buf[:0], value)
			}
		})
	}
}
