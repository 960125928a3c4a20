package tcp

import (
	"iter"
	"math/bits"
	"strings"
)

// State is the state of a TCP socket. The zero State is no state. States are
// numbered in the order of a connection's life, which is also the order of the
// output for people. The kernel's own numbers are in kernel.go.
type State uint8

// The states of RFC 9293 section 3.3.2 with the names of Linux (the RFC writes
// SYN-RECEIVED, FIN-WAIT-1, TIME-WAIT, CLOSED), and one that only Linux has.
const (
	Listen      State = iota + 1 // waits for connections
	SynSent                      // has sent a SYN, waits for the peer's SYN
	SynRecv                      // has answered a SYN, waits for the last ACK
	Established                  // open in both directions
	FinWait1                     // closed first on this side, FIN not acknowledged yet
	FinWait2                     // FIN acknowledged, waits for the peer's FIN
	Closing                      // both sides closed at once, FIN not acknowledged yet
	TimeWait                     // closed first on this side, keeps its addresses and ports for a while
	CloseWait                    // the peer has closed, the local program has not
	LastAck                      // closed after the peer, FIN not acknowledged yet
	Close                        // closed, but a program still holds the socket

	// BoundInactive is the state of a socket that has a port and neither
	// listens nor connects. Linux lists such sockets from 6.8 on
	// (TCP_BOUND_INACTIVE, include/net/tcp_states.h). Inside the kernel their
	// state is CLOSE.
	BoundInactive
)

// NumStates is the number of states. They are numbered from 1 to NumStates.
const NumStates = int(BoundInactive)

var stateNames = [NumStates + 1]string{
	"", "LISTEN", "SYN_SENT", "SYN_RECV", "ESTABLISHED", "FIN_WAIT1", "FIN_WAIT2", "CLOSING",
	"TIME_WAIT", "CLOSE_WAIT", "LAST_ACK", "CLOSE", "BOUND_INACTIVE",
}

// String returns the name that the output shows, such as SYN_RECV.
func (s State) String() string {
	if s == 0 || int(s) > NumStates {
		return "UNKNOWN"
	}
	return stateNames[s]
}

// MarshalText returns the name that String returns.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads any spelling that ParseState reads.
func (s *State) UnmarshalText(text []byte) error {
	parsed, err := ParseState(string(text))
	if err != nil {
		return err
	}
	*s = parsed
	return nil
}

// StateSet is a set of states. The zero StateSet is empty.
type StateSet uint16

// The sets for which ss(8) has names, and All.
const (
	All          StateSet = 1<<(NumStates+1) - 2
	Bucket                = 1<<SynRecv | StateSet(1)<<TimeWait // kept by the kernel as small sockets
	Big                   = All &^ Bucket
	Connected             = All &^ (1<<Listen | 1<<Close | 1<<BoundInactive)
	Synchronized          = Connected &^ (1 << SynSent)
)

// Set returns the set of the given states.
func Set(states ...State) StateSet {
	var set StateSet
	for _, s := range states {
		set |= 1 << s
	}
	return set
}

// Has reports whether s is in the set.
func (set StateSet) Has(s State) bool { return set&(1<<s) != 0 }

// Len returns how many states are in the set.
func (set StateSet) Len() int { return bits.OnesCount16(uint16(set)) }

// States yields the states of the set in the order of a connection's life.
func (set StateSet) States() iter.Seq[State] {
	return func(yield func(State) bool) {
		for s := Listen; int(s) <= NumStates; s++ {
			if set.Has(s) && !yield(s) {
				return
			}
		}
	}
}

// String returns the names of the states, joined by commas.
func (set StateSet) String() string {
	var names []string
	for s := range set.States() {
		names = append(names, s.String())
	}
	return strings.Join(names, ",")
}

// Counts is the number of sockets in each state. In the zero Counts all are 0.
type Counts [NumStates + 1]int

// Add counts one socket in state s.
func (c *Counts) Add(s State) { c[s]++ }

// Of returns how many sockets are in state s.
func (c *Counts) Of(s State) int { return c[s] }

// Total returns how many sockets there are in all states.
func (c *Counts) Total() int {
	total := 0
	for _, n := range c {
		total += n
	}
	return total
}

// AddAll adds the numbers of other.
func (c *Counts) AddAll(other *Counts) {
	for s, n := range other {
		c[s] += n
	}
}
