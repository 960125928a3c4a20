package screen

import (
	"time"

	"tcpstate/collect"
	"tcpstate/tcp"
	"tcpstate/text"
)

// front is what is told of the state in front.
type front struct {
	state         tcp.State
	count         int
	arrived, left int           // since the look before
	elapsed       time.Duration // since then; 0: there was none
	peers         []named
	prefixes      []named
	listeners     []listening
	ages          [len(ageBounds) + 2]int // under each bound, over all of them, and not known
}

// named is how many sockets there are of something.
type named struct {
	name string
	n    int
}

// listening is a listener, with the sockets of the state in front that came in
// by it.
type listening struct {
	name            string
	queue, queueMax tcp.Optional[uint32]
	n               int
}

// ageBounds divide the ages of sockets.
var ageBounds = [...]time.Duration{time.Second, 10 * time.Second, time.Minute, 10 * time.Minute, time.Hour}

// mostNamed is how many peers, prefixes and listeners are named.
const mostNamed = 10

// frontTally gathers what is told of the state in front. Its memory is used
// again.
type frontTally struct {
	peers, prefixes, listeners tally
	queues                     map[groupKey][2]tcp.Optional[uint32]
	ages                       [len(ageBounds) + 2]int
}

func (t *frontTally) reset() {
	t.peers.reset()
	t.prefixes.reset()
	t.listeners.reset()
	if t.queues == nil {
		t.queues = make(map[groupKey][2]tcp.Optional[uint32])
	}
	clear(t.queues)
	clear(t.ages[:])
}

// listen takes note of a listener's queue. Several may share a place, and each
// has a queue of its own.
func (t *frontTally) listen(s *tcp.Socket) {
	key := groupKey{addr: s.Local.Addr(), number: int32(s.Local.Port())}
	queues := t.queues[key]
	queues[0] = tcp.Known(queues[0].Or(0) + s.AcceptQueue)
	if most, known := s.AcceptQueueMax.Get(); known {
		queues[1] = tcp.Known(queues[1].Or(0) + most)
	}
	t.queues[key] = queues
}

// add takes note of a socket in the state.
func (t *frontTally) add(s *tcp.Socket, listeners *collect.Listeners) {
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

// told returns what was gathered.
func (t *frontTally) told(state tcp.State) *front {
	f := &front{state: state, ages: t.ages}
	for _, r := range t.peers.most(mostNamed) {
		f.peers = append(f.peers, named{text.Escape(byHost.text(r.key)), r.size})
	}
	for _, r := range t.prefixes.most(mostNamed) {
		f.prefixes = append(f.prefixes, named{byPrefix.text(r.key), r.size})
	}
	for _, r := range t.listeners.most(mostNamed) {
		queues := t.queues[r.key]
		f.listeners = append(f.listeners, listening{text.Escape(byListener.text(r.key)), queues[0], queues[1], r.size})
	}
	return f
}
