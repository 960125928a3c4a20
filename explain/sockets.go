package explain

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"tcpstate/lifecycle"
	"tcpstate/tcp"
	"tcpstate/wording"
)

// SocketExplainer explains particular sockets of a host: what each of them
// waits for, and what happens to it next. Book.SocketExplainer returns one, Add
// adds the sockets, and Explain returns the explanation.
type SocketExplainer struct {
	book     *Book
	settings lifecycle.Settings
	groups   map[groupKey]*tally
}

// groupKey identifies sockets that are explained together.
type groupKey struct {
	condition Condition
	timer     tcp.TimerKind
}

// tally is what is known about sockets that are explained together.
type tally struct {
	groupKey
	state            tcp.State
	count            int
	examples         []*tcp.Socket
	holders          map[string]int
	kernel           int            // how many sockets no process holds, because the kernel serves them
	listeners        map[string]int // the listeners that sockets without a process came in through
	unread, unsent   spread
	queued, most     spread // the accept queue of listeners, and its maximum
	fires, end, age  timeSpread
	left, resent     spread
	endless, inexact bool // some sockets have no end; some ends are not exact
	dualStack        int  // listeners on [::] that take IPv4 too
	v6only           int  // listeners on [::] that do not
	v6unknown        int  // listeners on [::] of which that is not known
	ageEstimated     bool // some ages are estimates
	ageAtLeast       bool // some ages are lower bounds
}

// maxExamples is how many sockets, processes and listeners of a group are
// named.
const maxExamples = 3

// spread is the range of the values that were added.
type spread struct {
	least, greatest int64
	seen            bool
}

func (s *spread) add(n int64) {
	if !s.seen {
		*s = spread{n, n, true}
		return
	}
	s.least, s.greatest = min(s.least, n), max(s.greatest, n)
}

type timeSpread struct{ spread }

func (s *timeSpread) add(d time.Duration) { s.spread.add(int64(d)) }

// SocketExplainer returns an explainer for sockets of a host with these
// settings.
func (b *Book) SocketExplainer(settings lifecycle.Settings) *SocketExplainer {
	return &SocketExplainer{book: b, settings: settings, groups: map[groupKey]*tally{}}
}

// Add adds one socket. It keeps a copy of the first few sockets of each group,
// and only figures of the others. If Processes and Listener are set, the
// explanation names them. If Info is set, the prediction is more precise.
func (s *SocketExplainer) Add(socket *tcp.Socket) {
	key := groupKey{conditionOf(socket), socket.Timer.Kind}
	if key.condition == "" {
		return
	}
	g := s.groups[key]
	if g == nil {
		g = &tally{groupKey: key, state: socket.State, holders: map[string]int{}, listeners: map[string]int{}}
		s.groups[key] = g
	}
	g.count++
	if len(g.examples) < maxExamples {
		g.examples = append(g.examples, socket.Clone())
	}
	if socket.Owner.Kernel {
		g.kernel++
	}
	for _, p := range socket.Processes {
		g.holders[processName(p)]++
	}
	if l := socket.Listener; l != nil {
		g.listeners[listenerName(l)]++
	}
	g.unread.add(unread(socket))
	g.unsent.add(unsent(socket))
	g.queued.add(int64(socket.AcceptQueue))
	if most, known := socket.AcceptQueueMax.Get(); known {
		g.most.add(int64(most))
	}
	if dual, applies := socket.DualStack(); applies {
		switch both, known := dual.Get(); {
		case !known:
			g.v6unknown++
		case both:
			g.dualStack++
		default:
			g.v6only++
		}
	}
	if age, known := socket.Age.Get(); known {
		g.age.add(age)
		g.ageAtLeast = g.ageAtLeast || socket.AgeAtLeast
		g.ageEstimated = g.ageEstimated || !socket.AgeExact && !socket.AgeAtLeast
	}
	g.resent.add(int64(socket.Timer.Retransmits))
	if socket.Timer.Kind != tcp.TimerOff {
		g.fires.add(socket.Timer.Expires)
	}
	outlook, known := s.settings.Outlook(socket)
	if !known {
		g.endless = true
		return
	}
	g.end.add(outlook.At)
	g.left.add(int64(outlook.Left))
	g.inexact = g.inexact || !outlook.Exact
}

// unread returns the number of bytes of data that the program has not read. The
// receive queue also counts the peer's FIN, which is not data.
func unread(s *tcp.Socket) int64 {
	n := int64(s.RecvQueue)
	if s.IsConnection() {
		return 0 // the queue is memory
	}
	if n > 0 && tcp.Set(tcp.CloseWait, tcp.LastAck, tcp.Closing).Has(s.State) {
		n--
	}
	return n
}

// unsent returns the number of bytes of data that are not acknowledged, without
// our own SYN or FIN.
func unsent(s *tcp.Socket) int64 {
	n := int64(s.SendQueue)
	if n > 0 && tcp.Set(tcp.SynSent, tcp.SynRecv, tcp.FinWait1, tcp.Closing, tcp.LastAck).Has(s.State) {
		n--
	}
	return n
}

