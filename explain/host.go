package explain

import (
	"time"

	"tcpstate/lifecycle"
	"tcpstate/tcp"
)

// Host is what a page says about this host. The caller reads it when it makes
// the page. A nil *Host leaves out everything about the host.
type Host struct {
	Settings lifecycle.Settings
	Counts   tcp.Counts // sockets in each state
	// Unseen are the states whose sockets the source does not list. Their
	// number is not known; in Counts it is 0, which has no meaning.
	Unseen tcp.StateSet
	// Partial reports that some processes could not be read, so that some
	// sockets are missing in the groups by process.
	Partial bool
	// Oldest is the socket that has been in one of the topic's states the
	// longest, as far as ages are known.
	Oldest tcp.Optional[Oldest]
	// Groups are the sockets of the topic's states, grouped in several ways.
	// Each grouping lists its largest groups first.
	Groups []Grouping
	// Ports is the use of local ports, with the topic of their exhaustion.
	Ports tcp.Optional[PortUse]
	// Counters are the values of the topic's counters since boot, by name.
	Counters map[string]uint64
}

// PortUse is how many local ports are used for the destination that uses the most.
type PortUse struct {
	Local, Peer  string // a local address, and the address and port of the destination; "": no port is used
	Used, Usable int64  // ports used for it, and ports of the range that are not reserved
}

// free returns how many ports are left for the destination.
func (u PortUse) free() int64 { return max(0, u.Usable-u.Used) }

// Oldest describes the socket that has been in its state the longest.
type Oldest struct {
	Age     time.Duration
	Exact   bool   // Age comes from a clock that started with the state
	AtLeast bool   // Age is a lower bound; if both are false, it is an estimate
	Name    string // the addresses and ports of both ends
}

// Grouping is the result of one way to group sockets.
type Grouping struct {
	By     By
	Groups []Group
	Others int // the number of sockets in groups that are not listed
}

// By is the value by which sockets are grouped.
type By string

// The groupings.
const (
	ByProcess  By = "process"
	ByListener By = "listener"
	ByPeer     By = "peer"
)

// Group is the number of sockets with the same value.
type Group struct {
	Name  string // the process, listener or peer; other programs choose it, so it may contain any character
	Count int
}

// inStates returns how many sockets the host has in the given states.
func (h *Host) inStates(states tcp.StateSet) int {
	n := 0
	for s := range states.States() {
		n += h.Counts.Of(s)
	}
	return n
}
