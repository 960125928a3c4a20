package watch

import (
	"net/netip"
	"time"

	"tcpstate/tcp"
)

// ID identifies a socket while it is followed. An ID is not used again before
// four thousand million other sockets have been followed.
type ID uint64

// Row is a socket that is followed: its values in the last reading and its
// history. It holds what a source reports for every socket. tcp_info and other
// details must be read for a single socket.
type Row struct {
	id          ID // the serial number of the socket in the high bits, the slot of the row in the low bits
	space       *space
	key         uint64 // in space.cookies
	local, peer netip.AddrPort
	link        string // the interface to which it is bound
	timer       time.Duration
	age, idle   time.Duration // less than 0: unknown
	read        int64         // Unix time in nanoseconds: when the reading began that age is from
	firstSeen   int64         // Unix time in nanoseconds
	since       int64
	steps       []step // empty until its state changes

	cookie      tcp.Cookie
	queues      [2]uint32 // received and sent; of a listener: the accept queue and its maximum
	uid, inode  uint32
	linkIndex   uint32
	peak        uint32 // of a listener: the longest accept queue that was seen
	next        uint32 // slot of the row that came after it in its last reading
	state       tcp.State
	counted     tcp.State // the state under which the tick counts it
	family      tcp.Family
	timerKind   tcp.TimerKind
	retransmits uint8

	uidKnown, maximumKnown, ageExact, ageAtLeast bool

	selected bool // in the last tick that saw it
	opened   bool // it did not exist in the first tick
	accepted bool // it got its file in the last tick that saw it
	gone     bool
}

// Step is a state that a socket was seen to enter.
type Step struct {
	State tcp.State
	At    time.Time // of the tick that saw it; of the first step, when the socket was first seen
}

// step is a Step that needs less memory.
type step struct {
	at    int64
	state tcp.State
}

// maxSteps limits how many steps are remembered for a socket. No connection has
// that many, but a socket that is bound, connected and disconnected again and
// again may have.
const maxSteps = 16

// ID returns the ID of the socket, for Follower.Row.
func (r *Row) ID() ID { return r.id }

// State returns the state in which the socket was last seen.
func (r *Row) State() tcp.State { return r.state }

// Selected reports whether the socket was selected when it was last seen.
func (r *Row) Selected() bool { return r.selected }

// Inode returns the inode of the socket's file, or 0 if it has no file.
func (r *Row) Inode() uint32 { return r.inode }

// Peak returns the longest accept queue of a listener that a tick has seen. The
// kernel keeps no such number, so what came and went between two ticks is not in it.
func (r *Row) Peak() uint32 { return r.peak }

// Accepted reports whether the last tick was the first to see a file of the socket:
// the program has accepted the connection, or has opened the socket itself. In the
// first tick of a follower it means nothing.
func (r *Row) Accepted() bool { return r.accepted }

// FirstSeen returns the time of the first tick that saw the socket. If opened
// is true, the socket did not exist in the tick before. Otherwise it existed
// when the following began.
func (r *Row) FirstSeen() (at time.Time, opened bool) { return time.Unix(0, r.firstSeen), r.opened }

// Since returns the time of the first tick that saw the socket in its present
// state. For a socket that is new or has just changed, it is the time of the
// last tick.
func (r *Row) Since() time.Time { return time.Unix(0, r.since) }

// History returns the states in which the socket was seen, in their order, with
// the present one last. If there are more than 16, it has the first and the
// latest ones.
func (r *Row) History() []Step {
	if len(r.steps) == 0 {
		return []Step{{r.state, time.Unix(0, r.firstSeen)}}
	}
	history := make([]Step, 0, len(r.steps))
	for _, s := range r.steps {
		history = append(history, Step{s.state, time.Unix(0, s.at)})
	}
	return history
}

