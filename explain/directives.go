package explain

import (
	"maps"
	"slices"
	"strconv"
	"time"

	"tcpstate/lifecycle"
	"tcpstate/tcp"
	"tcpstate/text"
)

// expanded returns the blocks of a section. It replaces directives by blocks
// made from data, except for ladders, which each writer draws.
func (p *Page) expanded(s *Section) []Block {
	var blocks []Block
	for _, b := range s.Blocks {
		switch {
		case b.Kind != Directive || b.Ladder != nil:
			blocks = append(blocks, b)
		case b.Name == "transitions":
			blocks = append(blocks, p.transitions()...)
		case b.Name == "clock":
			blocks = append(blocks, p.clock()...)
		case b.Name == "live":
			blocks = append(blocks, p.live()...)
		}
	}
	if s.Key == "related" {
		return p.relatedCommands()
	}
	return blocks
}

func plain(text string) Text                     { return Text{{Text: text}} }
func code(text string) Text                      { return Text{{Code, text}} }
func paragraph(t Text) Block                     { return Block{Kind: Paragraph, Text: t} }
func number(n int) string                        { return strconv.Itoa(n) }
func (p *Page) say(k string, v ...string) string { return p.words.say(k, v...) }

// transitions lists the transitions that enter and leave the page's state.
func (p *Page) transitions() []Block {
	s := p.Topic.State
	var blocks []Block
	for _, way := range []struct {
		key   string
		list  []lifecycle.Transition
		other func(*lifecycle.Transition) (tcp.State, lifecycle.Form)
	}{
		{"moves.in", lifecycle.Entered(s), func(t *lifecycle.Transition) (tcp.State, lifecycle.Form) { return t.From, t.FromForm }},
		{"moves.makes", onlySpawning(lifecycle.Left(s), true), func(t *lifecycle.Transition) (tcp.State, lifecycle.Form) { return t.To, t.ToForm }},
		{"moves.out", onlySpawning(lifecycle.Left(s), false), func(t *lifecycle.Transition) (tcp.State, lifecycle.Form) { return t.To, t.ToForm }},
		{"moves.within", lifecycle.Within(s), func(t *lifecycle.Transition) (tcp.State, lifecycle.Form) { return t.To, t.ToForm }},
	} {
		if len(way.list) == 0 {
			continue
		}
		blocks = append(blocks, paragraph(Text{{Strong, p.say(way.key)}}), Block{Kind: Bullets, Items: p.transitionItems(way.list, way.other)})
	}
	return blocks
}

// transitionItems returns the items for transitions, each with the state at its
// other end. Transitions that differ only in that state share an item, which
// starts with all their states.
func (p *Page) transitionItems(list []lifecycle.Transition, other func(*lifecycle.Transition) (tcp.State, lifecycle.Form)) []Item {
	type itemKey struct {
		form lifecycle.Form
		text string
	}
	var order []itemKey
	states := map[itemKey][]tcp.State{}
	for i := range list {
		state, form := other(&list[i])
		if state == lifecycle.NoSocket {
			form = lifecycle.AnyForm
		}
		way := itemKey{form, p.eventText(&list[i])}
		if states[way] == nil {
			order = append(order, way)
		}
		if !slices.Contains(states[way], state) {
			states[way] = append(states[way], state)
		}
	}
	items := make([]Item, 0, len(order))
	for _, way := range order {
		var text Text
		for _, state := range states[way] {
			if text != nil {
				text = append(text, Span{Text: p.say("list.join")})
			}
			if state == lifecycle.NoSocket {
				text = append(text, Span{Text: p.say("moves.none")})
				continue
			}
			text = append(text, Span{Code, state.String()})
		}
		if way.form != lifecycle.AnyForm {
			text = append(text, Span{Text: p.say("moves.aside", "text", p.say("moves.form."+way.form.String()))})
		}
		items = append(items, Item{Text: append(text, Span{Text: way.text})})
	}
	return items
}

// onlySpawning returns the transitions that create another socket and leave
// their own unchanged, or those that do not.
func onlySpawning(list []lifecycle.Transition, spawns bool) []lifecycle.Transition {
	return slices.DeleteFunc(list, func(t lifecycle.Transition) bool { return t.Spawns != spawns })
}

// eventText returns the text about a transition that follows the state at its
// other end: the event, what is sent, what Linux does, and where it is
// specified.
func (p *Page) eventText(t *lifecycle.Transition) string {
	text := p.say("moves.colon") + p.machine.say(t.Event.String())
	if t.Sent != 0 {
		text += p.say("moves.comma") + p.say("moves.sends", "segment", t.Sent.String())
	}
	switch {
	case t.Spawns:
		text += p.say("moves.comma") + p.say("moves.spawns")
	case t.Standing == lifecycle.RFCOnly:
		text += p.say("moves.comma") + p.say("moves.rfconly")
	}
	text += p.say("moves.stop")
	if t.Linux != "" {
		text += p.say("moves.gap") + p.machine.say(t.Linux)
	}
	where := t.RFC
	if where == "" {
		where = p.say("moves.linuxonly")
	}
	return text + p.say("moves.aside", "text", where)
}

