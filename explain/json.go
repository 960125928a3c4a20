package explain

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"tcpstate/lifecycle"
	"tcpstate/tcp"
	"tcpstate/text"
	"tcpstate/wording"
)

// Envelope is what only the caller knows about a document.
type Envelope struct {
	TakenAt  time.Time // when the host was read
	Host     string    // its name
	Warnings []string  // what a reader should know about how the host was read
}

// envelope is the start of every document. TakenAt, Host and Warnings are
// present if the host was read, or could not be read.
type envelope struct {
	Schema   string           `json:"schema"`
	Kind     string           `json:"kind"`
	TakenAt  string           `json:"taken_at,omitzero"`
	Host     string           `json:"host,omitzero"`
	Warnings []string         `json:"warnings,omitzero"`
	Language wording.Language `json:"language"`
}

func (e Envelope) open(kind string, l wording.Language, live bool) envelope {
	opened := envelope{Schema: "tcpstate/v1", Kind: kind, Language: l, Warnings: e.Warnings}
	if live {
		opened.TakenAt, opened.Host = e.TakenAt.UTC().Format(time.RFC3339Nano), e.Host
		opened.Warnings = append([]string{}, e.Warnings...)
	}
	return opened
}

// explanation is the JSON document of a page. Its live object is absent without
// a host, and all numbers are then the kernel's defaults.
type explanation struct {
	envelope
	Topic       string           `json:"topic"`
	TopicKind   Kind             `json:"topic_kind"`
	Title       string           `json:"title"`
	Summary     string           `json:"summary"`
	Transitions []jsonTransition `json:"transitions"`
	Clocks      []jsonClock      `json:"clocks"`
	Settings    []jsonSetting    `json:"settings"`
	Live        *jsonLive        `json:"live,omitempty"`
	Sections    []jsonSection    `json:"sections"`
	Related     []string         `json:"related"`
	Sources     []string         `json:"sources"`
}

type jsonTransition struct {
	Key      string          `json:"key"`
	From     string          `json:"from"` // NONE: no socket
	FromForm string          `json:"from_form"`
	Event    lifecycle.Event `json:"event"`
	By       string          `json:"by"` // call, segment, timer or kernel
	Sends    string          `json:"sends,omitzero"`
	To       string          `json:"to"`
	ToForm   string          `json:"to_form"`
	Spawns   bool            `json:"spawns"`
	Standing string          `json:"standing"`
	RFC      string          `json:"rfc,omitzero"`
	Linux    string          `json:"linux,omitzero"`
	Source   string          `json:"source,omitzero"`
	Text     string          `json:"text"` // the event, in the language
}

type jsonClock struct {
	Name      string   `json:"name"`
	TotalMS   int64    `json:"total_ms"`
	ResendsMS []int64  `json:"resends_ms"`
	Constant  string   `json:"constant,omitzero"`
	Settings  []string `json:"settings"`
	Text      string   `json:"text"`
}

type jsonSetting struct {
	Name    string `json:"name"`
	Value   string `json:"value,omitzero"`   // absent: unknown, or not on this kernel
	Default string `json:"default,omitzero"` // absent: it depends on the machine
	Unit    string `json:"unit,omitzero"`
}

type jsonLive struct {
	Sockets  tcp.Optional[int] `json:"sockets,omitzero"` // in the topic's states; absent: the source lists none of them
	Total    int               `json:"total"`
	States   map[string]int    `json:"states"`
	Unseen   []tcp.State       `json:"unseen"` // states whose sockets the source does not list
	Oldest   *jsonOldest       `json:"oldest,omitempty"`
	Ports    *jsonPorts        `json:"ports,omitempty"`
	Groups   []jsonGrouping    `json:"groups"`
	Partial  bool              `json:"partial"`
	Counters map[string]uint64 `json:"counters"`
}

type jsonOldest struct {
	AgeMS    int64  `json:"age_ms"`
	AgeExact bool   `json:"age_exact"`
	AtLeast  bool   `json:"age_at_least"`
	Socket   string `json:"socket"`
}

type jsonPorts struct {
	Local  string `json:"local,omitempty"`
	Peer   string `json:"peer,omitempty"`
	Used   int64  `json:"used"`
	Usable int64  `json:"usable"`
	Free   int64  `json:"free"`
}

type jsonGrouping struct {
	By     By          `json:"by"`
	Groups []jsonGroup `json:"groups"`
	Others int         `json:"others"`
}

