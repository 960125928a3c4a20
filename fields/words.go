package fields

import (
	"slices"
	"strings"
	"sync"
)

// Place is a place where users write words for fields. Several places can be
// joined by |.
type Place uint8

// The places.
const (
	InFilters Place = 1 << iota // terms of the filter language
	InColumns                   // --columns and --sort
	InGroups                    // --by
)

// Places lists the places.
func Places() []Place { return []Place{InFilters, InColumns, InGroups} }

// Word is one meaning, with all spellings that stand for it. Filters, columns,
// sort keys and groups share one vocabulary: a spelling has the same meaning in
// each place in which it has one.
type Word struct {
	// Names are the spellings. The first is the one to show. Case does not
	// matter, and '-', '_' and '.' are the same.
	Names []string

	// What the word stands for in each place, "" if it has no meaning there: a
	// term of the filter language or the name of a field that a filter compares;
	// the name of a column; the name of a group.
	Filter, Column, Group string

	Doc string // its meaning, if a single field has it; otherwise ""
}

// In returns what the word stands for in a place, and "" if it has no meaning
// there.
func (w *Word) In(p Place) string {
	switch p {
	case InFilters:
		return w.Filter
	case InColumns:
		return w.Column
	}
	return w.Group
}

// Words returns the words that have a meaning in a place, in the order of the
// table. Shell completion and help can list them.
func Words(p Place) []Word {
	return slices.DeleteFunc(slices.Clone(vocabulary().words), func(w Word) bool { return w.In(p) == "" })
}

// Spellings returns all spellings that have a meaning in a place.
func Spellings(p Place) []string {
	var names []string
	for _, w := range Words(p) {
		names = append(names, w.Names...)
	}
	return names
}

// Meaning returns what a word stands for in a place. It reports false if the word
// is not known or has no meaning there.
func Meaning(word string, p Place) (string, bool) {
	w := vocabulary().byName[fold(word)]
	if w == nil || w.In(p) == "" {
		return "", false
	}
	return w.In(p), true
}

// Meanings returns the places in which a word has a meaning, in the order of
// Places. There are none if the word is not known.
func Meanings(word string) []Place {
	w := vocabulary().byName[fold(word)]
	if w == nil {
		return nil
	}
	return slices.DeleteFunc(Places(), func(p Place) bool { return w.In(p) == "" })
}

// fold returns the form in which spellings are compared.
func fold(name string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c == '-' || c == '.':
			return '_'
		case 'A' <= c && c <= 'Z':
			return c + 'a' - 'A'
		}
		return c
	}, strings.TrimSpace(name))
}

// byHand are the words that do not stand for just one field with its own name.
// The name of a column that is not the name of a field is that of a composite of
// package render. The name of a group that is not the name of a field is that of a
// dimension of package collect. Tests of these packages check the names.
var byHand = []Word{
	{Names: []string{"state"}, Filter: "state", Column: "state", Group: "state"},
	{Names: []string{"src", "local", "laddr", "saddr"}, Filter: "src", Column: "local", Group: "local"},
	{Names: []string{"dst", "peer", "raddr", "daddr", "remote", "foreign"}, Filter: "dst", Column: "peer", Group: "peer"},
	{Names: []string{"ip", "addr", "address"}, Column: "peer", Group: "peer"},
	{Names: []string{"sport", "lport", "local.port"}, Filter: "sport", Column: "local.port", Group: "lport"},
	{Names: []string{"dport", "pport", "rport", "peer.port", "remote_port"}, Filter: "dport", Column: "peer.port", Group: "pport"},
	{Names: []string{"port"}, Filter: "port", Column: "local.port", Group: "lport"},
	{Names: []string{"local.address"}, Filter: "src", Column: "local.address", Group: "local"},
	{Names: []string{"peer.address"}, Filter: "dst", Column: "peer.address", Group: "peer"},
	{Names: []string{"prefix", "network", "subnet"}, Filter: "dst", Group: "prefix"},
	{Names: []string{"process", "comm", "program", "proc"}, Filter: "process", Column: "process", Group: "process"},
	{Names: []string{"processes"}, Filter: "process", Column: "processes", Group: "process"},
	{Names: []string{"pid"}, Filter: "pid", Column: "pid", Group: "pid"},
	{Names: []string{"user"}, Filter: "user", Column: "user", Group: "user"},
	{Names: []string{"uid"}, Filter: "user", Column: "uid", Group: "user"},
	{Names: []string{"listener"}, Column: "listener", Group: "listener"},
	{Names: []string{"command", "cmdline", "args"}, Column: "command"},
	{Names: []string{"recvq", "recv_q", "rxq", "rx_queue"}, Filter: "recvq", Column: "recv_q"},
	{Names: []string{"sendq", "send_q", "txq", "tx_queue"}, Filter: "sendq", Column: "send_q"},
	{Names: []string{"acceptq", "accept_q", "accept_queue"}, Filter: "acceptq", Column: "accept_queue"},
	{Names: []string{"timer"}, Filter: "timer", Column: "timer", Group: "timer.kind"},
	{Names: []string{"age"}, Filter: "age", Column: "age"},
	{Names: []string{"accepts"}, Column: "accepts"},
	{Names: []string{"mptcp"}, Column: "mptcp"},
	{Names: []string{"idle"}, Filter: "idle", Column: "idle"},
	{Names: []string{"rtt"}, Filter: "rtt", Column: "rtt"},
	{Names: []string{"min_rtt", "minrtt"}, Filter: "tcp_info.min_rtt_us", Column: "min_rtt"},
	{Names: []string{"rto"}, Filter: "tcp_info.rto_us", Column: "rto"},
	{Names: []string{"mss"}, Filter: "tcp_info.snd_mss_bytes", Column: "mss", Group: "tcp_info.snd_mss_bytes"},
	{Names: []string{"retrans"}, Filter: "retrans", Column: "retrans"},
	{Names: []string{"sent"}, Filter: "tcp_info.sent_bytes", Column: "sent"},
	{Names: []string{"received"}, Filter: "tcp_info.received_bytes", Column: "received"},
	{Names: []string{"rate"}, Filter: "tcp_info.delivery_rate_bytes_per_sec", Column: "rate"},
	{Names: []string{"rmem"}, Filter: "memory.recv_alloc_bytes", Column: "rmem"},
	{Names: []string{"rcvbuf"}, Filter: "memory.recv_buffer_bytes", Column: "rcvbuf"},
	{Names: []string{"wmem"}, Filter: "memory.send_queued_bytes", Column: "wmem"},
	{Names: []string{"sndbuf"}, Filter: "memory.send_buffer_bytes", Column: "sndbuf"},
	{Names: []string{"fwd"}, Filter: "memory.forward_alloc_bytes", Column: "fwd"},
	{Names: []string{"backlog"}, Filter: "memory.backlog_bytes", Column: "backlog"},
	{Names: []string{"congestion", "cc"}, Filter: "congestion", Column: "congestion", Group: "congestion"},
	{Names: []string{"mark", "fwmark"}, Filter: "fwmark", Column: "mark", Group: "mark"},
	{Names: []string{"dev", "interface", "iface", "device"}, Filter: "dev", Column: "interface", Group: "interface"},
	{Names: []string{"cgroup"}, Filter: "cgroup", Column: "cgroup", Group: "cgroup"},
	{Names: []string{"autobound"}, Filter: "autobound"},
}

