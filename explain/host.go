package explain

import (
	"time"

	"tcpstate/lifecycle"
	"tcpstate/tcp"
)

// Host is what a page says of this host. It is read by others, at the moment of
// the page; a nil *Host leaves the host out.
type Host struct {
	Settings lifecycle.Settings
	Counts   tcp.Counts // sockets in each state
	// Unseen are the states whose sockets the source does not list; what it has
	// counted there, none, says nothing.
	Unseen tcp.StateSet
	// Partial says that not every process could be looked into, so that the
	// groups by process are short of some.
	Partial bool
	// Oldest is the socket of the topic's states that has been in its state the
	// longest, as far as clocks tell.
	Oldest tcp.Optional[Oldest]
	// Groups are the sockets of the topic's states, grouped, each grouping with
	// its largest groups first.
	Groups []Grouping
	// Counters are those that the topic names, since boot, by its names.
	Counters map[string]uint64
}

// Oldest is the socket that has been in its state the longest.
type Oldest struct {
	Age   time.Duration
	Exact bool   // else it is at least so old
	Name  string // both its ends, as people are shown them
}

// Grouping is one way to group sockets.
type Grouping struct {
	By     By
	Groups []Group
	Others int // sockets in groups that are not listed
}

// By says what sockets are grouped by.
type By string

// The groupings.
const (
	ByProcess  By = "process"
	ByListener By = "listener"
	ByPeer     By = "peer"
)

// Group is the sockets that have something in common.
type Group struct {
	Name  string // the process, listener or peer; it may hold anything
	Count int
}
