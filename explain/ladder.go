package explain

import "tcpstate/tcp"

// Ladder is what two ends say to each other, time going down. It is the same in
// every language: what needs words names a key of words.txt.
type Ladder struct {
	Left, Right string // who stands there: keys "end.*"
	Rungs       []Rung
}

// Rung is one moment of a ladder: what the ends do, what passes between them,
// and the states they are in afterwards.
type Rung struct {
	Left, Right Side

	Segment string    // what is sent, such as "SYN=1, seq=x"; "" for none
	From    Direction // who sends it
	Fate    Fate      // of the segment
	Crossed string    // the segment that comes the other way at the same time
	Note    string    // a key "ladder.*": what happens between them
}

// Side is one end at one moment.
type Side struct {
	Does  string    // a call, such as "close()", or a key "ladder.*"
	State tcp.State // it is in from here on; the zero State: as before
	None  bool      // there is no socket from here on: CLOSED in the RFC's words
	Dies  bool      // the whole end is gone, and tells nobody
}

// Direction is the way that a segment goes.
type Direction uint8

// The directions.
const (
	Rightwards Direction = iota + 1
	Leftwards
)

// Fate is what becomes of a segment.
type Fate uint8

// The fates.
const (
	Arrives Fate = iota
	Lost         // on its way
	Ignored      // by the end that it reaches
)
