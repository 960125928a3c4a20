package filter

import (
	"fmt"

	"tcpstate/tcp"
)

// A term tests one field of a socket. If the field is unknown, neither the term
// nor its negation matches.
type term interface {
	fmt.Stringer            // the term as text that parses to the same term
	negated() term          // the term that matches if the field is known and this one does not match
	match() matcher         // the test of a socket
	field() string          // the JSON name of the field that it tests
	kernel(*target) verdict // the part of it that the kernel can judge

	// The details that it needs from a source for sockets in the given states,
	// and the states and families of the sockets that it can match. They may
	// include more than it matches.
	needs(tcp.StateSet) tcp.Detail
	states() tcp.StateSet
	families() familySet
}

// plain has methods that most terms share. They embed it.
type plain struct{}

func (plain) needs(tcp.StateSet) tcp.Detail { return 0 }
func (plain) states() tcp.StateSet          { return tcp.All }
func (plain) families() familySet           { return bothFamilies }
func (plain) kernel(*target) verdict        { return unjudged }

// familySet is a set of tcp.Family, as bits.
type familySet uint8

const bothFamilies = familySet(1<<tcp.IPv4 | 1<<tcp.IPv6)

// kind is a word that begins a term.
type kind struct {
	word    string
	operand string // the key of what stands after it
	parse   func(*parser, *kind) (node, error)
}

// kinds holds the words that begin a term, in the order in which hints list them.
var kinds = []kind{
	{"state", "filter.operand.state", parseState},
	{"src", "filter.operand.host", parseHosts},
	{"dst", "filter.operand.host", parseHosts},
	{"sport", "filter.operand.port", parsePorts},
	{"dport", "filter.operand.port", parsePorts},
	{"port", "filter.operand.port", parseEitherPort},
	{"family", "filter.operand.family", parseFamily},
	{"dev", "filter.operand.device", parseDevice},
	{"fwmark", "filter.operand.mark", parseMark},
	{"cgroup", "filter.operand.cgroup", parseCgroup},
	{"autobound", "", parseAutobound},
	{"user", "filter.operand.user", parseUsers},
	{"process", "filter.operand.process", parseProcesses},
	{"pid", "filter.operand.pid", parsePIDs},
	{"timer", "filter.operand.timer", parseTimers},
	{"recvq", "filter.operand.bytes", parseMeasure},
	{"sendq", "filter.operand.bytes", parseMeasure},
	{"acceptq", "filter.operand.number", parseMeasure},
	{"retrans", "filter.operand.number", parseMeasure},
	{"age", "filter.operand.duration", parseMeasure},
	{"idle", "filter.operand.duration", parseMeasure},
	{"rtt", "filter.operand.duration", parseMeasure},
}

// operator compares. Each has an opposite, which is the other of its pair.
type operator uint8

const (
	equal operator = iota
	notEqual
	less
	greaterEqual
	greater
	lessEqual
)

// String returns the symbol.
func (o operator) String() string { return [...]string{"=", "!=", "<", ">=", ">", "<="}[o] }

// opposite returns the operator that is true if o is false.
func (o operator) opposite() operator { return o ^ 1 }

// compare reports whether the comparison of a with b is true.
func (o operator) compare(a, b uint64) bool {
	switch o {
	case equal:
		return a == b
	case notEqual:
		return a != b
	case less:
		return a < b
	case greaterEqual:
		return a >= b
	case greater:
		return a > b
	default:
		return a <= b
	}
}

// equality returns = or !=.
func equality(not bool) operator {
	if not {
		return notEqual
	}
	return equal
}

type operatorWord struct {
	word string
	op   operator
}

// operatorWords has the spellings of the operators, as in ss. A longer symbol
// comes before its prefix.
var operatorWords = []operatorWord{
	{"==", equal}, {"=", equal}, {"!=", notEqual}, {"<=", lessEqual}, {"<", less}, {">=", greaterEqual}, {">", greater},
	{"eq", equal}, {"neq", notEqual}, {"ne", notEqual}, {"leq", lessEqual}, {"le", lessEqual}, {"lt", less},
	{"geq", greaterEqual}, {"ge", greaterEqual}, {"gt", greater},
}
