package collect

import (
	"context"
	"errors"
	"iter"
	"net/netip"
	"slices"
	"syscall"

	"tcpstate/sockdiag"
	"tcpstate/tcp"
	"tcpstate/wording"
)

// MPTCP says what is requested of connections of multipath TCP. Their subflows are
// sockets of TCP, but the state and the queues of a connection are its own.
type MPTCP uint8

// What can be requested. SockDiag reads it, on Linux 5.9 and later. ProcFS knows
// none of it, and warns where there are sockets of MPTCP.
const (
	MPTCPIgnored     MPTCP = iota
	MPTCPMarked            // MPTCPToken of subflows is set
	MPTCPAdded             // as MPTCPMarked, and the connections and listeners of MPTCP come after the sockets of TCP
	MPTCPConnections       // only connections and listeners of MPTCP, each followed by its subflows; States and Filter select the connections
)

// connections are the connections and listeners of multipath TCP of a network
// namespace. It finds the connection of a subflow: by its token, which the kernel
// shows only to CAP_NET_ADMIN; by the inode, because a subflow has the file of its
// connection; or by the addresses, which a connection has from its first subflow.
type connections struct {
	list     []*tcp.Socket
	byToken  map[uint32]int
	byInode  map[uint32]int
	byPlaces map[[2]netip.AddrPort]int
}

// readConnections reads the connections of a namespace, of all states and families.
func readConnections(ctx context.Context, open opener, t *Table) (*connections, error) {
	d, err := open(ctx, sockdiag.Request{
		Families:    []tcp.Family{tcp.IPv4, tcp.IPv6},
		States:      tcp.All,
		Detail:      (t.Query.Detail | t.Query.Filter.Needs()) &^ (tcp.DetailInfo | tcp.DetailMemory),
		Connections: true,
		Within:      t.Enter,
	})
	if err != nil {
		return nil, err
	}
	c := &connections{byToken: make(map[uint32]int), byInode: make(map[uint32]int), byPlaces: make(map[[2]netip.AddrPort]int)}
	for socket, err := range d.Sockets() {
		if err != nil {
			return nil, err
		}
		c.add(socket.Clone())
	}
	return c, nil
}

func (c *connections) add(s *tcp.Socket) {
	at := len(c.list)
	c.list = append(c.list, s)
	if s.State == tcp.Listen {
		return
	}
	c.byToken[s.MPTCPToken.Or(0)] = at
	c.byPlaces[[2]netip.AddrPort{s.Local, s.Peer}] = at
	if s.Owner.Inode != 0 {
		c.byInode[s.Owner.Inode] = at
	}
}

// of returns the index of the connection of which a socket of TCP is a subflow.
// The socket must be as the kernel reports it, without the zone of its link.
func (c *connections) of(s *tcp.Socket) (int, bool) {
	if c == nil || len(c.byToken) == 0 || s.State == tcp.Listen {
		return 0, false
	}
	if s.Extended != nil && s.Extended.MPTCP != nil && s.Extended.MPTCP.TokenLocal != 0 {
		at, found := c.byToken[s.Extended.MPTCP.TokenLocal]
		return at, found
	}
	if s.Owner.Inode != 0 {
		if at, found := c.byInode[s.Owner.Inode]; found {
			return at, true
		}
	}
	at, found := c.byPlaces[[2]netip.AddrPort{s.Local, s.Peer}]
	return at, found
}

// mark sets the token of a subflow.
func (c *connections) mark(s *tcp.Socket) {
	if at, found := c.of(s); found {
		s.MPTCPToken = c.list[at].MPTCPToken
	}
}

// withSubflows yields the connections of a query, each followed by its subflows
// among the sockets of TCP. Sockets that are no subflows are left out.
func (c *connections) withSubflows(q *Query, sockets iter.Seq2[*tcp.Socket, error]) iter.Seq2[*tcp.Socket, error] {
	return func(yield func(*tcp.Socket, error) bool) {
		subflows := make([][]*tcp.Socket, len(c.list))
		for s, err := range sockets {
			if err != nil {
				yield(nil, err)
				return
			}
			if at, found := c.of(s); found {
				s.MPTCPToken = c.list[at].MPTCPToken
				subflows[at] = append(subflows[at], s.Clone())
			}
		}
		for at, connection := range c.list {
			if !slices.Contains(q.Families, connection.Family) {
				continue
			}
			if !yield(connection, nil) {
				return
			}
			for _, s := range subflows[at] {
				if !yield(s, nil) {
					return
				}
			}
		}
	}
}

// added yields the sockets of TCP, marked, and then the connections of a query.
func (c *connections) added(q *Query, sockets iter.Seq2[*tcp.Socket, error]) iter.Seq2[*tcp.Socket, error] {
	return func(yield func(*tcp.Socket, error) bool) {
		for s, err := range sockets {
			if err == nil {
				c.mark(s)
			}
			if !yield(s, err) || err != nil {
				return
			}
		}
		if c == nil || q.MPTCP != MPTCPAdded {
			return
		}
		for _, connection := range c.list {
			if slices.Contains(q.Families, connection.Family) && !yield(connection, nil) {
				return
			}
		}
	}
}

// together selects sockets one by one, but the subflows in a list of MPTCP
// connections as their connection was.
type together struct {
	connections bool // the list is one of MPTCPConnections
	last        bool // the last connection was selected
}

func (t *together) selects(s *tcp.Socket, selects func(*tcp.Socket) bool) bool {
	if t.connections && s.IsSubflow() {
		return t.last
	}
	t.last = selects(s)
	return t.last
}

// connectionsError is the error of a request for connections of multipath TCP that
// a source cannot list. No other source can.
type connectionsError struct{ of *wording.Error }

func (e *connectionsError) Error() string { return e.of.Error() }

// Message returns the sentence.
func (e *connectionsError) Message() wording.Message { return e.of.Message() }

// Hint returns what may help.
func (e *connectionsError) Hint() wording.Message { return e.of.Hint() }

func (e *connectionsError) Unwrap() error { return e.of }

// connectionsUnlisted returns the error of a kernel that does not list connections.
func connectionsUnlisted(err error) error {
	fail := wording.Wrap(err, "collect.error.mptcp")
	if errors.Is(err, syscall.ENOENT) {
		fail = fail.WithHint("collect.error.mptcp.module")
	}
	return &connectionsError{fail}
}

// connectionsNotInProc returns the error of a source that is /proc.
func connectionsNotInProc() error {
	return &connectionsError{wording.Fail("collect.error.mptcp-procfs").WithHint("collect.error.mptcp-procfs.hint")}
}

// noteMPTCP warns that subflows cannot be told from connections of TCP, if the
// namespace has sockets of multipath TCP or does not show whether it has.
func (t *Table) noteMPTCP() {
	n, err := t.Proc.MPTCPSockets()
	switch {
	case err != nil:
		t.Warnings.Add(mptcpUnknown(0))
	case n > 0:
		t.Warnings.Add(mptcpUnknown(n))
	}
}
