package collect

import (
	"context"
	"iter"
	"net/netip"

	"tcpstate/tcp"
)

// Listeners knows all listeners and their addresses. It finds the listener
// through which a connection came in. The kernel does not report this; it is
// inferred from the addresses.
type Listeners struct {
	at map[place]*listener
}

// place is where a listener accepts connections.
type place struct {
	netns string
	at    netip.AddrPort
	link  uint32 // interface to which it is bound; 0: none
}

// listener is the sockets that listen at one place. There are several if they
// share it with SO_REUSEPORT.
type listener struct {
	local  netip.AddrPort
	inodes []uint32
	v6only bool
}

// FindListeners reads the listeners of the namespaces of a query. It ignores
// the states, families, filter and detail of the query.
func FindListeners(ctx context.Context, q Query) (*Listeners, error) {
	j, err := newJob(Query{Source: q.Source, Proc: q.Proc, Order: q.Order, Netns: q.Netns})
	if err != nil {
		return nil, err
	}
	return j.listeners(ctx)
}

func listenersAmong(sockets iter.Seq2[*tcp.Socket, error]) (*Listeners, error) {
	l := &Listeners{at: make(map[place]*listener)}
	for s, err := range sockets {
		if err != nil {
			return nil, err
		}
		if s.State == tcp.Listen {
			l.add(s)
		}
	}
	return l, nil
}

func (l *Listeners) add(s *tcp.Socket) {
	key := place{s.Netns, s.Local, s.InterfaceIndex}
	at := l.at[key]
	if at == nil {
		at = &listener{local: s.Local}
		l.at[key] = at
	}
	at.v6only = s.Extended != nil && s.Extended.V6Only.Or(false)
	if s.Owner.Inode != 0 {
		at.inodes = append(at.inodes, s.Owner.Inode)
	}
}

// Of returns the address of the listener through which s came in. It is the
// first of these that exists: the listener on the local address and port of s;
// the listener on all addresses of its family at that port; for an IPv4
// address, the listener on all addresses of both families. At each step a
// listener that is bound to the interface of s comes first. The result is an
// inference: if the listener has been closed since then, its connections have
// none; and an outgoing connection from a port on which another socket listens
// is attributed to that listener. The listener of a listener is itself.
func (l *Listeners) Of(s *tcp.Socket) (netip.AddrPort, bool) {
	if l == nil {
		return netip.AddrPort{}, false
	}
	found := l.of(s)
	if found == nil {
		return netip.AddrPort{}, false
	}
	return found.local, true
}

// addInodes adds the inodes of the listeners to a set.
func (l *Listeners) addInodes(set map[uint32]struct{}) {
	if l == nil {
		return
	}
	for _, at := range l.at {
		for _, inode := range at.inodes {
			set[inode] = struct{}{}
		}
	}
}

func (l *Listeners) of(s *tcp.Socket) *listener {
	address, port := s.Local.Addr(), s.Local.Port()
	plain := address.Unmap()
	candidates := [...]netip.Addr{address, plain, netip.IPv4Unspecified(), netip.IPv6Unspecified()}
	switch {
	case !plain.Is4():
		candidates[2] = netip.IPv6Unspecified()
	case s.Family == tcp.IPv6: // only a listener of IPv6 can have made it
		candidates[1], candidates[2] = netip.IPv6Unspecified(), plain
		candidates[3] = netip.IPv4Unspecified()
	}
	for _, candidate := range candidates {
		key := place{s.Netns, netip.AddrPortFrom(candidate, port), s.InterfaceIndex}
		found := l.at[key]
		if found == nil && key.link != 0 {
			key.link = 0
			found = l.at[key]
		}
		if found != nil && !(found.v6only && plain.Is4()) {
			return found
		}
	}
	return nil
}
