package filter

import (
	"net/netip"
	"slices"
	"strings"

	"tcpstate/tcp"
	"tcpstate/wording"
)

// Names has the functions that look up names while an expression is parsed. A
// function may be nil: a name of that kind is then an error, and numbers still
// work.
type Names struct {
	Service   func(name string) (port uint16, ok bool)
	Host      func(name string) ([]netip.Addr, error)
	Interface func(name string) (index uint32, ok bool)
	User      func(name string) (uid uint32, ok bool)
	Cgroup    func(path string) (id uint64, ok bool)
	Process   func(name string) (runs bool) // the name as the kernel stores it
	Running   func() []string               // the names of processes, for a hint on a slip
}

// Filter is a parsed expression. It does not change, and several goroutines may
// use it at once.
type Filter struct {
	expr   string
	root   node // as the user wrote it; nil: everything
	pushed node // the same with all negations moved to the terms
	match  matcher
}

// Parse reads an expression from the arguments of a command line. Without
// arguments, or with only blank ones, the filter selects everything. The error
// is an *Error.
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

// Match reports whether the expression is true for s. It allocates nothing.
//
// Match cannot judge autobound. It treats autobound and its negation as true:
// the kernel has already judged them, in the program from Compile.
func (f *Filter) Match(s *tcp.Socket) bool { return f.match(s) }

// String returns an expression that parses to the same tree. Names of hosts and
// services appear as numbers, and other names as the user wrote them. For a
// filter that selects everything it is "".
func (f *Filter) String() string { return source(f.root) }

// Tree returns the expression as an indented tree with one term on each line.
// Each line ends with a newline. For a filter that selects everything it is
// "everything".
func (f *Filter) Tree() string {
	if f.root == nil {
		return "everything\n"
	}
	var b strings.Builder
	tree(&b, f.root, "")
	return b.String()
}

// States returns a set that contains the state of every socket that can match.
func (f *Filter) States() tcp.StateSet { return statesOf(f.pushed) }

func statesOf(n node) tcp.StateSet {
	return narrowed(n, tcp.All, func(l *leaf) tcp.StateSet { return l.states() })
}

// Families returns the families of the sockets that can match. An IPv4 address
// does not exclude IPv6, because an IPv6 socket may carry IPv4 traffic.
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

// narrowed joins the sets of the terms: it intersects them for and, and unites
// them for or.
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

// Needs returns the details that the source must supply for Match.
func (f *Filter) Needs() tcp.Detail {
	var need tcp.Detail
	states := f.States()
	leaves(f.root, func(l *leaf) { need |= l.needs(states) })
	return need
}

// WithoutProcesses returns a filter without the tests of processes. It selects
// every socket that f can select, no matter which process holds it. It returns
// f itself if f does not test processes.
func (f *Filter) WithoutProcesses() *Filter {
	if !f.Needs().Has(tcp.DetailProcesses) {
		return f
	}
	rest := without(f.pushed, tcp.DetailProcesses)
	return &Filter{expr: f.expr, root: rest, pushed: rest, match: matches(rest)}
}

// without returns n with the terms that need the detail replaced by true. n
// must have no negations. nil means everything.
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

// Fields returns the fields that the expression tests, each once. The names are
// those of the JSON output and of its list "missing". The list may include
// "autobound", which only the kernel knows.
func (f *Filter) Fields() []string {
	var list []string
	leaves(f.root, func(l *leaf) { list = append(list, l.field()) })
	slices.Sort(list)
	return slices.Compact(list)
}

// Unknown returns an *Error for the first term that tests a field that the
// source does not know, and nil if there is none. The names in missing are
// those of Fields, or of an object that has such a field.
func (f *Filter) Unknown(source string, missing []string) error {
	var first error
	leaves(f.root, func(l *leaf) {
		if first == nil && lacks(l.field(), missing) {
			first = &Error{Expr: f.expr, Offset: l.offset,
				What: wording.Say("filter.unknown-field", "source", source, "field", l.field(), "term", l)}
		}
	})
	return first
}

func lacks(field string, missing []string) bool {
	object, _, _ := strings.Cut(field, ".")
	return slices.Contains(missing, field) || slices.Contains(missing, object)
}
