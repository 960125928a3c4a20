package filter

import (
	"strings"

	"tcpstate/fields"
	"tcpstate/tcp"
	"tcpstate/wording"
)

// stateTerm tests the state. It prints the names of the states, not the groups
// or spellings that the user wrote.
type stateTerm struct {
	plain
	set tcp.StateSet
}

// longestState is longer than any spelling of a state.
const longestState = 40

func parseState(p *parser, k *kind) (node, error) {
	set, not, err := p.states(k)
	if err != nil {
		return nil, err
	}
	if not {
		set = tcp.All &^ set
	}
	return p.leaf(stateTerm{set: set}), nil
}

// states reads an operator and the names of states.
func (p *parser) states(k *kind) (set tcp.StateSet, not bool, err error) {
	list, not, err := p.equalTo(k)
	if err != nil {
		return 0, false, err
	}
	for _, v := range list {
		if len(v.text) > longestState { // the error would quote all of it
			return 0, false, p.refuse(k, v, "filter.no-state")
		}
		states, err := tcp.ParseStateSet(v.text)
		if err != nil {
			return 0, false, &Error{Expr: p.expr, Offset: v.offset, What: wording.Say("filter.cause", "cause", err), cause: err}
		}
		set |= states
	}
	return set, not, nil
}

// String names the states, or the excluded states if those are fewer.
func (t stateTerm) String() string {
	rest := tcp.All &^ t.set
	switch {
	case rest == 0:
		return "state all"
	case rest.Len() < t.set.Len() || t.set == 0:
		return "state != " + stateNames(rest)
	}
	return "state " + stateNames(t.set)
}

func stateNames(set tcp.StateSet) string {
	if set == tcp.All {
		return "all"
	}
	return strings.ToLower(strings.ReplaceAll(set.String(), "_", "-"))
}

func (t stateTerm) negated() term        { return stateTerm{set: tcp.All &^ t.set} }
func (t stateTerm) states() tcp.StateSet { return t.set }

// field returns bound_inactive or close if the term selects only that state,
// because some sources do not list these states.
func (t stateTerm) field() string {
	switch t.set {
	case tcp.Set(tcp.BoundInactive):
		return "bound_inactive"
	case tcp.Set(tcp.Close):
		return "close"
	}
	return fields.ForFilter("state").Name
}

func (t stateTerm) match() matcher {
	return func(s *tcp.Socket) bool { return t.set.Has(s.State) }
}

// kernel returns an exact verdict if the mask of states, which is sent with
// every program, already judges the state.
func (t stateTerm) kernel(k *target) verdict {
	if k.states&^t.set == 0 {
		return exactly(always(true))
	}
	return unjudged
}
