package explain

import (
	"strings"

	"tcpstate/tcp"
	"tcpstate/wording"
)

// words are the short texts of one language that code puts together: headings,
// labels, units. They stand in the file words.txt of the language's folder, in the
// format of package wording.
type words struct{ wording.Texts }

// say returns the text of a key, its values put in: say("now.count", "n", "3").
// That every key has its text is checked when the words are read.
func (w words) say(key string, values ...string) string { return w.Fill(key, values...) }

// stateNames returns the names of states as a list.
func (w words) stateNames(states tcp.StateSet) string {
	return strings.ReplaceAll(states.String(), ",", w.say("list.join"))
}

// parseWords reads words.txt: the keys of wordKeys, each once and no other.
func parseWords(file, text string) (words, error) {
	texts, err := wording.Parse(file, text)
	if err != nil {
		return words{}, err
	}
	if wrong := texts.Check(wordKeys); wrong != "" {
		return words{}, &MarkupError{File: file, Line: 1, Msg: wrong}
	}
	return words{texts}, nil
}

// wordKeys holds every key, and after it the places its text has.
var wordKeys = []string{
	"heading.diagram", "heading.how", "heading.why", "heading.moves", "heading.clock", "heading.now",
	"heading.normal", "heading.said", "heading.do", "heading.dont", "heading.related", "heading.sources",

	"unit.ms {n}", "unit.s {n}", "unit.min {n}", "unit.h {n}", "unit.join", "list.join",

	"setting.live {name} {value}", "setting.changed {default} {name} {value}", "setting.default {name} {value}",
	"setting.varies {name}", "setting.empty {name}", "setting.absent {name} {value}", "setting.gone {name}",

	"clock.intro.live", "clock.intro.default", "clock.none", "clock.time_wait", "clock.fin_wait2",
	"clock.syn_sent", "clock.syn_recv", "clock.data", "clock.orphan", "clock.keepalive", "clock.constant {name}",

	"end.client", "end.server", "end.first", "end.second", "end.one", "end.other", "end.attacker",

	"ladder.nosocket", "ladder.resends", "ladder.nobody", "ladder.sixty", "ladder.reads", "ladder.sendson",
	"ladder.again", "ladder.refuses", "ladder.takes", "ladder.oldsocket", "ladder.crash", "ladder.restarts", "ladder.unread", "ladder.probes",
	"ladder.poweroff", "ladder.forged", "ladder.keepsnothing", "ladder.checks", "ladder.synqueue",
	"ladder.acceptqueue", "ladder.nevermeant",

	"ladder.givenup", "ladder.nothingsent", "ladder.straying", "ladder.rfc1337", "ladder.nowait", "ladder.olddata", "ladder.forgotten", "ladder.since611",
	"ladder.notold", "ladder.idle",
	"ladder.alive", "ladder.allprobes", "ladder.thousands", "ladder.queuefull", "ladder.synqueuefull",
	"ladder.acceptfull", "ladder.acceptroom", "ladder.straysyn", "ladder.withtwo",

	"moves.in", "moves.makes", "moves.out", "moves.within", "moves.sends {segment}", "moves.none",
	"moves.aside {text}", "moves.colon", "moves.comma", "moves.stop", "moves.gap", "moves.spawns",
	"moves.rfconly", "moves.linuxonly", "moves.form.held", "moves.form.orphan", "moves.form.request",
	"moves.form.small",

	"clock.gap", "clock.varies", "clock.empty", "clock.setting", "clock.value", "clock.default",

	"live.none", "live.count {n} {states} {total}", "live.unseen {states}", "live.oldest {age} {name}", "live.oldest.least {age} {name}", "live.oldest.about {age} {name}",
	"live.by.process", "live.by.listener", "live.by.peer", "live.sockets", "live.nothing", "live.count.head",
	"live.others", "live.counters", "live.partial", "live.ports {free} {local} {peer} {usable} {used}", "live.ports.none {free}",

	"map.title", "map.legend", "map.reset", "map.counts {n}", "map.more",

	"list.state", "list.process", "list.question",

	"related.command {topic}",

	"docs.title", "docs.intro",

	"story.heading {n} {state} {waits}", "story.waits.peer", "story.waits.program", "story.waits.clock",
	"story.waits.either", "story.spread {from} {to}",
}
