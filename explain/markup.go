package explain

import (
	"fmt"
	"regexp"
	"strings"

	"tcpstate/text"
)

// Block is a part of a section. Its Kind says which fields are set.
type Block struct {
	Kind  BlockKind
	Text  Text     // Paragraph
	Items []Item   // Bullets, Steps
	Lines []string // Commands: as the user types them, never wrapped
	Table [][]Text // Table: the heading and the rows, all of the same length

	Name   string  // Directive: its name, the word after '@'
	Arg    string  // Directive: the word after the name
	Ladder *Ladder // Directive ladder: its ladder
}

// Item is one item of a list, and the commands below it.
type Item struct {
	Text  Text
	Lines []string
}

// BlockKind is the kind of a block.
type BlockKind uint8

// The kinds of blocks.
const (
	Paragraph BlockKind = iota + 1
	Bullets             // items that start with "- "
	Steps               // items that start with "1. "
	Commands            // lines indented by four spaces
	Table               // rows between '|'
	Directive           // a line that starts with '@': a part made from data
)

// Limits of the source, in columns of a terminal.
const (
	maxSourceLine = 120
	maxCommand    = 74 // so that it fits below an item on a terminal of 80 columns
)

// MarkupError is the error for a page that breaks a rule of the format.
type MarkupError struct {
	File string
	Line int // counted from 1, after the {{if}} of the page have been evaluated
	Msg  string
}

func (e *MarkupError) Error() string { return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Msg) }

// source is a parsed page before its headings and directives are checked.
type source struct {
	title   string
	summary Text
	parts   []part
}

// part is the content under one heading.
type part struct {
	line    int
	heading string
	blocks  []Block
}

// parseSource parses the text of a page. The error is a *MarkupError.
func parseSource(file, text string) (*source, error) {
	p := &parser{file: file, lines: strings.Split(strings.TrimSuffix(text, "\n"), "\n")}
	var src source
	title, ok := strings.CutPrefix(p.lines[0], "# ")
	if !ok || title == "" {
		return nil, p.errorf("a page starts with \"# \" and its title")
	}
	src.title = title
	p.at++
	lead, err := p.blocks()
	if err != nil {
		return nil, err
	}
	if len(lead) != 1 || lead[0].Kind != Paragraph {
		return nil, p.errorf("between the title and the first heading must be one paragraph, the summary")
	}
	src.summary = lead[0].Text
	for p.at < len(p.lines) {
		part := part{line: p.at + 1, heading: strings.TrimPrefix(p.lines[p.at], "## ")}
		p.at++
		if part.blocks, err = p.blocks(); err != nil {
			return nil, err
		}
		if len(part.blocks) == 0 {
			return nil, p.errorf("nothing is under %q", part.heading)
		}
		src.parts = append(src.parts, part)
	}
	return &src, nil
}

// parseBlocks parses a text that is not a page: blocks without headings.
func parseBlocks(file, text string) ([]Block, error) {
	p := &parser{file: file, lines: strings.Split(strings.TrimSuffix(text, "\n"), "\n")}
	blocks, err := p.blocks()
	if err == nil && p.at < len(p.lines) {
		return nil, p.errorf("no heading may be here")
	}
	return blocks, err
}

// parser parses the lines of one page.
type parser struct {
	file  string
	lines []string
	at    int
}

func (p *parser) errorf(format string, args ...any) error {
	return &MarkupError{File: p.file, Line: min(p.at+1, len(p.lines)), Msg: fmt.Sprintf(format, args...)}
}

// line returns the current line, or false at the end and before a heading.
func (p *parser) line() (string, bool) {
	if p.at >= len(p.lines) || strings.HasPrefix(p.lines[p.at], "## ") {
		return "", false
	}
	return p.lines[p.at], true
}

// blocks parses blocks up to the next heading or the end.
func (p *parser) blocks() ([]Block, error) {
	var blocks []Block
	for {
		line, ok := p.line()
		if !ok {
			return blocks, nil
		}
		if err := p.checkLine(line); err != nil {
			return nil, err
		}
		if line == "" {
			p.at++
			continue
		}
		if p.at > 0 && p.lines[p.at-1] != "" && !strings.HasPrefix(p.lines[p.at-1], "#") {
			return nil, p.errorf("a blank line must be before %q", line)
		}
		block, err := p.block(line)
		if err != nil {
			return nil, err
		}
		blocks = append(blocks, block)
	}
}

// checkLine checks the rules for every line.
func (p *parser) checkLine(line string) error {
	switch {
	case strings.ContainsAny(line, "\t\r"):
		return p.errorf("a tab or a carriage return: indent with spaces")
	case strings.TrimRight(line, " ") != line:
		return p.errorf("spaces at the end of the line")
	case strings.HasPrefix(line, "#"):
		return p.errorf("%q is no heading: it is \"## \" and one of the fixed headings", line)
	}
	return nil
}

var (
	stepMark      = regexp.MustCompile(`^[1-9][0-9]?\. `)
	directiveMark = regexp.MustCompile(`^@([a-z]+)(?: ([a-z0-9-]+))?$`)
	tableRule     = regexp.MustCompile(`^\|(?:---+\|)+$`)
)

