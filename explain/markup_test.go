package explain

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseBlocks(t *testing.T) {
	const text = `Two lines
are one paragraph with ` + "`code`" + ` and **stress**.

- first
  goes on
- second
      a command
      of two lines

1. one
2. two
   goes on

    indented   command

| a | | b \| c |
|---|---|---|
| ` + "`x|y`" + ` | 2 | 3 |

@ladder half-open
`
	got, err := parseBlocks("t", text)
	if err != nil {
		t.Fatal(err)
	}
	want := []Block{
		{Kind: Paragraph, Text: Text{{Plain, "Two lines are one paragraph with "}, {Code, "code"}, {Plain, " and "}, {Strong, "stress"}, {Plain, "."}}},
		{Kind: Bullets, Items: []Item{{Text: plain("first goes on")}, {Text: plain("second"), Lines: []string{"a command", "of two lines"}}}},
		{Kind: Steps, Items: []Item{{Text: plain("one")}, {Text: plain("two goes on")}}},
		{Kind: Commands, Lines: []string{"indented   command"}},
		{Kind: Table, Table: [][]Text{{plain("a"), nil, plain("b | c")}, {code("x|y"), plain("2"), plain("3")}}},
		{Kind: Directive, Name: "ladder", Arg: "half-open"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestChineseLinesJoin(t *testing.T) {
	for text, want := range map[string]string{
		"三次\n握手":         "三次握手",
		"状态为\nTIME_WAIT": "状态为 TIME_WAIT",
		"状态，\nTIME_WAIT": "状态，TIME_WAIT",
		"`close()`\n，然后": "close()，然后",
	} {
		blocks, err := parseBlocks("t", text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if got := blocks[0].Text.String(); got != want {
			t.Errorf("%q joins to %q, want %q", text, got, want)
		}
	}
}

func TestMarkupErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":                                 `t:1: a page starts with "# " and its title`,
		"#Title\n":                         `t:1: a page starts with "# " and its title`,
		"# T\n\n## H\n\nText.":             `t:3: between the title and the first heading must be one paragraph, the summary`,
		"# T\n\na\n\nb\n":                  `t:5: between the title and the first heading must be one paragraph, the summary`,
		"# T\n\na\n\n## H\n":               `t:5: nothing is under "H"`,
		"# T\n\na\n\n## H\n\n### I\n":      `t:7: "### I" is no heading: it is "## " and one of the fixed headings`,
		"# T\n\na \n":                      `t:3: spaces at the end of the line`,
		"# T\n\na\tb\n":                    `t:3: a tab or a carriage return: indent with spaces`,
		"# T\n\na `b\n":                    "t:3: ` or ** is opened and never closed in \"a `b\"",
		"# T\n\n  a\n":                     `t:3: commands are indented by four spaces, nothing else is`,
		"# T\n\na\n- b\n":                  `t:4: a blank line must be before "- b"`,
		"# T\n\n- b\nc\n":                  `t:4: "c": the next item starts with "- ", its other lines are indented like its text`,
		"# T\n\n1. b\n3. c\n":              `t:4: "3. c": the next item starts with "2. ", its other lines are indented like its text`,
		"# T\n\n@Ladder x\n":               `t:3: "@Ladder x" is no directive`,
		"# T\n\n| a | b |\n| c | d |\n":    `t:4: "| c | d |": below the heading of a table must be |---| for each of its columns`,
		"# T\n\n| a |\n|---|\n":            `t:4: a table has a heading, a line |---| and rows`,
		"# T\n\n| a |\n|---|\n| b | c |\n": `t:5: a row of 2 cells in a table of 1 columns`,
		"# T\n\n    " + strings.Repeat("x", 75) + "\n": `t:3: a command of 75 columns: at most 74 fit`,
	} {
		_, err := parseSource("t", text)
		if err == nil || err.Error() != want {
			t.Errorf("%q: error %v\nwant %s", text, err, want)
		}
	}
}

// FuzzMarkup checks that any text either gives an error or can be laid out
// within its columns.
func FuzzMarkup(f *testing.F) {
	f.Add("# T\n\na `b` **c** \\*d\n\n## H\n\n- e\n      f\n\n1. g\n\n| h | i |\n|---|---|\n| j | k |\n")
	f.Add("# 标题\n\n一句话，（两句）。\n\n## H\n\n@live\n")
	for _, topic := range topics {
		if text, err := folders.ReadFile("en/" + topic.File()); err == nil {
			f.Add(string(text))
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		src, err := parseSource("f", text)
		if err != nil {
			return
		}
		var b strings.Builder
		l := newLayout(&b, Terminal{Width: 80})
		m := newMarkdown(&b)
		for _, p := range src.parts {
			for _, block := range p.blocks {
				if block.Kind != Directive {
					l.block(block, words{}, 0)
					m.block(block, words{}, 0)
				}
			}
		}
		if err := l.end(); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzLiteral checks that an escaped text stays the same, whatever marks it
// has.
func FuzzLiteral(f *testing.F) {
	f.Add("a`b**c|d\\e@f")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := parseText(literal(text))
		if err != nil {
			t.Fatal(err)
		}
		if got.String() != text {
			t.Errorf("%q became %q", text, got)
		}
	})
}
