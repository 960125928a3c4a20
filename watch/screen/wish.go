package screen

import (
	"time"

	"tcpstate/filter"
	"tcpstate/tcp"
	"tcpstate/watch"
)

// wish is what the model wants to be shown. The reader fulfils the latest.
type wish struct {
	serial   int
	interval time.Duration
	paused   bool           // look no more by itself
	filter   *filter.Filter // what is counted and listed
	filtered int            // changes with the filter
	front    tcp.State      // the state that is in front; 0: none
	group    grouping
	sort     sorting
	top      int      // the first row that is shown
	height   int      // how many are
	open     watch.ID // the socket that is shown in full; 0: none
}

// sorting is an order of the rows.
type sorting struct {
	by         sortBy
	descending bool
}

// sortBy is what rows are sorted by.
type sortBy uint8

// What sockets and groups are sorted by.
const (
	byState sortBy = iota
	byRecvQueue
	bySendQueue
	byLocal
	byPeer
	byAge
	bySeen
	byProcess

	byTotal
	byChange
	byName
)

var sortNames = [...]string{byState: "state", byRecvQueue: "recv-q", bySendQueue: "send-q", byLocal: "local", byPeer: "peer",
	byAge: "age", bySeen: "last change", byProcess: "process", byTotal: "total", byChange: "change", byName: "name"}

func (b sortBy) String() string { return sortNames[b] }

// The orders that the key s goes through.
var (
	socketOrders = []sorting{{byState, false}, {byRecvQueue, true}, {bySendQueue, true}, {byLocal, false}, {byPeer, false},
		{byAge, true}, {bySeen, true}, {byProcess, false}}
	groupOrders = []sorting{{byTotal, true}, {byChange, true}, {byName, false}}
)

// orders returns the orders that there are for the rows of a grouping.
func (g grouping) orders() []sorting {
	if g == ungrouped {
		return socketOrders
	}
	return groupOrders
}

// next returns the order after s.
func (s sorting) next(orders []sorting) sorting {
	for i, o := range orders {
		if o.by == s.by {
			return orders[(i+1)%len(orders)]
		}
	}
	return orders[0]
}

// grouping is what the rows are sockets of.
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

var groupingNames = [...]string{"none", "process", "peer", "prefix", "listener"}

func (g grouping) String() string { return groupingNames[g] }
