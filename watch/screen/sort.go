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

// sortKey is the position of a socket in an order: the smallest comes first.
type sortKey struct {
	a, b uint64
	c    uint32
	id   watch.ID // among equal keys, the socket that was seen first comes first
	row  *watch.Row
}

func compareSortKeys(x, y sortKey) int {
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

// sortKeyOf returns the sort key of a socket. Sockets whose value is unknown
// come last in both directions.
func sortKeyOf(order sorting, row *watch.Row, s *tcp.Socket) sortKey {
	key := sortKey{row: row}
	if row != nil {
		key.id = row.ID()
	}
	known := true
	switch order.by {
	case byState:
		key.a = uint64(s.State)
	case byRecvQueue:
		key.a = uint64(s.RecvQueue)
		if s.State == tcp.Listen {
			key.a = uint64(s.AcceptQueue)
		}
	case bySendQueue:
		key.a = uint64(s.SendQueue)
		if s.State == tcp.Listen {
			key.a = uint64(s.AcceptQueueMax.Or(0))
		}
	case byLocal:
		key.a, key.b, key.c = sortKeyOfAddress(s.Local)
	case byPeer:
		key.a, key.b, key.c = sortKeyOfAddress(s.Peer)
		known = s.Peer.Port() != 0
	case byAge:
		var age time.Duration
		age, known = s.Age.Get()
		key.a = uint64(max(age, 0))
	case byIdle:
		var idle time.Duration
		idle, known = s.Idle.Get()
		key.a = uint64(max(idle, 0))
	case byTimer:
		key.a, known = uint64(max(s.Timer.Expires, 0)), s.Timer.Kind != tcp.TimerOff
	case byUID:
		var uid uint32
		uid, known = s.Owner.UID.Get()
		key.a = uint64(uid)
	case byInode:
		key.a, known = uint64(s.Owner.Inode), s.Owner.Inode != 0
	case byCookie:
		key.a, known = uint64(s.Cookie), s.Cookie != 0
	case byNetns:
		key.a, key.b = sortKeyOfName(s.Netns)
		known = s.Netns != ""
	case byLastChange:
		key.a = uint64(row.Since().UnixNano())
	case byProcess:
		if known = len(s.Processes) > 0; known {
			key.a, key.b = sortKeyOfName(s.Processes[0].Name)
			key.c = uint32(s.Processes[0].PID)
		}
	}
	switch {
	case !known:
		key.a, key.b, key.c = math.MaxUint64, math.MaxUint64, math.MaxUint32
	case order.descending:
		key.a, key.b, key.c = ^key.a, ^key.b, ^key.c
	}
	return key
}

// sortKeyOfAddress sorts IPv4 before IPv6, then by address and port.
func sortKeyOfAddress(end netip.AddrPort) (a, b uint64, c uint32) {
	bytes := end.Addr().As16()
	return binary.BigEndian.Uint64(bytes[:8]), binary.BigEndian.Uint64(bytes[8:]), uint32(end.Port())
}

// sortKeyOfName sorts by the first 16 bytes of a name. The name of a process
// has no more.
func sortKeyOfName(name string) (a, b uint64) {
	var bytes [16]byte
	copy(bytes[:], name)
	return binary.BigEndian.Uint64(bytes[:8]), binary.BigEndian.Uint64(bytes[8:])
}

// sortPart sorts only as much of s as is needed to have the right elements at
// the indexes from `from` to before `to`. Most of a long list is never shown.
// It is a quicksort that skips the parts outside of this range. It picks pivots
// at random, because the sockets are often almost sorted, or sorted in the
// opposite direction.
func sortPart[T any](s []T, from, to int, compare func(a, b T) int) {
	from, to = max(from, 0), min(to, len(s))
	for len(s) > 24 && from < to {
		pivot := median(s[rand.IntN(len(s))], s[rand.IntN(len(s))], s[rand.IntN(len(s))], compare)
		lo, i, hi := 0, 0, len(s)
		for i < hi { // less | equal | not compared yet | more
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
		if from < lo && to > hi { // both sides are needed
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
