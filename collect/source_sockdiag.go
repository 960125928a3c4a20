package collect

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"syscall"
	"time"

	"tcpstate/fields"
	"tcpstate/filter"
	"tcpstate/sockdiag"
	"tcpstate/tcp"
)

// SockDiag reads the kernel's table over NETLINK_SOCK_DIAG. Any user may use it.
// Marks and MD5 keys need CAP_NET_ADMIN, and BOUND_INACTIVE needs Linux 6.8.
var SockDiag Source = &sockDiag{openDump, sockdiag.ProbeAbilities}

// sockDiag is the source. Tests replace its functions with older kernels.
type sockDiag struct {
	open  opener
	probe func() sockdiag.Abilities
}

// opener begins a dump.
type opener func(context.Context, sockdiag.Request) (dump, error)

// dump is the part of a *sockdiag.Dump that is used.
type dump interface {
	Sockets() iter.Seq2[*tcp.Socket, error]
	Interrupted() bool
	Close()
}

func openDump(ctx context.Context, request sockdiag.Request) (dump, error) {
	d, err := sockdiag.Open(ctx, request)
	if err != nil {
		return nil, err
	}
	return d, nil
}

func (s *sockDiag) String() string { return "sock_diag" }

// ThisHostOnly is true: the kernel knows only its own network namespaces.
func (s *sockDiag) ThisHostOnly() bool { return true }

// Plan returns the plan for a kernel that knows all instructions.
func (s *sockDiag) Plan(q *Query) (Plan, error) {
	program, err := q.Filter.Compile(s.tries(q, s.probe())[0])
	return Plan{States: q.listed(), Families: q.Families, Program: program}, err
}

// tries returns the sets of instructions to try in turn: all that this process may
// use, the oldest ones, none. For Query.Everything and for MPTCPConnections it is
// none, so that the kernel leaves no socket out.
func (s *sockDiag) tries(q *Query, abilities sockdiag.Abilities) []filter.Capabilities {
	all := filter.AllCapabilities
	switch {
	case q.Everything, q.MPTCP == MPTCPConnections:
		return []filter.Capabilities{0}
	case !abilities.Marks:
		all &^= filter.Mark
	}
	return []filter.Capabilities{all, filter.Bytecode, 0}
}

func (s *sockDiag) Begin(ctx context.Context, t *Table) (Reading, error) {
	r := &dumpReading{source: s, table: t}
	var unset time.Duration
	if (t.Query.Detail | t.Query.Filter.Needs()).Has(tcp.DetailAge) {
		unset = sockdiag.UnsetClock()
	}
	err := t.Enter(func() error {
		r.abilities = s.probe()
		return nil
	})
	if err == nil {
		err = r.readConnections(ctx)
	}
	if err == nil {
		err = r.begin(ctx)
	}
	if err != nil {
		return nil, err
	}
	r.live = newLive(t)
	r.live.clocks.Unset = unset
	return r, nil
}

// dumpReading is a dump of the kernel's table.
type dumpReading struct {
	source    *sockDiag
	table     *Table
	abilities sockdiag.Abilities
	noMarks   bool // the kernel refused a program of this process that reads marks
	dump      dump

	connections *connections // nil: not requested, or not listed by the kernel
	live        *live
}

// readConnections reads the connections of multipath TCP if they are requested. If
// the kernel cannot list them, it is an error only if nothing else is requested.
func (r *dumpReading) readConnections(ctx context.Context) (err error) {
	if r.table.Query.MPTCP == MPTCPIgnored {
		return nil
	}
	r.connections, err = readConnections(ctx, r.source.open, r.table)
	switch {
	case err == nil || ctx.Err() != nil:
		return err
	case r.table.Query.MPTCP == MPTCPConnections:
		return connectionsUnlisted(err)
	}
	r.table.noteMPTCP()
	return nil
}

// begin begins a dump. The kernel leaves out the sockets that the filter
// excludes, if it can evaluate that part of the filter. A kernel that does not
// know an instruction of the program refuses the whole program. It then gets a
// program of the oldest instructions, and finally no program.
func (r *dumpReading) begin(ctx context.Context) error {
	q := r.table.Query
	families, states, detail := q.Families, q.listed(), q.Detail|q.Filter.Needs()
	if q.MPTCP == MPTCPConnections { // their subflows, whatever these are
		families, states, detail = []tcp.Family{tcp.IPv4, tcp.IPv6}, tcp.All, detail|tcp.DetailExtended
	}
	var err error
	for _, known := range r.source.tries(q, r.abilities) {
		program, compileErr := q.Filter.Compile(known)
		if compileErr != nil {
			return cmp.Or(err, compileErr)
		}
		r.dump, err = r.source.open(ctx, sockdiag.Request{
			Families: families,
			States:   states,
			Detail:   detail,
			Bytecode: program.Bytes(),
			Within:   r.table.Enter,
		})
		if err == nil || program.Empty() {
			return err
		}
		r.noMarks = r.noMarks || known&filter.Mark != 0 && errors.Is(err, syscall.EPERM)
	}
	return err
}

func (r *dumpReading) Source() Source        { return r.source }
func (r *dumpReading) Knows() fields.Sources { return knownInDump(r.abilities, r.noMarks) }
func (r *dumpReading) OfThisHost() bool      { return r.table.Query.ofThisHost() }
func (r *dumpReading) Close()                { r.dump.Close() }

func (r *dumpReading) Sockets() iter.Seq2[*tcp.Socket, error] {
	return func(yield func(*tcp.Socket, error) bool) {
		for socket, err := range r.sockets() {
			if err == nil {
				r.live.complete(socket)
			}
			if !yield(socket, err) || err != nil {
				return
			}
		}
		if r.dump.Interrupted() {
			r.table.Warnings.Add(tableChanged())
		}
	}
}

// sockets yields the sockets as the kernel reports them, with what is requested of
// multipath TCP.
func (r *dumpReading) sockets() iter.Seq2[*tcp.Socket, error] {
	switch q := r.table.Query; q.MPTCP {
	case MPTCPIgnored:
		return r.dump.Sockets()
	case MPTCPConnections:
		return r.connections.withSubflows(q, r.dump.Sockets())
	default:
		return r.connections.added(q, r.dump.Sockets())
	}
}

// knownInDump returns the sources of fields that a dump over sock_diag has for
// this process.
func knownInDump(abilities sockdiag.Abilities, noMarks bool) fields.Sources {
	known := fields.SockDiag
	if abilities.Marks && !noMarks {
		known |= fields.SockDiagAdmin
	}
	if abilities.BoundInactive {
		known |= fields.SockDiagInactive
	}
	return known
}
