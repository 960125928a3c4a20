package explain

import (
	"fmt"
	"io"

	"tcpstate/lifecycle"
	"tcpstate/tcp"
	"tcpstate/text"
)

// WriteChart writes the output of "explain" without a topic: the chart of the
// whole state machine, with the counts of a host in its boxes if there is one.
// It is 80 columns wide. The error is w's.
func (b *Book) WriteChart(w io.Writer, host *Host, t Terminal) error {
	l := newLayout(w, t)
	l.heading(b.words.say("map.title"))
	l.blank()
	for _, line := range drawChart(b.words, host, t.ASCII) {
		l.line(line)
	}
	l.blank()
	for _, note := range b.chartNotes(host) {
		l.wrapped(plain(note), "", "")
	}
	return l.end()
}

func (b *Book) chartNotes(host *Host) []string {
	notes := []string{b.words.say("map.legend"), b.words.say("map.reset")}
	if host != nil {
		notes = append(notes, b.words.say("map.counts", "n", number(host.Counts.Total())))
		if host.Unseen != 0 {
			notes = append(notes, b.words.say("live.unseen", "states", b.words.stateNames(host.Unseen)))
		}
	}
	return append(notes, b.words.say("map.more"))
}

// WriteChartMarkdown writes the same as Markdown.
func (b *Book) WriteChartMarkdown(w io.Writer, host *Host) error {
	m := newMarkdown(w)
	m.printf("# %s\n\n", b.words.say("map.title"))
	m.fenced(trimmed(drawChart(b.words, host, false)), "")
	for _, note := range b.chartNotes(host) {
		m.printf("\n%s\n", text.EscapeMarkdown(note))
	}
	return m.out.Flush()
}

// machine is the JSON document of the whole state machine.
type machine struct {
	envelope
	Transitions []jsonTransition `json:"transitions"`
	States      map[string]int   `json:"states,omitempty"` // absent without a host
	Unseen      []tcp.State      `json:"unseen,omitzero"`  // absent without a host
}

// WriteChartJSON writes the whole state machine as one JSON document of kind
// "machine": every transition, and with a host the number of sockets in each
// state.
func (b *Book) WriteChartJSON(w io.Writer, host *Host, e Envelope) error {
	doc := machine{envelope: e.open("machine", b.Language, host != nil), Transitions: []jsonTransition{}}
	for _, t := range lifecycle.Transitions() {
		doc.Transitions = append(doc.Transitions, b.machine.asJSON(&t))
	}
	if host != nil {
		doc.States, doc.Unseen = statesOf(host), unseen(host)
	}
	return writeJSON(w, doc)
}

// topicEntry is a topic in the list of topics.
type topicEntry struct {
	Topic   string `json:"topic"`
	Kind    Kind   `json:"topic_kind"`
	Title   string `json:"title"`
	Summary string `json:"summary"`
}

// list returns all topics, with the titles and summaries of their pages.
func (b *Book) list() ([]topicEntry, error) {
	list := make([]topicEntry, 0, len(topics))
	for _, t := range topics {
		p, err := b.Page(t, nil)
		if err != nil {
			return nil, err
		}
		list = append(list, topicEntry{t.Name, t.Kind, p.Title, p.Summary.String()})
	}
	return list, nil
}

// WriteList writes the topics by kind, each with its summary.
func (b *Book) WriteList(w io.Writer, t Terminal) error {
	list, err := b.list()
	if err != nil {
		return err
	}
	l := newLayout(w, t)
	for kind := KindState; kind <= KindQuestion; kind++ {
		if kind > KindState {
			l.blank()
		}
		l.heading(b.words.say("list." + kind.String()))
		for _, topic := range list {
			if topic.Kind != kind {
				continue
			}
			lead := indent + text.PadRight(topic.Topic, 20)
			for i, line := range text.Wrap(plain(topic.Summary), l.Width-text.Width(lead)) {
				start := Text{{Code, lead}}
				if i > 0 {
					start = plain(text.Spaces(text.Width(lead)))
				}
				l.line(append(start, line...))
			}
		}
	}
	return l.end()
}

// WriteListMarkdown writes the topics as lists in Markdown, one for each kind.
func (b *Book) WriteListMarkdown(w io.Writer) error {
	list, err := b.list()
	if err != nil {
		return err
	}
	m := newMarkdown(w)
	for kind := KindState; kind <= KindQuestion; kind++ {
		m.printf("## %s\n\n", b.words.say("list."+kind.String()))
		for _, topic := range list {
			if topic.Kind == kind {
				m.printf("- `%s`: %s\n", topic.Topic, text.EscapeMarkdown(topic.Summary))
			}
		}
		if kind < KindQuestion {
			m.printf("\n")
		}
	}
	return m.out.Flush()
}

// topicList is the JSON document of the list.
type topicList struct {
	envelope
	Topics []topicEntry `json:"topics"`
}

// WriteListJSON writes the topics as one JSON document of kind "topics".
func (b *Book) WriteListJSON(w io.Writer, e Envelope) error {
	list, err := b.list()
	if err != nil {
		return err
	}
	return writeJSON(w, topicList{envelope: e.open("topics", b.Language, false), Topics: list})
}

// WriteDocs writes docs/states.md in the language of the book: the chart, and
// then every page with the kernel's defaults. drawing is the address of the
// image of the chart.
func (b *Book) WriteDocs(w io.Writer, drawing string) error {
	m := newMarkdown(w)
	m.printf("# %s\n\n%s\n\n![%s](%s)\n", b.words.say("docs.title"), b.words.say("docs.intro"), b.words.say("map.title"), drawing)
	for _, key := range []string{"map.legend", "map.reset"} {
		m.printf("\n%s\n", text.EscapeMarkdown(b.words.say(key)))
	}
	for kind := KindState; kind <= KindQuestion; kind++ {
		m.printf("\n**%s**\n", b.words.say("list."+kind.String()))
		m.links(topicNames(kind))
	}
	m.linked = true
	for _, t := range topics {
		p, err := b.Page(t, nil)
		if err != nil {
			return fmt.Errorf("writing the pages of language %q: %w", b.Language, err)
		}
		m.printf("\n<a id=\"%s\"></a>\n\n", anchor(t.Name))
		m.page(p, 2)
	}
	return m.out.Flush()
}

// topicNames returns the names of the topics of a kind.
func topicNames(kind Kind) []string {
	var names []string
	for _, t := range topics {
		if t.Kind == kind {
			names = append(names, t.Name)
		}
	}
	return names
}
