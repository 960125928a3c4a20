// Package collect is the one pipeline between the kernel and those who show
// sockets: it chooses the source, asks it for no more than is wanted, checks
// again what it brings, adds what can be worked out, and says what is missing.
package collect

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"path/filepath"
	"slices"
	"time"

	"tcpstate/filter"
	"tcpstate/netns"
	"tcpstate/tcp"
)

// DefaultProc is where /proc is mounted on every Linux host.
const DefaultProc = "/proc"

// Query says which sockets are wanted, how much of each, and from where.
type Query struct {
	Source   Source // nil: Auto
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
}

// complete sets what was left to be understood, and leaves out what the filter
// excludes.
func (q *Query) complete() error {
	if q.Proc == "" {
		q.Proc = DefaultProc
	}
	if q.Source == nil {
		q.Source = Auto
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

// listed returns the states of which the source is to bring the sockets.
func (q *Query) listed() tcp.StateSet {
	if q.Everything {
		return tcp.All
	}
	return q.States
}

// ofThisHost reports whether the /proc is that of this host, so that its users
// and its kernel may be asked about what is in it.
func (q *Query) ofThisHost() bool { return filepath.Clean(q.Proc) == DefaultProc }

// judgesOwners reports whether the filter asks who holds a socket.
func (q *Query) judgesOwners() bool { return q.Filter.Needs().Has(tcp.DetailProcesses) }

func (q *Query) needsOwners() bool {
	return !q.Everything && (q.Detail.Has(tcp.DetailProcesses) || q.judgesOwners())
}

// Snapshot is a reading of the sockets that has begun.
type Snapshot struct {
	*job
	ctx   context.Context
	first reading // of the first of the namespaces

	cgroups cgroupNames
	users   userNames
}

// reading is a table that is being read, with its namespace.
type reading struct {
	Reading
	space *netns.Namespace // nil: that of the process
}

// Open chooses the source and begins to read it. Another /proc than this host's
// is never read from a source that knows this host alone. Close must be called,
// or Sockets ranged over.
//
// Of several network namespaces the first, which is that of the process, decides
// on the source. The others are opened in their turn.
func Open(ctx context.Context, q Query) (*Snapshot, error) {
	j, err := newJob(q)
	if err != nil {
		return nil, err
	}
	return j.open(ctx)
}

// job is a query with what was found for it before its sockets are read. The
// steps are: newJob completes the query and finds its namespaces; open chooses
// the source; Sockets reads, joins and checks. The owners of the sockets are
// found on the way, or by those who can do it before.
type job struct {
	query    Query
	spaces   []*netns.Namespace // that Query.Netns stands for
	owners   *Owners            // of the sockets; nil: not wanted
	warnings Warnings
}

func newJob(q Query) (*job, error) {
	j := &job{query: q}
	if err := j.query.complete(); err != nil {
		return nil, err
	}
	if j.query.States == 0 {
		j.warnings.Add(nothingMatches())
	}
	if err := j.findNamespaces(); err != nil {
		return nil, err
	}
	if j.query.needsOwners() {
		j.owners = NewOwners(j.query)
	}
	return j, nil
}

// again returns a job of another query for the same namespaces.
func (j *job) again(q Query) (*job, error) {
	other := &job{query: q, spaces: j.spaces}
	if err := other.query.complete(); err != nil {
		return nil, err
	}
	if other.query.needsOwners() {
		other.owners = NewOwners(other.query)
	}
	return other, nil
}

// open begins to read the first of the namespaces.
func (j *job) open(ctx context.Context) (*Snapshot, error) {
	s := &Snapshot{job: j, ctx: ctx}
	var err error
	if s.first, err = j.read(ctx, j.spaces[0]); err != nil {
		return nil, err
	}
	j.query.Source = s.first.Source() // for the other namespaces
	return s, nil
}

// read begins to read the table of a namespace.
func (j *job) read(ctx context.Context, space *netns.Namespace) (reading, error) {
	begun, err := j.query.Source.Begin(ctx, &Table{Query: &j.query, Space: space, Proc: procOf(j.query.Proc, space), Warnings: &j.warnings})
	if err != nil {
		return reading{}, err
	}
	if err := judgeable(&j.query, begun.Source(), begun.Missing()); err != nil {
		begun.Close()
		return reading{}, err
	}
	return reading{begun, space}, nil
}

// listeners reads the listeners of the namespaces of a job, whatever else it is
// for.
func (j *job) listeners(ctx context.Context) (*Listeners, error) {
	other, err := j.again(Query{
		Source: j.query.Source, Proc: j.query.Proc, Netns: j.query.Netns, States: tcp.Set(tcp.Listen),
		Families: []tcp.Family{tcp.IPv4, tcp.IPv6}, // a dual-stack listener is one of IPv6
		Detail:   tcp.DetailExtended,               // to know a dual-stack one
	})
	if err != nil {
		return nil, err
	}
	s, err := other.open(ctx)
	if err != nil {
		return nil, err
	}
	return listenersAmong(s.listed())
}

// Source returns the source that is read.
func (s *Snapshot) Source() Source { return s.first.Source() }

// Missing returns the names, as in JSON, of what the source cannot know.
func (s *Snapshot) Missing() []string { return s.first.Missing() }

// Warnings returns what a reader should be told about the reading as a whole.
// Some are known only once Sockets has been read.
func (s *Snapshot) Warnings() Warnings { return s.warnings }

// Close gives up a snapshot whose Sockets was not ranged over.
func (s *Snapshot) Close() { s.first.Close() }

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
		s.warnings.Add(hosts.warnings()...)
	}
}

