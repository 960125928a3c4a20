package collect

import (
	"context"
	"errors"
	"iter"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"tcpstate/tcp"
)

// The bounds of a search for the names of hosts.
const (
	resolvePatience = 3 * time.Second // waited for, in all
	resolveAtOnce   = 64              // lookups, each of which may take a thread of its own
	resolveWindow   = 2048            // sockets that are held while their hosts are looked up
	resolveHosts    = 1 << 16         // hosts that are remembered; others stay numbers
)

// Naming gives sockets the names of their hosts and services, as DetailNames
// does, for those who show a few of many sockets again and again.
type Naming struct{ resolver *resolver }

// NewNaming returns a Naming that knows no host yet.
func NewNaming() *Naming { return &Naming{newResolver()} }

// Name yields the sockets, in their order, with the names that are known. It
// waits so long for hosts that it has not asked for before, and asks for none
// again.
func (n *Naming) Name(ctx context.Context, patience time.Duration, sockets iter.Seq2[*tcp.Socket, error]) iter.Seq2[*tcp.Socket, error] {
	n.resolver.patience = min(patience, resolvePatience)
	return n.resolver.resolve(ctx, sockets)
}

// Warnings says which names are not known though the hosts may have some.
func (n *Naming) Warnings() Warnings { return n.resolver.warnings() }

// resolver gives sockets the names of their hosts and services. It asks for each
// host once, also where that fails, for many at a time, and only so long.
type resolver struct {
	services *services
	lookUp   func(context.Context, netip.Addr) (string, error) // "": the host has no name
	hosts    map[netip.Addr]string                             // "": none, or not known

	patience time.Duration // what is left of it
	late     int           // hosts whose names did not come in time
	failed   int           // hosts that could not be asked for
	failure  error         // the first of these
	more     bool          // there were hosts beyond those that are remembered
}

func newResolver() *resolver {
	return &resolver{
		services: openServices(servicesFile),
		lookUp:   lookUpHost,
		hosts:    map[netip.Addr]string{},
		patience: resolvePatience,
	}
}

// lookUpHost returns the name of a host, the first if it has several.
//
// It leaves to Go's default resolver whether to ask files and name servers
// itself or through the C library. So hosts are called what all else on this
// host calls them, names of containers and of the local network included; the
// threads that this may cost are bounded by resolveAtOnce.
func lookUpHost(ctx context.Context, addr netip.Addr) (string, error) {
	names, err := net.DefaultResolver.LookupAddr(ctx, addr.String())
	if len(names) > 0 {
		return strings.TrimSuffix(names[0], "."), nil
	}
	var dns *net.DNSError
	if err == nil || errors.As(err, &dns) && dns.IsNotFound {
		return "", nil
	}
	return "", err
}

// resolve yields the sockets, in their order, with the names that are known of
// them. It reads ahead: hosts are looked up for a window of sockets at a time.
// Once there is no patience left, the sockets pass straight through.
//
// The last window may take all the patience that is left, any other half of it:
// one name server that does not answer must not leave none for all that follow.
func (r *resolver) resolve(ctx context.Context, sockets iter.Seq2[*tcp.Socket, error]) iter.Seq2[*tcp.Socket, error] {
	return func(yield func(*tcp.Socket, error) bool) {
		window := make([]*tcp.Socket, 0, resolveWindow)
		flush := func(patience time.Duration) (more bool) {
			r.lookUpAll(ctx, window, patience)
			for _, s := range window {
				r.name(s)
				if !yield(s, nil) {
					return false
				}
			}
			window = window[:0]
			return true
		}
		for s, err := range sockets {
			switch {
			case err != nil:
				if flush(r.patience) {
					yield(nil, err)
				}
				return
			case r.patience <= 0:
				r.want(s, nil)
				r.name(s)
				if !yield(s, nil) {
					return
				}
				continue
			}
			window = append(window, s.Clone())
			if len(window) == resolveWindow && !flush(r.patience/2) {
				return
			}
		}
		flush(r.patience)
	}
}

