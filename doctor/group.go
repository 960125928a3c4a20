package doctor

import (
	"cmp"
	"iter"
	"net/netip"
	"slices"
	"time"

	"tcpstate/tcp"
)

// owner is what sockets are attributed to: a process, else the listener whose
// program has not accepted them, else a user whose processes could not be seen.
// One of the fields is set, or none if the owner is unknown.
type owner struct {
	pid      int
	listener netip.AddrPort
	uid      tcp.Optional[uint32]
}

// group sums up the sockets that one rule examines for one owner or one peer.
type group struct {
	count    int           // the number of sockets
	standing int           // how many of them are past the rule's threshold
	unaged   int           // how many of them have an unknown age
	oldest   time.Duration // the highest age, a lower bound
	bytes    int64         // the sum of the queue that the rule examines
	kinds    [4]int        // the sockets of each kind that the rule distinguishes, see the methods of Survey

	entered int // how many of them came into the state between the readings
	grew    int // of how many the queue grew between the readings

	peer     netip.AddrPort // the common peer; port 0 if only the address is common
	apart    bool           // they have different peer addresses
	pid      int            // the process that holds all of them; 0: none; or mixed
	process  *Process       // the process of the first socket that has one
	sharers  []Process      // the processes of those sockets that several hold
	inodes   []uint32       // of the sockets with a file that came without their processes
	examples examples
}

// add counts a socket. An unknown age is not past any threshold.
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

// mixed is the pid of a group whose sockets belong to several processes.
const mixed = -1

func (g *group) see(s *tcp.Socket, score time.Duration, queue uint32) {
	pid := 0
	if len(s.Processes) > 0 {
		pid = s.Processes[0].PID
	}
	g.addHolders(s.Processes)
	if pid == 0 && s.Owner.Inode != 0 {
		g.inodes = append(g.inodes, s.Owner.Inode)
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

// addHolders adds the processes that hold one of the sockets.
func (g *group) addHolders(list []tcp.Process) {
	if g.process == nil && len(list) > 0 {
		g.process = &Process{PID: list[0].PID, Name: list[0].Name}
	}
	if len(list) > 1 && len(g.sharers) < maxPIDs {
		g.sharers = addProcesses(g.sharers, list)
	}
}

// groups holds a group for each key, up to maxGroups. Sockets with other keys
// are counted together in others, so that every socket is counted.
type groups[K comparable] struct {
	of     map[K]*group
	others group
}

// maxGroups is the maximum number of owners or destinations that each rule
// distinguishes.
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

// all yields the groups in no order, and reports whether to continue.
func (g *groups[K]) all(yield func(*group) bool) bool {
	for _, each := range g.of {
		if !yield(each) {
			return false
		}
	}
	return yield(&g.others)
}

// worst yields the groups in this order: by the number of sockets past the
// threshold, then by the number of sockets, both descending, then by key. It
// yields others last.
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

// add keeps a copy of s if it is among the worst. Of sockets with equal scores
// it keeps the first, so that it does not copy many equal sockets.
func (e *examples) add(score int64, s *tcp.Socket) {
	if len(e.list) < maxExamples || score > e.list[maxExamples-1].score {
		e.addOwn(score, s.Clone())
	}
}

// addOwn is add with a socket that nobody changes.
func (e *examples) addOwn(score int64, s *tcp.Socket) {
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
	e.list = slices.Insert(e.list, at, example{score, s})
}

// sockets returns the copies, the worst first.
func (e *examples) sockets() []*tcp.Socket {
	var list []*tcp.Socket
	for _, x := range e.list {
		list = append(list, x.socket)
	}
	return list
}
