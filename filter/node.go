package filter

import (
	"strings"

	"tcpstate/tcp"
)

// matcher reports whether a socket matches. It does not keep the socket or a
// part of it.
type matcher func(*tcp.Socket) bool

// A node is an expression: one of *junction, *negation and *leaf.
type node interface{}

// junction is two or more expressions joined by the same connective. A chain is
// one junction, so a long chain adds no depth: "a and ( b and c )" has three
// kids.
type junction struct {
	or    bool
	kids  []node
	depth int
}

// negation is "not" and an expression.
type negation struct {
	kid   node
	depth int
}

// leaf is a term at its place in the expression.
type leaf struct {
	term
	offset int
}

// depthOf returns how many junctions and negations are nested in an expression.
func depthOf(n node) int {
	switch n := n.(type) {
	case *junction:
		return n.depth
	case *negation:
		return n.depth
	}
	return 0
}

func negated(n node) node { return &negation{n, depthOf(n) + 1} }

// join joins two expressions. It may change left, which the caller must not use
// again.
func join(or bool, left, right node) node {
	into, ok := left.(*junction)
	if !ok || into.or != or {
		into = &junction{or, []node{left}, depthOf(left) + 1}
	}
	if more, ok := right.(*junction); ok && more.or == or {
		into.kids = append(into.kids, more.kids...)
		into.depth = max(into.depth, more.depth)
	} else {
		into.kids = append(into.kids, right)
		into.depth = max(into.depth, depthOf(right)+1)
	}
	return into
}

// pushed returns the expression with each negation moved to the terms (De
// Morgan). If a value is unknown, a term and its negation are both false. So
// the result selects with two-valued logic the same sockets as the expression
// with three-valued logic.
func pushed(n node, negate bool) node {
	switch n := n.(type) {
	case *negation:
		return pushed(n.kid, !negate)
	case *leaf:
		if negate {
			return &leaf{n.negated(), n.offset}
		}
		return n
	case *junction:
		or := n.or != negate
		var result node = &junction{or: or}
		for _, kid := range n.kids {
			result = join(or, result, pushed(kid, negate))
		}
		return result
	}
	return nil
}

// matches compiles an expression without negations into nested functions.
func matches(n node) matcher {
	switch n := n.(type) {
	case *leaf:
		return n.match()
	case *junction:
		kids := make([]matcher, len(n.kids))
		for i, kid := range n.kids {
			kids[i] = matches(kid)
		}
		return joined(n.or, kids)
	}
	return func(*tcp.Socket) bool { return true }
}

// joined returns the function for a junction.
func joined(or bool, kids []matcher) matcher {
	first := kids[0]
	switch {
	case len(kids) == 2 && or:
		second := kids[1]
		return func(s *tcp.Socket) bool { return first(s) || second(s) }
	case len(kids) == 2:
		second := kids[1]
		return func(s *tcp.Socket) bool { return first(s) && second(s) }
	}
	return func(s *tcp.Socket) bool {
		for _, kid := range kids {
			if kid(s) == or {
				return or
			}
		}
		return !or
	}
}

// leaves calls do for each term, from left to right.
func leaves(n node, do func(*leaf)) {
	switch n := n.(type) {
	case *leaf:
		do(n)
	case *negation:
		leaves(n.kid, do)
	case *junction:
		for _, kid := range n.kids {
			leaves(kid, do)
		}
	}
}

// source prints an expression so that it parses to the same tree. A junction
// inside another always gets parentheses, to help the reader.
func source(n node) string {
	var b strings.Builder
	write(&b, n)
	return b.String()
}

func write(b *strings.Builder, n node) {
	switch n := n.(type) {
	case *leaf:
		b.WriteString(n.String())
	case *negation:
		b.WriteString("not ")
		writeInner(b, n.kid)
	case *junction:
		for i, kid := range n.kids {
			if i > 0 {
				b.WriteString(" " + connective(n.or) + " ")
			}
			writeInner(b, kid)
		}
	}
}

// writeInner writes an expression within another.
func writeInner(b *strings.Builder, n node) {
	if _, ok := n.(*junction); !ok {
		write(b, n)
		return
	}
	b.WriteString("( ")
	write(b, n)
	b.WriteString(" )")
}

// tree writes the expression for people, with one term on each line.
func tree(b *strings.Builder, n node, indent string) {
	switch n := n.(type) {
	case *leaf:
		b.WriteString(indent + n.String() + "\n")
	case *negation:
		b.WriteString(indent + "not\n")
		tree(b, n.kid, indent+"  ")
	case *junction:
		b.WriteString(indent + connective(n.or) + "\n")
		for _, kid := range n.kids {
			tree(b, kid, indent+"  ")
		}
	}
}

func connective(or bool) string {
	if or {
		return "or"
	}
	return "and"
}
