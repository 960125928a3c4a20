package explain

import (
	"tcpstate/tcp"
)

// Ladder is a sequence of segments between two ends, with time going down. It
// is the same in every language: texts are keys of words.txt.
type Ladder struct {
	Left, Right string // the names of the ends: keys "end.*"
	Rungs       []Rung
}

// Rung is one step of a ladder: what the ends do, the segment between them, and
// the states of the ends afterwards.
type Rung struct {
	Left, Right Side

	Segment string    // the segment, such as "SYN=1, seq=x"; "" for none
	From    Direction // the direction in which it goes
	Fate    Fate      // what happens to the segment
	Crossed string    // the segment that goes the other way at the same time
	Note    string    // a key "ladder.*": a remark between the ends
}

// Side is one end at one step.
type Side struct {
	Does  string    // a call, such as "close()", or a key "ladder.*"
	State tcp.State // the state from here on; the zero State: as before
	None  bool      // there is no socket from here on; the RFC calls this CLOSED
	Dies  bool      // the whole host fails, without a message to the other end
}

// Direction is the direction of a segment.
type Direction uint8

// The directions.
const (
	Rightwards Direction = iota + 1
	Leftwards
)

// Fate is what happens to a segment.
type Fate uint8

// The fates.
const (
	Arrives Fate = iota
	Lost         // lost on the way
	Ignored      // it arrives, but the receiver ignores it
)

