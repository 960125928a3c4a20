package doctor

import (
	"cmp"
	"iter"
	"net/netip"
	"slices"
	"time"

	"tcpstate/tcp"
)

// owner is whom sockets are laid to: a process, else the listener whose program
// has not accepted them, else a user whose processes could not be seen. One of
// the fields is set, or none where nothing is known.
type owner struct {
	pid      int
	listener netip.AddrPort
	uid      tcp.Optional[uint32]
}

// group is sockets that one rule looks at, of one owner or to one peer.
type group struct {
	count    int           // sockets that the rule looks at
	standing int           // of them, those past its threshold
	unaged   int           // of them, those whose age is not known
	oldest   time.Duration // the greatest age of them, a lower bound
	bytes    int64         // in the queue that the rule looks at
	kinds    [3]int        // by what the rule tells apart, see the methods of Survey

	peer     netip.AddrPort // of all of them; port 0 where they differ in it
	apart    bool           // they have no peer in common
	pid      int            // of the first process that holds each; 0: none; mixed
	process  *Process       // of the first that has one
	examples examples
}

// add counts a socket. Its age may be unknown, and then is not past any
// threshold.
func (g *group) add(s *tcp.Socket, age tcp.Optional[time.Duration], limit time.Duration, queue uint32) {
	known, isKnown := age.Get()
	switch {
	case !isKnown:
		g.unaged++
	case known >= limit:
		g.standing++
	}
	g.see(s, known, queue)
}

// addStanding counts a socket that is past the threshold of the rule.
func (g *group) addStanding(s *tcp.Socket, score time.Duration, queue uint32) {
	g.standing++
	g.see(s, score, queue)
}

// mixed is the pid of a group whose sockets are held by several processes.
const mixed = -1

func (g *group) see(s *tcp.Socket, score time.Duration, queue uint32) {
	pid := 0
	if len(s.Processes) > 0 {
		pid = s.Processes[0].PID
	}
	switch {
	case g.count == 0:
		g.pid = pid
	case g.pid != pid:
		g.pid = mixed
	}
	switch {
	case g.count == 0:
		g.peer = s.Peer
	case g.peer.Addr() != s.Peer.Addr():
		g.apart = true
	case g.peer.Port() != s.Peer.Port():
		g.peer = netip.AddrPortFrom(g.peer.Addr(), 0)
	}
	g.count++
	g.oldest = max(g.oldest, score)
	g.bytes += int64(queue)
	g.examples.add(int64(score), s)
}

// groups holds a group for each key, up to a limit. What comes for further keys
// is counted together: nothing is forgotten, but it is not told apart.
type groups[K comparable] struct {
	of     map[K]*group
	others group
}

// maxGroups is how many owners or destinations each rule tells apart.
const maxGroups = 512

func (g *groups[K]) get(key K) *group {
	found := g.of[key]
	if found != nil {
		return found
	}
	if len(g.of) >= maxGroups {
		return &g.others
	}
	if g.of == nil {
		g.of = make(map[K]*group)
	}
	found = new(group)
	g.of[key] = found
	return found
}

// worst yields the groups, those with most sockets past the threshold first,
// then those with most, then in the order of their keys; at last those that are
// not told apart.
func (g *groups[K]) worst(compare func(a, b K) int) iter.Seq2[K, *group] {
	keys := make([]K, 0, len(g.of))
	for key := range g.of {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b K) int {
		x, y := g.of[a], g.of[b]
		return cmp.Or(cmp.Compare(y.standing, x.standing), cmp.Compare(y.count, x.count), compare(a, b))
	})
	return func(yield func(K, *group) bool) {
		for _, key := range keys {
			if !yield(key, g.of[key]) {
				return
			}
		}
		if g.others.count > 0 {
			var none K
			yield(none, &g.others)
		}
	}
}

func compareOwners(a, b owner) int {
	return cmp.Or(cmp.Compare(a.pid, b.pid), a.listener.Compare(b.listener), cmp.Compare(a.uid.Or(0), b.uid.Or(0)))
}

// examples keeps copies of the worst sockets of a kind, the worst first.
type examples struct {
	list []example
}

type example struct {
	score  int64
	socket *tcp.Socket
}

// maxExamples is how many sockets a finding shows.
const maxExamples = 5

// add keeps a copy of s if it is among the worst. Of equals the first is kept,
// so that many like sockets are not copied in vain.
func (e *examples) add(score int64, s *tcp.Socket) {
	if len(e.list) == maxExamples {
		if score <= e.list[maxExamples-1].score {
			return
		}
		e.list = e.list[:maxExamples-1]
	}
	at, _ := slices.BinarySearchFunc(e.list, score, func(x example, score int64) int {
		if x.score >= score {
			return -1
		}
		return 1
	})
	e.list = slices.Insert(e.list, at, example{score, s.Clone()})
}

// sockets returns them.
func (e *examples) sockets() []*tcp.Socket {
	var list []*tcp.Socket
	for _, x := range e.list {
		list = append(list, x.socket)
	}
	return list
}
