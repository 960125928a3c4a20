package collect

import (
	"context"
	"iter"

	"tcpstate/fields"
	"tcpstate/tcp"
)

// ProcFS reads /proc/net/tcp and tcp6: of this host, of another host whose /proc is
// mounted here, or recorded in a directory. Any user may use it.
var ProcFS Source = procFS{}

type procFS struct{}

func (procFS) String() string { return "procfs" }

// ThisHostOnly is false: a /proc can be that of any host.
func (procFS) ThisHostOnly() bool { return false }

// Plan returns a plan without a program: no kernel evaluates a filter here.
func (s procFS) Plan(q *Query) (Plan, error) {
	program, err := q.Filter.Compile(0)
	if err == nil {
		err = judgeable(q, s, fields.ProcFS)
	}
	return Plan{States: q.listed(), Families: q.Families, Program: program}, err
}

// Begin checks that there is a table of sockets. Sockets reads it later.
func (s procFS) Begin(_ context.Context, t *Table) (Reading, error) {
	err := t.Enter(func() error { return nil })
	if err != nil {
		return nil, err
	}
	for _, err := range t.Proc.Sockets([]tcp.Family{tcp.IPv4}) {
		if err != nil {
			return nil, err
		}
		break
	}
	if _, err := t.Query.Filter.Compile(0); err != nil {
		return nil, err // the kernel would have to run a program
	}
	return &procReading{t, newLive(t)}, nil
}

// procReading is the files of one network namespace.
type procReading struct {
	table *Table
	live  *live
}

func (r *procReading) Source() Source        { return ProcFS }
func (r *procReading) Knows() fields.Sources { return fields.ProcFS }
func (r *procReading) OfThisHost() bool      { return r.table.Query.ofThisHost() }
func (r *procReading) Close()                {}

func (r *procReading) Sockets() iter.Seq2[*tcp.Socket, error] {
	return func(yield func(*tcp.Socket, error) bool) {
		for socket, err := range r.table.Proc.Sockets(r.table.Query.Families) {
			if err == nil {
				r.live.complete(socket)
			}
			if !yield(socket, err) || err != nil {
				return
			}
		}
	}
}