// SocketExplanation is the explanation of sockets, by groups.
type SocketExplanation struct {
	Language wording.Language
	Groups   []SocketGroup
	words    words
}

// SocketGroup explains the sockets of one state and condition.
type SocketGroup struct {
	State     tcp.State
	Condition Condition
	WaitsFor  WaitsFor
	Count     int
	Timer     tcp.TimerKind
	FiresIn   tcp.Optional[time.Duration] // when the first of the timers fires
	Left      tcp.Optional[int]           // the smallest number of resends or probes that are left
	EndsIn    tcp.Optional[time.Duration] // when the kernel ends the first of them, if neither the peer nor the program acts
	Exact     bool                        // neither a setting of the program nor load can change EndsIn
	Examples  []*tcp.Socket               // the first few
	Holders   []Group                     // the processes that hold them, the most frequent first
	Listeners []Group                     // the listeners that sockets without a process came in through, the most frequent first; inferred

	Heading string
	Blocks  []Block
}

// Explain returns the explanation. The error says that a text breaks the rules
// of stories.md, which tests check.
func (s *SocketExplainer) Explain() (*SocketExplanation, error) {
	explanation := &SocketExplanation{Language: s.book.Language, words: s.book.words}
	texts, err := s.book.socketTexts()
	if err != nil {
		return nil, err
	}
	for _, c := range conditions {
		for timer := range tcp.TimerKind(255) {
			g := s.groups[groupKey{c.is, timer}]
			if g == nil {
				continue
			}
			t, err := s.explainGroup(g, c.waits, texts)
			if err != nil {
				return nil, err
			}
			explanation.Groups = append(explanation.Groups, *t)
		}
	}
	return explanation, nil
}

// explainGroup explains one group: its condition, its timer, its queues.
func (s *SocketExplainer) explainGroup(g *tally, waits WaitsFor, texts map[string]string) (*SocketGroup, error) {
	t := &SocketGroup{State: g.state, Condition: g.condition, WaitsFor: waits, Count: g.count, Timer: g.timer,
		Exact: !g.inexact, Examples: g.examples, Holders: top(g.holders), Listeners: top(g.listeners)}
	if g.fires.seen {
		t.FiresIn = tcp.Known(time.Duration(g.fires.least))
	}
	if g.end.seen {
		t.EndsIn, t.Left = tcp.Known(time.Duration(g.end.least)), tcp.Known(int(g.left.least))
	}
	t.Heading = s.book.words.say("story.heading", "n", number(g.count), "state", g.state.String(),
		"waits", s.book.words.say("story.waits."+string(waits)))
	facts := s.facts(g, t)
	host := &Host{Settings: s.settings}
	for _, key := range g.texts() {
		file := s.book.Language.String() + "/" + socketTextsFile
		text, err := s.book.fill(file, texts[key], facts, host)
		if err != nil {
			return nil, fmt.Errorf("explaining %q: %w", key, err)
		}
		if strings.TrimSpace(text) == "" {
			continue
		}
		blocks, err := parseBlocks(file+" "+key, text)
		if err != nil {
			return nil, err
		}
		t.Blocks = append(t.Blocks, blocks...)
	}
	return t, nil
}

// texts returns the keys of the texts that explain a group.
func (g *tally) texts() []string {
	keys := []string{"who", string(g.condition)}
	switch {
	case strings.HasPrefix(string(g.condition), "mptcp-"):
		return keys // its timers are those of its subflows
	case g.state == tcp.Listen, g.state == tcp.Close, g.state == tcp.BoundInactive:
		return keys
	case g.state == tcp.FinWait2 && g.timer == tcp.TimerKeepalive && g.condition == "fin-wait2-orphan":
		keys = append(keys, "timer-linger")
	case g.timer == tcp.TimerDelayedAck || g.timer > tcp.TimerDelayedAck:
		keys = append(keys, "timer-off")
	default:
		keys = append(keys, "timer-"+g.timer.String())
	}
	return append(keys, "queues")
}

// processName writes a process as nginx[812].
func processName(p tcp.Process) string { return fmt.Sprintf("%s[%d]", p.Name, p.PID) }

// maxCandidates is how many processes of a listener are named.
const maxCandidates = 16

// listenerName writes a listener and its processes. Any of them may accept the
// connections of the listener: it does not show which socket of several that
// share an address a connection waits in.
func listenerName(l *tcp.Listener) string {
	name := end(l.Local)
	for _, p := range l.Processes[:min(len(l.Processes), maxCandidates)] {
		name += " " + processName(p)
	}
	if more := len(l.Processes) - maxCandidates; more > 0 {
		name += fmt.Sprintf(" +%d", more)
	}
	return name
}

// top returns the largest groups, at most maxExamples.
func top(counts map[string]int) []Group {
	var list []Group
	for name, n := range counts {
		list = append(list, Group{name, n})
	}
	slices.SortFunc(list, func(a, b Group) int {
		if a.Count != b.Count {
			return b.Count - a.Count
		}
		return strings.Compare(a.Name, b.Name)
	})
	return list[:min(len(list), maxExamples)]
}
