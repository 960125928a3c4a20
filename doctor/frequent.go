package doctor

import (
	"cmp"
	"math"
	"math/bits"
	"net/netip"
	"slices"
)

// frequent counts keys in limited memory. Up to limit different keys it is
// exact. With more keys it removes the rarest ones, at least half of all keys
// at a time. So a count may be too low, by at most lost, but never too high.
// This is a kind of lossy counting (Manku and Motwani, 2002): it keeps a
// frequent key among many keys that occur once.
//
// The entries are in the order of their first occurrence, and slots find them
// by their hash. A Go map takes three times as long, which matters with a
// million sockets.
type frequent[K comparable] struct {
	limit   int
	hash    func(K) uint64
	entries []entry[K]
	slots   []int32 // index into entries plus one, 0 for none; a power of two
	lost    int
}

type entry[K comparable] struct {
	key K
	tally
	pids pids
}

// tally is how often a key has occurred, and the first process with it.
type tally struct {
	held     int32 // sockets in other states than TIME_WAIT
	timeWait int32
	pid      int32 // the first process; 0: none
}

// pids counts the sockets of a few processes: the first that occurred.
type pids [8]struct{ pid, sockets int32 }

func (p *pids) add(pid int) {
	for i := range p {
		if p[i].pid == int32(pid) || p[i].pid == 0 {
			p[i].pid = int32(pid)
			p[i].sockets++
			return
		}
	}
}

// busiest returns the processes, those with the most sockets first, without those that
// have less than a tenth of the first one's.
func (p *pids) busiest() []int {
	by := *p
	slices.SortStableFunc(by[:], func(a, b struct{ pid, sockets int32 }) int { return cmp.Compare(b.sockets, a.sockets) })
	var list []int
	for _, one := range by {
		if one.pid != 0 && one.sockets >= by[0].sockets/10 {
			list = append(list, int(one.pid))
		}
	}
	return list
}

func (t tally) total() int { return int(t.held) + int(t.timeWait) }

// newFrequent returns a counter of at most limit keys. limit must be a power of
// two.
func newFrequent[K comparable](limit int, hash func(K) uint64) *frequent[K] {
	return &frequent[K]{limit: limit, hash: hash, slots: make([]int32, 4*limit)}
}

// add counts one socket with the key, and returns the hash of the key. timeWait
// says whether the socket is in TIME_WAIT.
func (f *frequent[K]) add(key K, timeWait bool, pid int) uint64 {
	hash := f.hash(key)
	slot := f.at(key, hash)
	if *slot == 0 {
		if len(f.entries) == f.limit {
			f.forget()
			slot = f.at(key, hash)
		}
		f.entries = append(f.entries, entry[K]{key: key})
		*slot = int32(len(f.entries))
	}
	t := &f.entries[*slot-1]
	if timeWait {
		t.timeWait++
	} else {
		t.held++
	}
	if t.pid == 0 {
		t.pid = int32(pid)
	}
	if pid != 0 {
		t.pids.add(pid)
	}
	return hash
}

// find returns the slot of a key, or the empty slot for it.
func (f *frequent[K]) find(key K) *int32 { return f.at(key, f.hash(key)) }

// at is find with the hash of the key.
func (f *frequent[K]) at(key K, hash uint64) *int32 {
	mask := uint64(len(f.slots) - 1)
	for at := hash & mask; ; at = (at + 1) & mask {
		if i := f.slots[at]; i == 0 || f.entries[i-1].key == key {
			return &f.slots[at]
		}
	}
}

// forget removes the rarest keys until half of the entries are free.
func (f *frequent[K]) forget() {
	most := 1
	for {
		f.entries = slices.DeleteFunc(f.entries, func(e entry[K]) bool { return e.total() <= most })
		if len(f.entries) <= f.limit/2 {
			break
		}
		most *= 2
	}
	f.lost += most
	clear(f.slots)
	for i := range f.entries {
		*f.find(f.entries[i].key) = int32(i + 1)
	}
}

// spread counts different addresses. Up to exactSpread the count is exact.
// Above that it is an estimate with an error of about 5 % (HyperLogLog:
// Flajolet and others, 2007, with its linear counting for small numbers). The
// hash has no secret, so an attacker can choose addresses that make the
// estimate wrong. It is still at least exactSpread.
type spread struct {
	seen      map[netip.Addr]int // how often each occurred; complete until there are registers
	registers *[spreadRegisters]uint8
}

const (
	exactSpread     = 256
	spreadRegisters = 512
)

func (s *spread) add(a netip.Addr) {
	if s.seen == nil {
		s.seen = make(map[netip.Addr]int)
	}
	n, ok := s.seen[a]
	if ok || len(s.seen) < exactSpread {
		s.seen[a] = n + 1
	}
	if !ok && len(s.seen) == exactSpread && s.registers == nil {
		s.registers = new([spreadRegisters]uint8)
		for old := range s.seen {
			s.sketch(old)
		}
	}
	if s.registers != nil {
		s.sketch(a)
	}
}

func (s *spread) sketch(a netip.Addr) {
	h := hashAddress(a)
	register := &s.registers[h%spreadRegisters]
	*register = max(*register, uint8(bits.LeadingZeros64(h|(spreadRegisters-1)))+1)
}

// distinct returns the number of different addresses.
func (s *spread) distinct() int {
	if s.registers == nil {
		return len(s.seen)
	}
	const m = float64(spreadRegisters)
	sum, empty := 0.0, 0.0
	for _, r := range s.registers {
		sum += math.Ldexp(1, -int(r))
		if r == 0 {
			empty++
		}
	}
	estimate := 0.7213 / (1 + 1.079/m) * m * m / sum
	if estimate <= 2.5*m && empty > 0 {
		estimate = m * math.Log(m/empty)
	}
	return max(exactSpread, int(math.Round(estimate)))
}

// estimated reports whether distinct returns an estimate.
func (s *spread) estimated() bool { return s.registers != nil }

// busiest returns the most frequent address and its count. Of equal counts it
// returns the lowest address. It ignores addresses that first occurred after
// exactSpread others. The kernel lists sockets in the order of a hash, so an
// address that most sockets have is among the first.
func (s *spread) busiest() (netip.Addr, int) {
	var most netip.Addr
	for a, n := range s.seen {
		if n > s.seen[most] || n == s.seen[most] && (!most.IsValid() || a.Less(most)) {
			most = a
		}
	}
	return most, s.seen[most]
}

// hashAddress mixes the bits of an address (splitmix64's finaliser, twice).
func hashAddress(a netip.Addr) uint64 {
	b := a.As16()
	var h uint64
	for half := range 2 {
		var word uint64
		for _, c := range b[half*8 : half*8+8] {
			word = word<<8 | uint64(c)
		}
		h = mix(h ^ word + 0x9e3779b97f4a7c15)
	}
	return h
}

func mix(h uint64) uint64 {
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}

// network returns the network of an address: a /24 for IPv4, a /64 for IPv6.
func network(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	length := 64
	if a.Is4() {
		length = 24
	}
	prefix, err := a.Prefix(length)
	if err != nil { // only for the zero Addr
		return netip.Prefix{}
	}
	return prefix
}
