package collect

import (
	"tcpstate/filter"
	"tcpstate/tcp"
)

// Plan is what a source asks the kernel for, of a query.
type Plan struct {
	States   tcp.StateSet
	Families []tcp.Family
	Program  filter.Program
}

// PlanFor returns the plan of a query, for this process on a kernel that knows
// all instructions. The error is a *filter.Error: a filter that nothing can
// judge, or not with that source.
func PlanFor(q Query) (Plan, error) {
	if err := q.complete(); err != nil {
		return Plan{}, err
	}
	return q.Source.Plan(&q)
}
