package watch

import (
	"net/netip"

	"tcpstate/tcp"
)

// space is the sockets of one network namespace, by their identity. Kernels
// before 5.3 count cookies separately in each namespace (sock_gen_cookie in
// net/core/sock_diag.c).
type space struct {
	name    string
	label   string // for people; "": there is none
	cookies map[uint64]*Row
	ends    map[ends]*Row // if the source has no cookies
}

func newSpace(name string) *space {
	return &space{name: name, cookies: make(map[uint64]*Row), ends: make(map[ends]*Row)}
}

// ends identifies a socket in /proc/net/tcp. A connection is identified only by
// its addresses: it gets its inode with accept(2) and loses it with close(2).
type ends struct {
	local, peer netip.AddrPort
	inode       uint32 // only for a socket without a peer
}

func endsOf(s *tcp.Socket) ends {
	if s.Peer.Port() == 0 {
		return ends{s.Local, s.Peer, s.Owner.Inode}
	}
	return ends{local: s.Local, peer: s.Peer}
}

// ends returns the same as endsOf for the row's socket.
func (r *Row) ends() ends {
	if r.peer.Port() == 0 {
		return ends{r.local, r.peer, r.inode}
	}
	return ends{local: r.local, peer: r.peer}
}

// parted is set in the key of a socket in CLOSE or BOUND_INACTIVE. It is a bit
// that no cookie reaches. A connection that its program has shut down but not
// closed ends as two sockets with one cookie: TIME_WAIT, and the program's own
// socket in CLOSE. The second is listed if it is still bound to the port that
// it requested (tcp_time_wait in net/ipv4/tcp_minisocks.c; tcp_set_state in
// net/ipv4/tcp.c).
const parted = 1 << 63

func keyOf(s *tcp.Socket) uint64 {
	if s.State == tcp.Close || s.State == tcp.BoundInactive {
		return uint64(s.Cookie) | parted
	}
	return uint64(s.Cookie)
}

// find returns the row of a socket, or nil if it has none yet.
//
// Without cookies, a socket is taken for the one that had the same addresses in
// the tick before, unless its inode or the order of states shows that it is a
// different one. So two connections without a file, one after the other between
// the same addresses and ports within a tick, are taken for one.
func (sp *space) find(s *tcp.Socket) *Row {
	if s.Cookie == 0 {
		row := sp.ends[endsOf(s)]
		if row == nil || row.mayBe(s) {
			return row
		}
		delete(sp.ends, endsOf(s)) // that socket no longer exists; this one has its addresses
		return nil
	}
	key := keyOf(s)
	if row := sp.cookies[key]; row != nil {
		return row
	}
	other := sp.cookies[key^parted]
	if other == nil || other.state == tcp.TimeWait || s.State == tcp.TimeWait {
		return nil
	}
	delete(sp.cookies, other.key) // it changed to or from CLOSE, for example by listen(2) or connect(2)
	other.key = key
	sp.cookies[key] = other
	return other
}

// remember stores the row, so that find returns it for the socket.
func (sp *space) remember(row *Row, s *tcp.Socket) {
	if s.Cookie == 0 {
		row.cookie = 0
		sp.ends[endsOf(s)] = row
		return
	}
	row.key = keyOf(s)
	sp.cookies[row.key] = row
}

// forget undoes remember.
func (sp *space) forget(row *Row) {
	if row.key != 0 {
		delete(sp.cookies, row.key)
		return
	}
	if key := row.ends(); sp.ends[key] == row {
		delete(sp.ends, key)
	}
}

// mayBe reports whether a socket without a cookie, between the same addresses,
// can be the socket of the row: it has no different file, and has not returned
// to a state in which connections begin. A TIME_WAIT only ends; what comes
// after it is a new socket.
func (r *Row) mayBe(s *tcp.Socket) bool {
	if r.inode != 0 && s.Owner.Inode != 0 && r.inode != s.Owner.Inode {
		return false
	}
	switch {
	case r.state == s.State:
		return true
	case r.state == tcp.TimeWait || s.State == tcp.SynSent:
		return false
	case s.State == tcp.SynRecv:
		return r.state == tcp.SynSent
	}
	return true
}
