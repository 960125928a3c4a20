// Package collect is the one pipeline between the kernel and those who show
// sockets: it chooses the source, asks it for no more than is wanted, checks
// again what it brings, adds what can be worked out, and says what is missing.
package collect

import (
	"context"
	"fmt"
	"iter"
	"path/filepath"
	"slices"
	"time"

	"tcpstate/fields"
	"tcpstate/filter"
	"tcpstate/netns"
	"tcpstate/sockdiag"
	"tcpstate/tcp"
)

// Source is where sockets are read from.
type Source uint8

// The sources.
const (
	Auto     Source = iota // SockDiag, else ProcFS
	SockDiag               // NETLINK_SOCK_DIAG
	ProcFS                 // /proc/net/tcp and tcp6
)

var sourceNames = [...]string{"auto", "sock_diag", "procfs"}

// String returns auto, sock_diag or procfs.
func (s Source) String() string { return sourceNames[s] }

// ParseSource returns the source with the given name.
func ParseSource(name string) (Source, error) {
	if i := slices.Index(sourceNames[:], name); i >= 0 {
		return Source(i), nil
	}
	return 0, &unknownSourceError{name}
}

type unknownSourceError struct{ name string }

func (e *unknownSourceError) Error() string { return fmt.Sprintf("unknown source %q", e.name) }
func (e *unknownSourceError) Hint() string  { return "the sources are auto, sock_diag, procfs" }

// DefaultProc is where /proc is mounted on every Linux host.
const DefaultProc = "/proc"

// Query says which sockets are wanted, how much of each, and from where.
type Query struct {
	Source   Source
	Proc     string // directory of the /proc to read; empty is DefaultProc
	Netns    string // another network namespace, as netns.Find takes it, or AllNamespaces
	States   tcp.StateSet
	Families []tcp.Family
	Filter   *filter.Filter // nil: everything
	Detail   tcp.Detail     // what is wanted of each socket

	// Everything is for those who follow sockets, and must see what becomes of
	// one that is selected no more: all sockets of the families come, as the
	// source tells them, and without their processes. Selects tells which of
	// them States and Filter select.
	Everything bool

	spaces []*netns.Namespace // that Netns stands for, once they have been found
	owners *owners            // of the sockets, where they have been found before
}

// Snapshot is a reading of the sockets that has begun.
type Snapshot struct {
	ctx      context.Context
	dial     opener
	query    Query
	first    *reading // of the first of the namespaces
	warnings []string

	owners  *owners // where processes are wanted
	cgroups cgroupNames
	users   userNames
}

// Open chooses the source and begins to read it. Source Auto takes sock_diag
// where it works, else /proc with a warning that says why. Another /proc than
// this host's is read from its files alone, for sock_diag knows only the
// namespaces of this host. Close must be called, or Sockets ranged over.
//
// Of several network namespaces the first, which is that of the process, decides
// on the source. The others are opened in their turn.
func Open(ctx context.Context, q Query) (*Snapshot, error) {
	return open(ctx, q, sockdiag.Open)
}

// opener begins a dump, as sockdiag.Open does. Tests put older kernels here.
type opener func(context.Context, sockdiag.Request) (*sockdiag.Dump, error)

func open(ctx context.Context, q Query, dial opener) (*Snapshot, error) {
	if err := q.complete(); err != nil {
		return nil, err
	}
	s := &Snapshot{ctx: ctx, dial: dial, query: q, owners: q.owners}
	if q.States == 0 {
		s.warn("nothing can match: the states, families and filter that are asked for exclude each other")
	}
	err := s.findNamespaces()
	if err == nil && s.needsOwners() && s.owners == nil {
		s.owners, err = findOwners(ctx, s.query, dial)
	}
	if err == nil {
		s.first, err = s.read(s.query.spaces[0])
	}
	if err != nil {
		return nil, err
	}
	s.query.Source = s.first.source // for the other namespaces
	return s, nil
}

// complete sets what was left to be understood, and leaves out what the filter
// excludes.
func (q *Query) complete() error {
	if q.Proc == "" {
		q.Proc = DefaultProc
	}
	if q.Source == Auto && !q.ofThisHost() {
		q.Source = ProcFS
	}
	if q.Filter == nil {
		everything, err := filter.Parse(nil, filter.Names{})
		if err != nil {
			return err
		}
		q.Filter = everything
	}
	q.narrow()
	return nil
}

// listed returns the states of which the source is to bring the sockets.
func (q *Query) listed() tcp.StateSet {
	if q.Everything {
		return tcp.All
	}
	return q.States
}

// ofThisHost reports whether the sockets are those of this host, so that its
// users and its kernel may be asked about them.
func (q *Query) ofThisHost() bool { return filepath.Clean(q.Proc) == DefaultProc }

// narrow leaves those of the states and families of which the filter can select
// a socket. Where none are left, no state is asked for.
func (q *Query) narrow() {
	q.States &= q.Filter.States()
	common := slices.DeleteFunc(slices.Clone(q.Families), func(f tcp.Family) bool {
		return !slices.Contains(q.Filter.Families(), f)
	})
	if len(common) == 0 {
		q.States = 0
		return
	}
	q.Families = common
}

