package watch

import (
	"iter"
	"maps"
	"time"

	"tcpstate/tcp"
)

// Follower compares each reading of the sockets with the one before, and
// reports what changed. The zero Follower has seen no sockets.
//
// A socket is identified by its cookie, which it keeps from SYN_RECV to
// TIME_WAIT, within its network namespace; see space.find for the source that
// has no cookies. Only what was seen is reported. A socket that was in SYN_RECV
// and then in TIME_WAIT has one event with these two states, whatever happened
// in between. A socket that was opened and closed between two readings has no
// event. A reading is not a single moment: each of its sockets is in the state
// that it had at some time during the reading.
//
// It holds about 275 bytes for each socket, 395 without cookies, and for a
// socket that has changed its state also what History returns, 256 bytes at
// most. All of this memory is reused: it grows with the largest number of
// sockets that existed at the same time, not with the number of sockets that
// are opened and closed.
type Follower struct {
	ticks  uint32
	spaces map[string]*space
	space  *space // of the last socket; the sockets come one namespace after the other
	last   *Row   // of the last socket

	pages  []*[pageRows]Row
	seen   []uint32 // by slot: the tick in which its socket was last seen; 0: it is free
	free   []uint32 // slots
	closed []*Row   // in this tick; freed in the next, so that changes may point to them
	serial uint32   // of the last socket
	found  int      // rows seen in this tick

	tick    Tick
	changes []change
}

// pageRows is how many rows are allocated together. A row never moves, and one
// page is small enough for a host with few sockets.
const pageRows = 256

// Tick is the result of one reading. It is valid until the next tick.
type Tick struct {
	At     time.Time  // when the reading began
	First  bool       // this is the first reading, so there are no events
	Counts tcp.Counts // of the selected sockets
	Before tcp.Counts // Counts of the tick before

	// Unlisted are the states whose sockets the source does not list. Their number
	// is not known.
	Unlisted tcp.StateSet

	// Arrived and Left count the selected sockets that entered a state, by a
	// change or by being opened in it, and those that left a state.
	Arrived, Left tcp.Counts
}

// change is an event of the last tick, of a socket that was selected in this
// tick or in the one before. A socket that has become selected or is no longer
// selected, and has not changed its state, has no event.
type change struct {
	kind     tcp.EventKind
	from, to tcp.State
	row      *Row
}

// Follow reads the sockets of one moment, and reports what has happened since
// its last call. The source may reuse the Socket. selects reports which sockets
// are counted and have events; it may be a different function in each call.
//
// If sockets yields an error, Follow returns it. The tick then has what was
// read before the error, and sockets that were not read are not reported as
// closed. The next tick reports them.
func (f *Follower) Follow(at time.Time, sockets iter.Seq2[*tcp.Socket, error], selects func(*tcp.Socket) bool) (*Tick, error) {
	f.begin(at)
	for s, err := range sockets {
		if err != nil {
			return &f.tick, err
		}
		f.see(s, selects(s))
	}
	f.sweep()
	return &f.tick, nil
}

// events yields what happened between the last two ticks to the sockets that were
// selected in either. The event and its socket are reused: they are valid until the
// next one. fill sets a socket to what its row knows.
func (f *Follower) events(fill func(*Row, *tcp.Socket)) iter.Seq[*tcp.Event] {
	return func(yield func(*tcp.Event) bool) {
		var socket tcp.Socket
		var event tcp.Event
		for _, c := range f.changes {
			fill(c.row, &socket)
			event = tcp.Event{Kind: c.kind, From: c.from, To: c.to, At: f.tick.At, Socket: &socket}
			if !yield(&event) {
				return
			}
		}
	}
}

// Departed yields the rows of the selected sockets that left a state between the
// last two ticks, either for another state or because they were closed. For state 0
// it yields those that were closed in any state. The rows are valid until the next
// tick.
func (f *Follower) Departed(from tcp.State) iter.Seq[*Row] {
	return func(yield func(*Row) bool) {
		for _, c := range f.changes {
			gone := c.kind == tcp.Closed && (from == 0 || c.from == from)
			moved := c.kind == tcp.Changed && from != 0 && c.from == from
			if (gone || moved) && !yield(c.row) {
				return
			}
		}
	}
}

// Len returns how many sockets there are now, selected or not.
func (f *Follower) Len() int { return len(f.seen) - len(f.free) - len(f.closed) }

// Rows yields all sockets that exist now, selected or not, in no fixed order.
// The rows are valid until the next tick.
func (f *Follower) Rows() iter.Seq[*Row] {
	return func(yield func(*Row) bool) {
		for slot, seen := range f.seen {
			if seen == 0 {
				continue
			}
			if row := f.row(uint32(slot)); !row.gone && !yield(row) {
				return
			}
		}
	}
}

// Row returns the row of a socket, or nil after the socket was closed.
func (f *Follower) Row(id ID) *Row {
	slot := uint32(id)
	if id == 0 || int(slot) >= len(f.seen) {
		return nil
	}
	if row := f.row(slot); row.id == id && !row.gone {
		return row
	}
	return nil
}

