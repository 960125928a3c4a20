package screen

import (
	"time"

	"tcpstate/filter"
	"tcpstate/tcp"
	"tcpstate/watch"
)

// request says what the model wants to show. The reader answers only the latest
// request.
type request struct {
	serial   int
	interval time.Duration
	paused   bool           // do not read at each interval
	filter   *filter.Filter // selects the sockets to count and list
	filtered int            // a number that changes with the filter
	focus    tcp.State      // the focused state; 0: none
	group    grouping
	sort     sorting
	top      int        // index of the first item on the screen
	height   int        // how many items the screen shows
	needs    tcp.Detail // what the columns on the screen need of every socket
	search   search     // what to search in the list
	detail   watch.ID   // the socket to show in full; 0: none
}

// sorting is an order of the items.
type sorting struct {
	by         sortBy
	descending bool
}

// sortBy is the value to sort by.
type sortBy uint8

// The values to sort sockets by, then more to sort listeners by, and then those to
// sort groups by.
const (
	byState sortBy = iota
	byRecvQueue
	bySendQueue
	byLocal
	byPeer
	byAge
	byLastChange
	byProcess
	byNetns
	byIdle
	byTimer
	byUID
	byInode
	byCookie

	byPeak
	byDrops
	bySynRecv
	byArrived
	byAccepted

	byTotal
	byChange
	byName
)

var sortNames = [...]string{byState: "state", byRecvQueue: "recv-q", bySendQueue: "send-q", byLocal: "local", byPeer: "peer",
	byAge: "age", byLastChange: "last change", byProcess: "process", byNetns: "netns", byIdle: "idle", byTimer: "timer", byUID: "uid",
	byInode: "inode", byCookie: "cookie", byPeak: "peak", byDrops: "drops", bySynRecv: "syn_recv", byArrived: "in", byAccepted: "accepted",
	byTotal: "total", byChange: "change", byName: "name"}

func (b sortBy) String() string { return sortNames[b] }

// The orders that the key s goes through.
var (
	socketOrders = []sorting{{byState, false}, {byRecvQueue, true}, {bySendQueue, true}, {byLocal, false}, {byPeer, false},
		{byAge, true}, {byLastChange, true}, {byProcess, false}}
	groupOrders = []sorting{{byTotal, true}, {byChange, true}, {byName, false}}
)

// usual returns the order in which a value is sorted first: the largest first,
// where large values are what a user looks for.
func (b sortBy) usual() sorting {
	switch b {
	case byRecvQueue, bySendQueue, byPeak, byDrops, bySynRecv, byArrived, byAccepted, byAge, byIdle, byLastChange, byTotal, byChange:
		return sorting{b, true}
	}
	return sorting{b, false}
}

// sortings returns the orders for the items of a grouping.
func (g grouping) sortings() []sorting {
	switch g {
	case ungrouped:
		return socketOrders
	case theListeners:
		return listenerOrders
	}
	return groupOrders
}

// next returns the order that follows s.
func (s sorting) next(sortings []sorting) sorting {
	for i, o := range sortings {
		if o.by == s.by {
			return sortings[(i+1)%len(sortings)]
		}
	}
	return sortings[0]
}

// grouping says how the sockets are grouped.
type grouping uint8

// The groupings, in the order in which the key g goes through them.
const (
	ungrouped grouping = iota
	byOwner
	byHost
	byPrefix
	byListener
	groupings
)

// theListeners is a list of listeners, with figures of each. The key g does not go
// through it.
const theListeners = groupings

var groupingNames = [...]string{"none", "process", "peer", "prefix", "listener"}

// ofSockets reports whether each item is a socket, and not a group of them.
func (g grouping) ofSockets() bool { return g == ungrouped || g == theListeners }

func (g grouping) String() string {
	if g == theListeners {
		return "listeners"
	}
	return groupingNames[g]
}