// judgesOwners reports whether the filter asks who holds a socket.
func (q *Query) judgesOwners() bool { return q.Filter.Needs().Has(tcp.DetailProcesses) }

func (s *Snapshot) needsOwners() bool {
	if s.query.Everything {
		return false
	}
	return s.query.Detail.Has(tcp.DetailProcesses) || s.query.judgesOwners()
}

func (s *Snapshot) warn(format string, args ...any) {
	s.warnings = append(s.warnings, fmt.Sprintf(format, args...))
}

// Source returns the source that is read: SockDiag or ProcFS.
func (s *Snapshot) Source() Source { return s.first.source }

// Missing returns the names, as in JSON, of what the source cannot know.
func (s *Snapshot) Missing() []string { return s.first.missing }

// Warnings returns what a reader should be told about the reading as a whole.
// Some are known only once Sockets has been read.
func (s *Snapshot) Warnings() []string { return s.warnings }

// Close gives up a snapshot whose Sockets was not ranged over.
func (s *Snapshot) Close() { s.first.close() }

// Sockets yields the sockets that match the query, in the kernel's order, one
// network namespace after the other. The Socket is reused: it is valid until the
// next one. At most one error comes, last. The sockets can be read once.
func (s *Snapshot) Sockets() iter.Seq2[*tcp.Socket, error] {
	if !s.query.Detail.Has(tcp.DetailNames) {
		return s.matching()
	}
	return func(yield func(*tcp.Socket, error) bool) {
		hosts := newResolver()
		hosts.resolve(s.ctx, s.matching())(yield)
		s.warnings = append(s.warnings, hosts.warnings()...)
	}
}

// matching yields the sockets that match the query, with all but the names of
// their hosts and services.
func (s *Snapshot) matching() iter.Seq2[*tcp.Socket, error] {
	return func(yield func(*tcp.Socket, error) bool) {
		for r, err := range s.readings() {
			if err != nil {
				yield(nil, err)
				return
			}
			for socket, err := range r.sockets() {
				if err != nil {
					yield(nil, err)
					return
				}
				if !s.query.Everything && !s.selects(socket) {
					continue
				}
				s.name(socket)
				if !yield(socket, nil) {
					return
				}
			}
			if r.interrupted() {
				s.warn("the kernel says that its table changed during the dump: sockets may be missing or listed twice")
			}
		}
		if s.owners != nil {
			s.warnings = append(s.warnings, s.owners.warnings()...)
		}
	}
}

// Selects reports whether the query selects the socket, one that was asked for
// with Everything. Where the filter looks at processes the socket must have been
// given them.
func (s *Snapshot) Selects(socket *tcp.Socket) bool {
	return s.query.States.Has(socket.State) && s.query.Filter.Match(socket)
}

// selects reports whether the socket was asked for, and leaves of it what was.
// Who holds it is looked up only where that matters.
func (s *Snapshot) selects(socket *tcp.Socket) bool {
	first := s.query.judgesOwners()
	if first {
		s.owners.join(socket)
	}
	if !s.query.Filter.Match(socket) {
		return false
	}
	if !first && s.owners != nil {
		s.owners.join(socket)
	}
	s.strip(socket)
	return true
}

// name adds what this host calls the user and the cgroup of one of its sockets.
func (s *Snapshot) name(socket *tcp.Socket) {
	if !s.query.Detail.Has(tcp.DetailExtended) || !s.query.ofThisHost() {
		return
	}
	if uid, known := socket.Owner.UID.Get(); known {
		socket.Owner.User = s.users.name(uid)
	}
	if socket.Extended != nil && socket.Extended.CgroupID != 0 {
		socket.Extended.Cgroup = s.cgroups.of(socket.Extended.CgroupID)
	}
}

// strip takes away what came only for the ages or for the filter.
func (s *Snapshot) strip(socket *tcp.Socket) {
	detail := s.query.Detail
	if !detail.Has(tcp.DetailInfo) {
		socket.Info, socket.Congestion = nil, nil
		if !detail.Has(tcp.DetailAge) {
			stripAge(socket)
		}
	}
	if !detail.Has(tcp.DetailMemory) {
		socket.Memory = nil
	}
	if !detail.Has(tcp.DetailExtended) {
		socket.Extended = nil
	}
	if !detail.Has(tcp.DetailProcesses) {
		socket.Processes, socket.Listener = nil, nil
	}
}

// agedByInfo are the states whose age only tcp_info reports.
var agedByInfo = fields.Named("age_ms").InfoStates

// stripAge takes away what tcp_info alone has told.
func stripAge(socket *tcp.Socket) {
	socket.Idle = tcp.Optional[time.Duration]{}
	if agedByInfo.Has(socket.State) {
		socket.Age, socket.AgeExact = tcp.Optional[time.Duration]{}, false
	}
}