type jsonGroup struct {
	Name  string `json:"name"`
	Total int    `json:"total"`
}

type jsonSection struct {
	Key     string `json:"key"`
	Heading string `json:"heading"`
	Text    string `json:"text"` // Markdown
}

// WriteJSON writes the page as one JSON document of kind "explanation". The error
// is w's.
func (p *Page) WriteJSON(w io.Writer, e Envelope) error {
	doc := explanation{
		envelope: e.open("explanation", p.Language, p.Host != nil),
		Topic:    p.Topic.Name, TopicKind: p.Topic.Kind, Title: p.Title, Summary: p.Summary.String(),
		Transitions: p.jsonTransitions(), Clocks: p.jsonClocks(), Settings: p.jsonSettings(), Live: p.jsonLive(),
		Sections: []jsonSection{}, Related: p.Related(), Sources: []string{},
	}
	for i := range p.Sections {
		s := &p.Sections[i]
		switch s.Key {
		case "related":
		case "sources":
			for _, item := range s.Blocks[0].Items {
				doc.Sources = append(doc.Sources, item.Text.String())
			}
		default:
			doc.Sections = append(doc.Sections, jsonSection{s.Key, s.Heading, p.sectionText(s)})
		}
	}
	return writeJSON(w, doc)
}

// writeJSON writes a document on one line. It escapes control characters as the
// schema requires, also those that encoding/json leaves as they are.
func writeJSON(w io.Writer, doc any) error {
	encoded, err := json.Marshal(doc)
	if err != nil {
		return fmt.Errorf("encoding: %w", err)
	}
	_, err = w.Write(append(text.AppendJSONDocument(nil, encoded), '\n'))
	return err
}

// sectionText returns a section as Markdown, without its heading.
func (p *Page) sectionText(s *Section) string {
	var b strings.Builder
	m := newMarkdown(&b)
	m.blocks(p.expanded(s), p.words, p.Topic.State)
	m.out.Flush()
	return strings.Trim(b.String(), "\n")
}

func (p *Page) jsonTransitions() []jsonTransition {
	list := []jsonTransition{}
	s := p.Topic.State
	if s == 0 {
		return list
	}
	for _, t := range slices.Concat(lifecycle.Entered(s), lifecycle.Left(s), lifecycle.Within(s)) {
		list = append(list, p.machine.asJSON(&t))
	}
	return list
}

// asJSON returns a transition with its sentences in the language.
func (t translation) asJSON(way *lifecycle.Transition) jsonTransition {
	return jsonTransition{
		Key: way.Key(), From: stateName(way.From), FromForm: way.FromForm.String(),
		Event: way.Event, By: way.Event.Kind().String(), Sends: way.Sent.String(),
		To: stateName(way.To), ToForm: way.ToForm.String(), Spawns: way.Spawns, Standing: way.Standing.String(),
		RFC: way.RFC, Linux: t.sayIf(way.Linux), Source: way.Source, Text: t.say(way.Event.String()),
	}
}

func stateName(s tcp.State) string {
	if s == lifecycle.NoSocket {
		return "NONE"
	}
	return s.String()
}

func (p *Page) jsonClocks() []jsonClock {
	list := []jsonClock{}
	v := values{words: p.words, host: p.Host}
	for _, name := range topicClocks[p.Topic.Name].clocks {
		c := clocks[name]
		schedule := c.schedule(v.settings())
		clock := jsonClock{Name: name, TotalMS: schedule.GivenUp.Milliseconds(), ResendsMS: []int64{},
			Constant: c.constant, Settings: append([]string{}, c.settings...), Text: p.clockText(name, v).String()}
		for _, at := range schedule.Resends {
			clock.ResendsMS = append(clock.ResendsMS, at.Milliseconds())
		}
		list = append(list, clock)
	}
	return list
}

func (p *Page) jsonSettings() []jsonSetting {
	list := []jsonSetting{}
	for _, name := range p.settingNames() {
		d, _ := lifecycle.SettingOf(name)
		s := jsonSetting{Name: name, Default: oneLine(d.Default), Unit: d.Unit.String()}
		if p.Host != nil {
			if value, known := d.Text(&p.Host.Settings); known {
				s.Value = oneLine(value)
			}
		}
		list = append(list, s)
	}
	return list
}

