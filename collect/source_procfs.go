package collect

import (
	"context"
	"encoding/binary"
	"errors"
	"io/fs"
	"iter"

	"tcpstate/fields"
	"tcpstate/netns"
	"tcpstate/procnet"
	"tcpstate/tcp"
	"tcpstate/wording"
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

// Begin checks that there is a table of sockets. Sockets reads it later. A table that
// was copied may be damaged: what can be read of it is, and a warning has the error
// about the rest.
func (s procFS) Begin(_ context.Context, t *Table) (Reading, error) {
	if t.Query.MPTCP == MPTCPConnections {
		return nil, connectionsNotInProc()
	}
	err := t.Enter(func() error { return nil })
	if err != nil {
		return nil, err
	}
	if err := t.Proc.CheckTables(t.Query.Families); err != nil {
		return nil, err
	}
	if _, err := t.Query.Filter.Compile(0); err != nil {
		return nil, err // the kernel would have to run a program
	}
	setOrder(t)
	if t.Query.MPTCP != MPTCPIgnored {
		t.noteMPTCP()
	}
	return &procReading{t, newLive(t)}, nil
}

// setOrder sets the byte order of the tables of another host. What the addresses
// only suggest is a warning.
func setOrder(t *Table) {
	switch {
	case t.Query.Order == LittleEndian:
		t.Proc.Order = binary.LittleEndian
	case t.Query.Order == BigEndian:
		t.Proc.Order = binary.BigEndian
	case t.Query.ofThisHost():
	default:
		other, name := procnet.Reversed(), LittleEndian
		if other == binary.BigEndian {
			name = BigEndian
		}
		switch t.Proc.ByteOrder() {
		case procnet.OtherOrder:
			t.Proc.Order = other
			t.Warnings.Add(otherOrder(true, name))
		case procnet.MaybeOther:
			t.Warnings.Add(otherOrder(false, name))
		}
	}
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
		var unread []unreadTable
		for socket, err := range r.table.Proc.Sockets(r.table.Query.Families) {
			if isDamage(err) {
				unread = addUnread(unread, err)
				continue
			}
			if err != nil {
				yield(nil, err)
				return
			}
			r.live.complete(socket)
			if !yield(socket, nil) {
				break
			}
		}
		for _, u := range unread {
			r.table.Warnings.Add(u.warning())
		}
	}
}

// isDamage reports whether an error is about what a table holds, or about a table
// that is missing, and not about the reading of it.
func isDamage(err error) bool {
	if errors.Is(err, netns.ErrGone) {
		return false // together with all tables in it
	}
	_, damaged := errors.AsType[*procnet.ValueError](err)
	return damaged || errors.Is(err, fs.ErrNotExist)
}

// unreadTable is a table of which something could not be read.
type unreadTable struct {
	file   string
	first  error
	others int // lines that could not be read either
}

// addUnread adds an error to those of its table.
func addUnread(list []unreadTable, err error) []unreadTable {
	file := ""
	if read, ok := errors.AsType[*procnet.ReadError](err); ok {
		file = read.File
	}
	if last := len(list) - 1; last >= 0 && list[last].file == file {
		list[last].others++
		return list
	}
	return append(list, unreadTable{file: file, first: err})
}

func (u *unreadTable) warning() Warning {
	err := u.first
	if u.others > 0 {
		err = wording.Wrap(u.first, "collect.error.unread", "n", u.others)
	}
	return tableUnread(u.file, err)
}
