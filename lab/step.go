package lab

import (
	"net/netip"
	"strconv"
	"time"

	"tcpstate/lab/segment"
	"tcpstate/tcp"
	"tcpstate/wording"
)

// Side is one of the two hosts.
type Side uint8

// The hosts. Here is the one whose program usually connects.
const (
	Here Side = iota + 1
	There
)

// String returns the name that the host has in JSON.
func (s Side) String() string {
	switch s {
	case Here:
		return "here"
	case There:
		return "there"
	}
	return ""
}

// other returns the other host.
func (s Side) other() Side { return Here + There - s }

// The addresses of the hosts, and the networks behind Here that no host has: the
// forged addresses of a flood.
var (
	HereAddr  = netip.MustParseAddr("10.77.0.1")
	ThereAddr = netip.MustParseAddr("10.77.0.2")
)

// Delay is how long a segment is on its way, in each direction: long enough to see
// the states in between, and much shorter than any timer of TCP.
const Delay = 10 * time.Millisecond

// Addr returns the address of the host.
func (s Side) Addr() netip.Addr {
	if s == There {
		return ThereAddr
	}
	return HereAddr
}

// where returns an address as a step shows it: "there:80" for a host.
func where(to netip.AddrPort) string {
	for _, side := range []Side{Here, There} {
		if to.Addr() == side.Addr() {
			return side.String() + ":" + strconv.Itoa(int(to.Port()))
		}
	}
	return to.String()
}

// The control bits that drawings and scenes ask for.
const (
	finBit = segment.FIN
	synBit = segment.SYN
	rstBit = segment.RST
	ackBit = segment.ACK
)

// Kind is what a step is about.
type Kind uint8

// The kinds of steps.
const (
	Note     Kind = iota + 1 // what comes next, and why
	Question                 // what the reader is asked before it happens
	Answer                   // the answer
	Setting                  // a setting of the namespaces that the scene changes
	Call                     // a program makes a system call
	Return                   // a system call returns
	State                    // a socket appears, changes its state, or is gone
	Timer                    // a timer of a socket is set, set again, or ends
	Counter                  // a counter of a namespace has moved
	Segment                  // a segment is on the wire
)

var kindNames = [...]string{Note: "note", Question: "question", Answer: "answer", Setting: "setting", Call: "call", Return: "return",
	State: "state", Timer: "timer", Counter: "counter", Segment: "segment"}

// String returns the name that the kind has in JSON.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return ""
}

// Fate is what the wire does with a segment.
type Fate uint8

// The fates.
const (
	Arrives  Fate = iota
	Lost          // the wire loses it
	Held          // the wire keeps it back, and delivers it later
	Late          // it was held, and goes on now
	Injected      // no host sent it: the wire made it
)

var fateNames = [...]string{"arrives", "lost", "held", "late", "injected"}

// String returns the name that the fate has in JSON.
func (f Fate) String() string { return fateNames[f] }

// Step is one thing that happened in a scene.
type Step struct {
	At   time.Duration // since the beginning of the scene
	Kind Kind
	Host Side // whose call, socket or counter it is, or who sent the segment

	Text wording.Message // of a note, a question or an answer
	Want tcp.State       // of a question: the state that is the answer; 0: it has no such answer

	Call   string // the call, such as "listen(:80, backlog 8)"
	Result string // of a Return: "0", "4 bytes", or the name of an error, such as "ETIMEDOUT"

	Socket   *tcp.Socket // of a State or a Timer, as the kernel lists it; if it is gone, as it was listed last
	From, To tcp.State   // of a State; From is 0 for a new socket, and To is 0 if it is gone

	Segment  *segment.Segment
	Fate     Fate
	Seq, Ack uint32 // of a Segment: relative to the first sequence number of each direction

	Name  string // the name of a counter or a setting
	Delta int64  // of a Counter: by how much it rose
	Value string // of a Setting
}
