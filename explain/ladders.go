package explain

import "tcpstate/tcp"

// ladders holds every ladder under the name that pages call it by.
var ladders = map[string]*Ladder{
	"teardown": {Left: "end.first", Right: "end.second", Rungs: []Rung{
		{Left: Side{State: tcp.Established}, Right: Side{State: tcp.Established}},
		{Left: Side{Does: "close()", State: tcp.FinWait1}, Segment: "FIN=1, ACK=1, seq=u, ack=v", From: Rightwards,
			Right: Side{State: tcp.CloseWait}},
		{Left: Side{State: tcp.FinWait2}, Segment: "ACK=1, seq=v, ack=u+1", From: Leftwards},
		{Left: Side{State: tcp.TimeWait}, Segment: "FIN=1, ACK=1, seq=w, ack=u+1", From: Leftwards,
			Right: Side{Does: "close()", State: tcp.LastAck}},
		{Segment: "ACK=1, seq=u+1, ack=w+1", From: Rightwards, Right: Side{None: true}},
		{Left: Side{Does: "ladder.sixty", None: true}},
	}},
}
