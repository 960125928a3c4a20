package screen

import (
	"cmp"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"tcpstate/tcp"
	"tcpstate/watch"
)

// place is a row's place in an order: the least first.
type place struct {
	a, b uint64
	c    uint32
	id   watch.ID // of equals the one that was seen first comes first
	row  *watch.Row
}

func comparePlaces(x, y place) int {
	switch {
	case x.a != y.a:
		return cmp.Compare(x.a, y.a)
	case x.b != y.b:
		return cmp.Compare(x.b, y.b)
	case x.c != y.c:
		return cmp.Compare(x.c, y.c)
	}
	return cmp.Compare(x.id, y.id)
}

// placeOf returns the place of a socket in an order. Those of which is not known
// what they are sorted by are the last, in either direction.
func placeOf(order sorting, row *watch.Row, s *tcp.Socket) place {
	p := place{id: row.ID(), row: row}
	known := true
	switch order.by {
	case byState:
		p.a = uint64(s.State)
	case byRecvQueue:
		p.a = uint64(s.RecvQueue)
		if s.State == tcp.Listen {
			p.a = uint64(s.AcceptQueue)
		}
	case bySendQueue:
		p.a = uint64(s.SendQueue)
		if s.State == tcp.Listen {
			p.a = uint64(s.AcceptQueueMax.Or(0))
		}
	case byLocal:
		p.a, p.b, p.c = placeOfEnd(s.Local)
	case byPeer:
		p.a, p.b, p.c = placeOfEnd(s.Peer)
		known = s.Peer.Port() != 0
	case byAge:
		var age time.Duration
		age, known = s.Age.Get()
		p.a = uint64(max(age, 0))
	case bySeen:
		p.a = uint64(row.Since().UnixNano())
	case byProcess:
		if known = len(s.Processes) > 0; known {
			p.a, p.b = placeOfName(s.Processes[0].Name)
			p.c = uint32(s.Processes[0].PID)
		}
	}
	switch {
	case !known:
		p.a, p.b, p.c = math.MaxUint64, math.MaxUint64, math.MaxUint32
	case order.descending:
		p.a, p.b, p.c = ^p.a, ^p.b, ^p.c
	}
	return p
}

// placeOfEnd orders IPv4 before IPv6, then by address and port.
func placeOfEnd(end netip.AddrPort) (a, b uint64, c uint32) {
	bytes := end.Addr().As16()
	return binary.BigEndian.Uint64(bytes[:8]), binary.BigEndian.Uint64(bytes[8:]), uint32(end.Port())
}

// placeOfName orders by the first 16 bytes of a name, which is all that a
// process's has.
func placeOfName(name string) (a, b uint64) {
	var bytes [16]byte
	copy(bytes[:], name)
	return binary.BigEndian.Uint64(bytes[:8]), binary.BigEndian.Uint64(bytes[8:])
}

// sortPart brings those elements of s into their places that stand from one place
// to before another, and no more: most of a long list is never shown. It is a
// quicksort that leaves alone what lies outside. Its pivots are picked at random:
// rows often come all but sorted, or were sorted the other way before.
func sortPart[T any](s []T, from, to int, compare func(a, b T) int) {
	from, to = max(from, 0), min(to, len(s))
	for len(s) > 24 && from < to {
		pivot := median(s[rand.IntN(len(s))], s[rand.IntN(len(s))], s[rand.IntN(len(s))], compare)
		lo, i, hi := 0, 0, len(s)
		for i < hi { // less | equal | not seen | more
			switch c := compare(s[i], pivot); {
			case c < 0:
				s[lo], s[i] = s[i], s[lo]
				lo++
				i++
			case c > 0:
				hi--
				s[i], s[hi] = s[hi], s[i]
			default:
				i++
			}
		}
		if from < lo && to > hi { // both sides are shown
			sortPart(s[:lo], from, lo, compare)
		}
		switch {
		case to > hi:
			s, from, to = s[hi:], max(from-hi, 0), to-hi
		case from < lo:
			s, to = s[:lo], min(to, lo)
		default:
			return
		}
	}
	if from < to {
		slices.SortFunc(s, compare)
	}
}

func median[T any](a, b, c T, compare func(a, b T) int) T {
	if compare(a, b) > 0 {
		a, b = b, a
	}
	if compare(b, c) > 0 {
		b = c
	}
	if compare(a, b) > 0 {
		b = a
	}
	return b
}
