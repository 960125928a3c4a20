package collect

import (
	"context"
	"errors"
	"iter"
	"slices"

	"tcpstate/fields"
	"tcpstate/filter"
	"tcpstate/netns"
	"tcpstate/procnet"
	"tcpstate/tcp"
	"tcpstate/wording"
)

// Source is where sockets are read from. Everything that distinguishes one source
// from another is behind this interface: no code outside the file of a source
// compares sources.
type Source interface {
	// String returns the name of the source, as in --source and in documents.
	String() string

	// ThisHostOnly reports whether the source can read this host only. It then
	// cannot serve a query for another /proc.
	ThisHostOnly() bool

	// Plan returns what is requested of the kernel. The error is a *filter.Error:
	// the filter cannot be evaluated at all, or not with this source.
	Plan(q *Query) (Plan, error)

	// Begin begins to read a table. An error means that nothing was read. Unless
	// it is a *filter.Error, another source may be tried.
	Begin(ctx context.Context, t *Table) (Reading, error)
}

// Reading is a table that a source has begun to read.
type Reading interface {
	// Source returns the source that reads the table. If Auto began the reading,
	// it is the source that Auto chose.
	Source() Source

	// Knows returns which sources of fields the reading has for this process. What
	// none of them knows is missing.
	Knows() fields.Sources

	// OfThisHost reports whether the sockets are those of this host now. Only then
	// do the names that this host has for users and cgroups apply to them.
	OfThisHost() bool

	// Sockets yields the sockets, once. The Socket is reused: it is valid until
	// the next one. There is at most one error, and it comes last. There may be
	// more sockets than the query selects. Warnings that are known only at the
	// end are added to those of the table then.
	Sockets() iter.Seq2[*tcp.Socket, error]

	// Close ends a reading whose Sockets was not ranged over.
	Close()
}

// Table is what a source must read: the sockets of one network namespace.
type Table struct {
	Query    *Query           // with its Proc and Filter set
	Space    *netns.Namespace // nil: that of the process
	Proc     *procnet.Proc    // as it is seen in the namespace
	Warnings *Warnings        // the source adds its own
}

// Enter runs f in the network namespace.
func (t *Table) Enter(f func() error) error {
	if t.Space == nil {
		return f()
	}
	return t.Space.Do(f)
}

// Plan is what a source requests of the kernel for a query.
type Plan struct {
	States   tcp.StateSet
	Families []tcp.Family
	Program  filter.Program
}

// PlanFor returns the plan of a query, for this process and for a kernel that
// knows all instructions. The error is a *filter.Error: the filter cannot be
// evaluated at all, or not with the source of the query.
func PlanFor(q Query) (Plan, error) {
	if err := q.complete(); err != nil {
		return Plan{}, err
	}
	return q.Source.Plan(&q)
}

// judgeable refuses a filter that depends on something that the source does not
// report: it would select nothing, as if there were no such sockets.
func judgeable(q *Query, source Source, known fields.Sources) error {
	return q.Filter.Unknown(source.String(), fields.MissingIn(known, q.States))
}

// Sources returns all sources that --source can name, the default first.
func Sources() []Source { return []Source{Auto, SockDiag, ProcFS} }

// SourceNames returns the names of the sources, the default first.
func SourceNames() (names []string) {
	for _, s := range Sources() {
		names = append(names, s.String())
	}
	return names
}

// ParseSource returns the source with the given name.
func ParseSource(name string) (Source, error) {
	if i := slices.Index(SourceNames(), name); i >= 0 {
		return Sources()[i], nil
	}
	return nil, &unknownSourceError{name}
}

type unknownSourceError struct{ name string }

func (e *unknownSourceError) Error() string { return e.Message().String() }

func (e *unknownSourceError) Message() wording.Message {
	return wording.Say("collect.error.source", "name", e.name)
}

func (e *unknownSourceError) Spelling() (string, []string) { return e.name, SourceNames() }

// Auto is the first source that works: SockDiag, or else ProcFS with a warning
// that gives the reason.
var Auto Source = &firstOf{{SockDiag, ""}, {ProcFS, insteadOfSockDiag}}

// firstOf is a source that tries others in their order.
type firstOf []alternative

// alternative is one of several sources. instead is the key of the sentence with
// what a reader should know if it is read in place of the sources before it.
type alternative struct {
	source  Source
	instead string
}

func (f *firstOf) String() string { return "auto" }

// ThisHostOnly reports whether all of the sources can read this host only.
func (f *firstOf) ThisHostOnly() bool {
	return !slices.ContainsFunc(*f, func(a alternative) bool { return !a.source.ThisHostOnly() })
}

// serving returns the sources that can serve a query.
func (f *firstOf) serving(q *Query) []alternative {
	if q.ofThisHost() {
		return *f
	}
	return slices.DeleteFunc(slices.Clone(*f), func(a alternative) bool { return a.source.ThisHostOnly() })
}

// Plan returns the plan of the first source that can serve the query.
func (f *firstOf) Plan(q *Query) (Plan, error) {
	for _, a := range f.serving(q) {
		return a.source.Plan(q)
	}
	return Plan{}, f.noneServes(q)
}

func (f *firstOf) Begin(ctx context.Context, t *Table) (Reading, error) {
	var failed error
	for _, a := range f.serving(t.Query) {
		said := len(*t.Warnings)
		reading, err := a.source.Begin(ctx, t)
		var wrong *filter.Error
		var unlisted *connectionsError
		switch {
		case errors.As(err, &wrong), errors.As(err, &unlisted):
			return nil, err
		case err == nil:
			if failed != nil {
				*t.Warnings = slices.Insert(*t.Warnings, said, sourceFailed(failed, a.instead))
			}
			return reading, nil
		case failed == nil:
			failed = err
		default:
			failed = wording.Both(failed, err)
		}
	}
	if failed == nil {
		failed = f.noneServes(t.Query)
	}
	return nil, failed
}

func (f *firstOf) noneServes(q *Query) error {
	return wording.Fail("collect.error.no-source", "proc", q.Proc)
}
