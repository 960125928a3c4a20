// Package collect is the one pipeline between the kernel and the code that shows
// sockets. It chooses the source, requests no more than is needed, checks the
// sockets again, adds what can be computed, and reports what is missing.
//
// A [Query] is the request. [Open] begins to read from a [Source] and returns a
// [Snapshot], which yields the sockets. [Owners] joins them with processes.
package collect

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"path/filepath"
	"slices"
	"time"

	"tcpstate/fields"
	"tcpstate/filter"
	"tcpstate/netns"
	"tcpstate/tcp"
	"tcpstate/wording"
)

// DefaultProc is where /proc is mounted on every Linux host.
const DefaultProc = "/proc"

// ByteOrder is the byte order of the host that wrote the tables of another /proc, in
// which addresses are numbers.
type ByteOrder string

// The byte orders. The zero ByteOrder is AutoOrder.
const (
	AutoOrder    ByteOrder = "auto" // that of this host, unless the addresses prove the other one
	LittleEndian ByteOrder = "little"
	BigEndian    ByteOrder = "big"
)

// Query says which sockets are requested, how much of each, and from where.
type Query struct {
	Source   Source    // nil: Auto
	Proc     string    // directory of the /proc to read; empty is DefaultProc
	Order    ByteOrder // of the tables in another /proc
	Netns    string    // another network namespace, as netns.Find takes it, or AllNamespaces
	States   tcp.StateSet
	Families []tcp.Family
	Filter   *filter.Filter // nil: everything
	Detail   tcp.Detail     // what is requested of each socket
	MPTCP    MPTCP          // what is requested of multipath TCP

	// Counted is for code that shows numbers of sockets. A total without the states
	// that the source does not list then has a warning.
	Counted bool

	// Exact are the states of which a number is requested with nothing beside it
	// that could say what is missing. It is an error if the source does not list one
	// of them.
	Exact tcp.StateSet

	// Everything is for code that follows sockets, and that must also see a socket
	// after it is no longer selected. All sockets of the families come, as the
	// source reports them, and without their processes. Selects reports which of
	// them States and Filter select.
	Everything bool
}

// complete sets the fields that were left empty, and removes the states and
// families that the filter excludes.
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

// narrow keeps the states and families of which the filter can select a socket.
// If none is left, no state is requested.
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

// listed returns the states whose sockets the source must report.
func (q *Query) listed() tcp.StateSet {
	if q.Everything {
		return tcp.All
	}
	return q.States
}

// ofThisHost reports whether the /proc is that of this host. Only then do this
// host's kernel and user names apply to what is in it.
func (q *Query) ofThisHost() bool { return filepath.Clean(q.Proc) == DefaultProc }

// judgesOwners reports whether the filter depends on the process that holds a socket.
func (q *Query) judgesOwners() bool { return q.Filter.Needs().Has(tcp.DetailProcesses) }

// needsOwners reports whether the processes of the sockets must be found.
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

