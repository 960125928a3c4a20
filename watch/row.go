package watch

import (
	"net/netip"
	"time"

	"tcpstate/tcp"
)

// ID stands for a socket as long as it is followed, and is not given to another
// before four thousand million have been.
type ID uint64

// Row is a socket that is followed: what was last seen of it, and what was seen
// before. It holds what a source tells of every socket; tcp_info and other
// details are for those who ask for one socket.
type Row struct {
	id          ID // the serial number of the socket, and below it the slot of the row
	space       *space
	key         uint64 // in space.cookies
	local, peer netip.AddrPort
	link        string // the interface that it is bound to
	timer       time.Duration
	age, idle   time.Duration // less than 0: unknown
	firstSeen   int64         // Unix time in nanoseconds
	since       int64
	steps       []step // once its state has changed

	cookie      tcp.Cookie
	queues      [2]uint32 // received and sent; a listener's, and its maximum
	uid, inode  uint32
	linkIndex   uint32
	next        uint32 // slot of the row that came after it when it was last seen
	state       tcp.State
	counted     tcp.State // as which it stands in the counts of the tick
	family      tcp.Family
	timerKind   tcp.TimerKind
	retransmits uint8

	uidKnown, maximumKnown, ageExact bool
	selected                         bool // in the last tick in which it was seen
	opened                           bool // since the first tick
	gone                             bool
}

// Step is a state that a socket was seen to enter.
type Step struct {
	State tcp.State
	At    time.Time // of the tick that saw it; of the first step, when the socket was first seen
}

// step is a Step in less room.
type step struct {
	at    int64
	state tcp.State
}

// maxSteps bounds what is remembered of a socket. No connection takes so many
// steps; a socket that is bound, connected and disconnected by turns may.
const maxSteps = 16

// ID returns what stands for the socket in Follower.Row.
func (r *Row) ID() ID { return r.id }

// State returns the state in which the socket was last seen.
func (r *Row) State() tcp.State { return r.state }

// Selected reports whether the socket was selected when it was last seen.
func (r *Row) Selected() bool { return r.selected }

// Inode returns the inode of the socket's file, 0 for none.
func (r *Row) Inode() uint32 { return r.inode }

// FirstSeen returns the tick that saw the socket first. opened tells that it was
// not there at the tick before; else it is as old as the following, or older.
func (r *Row) FirstSeen() (at time.Time, opened bool) { return time.Unix(0, r.firstSeen), r.opened }

// Since returns the tick that saw the socket in its state first. It is the time
// of the last tick for a socket that is new or has just changed.
func (r *Row) Since() time.Time { return time.Unix(0, r.since) }

// History returns the states in which the socket was seen, one after the other,
// the present one last. Of more than 16 the first is kept, and the latest.
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

// Fill makes s what was last seen of the socket, without processes and names.
func (r *Row) Fill(s *tcp.Socket) {
	*s = tcp.Socket{
		State: r.state, Family: r.family, Local: r.local, Peer: r.peer, Cookie: r.cookie, Netns: r.space.name,
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
		s.Age, s.AgeExact = tcp.Known(r.age), r.ageExact
	}
	if r.idle >= 0 {
		s.Idle = tcp.Known(r.idle)
	}
}

// update takes over what is seen of the socket now.
func (r *Row) update(s *tcp.Socket, selected bool) {
	r.selected = selected
	r.family, r.cookie = s.Family, s.Cookie
	if r.local != s.Local { // which is spared the write barrier of its zone
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
	r.inode = s.Owner.Inode
	r.timerKind, r.timer, r.retransmits = s.Timer.Kind, s.Timer.Expires, s.Timer.Retransmits
	r.age, r.ageExact, r.idle = s.Age.Or(-1), s.AgeExact, s.Idle.Or(-1)
	if s.State == tcp.Listen {
		r.queues[0] = s.AcceptQueue
		r.queues[1], r.maximumKnown = s.AcceptQueueMax.Get()
	} else {
		r.queues = [2]uint32{s.RecvQueue, s.SendQueue}
	}
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
}

// free makes the row one of no socket. What held its steps serves the next.
func (r *Row) free() { *r = Row{steps: r.steps[:0]} }
