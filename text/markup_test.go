package text

import (
	"encoding/xml"
	"testing"
)

func TestEscapeMarkdown(t *testing.T) {
	for s, want := range map[string]string{
		"SYN_RECV and tcp_max_syn_backlog":      "SYN_RECV and tcp_max_syn_backlog",
		"_a_ b__c _":                            `\_a\_ b\_\_c \_`,
		"é_é 中_文":                               "é_é 中_文",
		"**a** `b` <c> [d](e) ![f](g) #h ~~i~~": "\\*\\*a\\*\\* \\`b\\` \\<c> \\[d\\](e) !\\[f\\](g) \\#h \\~\\~i\\~\\~",
		`a\b`:                                   `a\\b`,
		"a & b &lt; &#60; &":                    `a & b \&lt; \&\#60; &`,
		"> a > b":                               `\> a > b`,
		"- a - b":                               `\- a - b`,
		"+ a":                                   `\+ a`,
		"-":                                     "-",
		"-p + a|b":                              "-p + a|b",
		"10.0.0.1:443 -> [::1]:80":              `10.0.0.1:443 -> \[::1\]:80`,
	} {
		if got := EscapeMarkdown(s); got != want {
			t.Errorf("%q is escaped as %q, want %q", s, got, want)
		}
	}
}

func TestMarkdownCell(t *testing.T) {
	for s, want := range map[string]string{"nginx": "nginx", "a|b": `a\|b`, `a\|b`: `a\\\|b`, "<b>|": `\<b>\|`} {
		if got := EscapeMarkdownCell(s); got != want {
			t.Errorf("%q is escaped as %q, want %q", s, got, want)
		}
		if got := string(EscapeMarkdownCellFrom([]byte("| "+s), 2)); got != "| "+want {
			t.Errorf("%q is escaped in place as %q", s, got)
		}
	}
	if got := MarkdownCell(MarkdownCode("a|b")); got != "`a\\|b`" {
		t.Errorf("code in a cell is %q", got)
	}
}

func TestMarkdownCode(t *testing.T) {
	for s, want := range map[string]string{"a": "`a`", "a`b": "``a`b``", "a``b": "```a``b```", "`a": "`` `a ``"} {
		if got := MarkdownCode(s); got != want {
			t.Errorf("%q is code as %q, want %q", s, got, want)
		}
	}
}

// FuzzEscapeXML decodes what was escaped, in text and in an attribute.
func FuzzEscapeXML(f *testing.F) {
	for _, s := range append(hostile, `<a b="c" d='e'>&amp;`, "]]>") {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		s = Escape(s)
		var element struct {
			Double string `xml:"double,attr"`
			Single string `xml:"single,attr"`
			Text   string `xml:",chardata"`
		}
		escaped := EscapeXML(s)
		if err := xml.Unmarshal([]byte(`<a double="`+escaped+`" single='`+escaped+`'>`+escaped+`</a>`), &element); err != nil {
			t.Fatalf("%q: %v", escaped, err)
		}
		if element.Double != s || element.Single != s || element.Text != s {
			t.Errorf("%q is escaped as %q, which reads as %q", s, escaped, element)
		}
	})
}