// ladders has all ladders by the names that pages use. Sequence numbers are
// named as in RFC 9293 section 3.5: x and y are the initial ones; u, v and w
// are later ones. Every segment except the first SYN carries an ACK.
var ladders = map[string]*Ladder{
	"handshake": {Left: "end.client", Right: "end.server", Rungs: []Rung{
		{Right: Side{Does: "listen()", State: tcp.Listen}},
		{Left: Side{Does: "connect()", State: tcp.SynSent}, Segment: "SYN=1, seq=x", From: Rightwards, Right: Side{State: tcp.SynRecv}},
		{Left: Side{State: tcp.Established}, Segment: "SYN=1, ACK=1, seq=y, ack=x+1", From: Leftwards},
		{Segment: "ACK=1, seq=x+1, ack=y+1", From: Rightwards, Right: Side{State: tcp.Established}},
		{Right: Side{Does: "accept()"}},
	}},
	"syn-lost": {Left: "end.client", Right: "end.server", Rungs: []Rung{
		{Left: Side{Does: "connect()", State: tcp.SynSent}, Segment: "SYN=1, seq=x", From: Rightwards, Fate: Lost},
		{Left: Side{Does: "ladder.resends"}, Segment: "SYN=1, seq=x", From: Rightwards, Fate: Lost},
		{Left: Side{Does: "ladder.resends"}, Segment: "SYN=1, seq=x", From: Rightwards, Fate: Lost},
		{Left: Side{Does: "ETIMEDOUT", State: tcp.Close}, Note: "ladder.givenup"},
	}},
	"refused": {Left: "end.client", Right: "end.server", Rungs: []Rung{
		{Left: Side{Does: "connect()", State: tcp.SynSent}, Segment: "SYN=1, seq=x", From: Rightwards, Right: Side{Does: "ladder.nobody", None: true}},
		{Left: Side{Does: "ECONNREFUSED", State: tcp.Close}, Segment: "RST=1, ACK=1, seq=0, ack=x+1", From: Leftwards},
	}},
	"bound": {Left: "end.client", Right: "end.server", Rungs: []Rung{
		{Left: Side{Does: "bind()", State: tcp.BoundInactive}, Right: Side{State: tcp.Listen}, Note: "ladder.nothingsent"},
		{Left: Side{Does: "connect()", State: tcp.SynSent}, Segment: "SYN=1, seq=x", From: Rightwards, Right: Side{State: tcp.SynRecv}},
	}},
	"simultaneous-open": {Left: "end.one", Right: "end.other", Rungs: []Rung{
		{Left: Side{Does: "connect()", State: tcp.SynSent}, Right: Side{Does: "connect()", State: tcp.SynSent}},
		{Segment: "SYN=1, seq=x", From: Rightwards, Crossed: "SYN=1, seq=y", Left: Side{State: tcp.SynRecv}, Right: Side{State: tcp.SynRecv}},
		{Segment: "SYN=1, ACK=1, seq=x, ack=y+1", From: Rightwards, Crossed: "SYN=1, ACK=1, seq=y, ack=x+1",
			Left: Side{State: tcp.Established}, Right: Side{State: tcp.Established}},
		{Segment: "ACK=1, seq=x+1, ack=y+1", From: Rightwards, Crossed: "ACK=1, seq=y+1, ack=x+1", Note: "ladder.since611"},
	}},
	"teardown": {Left: "end.first", Right: "end.second", Rungs: []Rung{
		{Left: Side{State: tcp.Established}, Right: Side{State: tcp.Established}},
		{Left: Side{Does: "close()", State: tcp.FinWait1}, Segment: "FIN=1, ACK=1, seq=u, ack=v", From: Rightwards, Right: Side{State: tcp.CloseWait}},
		{Left: Side{State: tcp.FinWait2}, Segment: "ACK=1, seq=v, ack=u+1", From: Leftwards},
		{Left: Side{State: tcp.TimeWait}, Segment: "FIN=1, ACK=1, seq=w, ack=u+1", From: Leftwards, Right: Side{Does: "close()", State: tcp.LastAck}},
		{Segment: "ACK=1, seq=u+1, ack=w+1", From: Rightwards, Right: Side{None: true}},
		{Left: Side{Does: "ladder.sixty", None: true}},
	}},
	"teardown-three": {Left: "end.first", Right: "end.second", Rungs: []Rung{
		{Left: Side{State: tcp.Established}, Right: Side{State: tcp.Established}},
		{Left: Side{Does: "close()", State: tcp.FinWait1}, Segment: "FIN=1, ACK=1, seq=u, ack=v", From: Rightwards, Right: Side{State: tcp.CloseWait}},
		{Left: Side{State: tcp.TimeWait}, Segment: "FIN=1, ACK=1, seq=v, ack=u+1", From: Leftwards, Right: Side{Does: "close()", State: tcp.LastAck}},
		{Segment: "ACK=1, seq=u+1, ack=v+1", From: Rightwards, Right: Side{None: true}},
		{Left: Side{Does: "ladder.sixty", None: true}},
	}},
	"simultaneous-close": {Left: "end.one", Right: "end.other", Rungs: []Rung{
		{Left: Side{State: tcp.Established}, Right: Side{State: tcp.Established}},
		{Left: Side{Does: "close()", State: tcp.FinWait1}, Right: Side{Does: "close()", State: tcp.FinWait1}},
		{Segment: "FIN=1, ACK=1, seq=u, ack=v", From: Rightwards, Crossed: "FIN=1, ACK=1, seq=v, ack=u",
			Left: Side{State: tcp.Closing}, Right: Side{State: tcp.Closing}},
		{Segment: "ACK=1, seq=u+1, ack=v+1", From: Rightwards, Crossed: "ACK=1, seq=v+1, ack=u+1",
			Left: Side{State: tcp.TimeWait}, Right: Side{State: tcp.TimeWait}},
		{Left: Side{Does: "ladder.sixty", None: true}, Right: Side{Does: "ladder.sixty", None: true}},
	}},
	"half-close": {Left: "end.first", Right: "end.second", Rungs: []Rung{
		{Left: Side{State: tcp.Established}, Right: Side{State: tcp.Established}},
		{Left: Side{Does: "shutdown(SHUT_WR)", State: tcp.FinWait1}, Segment: "FIN=1, ACK=1, seq=u, ack=v", From: Rightwards, Right: Side{State: tcp.CloseWait}},
		{Left: Side{State: tcp.FinWait2}, Segment: "ACK=1, seq=v, ack=u+1", From: Leftwards},
		{Left: Side{Does: "ladder.reads"}, Segment: "ACK=1, seq=v, ack=u+1, DATA", From: Leftwards, Right: Side{Does: "ladder.sendson"}},
		{Segment: "ACK=1, seq=u+1, ack=w", From: Rightwards},
		{Left: Side{State: tcp.TimeWait}, Segment: "FIN=1, ACK=1, seq=w, ack=u+1", From: Leftwards, Right: Side{Does: "close()", State: tcp.LastAck}},
		{Segment: "ACK=1, seq=u+1, ack=w+1", From: Rightwards, Right: Side{None: true}},
	}},
	"last-ack-lost": {Left: "end.first", Right: "end.second", Rungs: []Rung{
		{Left: Side{State: tcp.FinWait2}, Right: Side{State: tcp.CloseWait}},
		{Left: Side{State: tcp.TimeWait}, Segment: "FIN=1, ACK=1, seq=w, ack=u+1", From: Leftwards, Right: Side{Does: "close()", State: tcp.LastAck}},
		{Segment: "ACK=1, seq=u+1, ack=w+1", From: Rightwards, Fate: Lost},
		{Left: Side{Does: "ladder.again"}, Segment: "FIN=1, ACK=1, seq=w, ack=u+1", From: Leftwards, Right: Side{Does: "ladder.resends"}},
		{Segment: "ACK=1, seq=u+1, ack=w+1", From: Rightwards, Right: Side{None: true}},
		{Left: Side{Does: "ladder.sixty", None: true}},
	}},
	"old-segment": {Left: "end.first", Right: "end.second", Rungs: []Rung{
		{Left: Side{State: tcp.FinWait2}, Right: Side{State: tcp.CloseWait}, Note: "ladder.straying"},
		{Left: Side{State: tcp.TimeWait}, Segment: "FIN=1, ACK=1, seq=w, ack=u+1", From: Leftwards, Right: Side{Does: "close()", State: tcp.LastAck}},
		{Segment: "ACK=1, seq=u+1, ack=w+1", From: Rightwards, Right: Side{None: true}},
		{Left: Side{Does: "ladder.refuses"}, Segment: "ACK=1, seq=v, ack=u, DATA", From: Leftwards, Fate: Ignored},
		{Left: Side{Does: "ladder.again"}, Segment: "ACK=1, seq=u+1, ack=w+1", From: Rightwards},
		{Left: Side{None: true}, Segment: "RST=1, seq=w+1", From: Leftwards, Note: "ladder.rfc1337"},
	}},
	"old-accepted": {Left: "end.first", Right: "end.second", Rungs: []Rung{
		{Left: Side{State: tcp.FinWait2}, Right: Side{State: tcp.CloseWait}, Note: "ladder.straying"},
		{Left: Side{None: true}, Segment: "FIN=1, ACK=1, seq=w, ack=u+1", From: Leftwards, Right: Side{Does: "close()", State: tcp.LastAck}, Note: "ladder.nowait"},
		{Segment: "ACK=1, seq=u+1, ack=w+1", From: Rightwards, Right: Side{None: true}},
		{Left: Side{Does: "connect()", State: tcp.SynSent}, Segment: "SYN=1, seq=x", From: Rightwards, Right: Side{State: tcp.SynRecv}},
		{Left: Side{State: tcp.Established}, Segment: "SYN=1, ACK=1, seq=y, ack=x+1", From: Leftwards},
		{Segment: "ACK=1, seq=x+1, ack=y+1", From: Rightwards, Right: Side{State: tcp.Established}},
		{Left: Side{Does: "ladder.takes"}, Segment: "ACK=1, seq=v, ack=u, DATA", From: Leftwards, Note: "ladder.olddata"},
	}},
	"syn-meets-last-ack": {Left: "end.first", Right: "end.second", Rungs: []Rung{
		{Right: Side{State: tcp.LastAck}, Note: "ladder.forgotten"},
		{Left: Side{Does: "connect()", State: tcp.SynSent}, Segment: "SYN=1, seq=x", From: Rightwards, Right: Side{Does: "ladder.oldsocket"}},
		{Segment: "ACK=1, seq=w+1, ack=u+1", From: Leftwards},
		{Segment: "RST=1, seq=u+1", From: Rightwards, Right: Side{None: true}},
		{Left: Side{Does: "ladder.resends"}, Segment: "SYN=1, seq=x", From: Rightwards, Right: Side{State: tcp.SynRecv}},
		{Left: Side{State: tcp.Established}, Segment: "SYN=1, ACK=1, seq=y, ack=x+1", From: Leftwards},
		{Segment: "ACK=1, seq=x+1, ack=y+1", From: Rightwards, Right: Side{State: tcp.Established}},
	}},
	"half-open": {Left: "end.one", Right: "end.other", Rungs: []Rung{
		{Left: Side{State: tcp.Established}, Right: Side{State: tcp.Established}},
		{Right: Side{Does: "ladder.crash", Dies: true}, Note: "ladder.notold"},
		{Left: Side{Does: "write()"}, Segment: "ACK=1, seq=u, ack=v, DATA", From: Rightwards, Fate: Lost},
		{Right: Side{Does: "ladder.restarts"}},
		{Left: Side{Does: "ladder.resends"}, Segment: "ACK=1, seq=u, ack=v, DATA", From: Rightwards},
		{Left: Side{Does: "ECONNRESET", State: tcp.Close}, Segment: "RST=1, seq=v", From: Leftwards},
	}},
	"reset": {Left: "end.one", Right: "end.other", Rungs: []Rung{
		{Left: Side{State: tcp.Established}, Right: Side{State: tcp.Established}},
		{Segment: "ACK=1, seq=u, ack=v, DATA", From: Rightwards, Right: Side{Does: "ladder.unread"}},
		{Left: Side{Does: "ECONNRESET", State: tcp.Close}, Segment: "RST=1, ACK=1, seq=v, ack=w", From: Leftwards, Right: Side{Does: "close()", None: true}},
	}},
	"keepalive": {Left: "end.one", Right: "end.other", Rungs: []Rung{
		{Left: Side{Does: "SO_KEEPALIVE", State: tcp.Established}, Right: Side{State: tcp.Established}, Note: "ladder.idle"},
		{Left: Side{Does: "ladder.probes"}, Segment: "ACK=1, seq=u-1, ack=v", From: Rightwards},
		{Segment: "ACK=1, seq=v, ack=u", From: Leftwards, Note: "ladder.alive"},
	}},
	"client-died": {Left: "end.client", Right: "end.server", Rungs: []Rung{
		{Left: Side{State: tcp.Established}, Right: Side{Does: "SO_KEEPALIVE", State: tcp.Established}},
		{Left: Side{Does: "ladder.poweroff", Dies: true}, Note: "ladder.idle"},
		{Segment: "ACK=1, seq=v-1, ack=u", From: Leftwards, Fate: Lost, Right: Side{Does: "ladder.probes"}},
		{Segment: "ACK=1, seq=v-1, ack=u", From: Leftwards, Fate: Lost, Right: Side{Does: "ladder.probes"}},
		{Note: "ladder.allprobes"},
		{Segment: "RST=1, ACK=1, seq=v, ack=u", From: Leftwards, Fate: Lost, Right: Side{Does: "ETIMEDOUT", State: tcp.Close}},
	}},
	"syn-flood": {Left: "end.attacker", Right: "end.server", Rungs: []Rung{
		{Right: Side{State: tcp.Listen}},
		{Segment: "SYN=1, seq=x", From: Rightwards, Left: Side{Does: "ladder.forged"}, Right: Side{State: tcp.SynRecv}},
		{Segment: "SYN=1, ACK=1, seq=y, ack=x+1", From: Leftwards, Fate: Lost},
		{Segment: "SYN=1, ACK=1, seq=y, ack=x+1", From: Leftwards, Fate: Lost, Right: Side{Does: "ladder.resends"}},
		{Note: "ladder.thousands"},
		{Note: "ladder.queuefull"},
	}},
	"syn-cookies": {Left: "end.client", Right: "end.server", Rungs: []Rung{
		{Right: Side{State: tcp.Listen}, Note: "ladder.synqueuefull"},
		{Left: Side{Does: "connect()", State: tcp.SynSent}, Segment: "SYN=1, seq=x", From: Rightwards, Right: Side{Does: "ladder.keepsnothing"}},
		{Left: Side{State: tcp.Established}, Segment: "SYN=1, ACK=1, seq=cookie, ack=x+1", From: Leftwards},
		{Segment: "ACK=1, seq=x+1, ack=cookie+1", From: Rightwards, Right: Side{Does: "ladder.checks", State: tcp.Established}},
	}},
	"backlog": {Left: "end.client", Right: "end.server", Rungs: []Rung{
		{Right: Side{State: tcp.Listen}},
		{Left: Side{Does: "connect()", State: tcp.SynSent}, Segment: "SYN=1, seq=x", From: Rightwards, Right: Side{Does: "ladder.synqueue", State: tcp.SynRecv}},
		{Left: Side{State: tcp.Established}, Segment: "SYN=1, ACK=1, seq=y, ack=x+1", From: Leftwards},
		{Segment: "ACK=1, seq=x+1, ack=y+1", From: Rightwards, Fate: Ignored, Note: "ladder.acceptfull"},
		{Segment: "SYN=1, ACK=1, seq=y, ack=x+1", From: Leftwards, Right: Side{Does: "ladder.resends"}},
		{Segment: "ACK=1, seq=x+1, ack=y+1", From: Rightwards, Right: Side{Does: "ladder.acceptqueue", State: tcp.Established}, Note: "ladder.acceptroom"},
		{Right: Side{Does: "accept()"}},
	}},
	"old-syn": {Left: "end.client", Right: "end.server", Rungs: []Rung{
		{Right: Side{State: tcp.Listen}, Note: "ladder.straysyn"},
		{Segment: "SYN=1, seq=old", From: Rightwards, Right: Side{State: tcp.SynRecv}},
		{Left: Side{Does: "ladder.nevermeant"}, Segment: "SYN=1, ACK=1, seq=y, ack=old+1", From: Leftwards},
		{Segment: "RST=1, seq=old+1", From: Rightwards, Right: Side{None: true}},
		{Note: "ladder.withtwo"},
	}},
}