// matching yields the sockets that match the query, with all but the names of
// their hosts and services.
func (s *Snapshot) matching() iter.Seq2[*tcp.Socket, error] {
	if s.owners == nil {
		return s.finished(s.listed(), s.query.Filter)
	}
	return func(yield func(*tcp.Socket, error) bool) {
		candidates, left := s.listed(), (*filter.Filter)(nil)
		if s.query.judgesOwners() {
			left = s.query.Filter
		}
		s.finished(s.owners.joined(s.ctx, s.job, selected(candidates, s.query.Filter.WithoutProcesses())), left)(yield)
		s.warnings.Add(s.owners.Warnings()...)
	}
}

// selected yields those sockets that a filter selects.
func selected(sockets iter.Seq2[*tcp.Socket, error], f *filter.Filter) iter.Seq2[*tcp.Socket, error] {
	return func(yield func(*tcp.Socket, error) bool) {
		for socket, err := range sockets {
			if err == nil && !f.Match(socket) {
				continue
			}
			if !yield(socket, err) {
				return
			}
		}
	}
}

// finished yields those of the sockets that a filter selects, nil for all, with
// their names and with no more than what was asked for. Where everything was
// asked for, all are yielded as they are.
func (s *Snapshot) finished(sockets iter.Seq2[*tcp.Socket, error], f *filter.Filter) iter.Seq2[*tcp.Socket, error] {
	names := s.query.Detail.Has(tcp.DetailExtended) && s.first.OfThisHost()
	return func(yield func(*tcp.Socket, error) bool) {
		for socket, err := range sockets {
			if err != nil {
				yield(nil, err)
				return
			}
			if !s.query.Everything {
				if f != nil && !f.Match(socket) {
					continue
				}
				s.strip(socket)
			}
			if names {
				s.name(socket)
			}
			if !yield(socket, nil) {
				return
			}
		}
	}
}

// listed yields the sockets of the states that are asked for, of all namespaces.
func (s *Snapshot) listed() iter.Seq2[*tcp.Socket, error] {
	states := s.query.listed()
	return func(yield func(*tcp.Socket, error) bool) {
		for r, err := range s.readings() {
			if err != nil {
				yield(nil, err)
				return
			}
			for socket, err := range r.Sockets() {
				if s.query.Netns == AllNamespaces && errors.Is(err, netns.ErrGone) {
					break // with all that was in it
				}
				if err != nil {
					yield(nil, err)
					return
				}
				if !states.Has(socket.State) {
					continue // the kernel may bring more than was asked for
				}
				if !yield(socket, nil) {
					return
				}
			}
		}
	}
}

// readings yields the readings of the namespaces: the first, which is open, and
// each of the others as it is opened. One of those that cannot be read is a
// warning. At most one error comes, last.
func (s *Snapshot) readings() iter.Seq2[reading, error] {
	return func(yield func(reading, error) bool) {
		if !yield(s.first, nil) {
			return
		}
		var closed []string
		for _, space := range s.spaces[1:] {
			r, err := s.read(s.ctx, space)
			switch {
			case s.ctx.Err() != nil:
				yield(reading{}, s.ctx.Err())
				return
			case err == nil:
				if !yield(r, nil) {
					return
				}
			case errors.Is(err, netns.ErrGone):
			case errors.Is(err, fs.ErrPermission):
				closed = append(closed, space.Name)
			default:
				s.warnings.Add(namespaceUnreadable(space.Name, err))
			}
		}
		if len(closed) > 0 {
			s.warnings.Add(namespacesClosed(closed))
		}
	}
}

// Selects reports whether the query selects the socket, one that was asked for
// with Everything. Where the filter looks at processes the socket must have been
// given them.
func (s *Snapshot) Selects(socket *tcp.Socket) bool {
	return s.query.States.Has(socket.State) && s.query.Filter.Match(socket)
}

// name adds what this host calls the user and the cgroup of one of its sockets.
func (s *Snapshot) name(socket *tcp.Socket) {
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

// stripAge takes away what tcp_info alone has told.
func stripAge(socket *tcp.Socket) {
	socket.Idle = tcp.Optional[time.Duration]{}
	if agedByInfo.Has(socket.State) {
		socket.Age, socket.AgeExact = tcp.Optional[time.Duration]{}, false
	}
}
