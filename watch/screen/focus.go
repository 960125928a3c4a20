package screen

import (
	"time"

	"tcpstate/collect"
	"tcpstate/tcp"
	"tcpstate/text"
)

// focusSummary describes the sockets in the focused state.
type focusSummary struct {
	state         tcp.State
	count         int
	arrived, left int           // since the reading before
	elapsed       time.Duration // the time since the reading before; 0: there was none
	peers         []nameCount
	prefixes      []nameCount
	listeners     []listenerCount
	ages          [len(ageBounds) + 2]int // how many are below each bound, how many above all of them, and how many have no known age
}

// nameCount is a name and the number of its sockets.
type nameCount struct {
	name string
	n    int
}

// listenerCount is a listener, its accept queue, and the number of sockets in
// the focused state that came in through it.
type listenerCount struct {
	name            string
	queue, queueMax tcp.Optional[uint32]
	n               int
}

// ageBounds are the limits of the age groups.
var ageBounds = [...]time.Duration{time.Second, 10 * time.Second, time.Minute, 10 * time.Minute, time.Hour}

// maxNamed is the largest number of peers, prefixes and listeners that are
// named.
const maxNamed = 10

// focusTally collects the data for a focusSummary. It reuses its memory.
type focusTally struct {
	peers, prefixes, listeners tally
	queues                     map[groupKey][2]tcp.Optional[uint32]
	ages                       [len(ageBounds) + 2]int
}

func (t *focusTally) reset() {
	t.peers.reset()
	t.prefixes.reset()
	t.listeners.reset()
	if t.queues == nil {
		t.queues = make(map[groupKey][2]tcp.Optional[uint32])
	}
	clear(t.queues)
	clear(t.ages[:])
}

// listen adds a listener's queue. Several listeners may share an address and
// port, and each has its own queue, so listen adds them up.
func (t *focusTally) listen(s *tcp.Socket) {
	key := groupKey{addr: s.Local.Addr(), number: int32(s.Local.Port())}
	queues := t.queues[key]
	queues[0] = tcp.Known(queues[0].Or(0) + s.AcceptQueue)
	if limit, known := s.AcceptQueueMax.Get(); known {
		queues[1] = tcp.Known(queues[1].Or(0) + limit)
	}
	t.queues[key] = queues
}

// add adds a socket in the focused state.
func (t *focusTally) add(s *tcp.Socket, listeners *collect.Listeners) {
	t.peers.add(byHost.keyOf(s, nil), s.State)
	t.prefixes.add(prefixOf(s), s.State)
	t.listeners.add(byListener.keyOf(s, listeners), s.State)
	age, known := s.Age.Get()
	if !known {
		t.ages[len(ageBounds)+1]++
		return
	}
	i := 0
	for i < len(ageBounds) && age >= ageBounds[i] {
		i++
	}
	t.ages[i]++
}

// summary returns the summary of the sockets that were added.
func (t *focusTally) summary(state tcp.State) *focusSummary {
	f := &focusSummary{state: state, ages: t.ages}
	for _, r := range t.peers.largest(maxNamed) {
		f.peers = append(f.peers, nameCount{text.Escape(byHost.label(r.key)), r.size})
	}
	for _, r := range t.prefixes.largest(maxNamed) {
		f.prefixes = append(f.prefixes, nameCount{byPrefix.label(r.key), r.size})
	}
	for _, r := range t.listeners.largest(maxNamed) {
		queues := t.queues[r.key]
		f.listeners = append(f.listeners, listenerCount{text.Escape(byListener.label(r.key)), queues[0], queues[1], r.size})
	}
	return f
}