// Fill sets s to what the last reading of the socket had, without processes and
// names.
func (r *Row) Fill(s *tcp.Socket) {
	*s = tcp.Socket{
		State: r.state, Family: r.family, Local: r.local, Peer: r.peer, Cookie: r.cookie, Netns: r.space.name, NetnsLabel: r.space.label,
		Owner:          tcp.Owner{Inode: r.inode},
		Timer:          tcp.Timer{Kind: r.timerKind, Expires: r.timer, Retransmits: r.retransmits},
		InterfaceIndex: r.linkIndex, Interface: r.link,
	}
	if r.uidKnown {
		s.Owner.UID = tcp.Known(r.uid)
	}
	if r.state == tcp.Listen {
		s.AcceptQueue = r.queues[0]
		if r.maximumKnown {
			s.AcceptQueueMax = tcp.Known(r.queues[1])
		}
	} else {
		s.RecvQueue, s.SendQueue = r.queues[0], r.queues[1]
	}
	if r.age >= 0 {
		s.Age, s.AgeExact, s.AgeAtLeast = tcp.Known(r.age), r.ageExact, r.ageAtLeast
	}
	if r.idle >= 0 {
		s.Idle = tcp.Known(r.idle)
	}
}

// update sets the row to the values that the socket has in a reading that began
// at a time.
func (r *Row) update(s *tcp.Socket, selected bool, at time.Time) {
	r.selected = selected
	r.family, r.cookie = s.Family, s.Cookie
	if r.local != s.Local { // saves the write barrier of the address's zone
		r.local = s.Local
	}
	if r.peer != s.Peer {
		r.peer = s.Peer
	}
	if r.link != s.Interface {
		r.link = s.Interface
	}
	r.linkIndex = s.InterfaceIndex
	r.uid, r.uidKnown = s.Owner.UID.Get()
	r.accepted = r.inode == 0 && s.Owner.Inode != 0
	r.inode = s.Owner.Inode
	r.timerKind, r.timer, r.retransmits = s.Timer.Kind, s.Timer.Expires, s.Timer.Retransmits
	r.idle = s.Idle.Or(-1)
	r.setAge(s, at.UnixNano())
	if s.State == tcp.Listen {
		r.peak = max(r.peak, s.AcceptQueue)
		r.queues[0] = s.AcceptQueue
		r.queues[1], r.maximumKnown = s.AcceptQueueMax.Get()
	} else {
		r.queues = [2]uint32{s.RecvQueue, s.SendQueue}
	}
}

// setAge sets the age in a reading that began at a time. A lower bound never
// shrinks while the socket stays in its state: the kernel may restart the clock
// that it comes from, but the socket is at least as old as it was in the reading
// before, plus the time since then, and at least as old as it has been followed.
func (r *Row) setAge(s *tcp.Socket, at int64) {
	before, held, read := r.age, r.ageAtLeast, r.read
	r.age, r.ageExact, r.ageAtLeast, r.read = s.Age.Or(-1), s.AgeExact, s.AgeAtLeast, at
	switch {
	case held && (s.AgeAtLeast || r.age < 0):
		r.age, r.ageAtLeast = max(r.age, before+max(0, time.Duration(at-read))), true
	case !s.AgeAtLeast:
		return
	}
	r.age = max(r.age, time.Duration(at-r.since))
}

// change moves the socket to another state.
func (r *Row) change(to tcp.State, at time.Time) {
	if len(r.steps) == 0 {
		r.steps = append(r.steps, step{r.firstSeen, r.state})
	}
	if len(r.steps) == maxSteps {
		r.steps = append(r.steps[:1], r.steps[2:]...)
	}
	r.steps = append(r.steps, step{at.UnixNano(), to})
	r.state, r.since = to, at.UnixNano()
	r.age, r.ageAtLeast = -1, false
}

// free clears the row, which then belongs to no socket. It keeps the memory of
// the steps for the next socket.
func (r *Row) free() { *r = Row{steps: r.steps[:0]} }