// clock lists the timers that end the page's state, and their settings.
func (p *Page) clock() []Block {
	runs := topicClocks[p.Topic.Name]
	v := values{words: p.words, host: p.Host}
	blocks := []Block{paragraph(plain(p.say("clock.none")))}
	if len(runs.clocks) > 0 {
		var items []Item
		for _, name := range runs.clocks {
			items = append(items, Item{Text: p.clockText(name, v)})
		}
		intro := "clock.intro.default"
		if p.Host != nil {
			intro = "clock.intro.live"
		}
		blocks = []Block{paragraph(plain(p.say(intro))), {Kind: Bullets, Items: items}}
	}
	if settings := p.settingNames(); len(settings) > 0 {
		blocks = append(blocks, Block{Kind: Table, Table: p.settingTable(settings)})
	}
	return blocks
}

// settingNames returns the settings of the page's clocks, and other settings
// that affect the topic.
func (p *Page) settingNames() []string {
	runs := topicClocks[p.Topic.Name]
	var names []string
	for _, name := range runs.clocks {
		names = append(names, clocks[name].settings...)
	}
	return unique(append(names, runs.settings...))
}

// unique removes repeated names.
func unique(names []string) []string {
	var list []string
	for _, n := range names {
		if !slices.Contains(list, n) {
			list = append(list, n)
		}
	}
	return list
}

func (p *Page) clockText(name string, v values) Text {
	c := clocks[name]
	text := Text{{Text: p.say("clock." + name)}, {Text: p.say("clock.gap")},
		{Strong, p.words.duration(c.schedule(v.settings()).GivenUp)}}
	if c.constant != "" {
		text = append(text, Span{Text: p.say("moves.aside", "text", p.say("clock.constant", "name", c.constant))})
	}
	return text
}

// settingTable returns a table of settings: with a host the current and the
// default values, without one the defaults.
func (p *Page) settingTable(names []string) [][]Text {
	head := []Text{plain(p.say("clock.setting")), plain(p.say("clock.value")), plain(p.say("clock.default"))}
	if p.Host == nil {
		head = []Text{head[0], head[2]}
	}
	rows := [][]Text{head}
	for _, name := range names {
		d, _ := lifecycle.SettingOf(name)
		usual := oneLine(d.Default)
		switch {
		case d.Empty:
			usual = p.say("clock.empty")
		case usual == "":
			usual = p.say("clock.varies")
		}
		row := []Text{code(name), plain(usual)}
		if p.Host != nil {
			value, known := d.Text(&p.Host.Settings)
			if value = oneLine(value); !known {
				value = "-"
			}
			row = []Text{row[0], plain(value), row[1]}
		}
		rows = append(rows, row)
	}
	return rows
}

// live returns the blocks about the sockets on the host now.
func (p *Page) live() []Block {
	h := p.Host
	if h == nil {
		return []Block{paragraph(plain(p.say("live.none")))}
	}
	var blocks []Block
	if states := p.Topic.States &^ h.Unseen; states != 0 {
		blocks = append(blocks, paragraph(plain(p.say("live.count", "n", number(h.inStates(states)),
			"total", number(h.Counts.Total()), "states", p.words.stateNames(states)))))
	}
	if states := p.Topic.States & h.Unseen; states != 0 {
		blocks = append(blocks, paragraph(plain(p.say("live.unseen", "states", p.words.stateNames(states)))))
	}
	if oldest, known := h.Oldest.Get(); known {
		key := "live.oldest.about"
		switch {
		case oldest.Exact:
			key = "live.oldest"
		case oldest.AtLeast:
			key = "live.oldest.least"
		}
		blocks = append(blocks, paragraph(plain(p.say(key, "age", p.words.duration(max(oldest.Age, time.Second).Truncate(time.Second)), "name", text.Escape(oldest.Name)))))
	}
	if ports, known := h.Ports.Get(); known {
		blocks = append(blocks, paragraph(plain(p.portUse(ports))))
	}
	for _, g := range h.Groups {
		if len(g.Groups) == 0 {
			continue
		}
		rows := [][]Text{{plain(p.say("live.by." + string(g.By))), plain(p.say("live.sockets"))}}
		for _, group := range g.Groups {
			rows = append(rows, []Text{plain(text.Escape(group.Name)), plain(number(group.Count))})
		}
		if g.Others > 0 {
			rows = append(rows, []Text{plain(p.say("live.others")), plain(number(g.Others))})
		}
		blocks = append(blocks, Block{Kind: Table, Table: rows})
	}
	if h.Partial {
		blocks = append(blocks, paragraph(plain(p.say("live.partial"))))
	}
	if len(h.Counters) > 0 {
		rows := [][]Text{{plain(p.say("live.counters")), plain(p.say("live.count.head"))}}
		for _, name := range slices.Sorted(maps.Keys(h.Counters)) {
			rows = append(rows, []Text{code(name), plain(strconv.FormatUint(h.Counters[name], 10))})
		}
		blocks = append(blocks, Block{Kind: Table, Table: rows})
	}
	if len(blocks) == 0 {
		blocks = append(blocks, paragraph(plain(p.say("live.nothing"))))
	}
	return blocks
}

// portUse returns how many ports are used and free for one destination.
func (p *Page) portUse(u PortUse) string {
	free := strconv.FormatInt(u.free(), 10)
	if u.Local == "" {
		return p.say("live.ports.none", "free", free)
	}
	return p.say("live.ports", "local", text.Escape(u.Local), "peer", text.Escape(u.Peer), "used", strconv.FormatInt(u.Used, 10),
		"usable", strconv.FormatInt(u.Usable, 10), "free", free)
}

// relatedCommands lists the related topics as commands.
func (p *Page) relatedCommands() []Block {
	var lines []string
	for _, name := range p.Related() {
		lines = append(lines, p.say("related.command", "topic", name))
	}
	return []Block{{Kind: Commands, Lines: lines}}
}
