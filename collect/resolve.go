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

// The limits of the search for host names.
const (
	resolvePatience = 3 * time.Second // total waiting time
	resolveAtOnce   = 64              // lookups at the same time; each may need a thread
	resolveWindow   = 2048            // sockets that wait while their hosts are looked up
	resolveHosts    = 1 << 16         // hosts that are remembered; others are shown as numbers
)

// Naming adds the names of hosts and services to sockets, as DetailNames does.
// It is for code that shows a few of many sockets again and again.
type Naming struct{ resolver *resolver }

// NewNaming returns a Naming that knows no host yet.
func NewNaming() *Naming { return &Naming{newResolver()} }

// Name yields the sockets, in their order, with the names that are known. It
// waits up to patience for hosts that it has not looked up before. It looks up
// each host once.
func (n *Naming) Name(ctx context.Context, patience time.Duration, sockets iter.Seq2[*tcp.Socket, error]) iter.Seq2[*tcp.Socket, error] {
	n.resolver.patience = min(patience, resolvePatience)
	return n.resolver.resolve(ctx, sockets)
}

// Warnings reports which names are not known although the hosts may have names.
func (n *Naming) Warnings() Warnings { return n.resolver.warnings() }

// resolver adds the names of hosts and services to sockets. It looks up each
// host once, even if that fails. It looks up many hosts at the same time, and
// only until its patience has run out.
type resolver struct {
	services *services
	lookUp   func(context.Context, netip.Addr) (string, error) // "": the host has no name
	hosts    map[netip.Addr]string                             // "": none, or not known

	patience time.Duration // remaining
	late     int           // hosts whose names were not found in time
	failed   int           // hosts whose lookup failed
	failure  error         // of the first failed lookup
	more     bool          // there were more hosts than are remembered
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
// Go's default resolver decides whether to use files and name servers itself or
// through the C library. So hosts get the same names as in all other programs
// of this host, including the names of containers and of the local network. The
// lookups may need threads; resolveAtOnce limits their number.
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

// resolve yields the sockets, in their order, with the names that are known. It
// reads ahead: it looks up the hosts of a window of sockets together. When no
// patience is left, the sockets pass without waiting.
//
// The last window may use all of the remaining patience. Each other window may
// use half of it, so that one name server that does not answer leaves some for
// the windows that follow.
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

// lookUpAll looks up the hosts of the sockets that have not been looked up yet.
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

// patienceLeast is the shortest time for which it is worth waiting. If a lookup
// runs out of time and leaves less than this, the remaining patience becomes 0.
const patienceLeast = 50 * time.Millisecond

// want appends the hosts of the socket that have not been looked up. They are
// remembered without a name until a name is found. When too many are
// remembered, no others are looked up.
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

// hostOf returns the address under which a host is looked up. An IPv4-mapped
// address is that of the IPv4 host, and name servers do not know zones.
func hostOf(end netip.AddrPort) netip.Addr { return end.Addr().Unmap().WithZone("") }

// answer is the result of one lookup.
type answer struct {
	name string
	err  error
}

// ask looks up the hosts, resolveAtOnce at the same time, until the context
// ends.
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
					answers[i].err = ctx.Err() // the lookup failed because its time was over
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

// note remembers the result of a lookup.
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

// name adds the known names to the socket.
func (r *resolver) name(s *tcp.Socket) {
	s.LocalName = tcp.Name{Host: r.hosts[hostOf(s.Local)], Service: r.services.name(s.Local.Port())}
	s.PeerName = tcp.Name{Host: r.hosts[hostOf(s.Peer)], Service: r.services.name(s.Peer.Port())}
}

// warnings reports, after the sockets have been read, which names are not known
// although the hosts may have names.
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