// Open chooses the source and begins to read from it. The caller must range over
// Sockets, or call Close.
//
// If there are several network namespaces, the first, which is that of the
// process, decides the source. Each of the others is opened when its turn comes.
func Open(ctx context.Context, q Query) (*Snapshot, error) {
	j, err := newJob(q)
	if err != nil {
		return nil, err
	}
	s, err := j.open(ctx)
	if err != nil {
		return nil, err
	}
	if len(q.Families) == 1 && q.Families[0] == tcp.IPv4 && !q.Everything && q.MPTCP != MPTCPConnections && s.query.States.Has(tcp.Listen) {
		err = j.noteDualStack(ctx)
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// noteDualStack warns of the listeners of IPv6 that take IPv4 connections too, which
// a query of IPv4 leaves out. Without the warning, a server that serves IPv4 seems
// not to run.
func (j *job) noteDualStack(ctx context.Context) error {
	q := j.query
	q.States, q.Families, q.Detail, q.MPTCP = tcp.Set(tcp.Listen), []tcp.Family{tcp.IPv6}, tcp.DetailExtended, MPTCPIgnored
	other, err := j.again(q)
	if err != nil {
		return err
	}
	s, err := other.open(ctx)
	if err != nil {
		return err
	}
	both, unknown := 0, 0
	for socket, err := range s.matching() {
		if err != nil {
			return err
		}
		switch dual, applies := socket.DualStack(); {
		case applies && !dual.IsKnown():
			unknown++
		case applies && dual.Or(false):
			both++
		}
	}
	if both+unknown > 0 {
		j.warnings.Add(dualStack(both, unknown))
	}
	return nil
}

// job is a query with what is found for it before its sockets are read. These are
// the steps: newJob completes the query and finds its namespaces; open chooses the
// source; Sockets reads the sockets, joins their owners and checks them. A caller
// that has time before (a Checkup) can find all owners first.
type job struct {
	query    Query
	spaces   []*netns.Namespace // that Query.Netns stands for
	owners   *Owners            // of the sockets; nil: not needed
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

// again returns a job for another query that reads the same namespaces.
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
	if err := j.checkStates(s); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// checkStates refuses a query for sockets of which the source lists none: an empty
// list would look as if there were none. If only a part of the requested states is
// not listed, that is a warning. A listing of everything has none: it claims
// nothing about states of which it shows no socket.
func (j *job) checkStates(s *Snapshot) error {
	q := &j.query
	unlisted := s.Unlisted()
	selected := q.States != tcp.All || q.Filter.String() != ""
	switch asked := q.States & unlisted; {
	case q.Exact&unlisted != 0:
		return statesUnknown(s.Source(), q.Exact&unlisted)
	case asked != 0 && asked == q.States:
		return statesUnknown(s.Source(), asked)
	case asked != 0 && (selected || q.Counted):
		j.warnings.Add(statesUnlisted(s.Source(), asked))
	}
	return nil
}

func statesUnknown(source Source, states tcp.StateSet) error {
	return wording.Fail("collect.error.unlisted", "source", source, "states", namesOf(states)).WithHint("collect.unlisted.hint")
}

// namesOf returns the names of states, for a sentence.
func namesOf(states tcp.StateSet) (names []string) {
	for state := range states.States() {
		names = append(names, state.String())
	}
	return names
}

// read begins to read the table of a namespace.
func (j *job) read(ctx context.Context, space *netns.Namespace) (reading, error) {
	begun, err := j.query.Source.Begin(ctx, &Table{Query: &j.query, Space: space, Proc: procOf(j.query.Proc, space), Warnings: &j.warnings})
	if err != nil {
		return reading{}, err
	}
	if err := judgeable(&j.query, begun.Source(), begun.Knows()); err != nil {
		begun.Close()
		return reading{}, err
	}
	return reading{begun, space}, nil
}

// listeners reads the listeners of the job's namespaces, whatever its query
// selects.
func (j *job) listeners(ctx context.Context) (*Listeners, error) {
	other, err := j.again(Query{
		Source: j.query.Source, Proc: j.query.Proc, Order: j.query.Order, Netns: j.query.Netns, States: tcp.Set(tcp.Listen),
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

// Missing returns the JSON names of what the source cannot report.
func (s *Snapshot) Missing() []string { return fields.Missing(s.first.Knows()) }

// Unlisted returns the states whose sockets the source does not list, by its kind
// and by the release of the kernel. How many sockets are in them is not known.
func (s *Snapshot) Unlisted() tcp.StateSet { return fields.Unlisted(s.first.Knows()) }

// Warnings returns what a reader should know about the reading as a whole. Some
// warnings are known only after Sockets has been read.
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
		s.finished(s.owners.joined(s.ctx, s.job, s.selected(candidates, s.query.Filter.WithoutProcesses())), left)(yield)
		s.warnings.Add(s.owners.Warnings()...)
	}
}

// selected yields the sockets that a filter selects.
func (s *Snapshot) selected(sockets iter.Seq2[*tcp.Socket, error], f *filter.Filter) iter.Seq2[*tcp.Socket, error] {
	return func(yield func(*tcp.Socket, error) bool) {
		together := s.together()
		for socket, err := range sockets {
			if err == nil && !together.selects(socket, f.Match) {
				continue
			}
			if !yield(socket, err) {
				return
			}
		}
	}
}

func (s *Snapshot) together() *together {
	return &together{connections: s.query.MPTCP == MPTCPConnections}
}

// finished yields the sockets that a filter selects (nil selects all), adds names,
// and removes what was not requested. For Query.Everything it yields all sockets,
// unchanged but for names.
func (s *Snapshot) finished(sockets iter.Seq2[*tcp.Socket, error], f *filter.Filter) iter.Seq2[*tcp.Socket, error] {
	names := s.query.Detail.Has(tcp.DetailExtended) && s.first.OfThisHost()
	return func(yield func(*tcp.Socket, error) bool) {
		together := s.together()
		for socket, err := range sockets {
			if err != nil {
				yield(nil, err)
				return
			}
			if !s.query.Everything {
				if f != nil && !together.selects(socket, f.Match) {
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

// listed yields the sockets of the requested states, of all namespaces.
func (s *Snapshot) listed() iter.Seq2[*tcp.Socket, error] {
	states := s.query.listed()
	inStates := func(socket *tcp.Socket) bool { return states.Has(socket.State) }
	return func(yield func(*tcp.Socket, error) bool) {
		together := s.together()
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
				if !together.selects(socket, inStates) {
					continue // the kernel may report more than was requested
				}
				if !yield(socket, nil) {
					return
				}
			}
		}
	}
}

// readings yields a reading of each namespace: the first, which is open, then each
// of the others after it was opened. If one of the others cannot be read, that is
// a warning. There is at most one error, and it comes last.
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

// Selects reports whether States and Filter of a query with Everything select the
// socket. If the filter depends on processes, the socket must have them already.
func (s *Snapshot) Selects(socket *tcp.Socket) bool {
	return s.query.States.Has(socket.State) && s.query.Filter.Match(socket)
}

// name adds the names of the user and of the cgroup of a socket of this host.
func (s *Snapshot) name(socket *tcp.Socket) {
	if uid, known := socket.Owner.UID.Get(); known {
		socket.Owner.User = s.users.name(uid)
	}
	if socket.Extended != nil && socket.Extended.CgroupID != 0 {
		socket.Extended.Cgroup = s.cgroups.of(socket.Extended.CgroupID)
	}
}

// strip removes what was read only for the ages or for the filter.
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
		socket.Processes, socket.Listener, socket.Owner.Kernel = nil, nil, false
	}
}

// agedByInfo are the states whose age tcp_info reports, as a lower bound. The age
// of an orphaned FIN_WAIT2, an estimate, comes from its timer.
var agedByInfo = fields.Named("age_ms").InfoStates

// stripAge removes what only tcp_info reports.
func stripAge(socket *tcp.Socket) {
	socket.Idle = tcp.Optional[time.Duration]{}
	if agedByInfo.Has(socket.State) && socket.AgeAtLeast {
		socket.Age, socket.AgeExact, socket.AgeAtLeast = tcp.Optional[time.Duration]{}, false, false
	}
}
