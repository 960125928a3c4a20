package doctor

import (
	"time"

	"tcpstate/tcp"
)

// Earlier is a first reading of the sockets, with which the rules compare the
// last one: what grew, what drained, what stood still, what was resent in
// between. It knows a socket by its cookie, so it knows nothing of the sockets
// of a source without cookies.
//
// It keeps the figures of at most maxEarlier sockets of each of two kinds, so
// that a million sockets take no more memory than some ten thousand:
// ESTABLISHED, and all other states. Of as many SYN_RECVs it keeps only that
// they were there.
type Earlier struct {
	Ago time.Duration // how long before the last reading it was

	past        map[tcp.Cookie]Past
	established int // how many of past were ESTABLISHED
	halfOpen    map[tcp.Cookie]struct{}
	halfOpenCut bool // there were more of them
	cut         bool // there were more sockets than these
	crowded     bool
}

// Past is what a socket's figures were at the first reading. For a listener,
// RecvQueue is its accept queue. What the kernel did not report is 0.
type Past struct {
	State                tcp.State
	RecvQueue, SendQueue uint32
	Drops                uint32 // packets that the kernel dropped for the socket
	AckedBytes           uint64 // the others are of tcp_info
	ReceivedBytes        uint64
	SentBytes            uint64
	RetransBytes         uint64
	TotalRetrans         uint32
	DataSegsOut          uint32
	DSACKDups            uint32
	Lost                 uint32
	TotalRTO             uint16
}

// maxEarlier is of how many sockets of each of the two kinds a first reading
// keeps the figures.
const maxEarlier = 1 << 15

// EarlierStates returns the states whose sockets a first reading is for, as the
// sets to read one after the other. A TIME_WAIT has no figures that could grow.
func EarlierStates() []tcp.StateSet {
	established := tcp.Set(tcp.Established)
	return []tcp.StateSet{tcp.All &^ (established | tcp.Set(tcp.TimeWait)), established}
}

// Crowded notes that there are more ESTABLISHED sockets than the reading keeps. It
// then keeps fewer: the kernel lists them in the order of a hash, so they are a
// sample in any case, and a small one shows as well where data is lost.
func (e *Earlier) Crowded(established int64) { e.crowded = established > maxEarlier }

// maxSample is how many ESTABLISHED sockets are kept if they are a sample.
const maxSample = maxEarlier / 4

// Add keeps the figures of a socket. It reports whether there is room for more
// sockets of its set of states. If there is not, the caller may stop reading them.
func (e *Earlier) Add(s *tcp.Socket) (more bool) {
	others, most := len(e.past)-e.established, maxEarlier
	if e.crowded {
		most = maxSample
	}
	switch {
	case s.State == tcp.SynRecv:
		return e.addHalfOpen(s.Cookie) || others < maxEarlier
	case s.State == tcp.Established && e.established >= most:
		e.cut = true
		return false
	case s.State != tcp.Established && others >= maxEarlier:
		e.cut = true
		return len(e.halfOpen) < maxEarlier
	case s.Cookie == 0: // a source without cookies
		e.cut = true
		return true
	}
	if e.past == nil {
		e.past = make(map[tcp.Cookie]Past)
	}
	before := len(e.past)
	e.past[s.Cookie] = figures(s)
	if s.State == tcp.Established {
		e.established += len(e.past) - before
	}
	return true
}

func (e *Earlier) addHalfOpen(cookie tcp.Cookie) (more bool) {
	if len(e.halfOpen) >= maxEarlier || cookie == 0 {
		e.halfOpenCut = true
		return cookie == 0
	}
	if e.halfOpen == nil {
		e.halfOpen = make(map[tcp.Cookie]struct{})
	}
	e.halfOpen[cookie] = struct{}{}
	return true
}

// isNew reports whether a SYN_RECV was not there at the first reading, and
// whether that is known.
func (e *Earlier) isNew(s *tcp.Socket) (isNew, known bool) {
	if e == nil || s.Cookie == 0 {
		return false, false
	}
	_, found := e.halfOpen[s.Cookie]
	return !found, found || !e.halfOpenCut
}

// Partial notes that the reading was not of all sockets, because a filter or the
// request for some states left some out. Then nothing is concluded from a socket
// that is missing.
func (e *Earlier) Partial() { e.cut, e.halfOpenCut = true, true }

// Of returns the figures of a socket at the first reading, and whether they are
// known. If all sockets were read, one that is missing was opened since, and its
// figures were all 0: its State is then 0. A nil Earlier knows nothing.
func (e *Earlier) Of(s *tcp.Socket) (Past, bool) {
	if e == nil || s.Cookie == 0 {
		return Past{}, false
	}
	past, found := e.past[s.Cookie]
	return past, found || !e.cut
}

// figures returns what Past keeps of a socket.
func figures(s *tcp.Socket) Past {
	p := Past{State: s.State, RecvQueue: s.RecvQueue, SendQueue: s.SendQueue}
	if s.State == tcp.Listen {
		p.RecvQueue = s.AcceptQueue
	}
	if s.Memory != nil {
		p.Drops = s.Memory.Drops.Or(0)
	}
	if i := s.Info; i != nil {
		p.AckedBytes, p.ReceivedBytes, p.SentBytes, p.RetransBytes = i.AckedBytes, i.ReceivedBytes, i.SentBytes, i.RetransBytes
		p.TotalRetrans, p.DataSegsOut, p.DSACKDups, p.Lost, p.TotalRTO = i.TotalRetrans, i.DataSegsOut, i.DSACKDups, i.Lost, i.TotalRTO
	}
	return p
}
