package collect

import (
	"iter"
	"net/netip"

	"tcpstate/tcp"
)

// Listeners knows who listens where, to tell which listener a connection came
// in by. The kernel does not say; it is inferred from the addresses.
type Listeners struct {
	at map[netip.AddrPort]bool
}

// FindListeners reads the listeners among the sockets.
func FindListeners(sockets iter.Seq2[*tcp.Socket, error]) (*Listeners, error) {
	l := &Listeners{at: make(map[netip.AddrPort]bool)}
	for s, err := range sockets {
		if err != nil {
			return nil, err
		}
		if s.State == tcp.Listen {
			l.at[s.Local] = true
		}
	}
	return l, nil
}

// Of returns the listener that s came in by: the one on its local address and
// port, else the one on all addresses of its family at that port, else, for an
// IPv4 address, the one on all addresses of both families. It is an inference:
// a listener that has been closed since leaves its connections without one,
// and a connection out of a port that somebody else listens on is taken for
// one of his. A listener is its own.
func (l *Listeners) Of(s *tcp.Socket) (netip.AddrPort, bool) {
	if l == nil {
		return netip.AddrPort{}, false
	}
	address, port := s.Local.Addr(), s.Local.Port()
	candidates := [...]netip.Addr{address, netip.IPv6Unspecified(), netip.IPv6Unspecified()}
	if plain := address.Unmap(); plain.Is4() {
		candidates = [...]netip.Addr{plain, netip.IPv4Unspecified(), netip.IPv6Unspecified()}
	}
	for _, candidate := range candidates {
		if at := netip.AddrPortFrom(candidate, port); l.at[at] {
			return at, true
		}
	}
	return netip.AddrPort{}, false
}
