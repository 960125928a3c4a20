package filter

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"tcpstate/tcp"
)

// Names is what an expression may have to look up while it is parsed. Each may
// be nil: then a name of that kind is an error that says so, and numbers still
// work.
type Names struct {
	Service   func(name string) (port uint16, ok bool)
	Host      func(name string) ([]netip.Addr, error)
	Interface func(name string) (index uint32, ok bool)
	User      func(name string) (uid uint32, ok bool)
	Cgroup    func(path string) (id uint64, ok bool)
}

// Filter is an expression that has been parsed. It does not change, and may be
// used by several goroutines at once.
type Filter struct {
	expr   string
	root   node // as it was written; nil: everything
	pushed node // with its negations at the terms
	match  matcher
}

// Parse reads an expression from the arguments of a command line. Without any,
// or with blank ones, it selects everything. The error is an *Error.
func Parse(args []string, names Names) (*Filter, error) {
	expr := strings.Join(args, " ")
	p := parser{expr: expr, names: names, kinds: kinds}
	root, err := p.filter()
	if err != nil {
		return nil, err
	}
	f := &Filter{expr: expr, root: root, pushed: pushed(root, false)}
	f.match = matches(f.pushed)
	return f, nil
}

// Match reports whether the expression is true of s. It allocates nothing.
//
// It cannot judge autobound, and takes it, and its negation, as true: what a
// program of Compile has let pass has been judged already.
func (f *Filter) Match(s *tcp.Socket) bool { return f.match(s) }

// String returns an expression that parses to the same tree: names of hosts and
// services as numbers, other names as they were given. For everything it is
// empty.
func (f *Filter) String() string { return source(f.root) }

// Tree returns the expression as an indented tree, one term a line, each line
// ended. For everything it is "everything".
func (f *Filter) Tree() string {
	if f.root == nil {
		return "everything\n"
	}
	var b strings.Builder
	tree(&b, f.root, "")
	return b.String()
}

// States returns a set that holds the state of every socket that can match.
func (f *Filter) States() tcp.StateSet { return statesOf(f.pushed) }

func statesOf(n node) tcp.StateSet {
	return narrowed(n, tcp.All, func(l *leaf) tcp.StateSet { return l.states() })
}

// Families returns the families of the sockets that can match. An IPv4 address
// does not exclude IPv6, since an IPv6 socket may talk IPv4.
func (f *Filter) Families() []tcp.Family {
	set := narrowed(f.pushed, bothFamilies, func(l *leaf) familySet { return l.families() })
	var list []tcp.Family
	for _, family := range []tcp.Family{tcp.IPv4, tcp.IPv6} {
		if set&(1<<family) != 0 {
			list = append(list, family)
		}
	}
	return list
}

// narrowed joins the sets of the terms as the terms are joined.
func narrowed[S tcp.StateSet | familySet](n node, all S, of func(*leaf) S) S {
	switch n := n.(type) {
	case *leaf:
		return of(n)
	case *junction:
		if n.or {
			var set S
			for _, kid := range n.kids {
				set |= narrowed(kid, all, of)
			}
			return set
		}
		for _, kid := range n.kids {
			all &= narrowed(kid, all, of)
		}
	}
	return all
}

// Needs returns what must be asked of a source so that Match can judge.
func (f *Filter) Needs() tcp.Detail {
	var need tcp.Detail
	states := f.States()
	leaves(f.root, func(l *leaf) { need |= l.needs(states) })
	return need
}

// WithoutProcesses returns a filter that judges all but the processes: it
// selects whatever f can select, whoever holds it. It is f itself where f does
// not look at processes.
func (f *Filter) WithoutProcesses() *Filter {
	if !f.Needs().Has(tcp.DetailProcesses) {
		return f
	}
	rest := without(f.pushed, tcp.DetailProcesses)
	return &Filter{expr: f.expr, root: rest, pushed: rest, match: matches(rest)}
}

// without takes the terms that need the detail as true in an expression without
// negations; nil is everything.
func without(n node, detail tcp.Detail) node {
	switch n := n.(type) {
	case *leaf:
		if !n.needs(tcp.All).Has(detail) {
			return n
		}
	case *junction:
		result := &junction{or: n.or}
		for _, kid := range n.kids {
			kid = without(kid, detail)
			if kid != nil {
				result = join(n.or, result, kid).(*junction)
			} else if n.or {
				return nil
			}
		}
		if len(result.kids) > 1 {
			return result
		}
		if len(result.kids) == 1 {
			return result.kids[0]
		}
	}
	return nil
}

// Fields returns what the expression looks at, each once, by the names that
// JSON output and its list of what is missing have for it; "autobound", which
// only the kernel knows, is among them.
func (f *Filter) Fields() []string {
	var list []string
	leaves(f.root, func(l *leaf) { list = append(list, l.field()) })
	slices.Sort(list)
	return slices.Compact(list)
}

// Unknown returns an *Error for the first term that looks at something that
// the source does not know, and nil where there is none. The names in missing
// are those of Fields, or of an object that holds such a field.
func (f *Filter) Unknown(source string, missing []string) error {
	var first error
	leaves(f.root, func(l *leaf) {
		if first == nil && lacks(l.field(), missing) {
			first = &Error{Expr: f.expr, Offset: l.offset,
				Msg: fmt.Sprintf("%s does not tell %s, which %q looks at", source, l.field(), l.String())}
		}
	})
	return first
}

func lacks(field string, missing []string) bool {
	object, _, _ := strings.Cut(field, ".")
	return slices.Contains(missing, field) || slices.Contains(missing, object)
}