func (p *Page) jsonLive() *jsonLive {
	h := p.Host
	if h == nil {
		return nil
	}
	live := &jsonLive{Total: h.Counts.Total(), States: statesOf(h), Unseen: unseen(h),
		Groups: []jsonGrouping{}, Partial: h.Partial, Counters: map[string]uint64{}}
	if listed := p.Topic.States &^ h.Unseen; listed != 0 || p.Topic.States == 0 {
		live.Sockets = tcp.Known(h.inStates(listed))
	}
	if u, known := h.Ports.Get(); known {
		live.Ports = &jsonPorts{u.Local, u.Peer, u.Used, u.Usable, u.free()}
	}
	if o, known := h.Oldest.Get(); known {
		live.Oldest = &jsonOldest{o.Age.Milliseconds(), o.Exact, o.AtLeast, o.Name}
	}
	for _, g := range h.Groups {
		grouping := jsonGrouping{By: g.By, Groups: []jsonGroup{}, Others: g.Others}
		for _, group := range g.Groups {
			grouping.Groups = append(grouping.Groups, jsonGroup{group.Name, group.Count})
		}
		live.Groups = append(live.Groups, grouping)
	}
	for name, n := range h.Counters {
		live.Counters[name] = n
	}
	return live
}

// statesOf returns the counts of all states whose sockets the source lists,
// including zeros.
func statesOf(h *Host) map[string]int {
	states := map[string]int{}
	for s := range (tcp.All &^ h.Unseen).States() {
		states[s.String()] = h.Counts.Of(s)
	}
	return states
}

func unseen(h *Host) []tcp.State { return slices.AppendSeq([]tcp.State{}, h.Unseen.States()) }

// socketsDocument is the JSON document about particular sockets.
type socketsDocument struct {
	envelope
	Stories []jsonSocketGroup `json:"stories"`
}

type jsonSocketGroup struct {
	State     tcp.State           `json:"state"`
	Condition Condition           `json:"condition"`
	WaitsFor  WaitsFor            `json:"waits_for"`
	Total     int                 `json:"total"`
	Timer     tcp.TimerKind       `json:"timer"`
	FiresMS   tcp.Optional[int64] `json:"fires_in_ms,omitzero"`
	Left      tcp.Optional[int]   `json:"resends_left,omitzero"`
	EndsMS    tcp.Optional[int64] `json:"ends_in_ms,omitzero"` // absent: no clock ends it
	EndsExact bool                `json:"ends_exact"`
	Sockets   []jsonSocket        `json:"sockets"` // the first few
	Processes []jsonGroup         `json:"processes"`
	Listeners []jsonGroup         `json:"listeners"` // inferred from the addresses
	Text      string              `json:"text"`      // Markdown
}

type jsonSocket struct {
	Local     string `json:"local"`
	Peer      string `json:"peer"`
	RecvQueue uint32 `json:"recv_q_bytes"`
	SendQueue uint32 `json:"send_q_bytes"`
}

// WriteJSON writes the explanation as one JSON document of kind "stories".
func (t *SocketExplanation) WriteJSON(w io.Writer, e Envelope) error {
	doc := socketsDocument{envelope: e.open("stories", t.Language, true), Stories: []jsonSocketGroup{}}
	for _, g := range t.Groups {
		s := jsonSocketGroup{State: g.State, Condition: g.Condition, WaitsFor: g.WaitsFor, Total: g.Count, Timer: g.Timer,
			FiresMS: milliseconds(g.FiresIn), Left: g.Left, EndsMS: milliseconds(g.EndsIn),
			EndsExact: g.EndsIn.IsKnown() && g.Exact, Sockets: []jsonSocket{}, Processes: jsonGroups(g.Holders), Listeners: jsonGroups(g.Listeners)}
		for _, e := range g.Examples {
			s.Sockets = append(s.Sockets, jsonSocket{e.Local.String(), e.Peer.String(), e.RecvQueue, e.SendQueue})
		}
		var b strings.Builder
		m := newMarkdown(&b)
		m.blocks(g.Blocks, t.words, g.State)
		m.out.Flush()
		s.Text = strings.Trim(b.String(), "\n")
		doc.Stories = append(doc.Stories, s)
	}
	return writeJSON(w, doc)
}

func jsonGroups(groups []Group) []jsonGroup {
	list := []jsonGroup{}
	for _, g := range groups {
		list = append(list, jsonGroup{g.Name, g.Count})
	}
	return list
}

func milliseconds(d tcp.Optional[time.Duration]) tcp.Optional[int64] {
	if value, known := d.Get(); known {
		return tcp.Known(value.Milliseconds())
	}
	return tcp.Optional[int64]{}
}
