package explain

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"tcpstate/tcp"
	"tcpstate/text"
)

// WriteMarkdown writes the page as Markdown (CommonMark with tables). The error
// is w's.
func (p *Page) WriteMarkdown(w io.Writer) error {
	m := newMarkdown(w)
	m.page(p, 1)
	return m.out.Flush()
}

// WriteMarkdown writes the explanation as Markdown.
func (t *SocketExplanation) WriteMarkdown(w io.Writer) error {
	m := newMarkdown(w)
	for i, g := range t.Groups {
		if i > 0 {
			m.printf("\n")
		}
		m.printf("## %s\n", text.EscapeMarkdown(g.Heading))
		m.blocks(g.Blocks, t.words, g.State)
	}
	return m.out.Flush()
}

// markdown writes blocks as Markdown.
type markdown struct {
	out *bufio.Writer
	// linked says that all pages are in one document, so that related topics
	// can be links.
	linked bool
}

func newMarkdown(w io.Writer) *markdown { return &markdown{out: bufio.NewWriter(w)} }

func (m *markdown) printf(format string, args ...any) { fmt.Fprintf(m.out, format, args...) }

// page writes a page with its title as a heading of the given level.
func (m *markdown) page(p *Page, level int) {
	m.printf("%s %s\n\n%s\n", strings.Repeat("#", level), text.EscapeMarkdown(p.Title), inline(p.Summary))
	for i := range p.Sections {
		s := &p.Sections[i]
		m.printf("\n%s %s\n", strings.Repeat("#", level+1), text.EscapeMarkdown(s.Heading))
		if m.linked && s.Key == "related" {
			m.links(p.Related())
			continue
		}
		m.blocks(p.expanded(s), p.words, p.Topic.State)
	}
}

// links writes the related topics as links within the document.
func (m *markdown) links(names []string) {
	var links []string
	for _, name := range names {
		links = append(links, fmt.Sprintf("[%s](#%s)", name, anchor(name)))
	}
	m.printf("\n%s\n", strings.Join(links, ", "))
}

// anchor returns the name of a topic's place in the document.
func anchor(name string) string { return strings.TrimSuffix(Topic{Name: name}.File(), ".md") }

func (m *markdown) blocks(blocks []Block, w words, marked tcp.State) {
	for _, b := range blocks {
		m.printf("\n")
		m.block(b, w, marked)
	}
}

func (m *markdown) block(b Block, w words, marked tcp.State) {
	switch b.Kind {
	case Paragraph:
		m.printf("%s\n", inline(b.Text))
	case Bullets, Steps:
		for i, item := range b.Items {
			mark := "- "
			if b.Kind == Steps {
				mark = fmt.Sprintf("%d. ", i+1)
			}
			m.printf("%s%s\n", mark, inline(item.Text))
			m.fenced(item.Lines, text.Spaces(len(mark)))
		}
	case Commands:
		m.fenced(b.Lines, "")
	case Table:
		for i, row := range b.Table {
			m.printf("|")
			for _, cell := range row {
				m.printf(" %s |", text.MarkdownCell(inline(cell)))
			}
			m.printf("\n")
			if i == 0 {
				m.printf("|%s\n", strings.Repeat("---|", len(row)))
			}
		}
	case Directive:
		m.fenced(trimmed(drawLadder(b.Ladder, w, marked, false)), "")
	}
}

// trimmed returns the lines of a drawing as plain text.
func trimmed(drawing []Text) []string {
	lines := make([]string, len(drawing))
	for i, line := range drawing {
		lines[i] = strings.TrimRight(line.String(), " ")
	}
	return lines
}

// fenced writes lines as a code block.
func (m *markdown) fenced(lines []string, indent string) {
	if len(lines) == 0 {
		return
	}
	m.printf("%s```text\n", indent)
	for _, line := range lines {
		m.printf("%s%s\n", indent, line)
	}
	m.printf("%s```\n", indent)
}

// inline writes text in its styles.
func inline(t Text) string {
	var b strings.Builder
	for _, s := range t {
		switch s.Style {
		case Code:
			b.WriteString(text.MarkdownCode(s.Text))
		case Strong:
			b.WriteString("**" + text.EscapeMarkdown(s.Text) + "**")
		default:
			b.WriteString(text.EscapeMarkdown(s.Text))
		}
	}
	return b.String()
}