func (f *Follower) row(slot uint32) *Row { return &f.pages[slot/pageRows][slot%pageRows] }

func (f *Follower) begin(at time.Time) {
	for _, row := range f.closed {
		slot := uint32(row.id)
		row.free()
		f.seen[slot] = 0
		f.free = append(f.free, slot)
	}
	f.closed, f.changes = f.closed[:0], f.changes[:0]
	f.ticks++
	f.found, f.last = 0, nil
	f.tick = Tick{At: at, First: f.ticks == 1, Before: f.tick.Counts}
}

// see records a socket of the reading.
func (f *Follower) see(s *tcp.Socket, selected bool) {
	space := f.spaceOf(s.Netns)
	if space.label != s.NetnsLabel { // its process may run another program now
		space.label = s.NetnsLabel
	}
	row := f.following(space, s)
	if row == nil {
		row = space.find(s)
	}
	switch {
	case row == nil:
		row = f.add(space, s)
		if selected && !f.tick.First {
			f.note(change{kind: tcp.Opened, to: s.State, row: row}, false, true)
		}
	case row.state != s.State:
		from, before := row.state, row.selected
		row.change(s.State, f.tick.At)
		f.note(change{kind: tcp.Changed, from: from, to: s.State, row: row}, before, selected)
	}
	slot := uint32(row.id)
	if f.last != nil {
		f.last.next = slot
	}
	f.last = row
	if f.seen[slot] != f.ticks { // a source may list a socket twice
		f.seen[slot] = f.ticks
		f.found++
	} else if row.selected {
		f.tick.Counts[row.counted]--
	}
	row.update(s, selected, f.tick.At)
	if selected {
		f.tick.Counts.Add(s.State)
	}
	row.counted = s.State
}

// following returns the row that came after the last one in the tick before, if
// it is the row of this socket. The kernel lists its table in the same order
// each time, so this is nearly always the row, and no index has to be searched.
func (f *Follower) following(space *space, s *tcp.Socket) *Row {
	if f.last == nil {
		return nil
	}
	row := f.row(f.last.next)
	switch {
	case row.space != space || row.gone:
		return nil
	case s.Cookie != 0 && row.key == keyOf(s):
		return row
	case s.Cookie == 0 && row.key == 0 && row.ends() == endsOf(s) && row.mayBe(s):
		return row
	}
	return nil
}

// note adds a change, if the socket was selected before or is selected after it.
func (f *Follower) note(c change, before, after bool) {
	if !before && !after {
		return
	}
	f.changes = append(f.changes, c)
	if before && c.from != 0 {
		f.tick.Left.Add(c.from)
	}
	if after && c.to != 0 {
		f.tick.Arrived.Add(c.to)
	}
}

// sweep reports as closed all sockets that the reading did not have, and
// forgets namespaces without sockets.
func (f *Follower) sweep() {
	if f.found == f.Len() {
		return
	}
	for slot, seen := range f.seen {
		if seen == 0 || seen == f.ticks {
			continue
		}
		row := f.row(uint32(slot))
		row.space.forget(row)
		row.gone = true
		f.closed = append(f.closed, row)
		f.note(change{kind: tcp.Closed, from: row.state, row: row}, row.selected, false)
	}
	for name, space := range f.spaces {
		if len(space.cookies)+len(space.ends) == 0 {
			delete(f.spaces, name)
			f.space = nil
		}
	}
}

// add makes a row for a new socket.
func (f *Follower) add(space *space, s *tcp.Socket) *Row {
	if len(f.free) == 0 {
		f.grow()
	}
	slot := f.free[len(f.free)-1]
	f.free = f.free[:len(f.free)-1]
	f.serial++
	row := f.row(slot)
	row.id = ID(f.serial)<<32 | ID(slot)
	row.space = space
	row.state = s.State
	row.firstSeen, row.since = f.tick.At.UnixNano(), f.tick.At.UnixNano()
	row.opened = !f.tick.First
	space.remember(row, s)
	return row
}

// grow adds a page of free rows. The first of them is used next.
func (f *Follower) grow() {
	first := len(f.seen)
	f.pages = append(f.pages, new([pageRows]Row))
	f.seen = append(f.seen, make([]uint32, pageRows)...)
	for slot := first + pageRows - 1; slot >= first; slot-- {
		f.free = append(f.free, uint32(slot))
	}
}

// rename gives network namespaces new names. The keys of the map are the names
// that they had.
func (f *Follower) rename(names map[string]string) {
	moved := make(map[string]*space)
	for before, now := range names {
		if space := f.spaces[before]; space != nil {
			delete(f.spaces, before)
			space.name = now
			moved[now] = space
		}
	}
	maps.Copy(f.spaces, moved)
	f.space = nil
}

// spaceOf returns the sockets of a network namespace.
func (f *Follower) spaceOf(name string) *space {
	if f.space != nil && f.space.name == name {
		return f.space
	}
	if f.space = f.spaces[name]; f.space == nil {
		if f.spaces == nil {
			f.spaces = make(map[string]*space)
		}
		f.space = newSpace(name)
		f.spaces[name] = f.space
	}
	return f.space
}
