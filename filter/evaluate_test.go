package filter

import (
	"fmt"
	"net/netip"
	"slices"

	"tcpstate/tcp"
)

// truth is a value of Kleene's three-valued logic.
type truth int

const (
	no      truth = -1
	unknown truth = 0
	yes     truth = 1
)

func truthOf(b bool) truth {
	if b {
		return yes
	}
	return no
}

// evaluate computes the same result as Match in a slow and simple way: it uses
// the tree as it was written, and keeps unknown values.
func evaluate(n node, s specimen) truth {
	switch n := n.(type) {
	case nil:
		return yes
	case *negation:
		return -evaluate(n.kid, s)
	case *junction:
		result := evaluate(n.kids[0], s)
		for _, kid := range n.kids[1:] {
			if n.or {
				result = max(result, evaluate(kid, s))
			} else {
				result = min(result, evaluate(kid, s))
			}
		}
		return result
	}
	return ask(n.(*leaf).term, s)
}

// ask evaluates one term.
func ask(t term, s specimen) truth {
	switch t := t.(type) {
	case stateTerm:
		return truthOf(slices.Contains(slices.Collect(t.set.States()), s.State))
	case familyTerm:
		return truthOf(s.Family == t.family)
	case portTerm:
		result, port := no, endOf(s, t.side).Port()
		for _, r := range t.ranges {
			ordered := t.op != equal && t.op != notEqual && t.op.compare(uint64(port), uint64(r.first))
			if ordered || (t.op == equal || t.op == notEqual) && port >= r.first && port <= r.last {
				result = yes
			}
		}
		if t.op == notEqual {
			return -result
		}
		return result
	case hostTerm:
		result := no
		for _, h := range t.hosts {
			if hostIs(h, endOf(s, t.side)) {
				result = yes
			}
		}
		return signed(result, t.not)
	case deviceTerm:
		return signed(truthOf(s.InterfaceIndex == t.index), t.not)
	case markTerm:
		if s.Extended == nil || !s.Extended.Mark.IsKnown() {
			return unknown
		}
		return signed(truthOf(s.Extended.Mark.Or(0)&t.mask == t.mark), t.not)
	case cgroupTerm:
		if s.Extended == nil || s.Extended.CgroupID == 0 {
			return unknown
		}
		return signed(truthOf(s.Extended.CgroupID == t.id), t.not)
	case autoboundTerm:
		return signed(truthOf(s.entry.Autobound), t.not)
	case userTerm:
		if !s.Owner.UID.IsKnown() {
			return unknown
		}
		return signed(truthOf(slices.Contains(t.uids, s.Owner.UID.Or(0))), t.not)
	case processTerm:
		if len(s.Processes) == 0 {
			return unknown
		}
		result := no
		for _, process := range s.Processes {
			for _, name := range t.names {
				if process.Name == name || len(name) > 15 && process.Name == name[:15] {
					result = yes
				}
			}
		}
		return signed(result, t.not)
	case pidTerm:
		if len(s.Processes) == 0 {
			return unknown
		}
		result := no
		for _, process := range s.Processes {
			if slices.Contains(t.pids, process.PID) {
				result = yes
			}
		}
		return signed(result, t.not)
	case timerTerm:
		return signed(truthOf(slices.Contains(t.kinds, s.Timer.Kind)), t.not)
	case measureTerm:
		n, known := measured(t.word, s)
		if !known {
			return unknown
		}
		return truthOf(t.op.compare(n, t.number))
	}
	panic(fmt.Sprintf("no such term: %T", t))
}

func signed(t truth, not bool) truth {
	if not {
		return -t
	}
	return t
}

func endOf(s specimen, end side) netip.AddrPort {
	if end == peer {
		return s.Peer
	}
	return s.Local
}

// hostIs compares addresses bit by bit, after it has converted all to IPv6.
func hostIs(h host, end netip.AddrPort) bool {
	if h.port >= 0 && h.port != int(end.Port()) {
		return false
	}
	if !h.prefix.IsValid() {
		return true
	}
	bits := h.prefix.Bits()
	if h.prefix.Addr().Is4() {
		bits += 96
	} else if end.Addr().Is4() {
		return false
	}
	a, b := end.Addr().As16(), h.prefix.Addr().As16()
	return fmt.Sprintf("%08b", a[:])[:1+bits+bits/8] == fmt.Sprintf("%08b", b[:])[:1+bits+bits/8]
}

func measured(word string, s specimen) (uint64, bool) {
	switch word {
	case "recvq":
		return uint64(s.RecvQueue), s.State != tcp.Listen
	case "sendq":
		return uint64(s.SendQueue), s.State != tcp.Listen
	case "acceptq":
		return uint64(s.AcceptQueue), s.State == tcp.Listen
	case "accept_queue_max":
		return uint64(s.AcceptQueueMax.Or(0)), s.State == tcp.Listen && s.AcceptQueueMax.IsKnown()
	case "timer.expires_ms":
		return uint64(s.Timer.Expires), s.Timer.Kind != tcp.TimerOff
	case "retrans":
		return uint64(s.Timer.Retransmits), true
	case "age":
		return uint64(s.Age.Or(0)), s.Age.IsKnown()
	case "idle":
		return uint64(s.Idle.Or(0)), s.Idle.IsKnown()
	case "rtt":
		if s.Info == nil || s.Info.Listener || s.Info.Len < 72 || s.Info.RTT == 0 {
			return 0, false
		}
		return uint64(s.Info.RTT), true
	}
	panic(word)
}
