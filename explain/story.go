package explain

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"tcpstate/lifecycle"
	"tcpstate/tcp"
	"tcpstate/text"
)

// Story tells what becomes of very sockets: Book.Story begins one, Add takes the
// sockets, Tell tells.
type Story struct {
	book     *Book
	settings lifecycle.Settings
	groups   map[groupKey]*group
}

// groupKey is what sockets that are told together have in common.
type groupKey struct {
	condition Condition
	timer     tcp.TimerKind
}

// group is what is known of sockets that are told together.
type group struct {
	groupKey
	state            tcp.State
	count            int
	examples         []*tcp.Socket
	holders          map[string]int
	listeners        map[string]int // that sockets without a process came in by
	unread, unsent   spread
	queued, most     spread // of a listener
	fires, end, age  timeSpread
	left, resent     spread
	endless, inexact bool // some have no end; some ends are not exact
	ageInexact       bool // some ages are bounds or estimates
}

// maxExamples is how many sockets of a group are named.
const maxExamples = 3

// spread is the least and the greatest of what was seen.
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

// Story begins a story of sockets on a host with the settings.
func (b *Book) Story(settings lifecycle.Settings) *Story {
	return &Story{book: b, settings: settings, groups: map[groupKey]*group{}}
}

// Add takes one socket, of which it keeps nothing but, of the first few of their
// group, a copy. Processes and Listener are told where they are there, Info makes
// the outlook closer.
func (s *Story) Add(socket *tcp.Socket) {
	key := groupKey{conditionOf(socket), socket.Timer.Kind}
	if key.condition == "" {
		return
	}
	g := s.groups[key]
	if g == nil {
		g = &group{groupKey: key, state: socket.State, holders: map[string]int{}, listeners: map[string]int{}}
		s.groups[key] = g
	}
	g.count++
	if len(g.examples) < maxExamples {
		g.examples = append(g.examples, socket.Clone())
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
	if age, known := socket.Age.Get(); known {
		g.age.add(age)
		g.ageInexact = g.ageInexact || !socket.AgeExact
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

// unread returns the bytes of data that nobody has read: the peer's FIN, which
// the queue counts as one, is none.
func unread(s *tcp.Socket) int64 {
	n := int64(s.RecvQueue)
	if n > 0 && tcp.Set(tcp.CloseWait, tcp.LastAck, tcp.Closing).Has(s.State) {
		n--
	}
	return n
}

// unsent returns the bytes of data that are not acknowledged, our own SYN or FIN
// not counted.
func unsent(s *tcp.Socket) int64 {
	n := int64(s.SendQueue)
	if n > 0 && tcp.Set(tcp.SynSent, tcp.SynRecv, tcp.FinWait1, tcp.Closing, tcp.LastAck).Has(s.State) {
		n--
	}
	return n
}

// Told is a story as it is told: group after group.
type Told struct {
	Language Language
	Groups   []ToldGroup
	words    words
}

// ToldGroup is what is told of sockets of one state and condition.
type ToldGroup struct {
	State     tcp.State
	Condition Condition
	WaitsFor  WaitsFor
	Count     int
	Timer     tcp.TimerKind
	FiresIn   tcp.Optional[time.Duration] // the soonest
	Left      tcp.Optional[int]           // resends or probes before it is given up: the fewest
	EndsIn    tcp.Optional[time.Duration] // the soonest that the kernel ends one, if nobody moves
	Exact     bool                        // no setting of the program can make it another time
	Examples  []*tcp.Socket               // the first few
	Holders   []Group                     // processes that hold them, most first
	Listeners []Group                     // that those without a process came in by, most first; inferred

	Heading string
	Blocks  []Block
}

// Tell tells the story. The error is that of a text that breaks the rules of
// stories.md, which tests find.
func (s *Story) Tell() (*Told, error) {
	told := &Told{Language: s.book.Language, words: s.book.words}
	texts, err := s.book.storyTexts()
	if err != nil {
		return nil, err
	}
	for _, c := range conditions {
		for timer := range tcp.TimerKind(255) {
			g := s.groups[groupKey{c.is, timer}]
			if g == nil {
				continue
			}
			t, err := s.tell(g, c.waits, texts)
			if err != nil {
				return nil, err
			}
			told.Groups = append(told.Groups, *t)
		}
	}
	return told, nil
}

// tell tells of one group: its condition, its timer, its queues.
func (s *Story) tell(g *group, waits WaitsFor, texts map[string]string) (*ToldGroup, error) {
	t := &ToldGroup{State: g.state, Condition: g.condition, WaitsFor: waits, Count: g.count, Timer: g.timer,
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
		file := s.book.Language.String() + "/" + storiesFile
		text, err := s.book.fill(file, texts[key], facts, host)
		if err != nil {
			return nil, fmt.Errorf("telling %q: %w", key, err)
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

// texts returns the keys of the texts that make up a group's story.
func (g *group) texts() []string {
	keys := []string{"who", string(g.condition)}
	switch {
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

// facts are what the texts of stories may speak of. All that is text is escaped
// for the markup; a spread is "3" or "3 to 7".
type facts struct {
	State   string
	Is      string // the Condition
	Many    bool   // more than one socket
	N       int
	Sockets string // the first few: local > peer
	More    int    // how many are not among them
	Holders string // the first processes, "" where none is known
	Came    string // the first listeners they came in by, with their processes; "" where none is known
	// How many processes and listeners are not among them.
	MoreHolders, MoreCame int
	Age                   string // "" where it is not known
	AgeExact              bool   // else Age is a bound or an estimate, as lifecycle.Clocks.SetAge has it
	Unread                int64  // bytes of data that are not read, at most
	Unsent                int64  // bytes of data that are not acknowledged, at most
	UnreadS               string // as spreads
	UnsentS               string
	Queued                string // of a listener
	Most                  string // of a listener; "" where it is not known
	Fires                 string // when the timer fires
	Resent                string // how often it has fired in vain
	ResentN               int64  // at most
	Left                  string // resends or probes that are left
	LeftN                 int64  // at most
	End                   string // when the kernel ends it; "" where it will not
	Exact                 bool   // End is no estimate
}

func (s *Story) facts(g *group, t *ToldGroup) facts {
	w := s.book.words
	f := facts{State: g.state.String(), Is: string(g.condition), N: g.count, Many: g.count > 1, More: g.count - len(g.examples), AgeExact: !g.ageInexact, Exact: !g.inexact}
	var names []string
	for _, e := range g.examples {
		names = append(names, literal(text.Escape(ends(e))))
	}
	f.Sockets = strings.Join(names, w.say("list.join"))
	f.Holders, f.Came = w.names(t.Holders), w.names(t.Listeners)
	f.MoreHolders, f.MoreCame = len(g.holders)-len(t.Holders), len(g.listeners)-len(t.Listeners)
	f.Unread, f.Unsent = g.unread.greatest, g.unsent.greatest
	f.UnreadS, f.UnsentS = w.spread(g.unread.least, g.unread.greatest), w.spread(g.unsent.least, g.unsent.greatest)
	f.Queued = w.spread(g.queued.least, g.queued.greatest)
	if g.most.seen {
		f.Most = w.spread(g.most.least, g.most.greatest)
	}
	f.Fires, f.Age, f.End = w.timeSpread(g.fires), w.timeSpread(g.age), w.timeSpread(g.end)
	f.Resent, f.ResentN = w.spread(g.resent.least, g.resent.greatest), g.resent.greatest
	f.Left, f.LeftN = w.spread(g.left.least, g.left.greatest), g.left.greatest
	return f
}

// spread writes a spread of counts.
func (w words) spread(least, greatest int64) string {
	if least == greatest {
		return fmt.Sprint(least)
	}
	return w.say("story.spread", "from", fmt.Sprint(least), "to", fmt.Sprint(greatest))
}

// timeSpread writes a spread of times, "" for none.
func (w words) timeSpread(s timeSpread) string {
	if !s.seen {
		return ""
	}
	from, to := w.duration(time.Duration(s.least)), w.duration(time.Duration(s.greatest))
	if from == to {
		return from
	}
	return w.say("story.spread", "from", from, "to", to)
}

// ends writes both ends of a socket, of a listener its own alone.
func ends(s *tcp.Socket) string {
	if s.State == tcp.Listen || s.State == tcp.BoundInactive {
		return end(s.Local)
	}
	return end(s.Local) + " > " + end(s.Peer)
}

// end writes an address and a port as people are shown them; port 0 is none.
func end(a netip.AddrPort) string {
	if a.Port() == 0 {
		return a.Addr().String()
	}
	return a.String()
}

// names lists the names of groups, escaped for terminals and for the markup.
func (w words) names(groups []Group) string {
	var names []string
	for _, g := range groups {
		names = append(names, literal(text.Escape(g.Name)))
	}
	return strings.Join(names, w.say("list.join"))
}

// processName writes a process as nginx[812].
func processName(p tcp.Process) string { return fmt.Sprintf("%s[%d]", p.Name, p.PID) }

// listenerName writes a listener and the process that holds it.
func listenerName(l *tcp.Listener) string {
	name := end(l.Local)
	if len(l.Processes) > 0 {
		name += " " + processName(l.Processes[0])
	}
	return name
}

// top returns the largest groups.
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