// glossary is the vocabulary with an index by folded spelling.
type glossary struct {
	words  []Word
	byName map[string]*Word
}

// vocabulary returns all words.
var vocabulary = sync.OnceValue(newGlossary)

// newGlossary returns the words made by hand, then those for the other fields.
func newGlossary() *glossary {
	g := &glossary{words: slices.Clone(byHand), byName: make(map[string]*Word)}
	taken := make(map[string]int)
	for _, w := range byHand {
		for _, name := range w.Names {
			taken[fold(name)] = 2 // no other word has it
		}
	}
	for i := range All {
		for _, name := range spellingsOf(&All[i]) {
			taken[fold(name)]++
		}
	}
	for i := range All {
		f := &All[i]
		if w := wordOf(f); taken[fold(f.Name)] < 2 {
			for _, name := range spellingsOf(f) {
				if taken[fold(name)] < 2 {
					w.Names = append(w.Names, name)
				}
			}
			g.words = append(g.words, w)
		}
	}
	for i := range g.words {
		for _, name := range g.words[i].Names {
			g.byName[fold(name)] = &g.words[i]
		}
	}
	return g
}

// spellingsOf returns the name of a field, and for a field of tcp_info or memory
// also the last part of the name, with and without its unit. A short spelling that
// two fields have stands for neither.
func spellingsOf(f *Field) []string {
	names := []string{f.Name}
	object, nested := f.Object()
	if !nested || object != "tcp_info" && object != "memory" {
		return names
	}
	short := f.Name[len(object)+1:]
	names = append(names, short)
	for _, unit := range []string{"_bytes_per_sec", "_bytes", "_ms", "_us"} {
		if bare, ok := strings.CutSuffix(short, unit); ok {
			return append(names, bare)
		}
	}
	return names
}

// wordOf returns the word for a field, without its spellings.
func wordOf(f *Field) Word {
	w := Word{Column: f.Name, Doc: f.Doc}
	switch {
	case f.Filter != "":
		w.Filter = f.Filter
	case f.comparable():
		w.Filter = f.Name
	}
	if f.repeats() {
		w.Group = f.Name
	}
	return w
}

// comparable reports whether a filter can compare the field: it must be a single
// value that is known before the sockets are selected, which names are not.
func (f *Field) comparable() bool {
	switch f.Kind {
	case Number, Duration, Cookie, Enum, Text:
		return !f.Joined
	}
	return false
}

// repeats reports whether many sockets can have the same value, so that it makes
// sense to count groups by it. A time or a number of bytes is rarely the same
// twice.
func (f *Field) repeats() bool {
	switch f.Kind {
	case Number:
		return f.Unit() == NoUnit
	case Boolean, Enum, Text, LongID:
		return true
	}
	return false
}

// Comparable returns the field that a filter compares if Meaning returns its name,
// and nil if the name is that of a term.
func Comparable(name string) *Field {
	return find(func(f *Field) bool { return f.Name == name && f.Filter == "" && f.comparable() })
}
