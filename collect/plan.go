package collect

import (
	"cmp"

	"tcpstate/filter"
	"tcpstate/sockdiag"
	"tcpstate/tcp"
)

// Plan is what the kernel is asked for, of a query over sock_diag.
type Plan struct {
	States   tcp.StateSet
	Families []tcp.Family
	Program  filter.Program
}

// PlanFor returns the plan of a query on a kernel that knows all instructions,
// for this process; from /proc nothing is judged by the kernel. The error is a
// *filter.Error: a filter that nobody can judge, or not from that source.
func PlanFor(q Query) (Plan, error) {
	q.narrow()
	if q.Source == ProcFS {
		r := &reading{source: ProcFS, query: q}
		program, err := q.Filter.Compile(0)
		return Plan{States: q.listed(), Families: q.Families, Program: program}, cmp.Or(err, r.canJudge())
	}
	known := filter.Capabilities(0)
	if !q.Everything {
		known = capabilities(sockdiag.ProbeAbilities())[0]
	}
	program, err := q.Filter.Compile(known)
	return Plan{States: q.listed(), Families: q.Families, Program: program}, err
}

// capabilities returns what may be tried of the kernel, in turn: all that this
// process may use; the oldest instructions; none.
func capabilities(abilities sockdiag.Abilities) []filter.Capabilities {
	all := filter.AllCapabilities
	if !abilities.Marks {
		all &^= filter.Mark
	}
	return []filter.Capabilities{all, filter.Bytecode, 0}
}