// block parses the block that starts with the current line.
func (p *parser) block(line string) (Block, error) {
	switch {
	case strings.HasPrefix(line, "@"):
		m := directiveMark.FindStringSubmatch(line)
		if m == nil {
			return Block{}, p.errorf("%q is no directive", line)
		}
		p.at++
		return Block{Kind: Directive, Name: m[1], Arg: m[2]}, nil
	case strings.HasPrefix(line, "    "):
		lines, err := p.commands("    ")
		return Block{Kind: Commands, Lines: lines}, err
	case strings.HasPrefix(line, " "):
		return Block{}, p.errorf("commands are indented by four spaces, nothing else is")
	case strings.HasPrefix(line, "|"):
		rows, err := p.table()
		return Block{Kind: Table, Table: rows}, err
	case strings.HasPrefix(line, "- "):
		items, err := p.items(Bullets)
		return Block{Kind: Bullets, Items: items}, err
	case stepMark.MatchString(line):
		items, err := p.items(Steps)
		return Block{Kind: Steps, Items: items}, err
	}
	text, err := p.text(line, "")
	return Block{Kind: Paragraph, Text: text}, err
}

// commands parses lines that start with the indent.
func (p *parser) commands(indent string) ([]string, error) {
	var lines []string
	for {
		line, ok := p.line()
		line, indented := strings.CutPrefix(line, indent)
		if !ok || !indented {
			return lines, nil
		}
		if err := p.checkLine(line); err != nil && !strings.HasPrefix(line, "#") {
			return nil, err
		}
		if text.Width(line) > maxCommand {
			return nil, p.errorf("a command of %d columns: at most %d fit", text.Width(line), maxCommand)
		}
		lines = append(lines, line)
		p.at++
	}
}

// text parses a paragraph. first is its first line without the mark; the other
// lines start with the indent.
func (p *parser) text(first, indent string) (Text, error) {
	joined := first
	start := p.at
	for p.at++; ; p.at++ {
		line, ok := p.line()
		rest, indented := strings.CutPrefix(line, indent)
		if !ok || line == "" || !indented || strings.HasPrefix(rest, " ") || indent != "" && isItem(line) {
			break
		}
		if err := p.checkLine(line); err != nil {
			return nil, err
		}
		if strings.HasPrefix(rest, "|") || strings.HasPrefix(rest, "@") || isItem(rest) {
			return nil, p.errorf("a blank line must be before %q", rest)
		}
		joined = text.JoinLines(joined, rest)
	}
	text, err := parseText(joined)
	if err != nil {
		p.at = start
		return nil, p.errorf("%v", err)
	}
	return text, nil
}

func isItem(line string) bool { return strings.HasPrefix(line, "- ") || stepMark.MatchString(line) }

// items parses the items of a list. The other lines of an item are indented by
// the width of its mark, its commands by six spaces.
func (p *parser) items(kind BlockKind) ([]Item, error) {
	var items []Item
	for {
		line, ok := p.line()
		if !ok || line == "" {
			return items, nil
		}
		mark := "- "
		if kind == Steps {
			mark = fmt.Sprintf("%d. ", len(items)+1)
		}
		rest, ok := strings.CutPrefix(line, mark)
		if !ok || rest == "" {
			return nil, p.errorf("%q: the next item starts with %q, its other lines are indented like its text", line, mark)
		}
		if err := p.checkLine(line); err != nil {
			return nil, err
		}
		text, err := p.text(rest, text.Spaces(len(mark)))
		if err != nil {
			return nil, err
		}
		lines, err := p.commands("      ")
		if err != nil {
			return nil, err
		}
		items = append(items, Item{Text: text, Lines: lines})
	}
}

// table parses a table: the heading, the rule, and the rows.
func (p *parser) table() ([][]Text, error) {
	var rows [][]Text
	for n := 0; ; n++ {
		line, ok := p.line()
		if !ok || line == "" {
			break
		}
		if err := p.checkLine(line); err != nil {
			return nil, err
		}
		if n == 1 {
			if !tableRule.MatchString(line) || strings.Count(line, "|") != len(rows[0])+1 {
				return nil, p.errorf("%q: below the heading of a table must be |---| for each of its columns", line)
			}
			p.at++
			continue
		}
		row, err := parseRow(line)
		if err != nil {
			return nil, p.errorf("%v", err)
		}
		if n > 1 && len(row) != len(rows[0]) {
			return nil, p.errorf("a row of %d cells in a table of %d columns", len(row), len(rows[0]))
		}
		rows = append(rows, row)
		p.at++
	}
	if len(rows) < 2 {
		return nil, p.errorf("a table has a heading, a line |---| and rows")
	}
	return rows, nil
}

// parseRow parses a row: cells between '|'. Within code, and after a backslash,
// a '|' is part of the text.
func parseRow(line string) ([]Text, error) {
	inner, begins := strings.CutPrefix(line, "|")
	inner, ends := strings.CutSuffix(inner, "|")
	if !begins || !ends {
		return nil, fmt.Errorf("%q: a row is | cell | cell |", line)
	}
	var row []Text
	for _, cell := range cells(inner) {
		text, err := parseText(strings.TrimSpace(cell))
		if err != nil {
			return nil, err
		}
		row = append(row, text)
	}
	return row, nil
}

// cells splits a row at each '|' that separates cells.
func cells(row string) []string {
	var list []string
	start, code := 0, false
	for i := 0; i < len(row); i++ {
		switch {
		case row[i] == '\\':
			i++
		case row[i] == '`':
			code = !code
		case row[i] == '|' && !code:
			list = append(list, row[start:i])
			start = i + 1
		}
	}
	return append(list, row[start:])
}