// lookUpAll looks up the hosts of the sockets that have not been asked for yet.
func (r *resolver) lookUpAll(ctx context.Context, sockets []*tcp.Socket, patience time.Duration) {
	var wanted []netip.Addr
	for _, s := range sockets {
		wanted = r.want(s, wanted)
	}
	if len(wanted) == 0 {
		return
	}
	begun := time.Now()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	answers := r.ask(ctx, wanted)
	if r.patience -= time.Since(begun); ctx.Err() != nil && r.patience < patienceLeast {
		r.patience = 0
	}
	for i, addr := range wanted {
		r.note(addr, answers[i])
	}
}

// patienceLeast is what is not worth to wait for a window.
const patienceLeast = 50 * time.Millisecond

// want appends the hosts of the socket that have not been asked for. They are
// then remembered as without a name, until they have one. Where there are too
// many to be remembered, the others are not asked for.
func (r *resolver) want(s *tcp.Socket, wanted []netip.Addr) []netip.Addr {
	for _, end := range [...]netip.AddrPort{s.Local, s.Peer} {
		addr := hostOf(end)
		if _, known := r.hosts[addr]; known || !addr.IsValid() || addr.IsUnspecified() {
			continue
		}
		if len(r.hosts) == resolveHosts {
			r.more = true
			continue
		}
		r.hosts[addr] = ""
		if r.patience <= 0 {
			r.late++
			continue
		}
		wanted = append(wanted, addr)
	}
	return wanted
}

// hostOf returns the address that a host is looked up by: an IPv4-mapped one is
// the IPv4 host's, and name servers know no zones.
func hostOf(end netip.AddrPort) netip.Addr { return end.Addr().Unmap().WithZone("") }

// answer is what became of one lookup.
type answer struct {
	name string
	err  error
}

// ask looks up the hosts, so many at once, until the context ends.
func (r *resolver) ask(ctx context.Context, hosts []netip.Addr) []answer {
	answers := make([]answer, len(hosts))
	next := make(chan int)
	var group sync.WaitGroup
	for range min(resolveAtOnce, len(hosts)) {
		group.Go(func() {
			for i := range next {
				if answers[i].err = ctx.Err(); answers[i].err == nil {
					answers[i].name, answers[i].err = r.lookUp(ctx, hosts[i])
				}
				if answers[i].err != nil && ctx.Err() != nil {
					answers[i].err = ctx.Err() // whatever it says, it had no time
				}
			}
		})
	}
	for i := range hosts {
		next <- i
	}
	close(next)
	group.Wait()
	return answers
}

// note remembers an answer.
func (r *resolver) note(addr netip.Addr, a answer) {
	switch {
	case errors.Is(a.err, context.DeadlineExceeded), errors.Is(a.err, context.Canceled):
		r.late++
	case a.err != nil:
		r.failed++
		if r.failure == nil {
			r.failure = a.err
		}
	default:
		r.hosts[addr] = a.name
	}
}

// name gives the socket the names that are known.
func (r *resolver) name(s *tcp.Socket) {
	s.LocalName = tcp.Name{Host: r.hosts[hostOf(s.Local)], Service: r.services.name(s.Local.Port())}
	s.PeerName = tcp.Name{Host: r.hosts[hostOf(s.Peer)], Service: r.services.name(s.Peer.Port())}
}

// warnings says, once the sockets have been read, which names are not known
// though the hosts may have some.
func (r *resolver) warnings() (list Warnings) {
	if r.late > 0 {
		list.Add(hostNamesLate(r.late, len(r.hosts), resolvePatience))
	}
	if r.failed > 0 {
		list.Add(hostNamesFailed(r.failed, len(r.hosts), r.failure))
	}
	if r.more {
		list.Add(hostNamesMany(resolveHosts))
	}
	return list
}
