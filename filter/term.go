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
	operand string // description of its operand, for people
	parse   func(*parser, *kind) (node, error)
}

// kinds lists the words that begin a term, in the order in which messages list
// them.
var kinds = []kind{
	{"state", "a state, such as established or time-wait, or one of all, connected, synchronized, bucket, big", parseState},
	{"src", hostOperand, parseHosts},
	{"dst", hostOperand, parseHosts},
	{"sport", portOperand, parsePorts},
	{"dport", portOperand, parsePorts},
	{"family", "ipv4 or ipv6", parseFamily},
	{"dev", "the name or the index of an interface", parseDevice},
	{"fwmark", "a mark, such as 5, 0x10 or 0x10/0xff", parseMark},
	{"cgroup", "the path of a cgroup v2", parseCgroup},
	{"autobound", "", parseAutobound},
	{"user", "the name or the id of a user", parseUsers},
	{"process", "the name of a process", parseProcesses},
	{"pid", "the id of a process", parsePIDs},
	{"timer", "off, on, keepalive, timewait, persist or delack", parseTimers},
	{"recvq", sizeOperand, parseMeasure},
	{"sendq", sizeOperand, parseMeasure},
	{"acceptq", "a number", parseMeasure},
	{"retrans", "a number", parseMeasure},
	{"age", durationOperand, parseMeasure},
	{"idle", durationOperand, parseMeasure},
	{"rtt", durationOperand, parseMeasure},
}

const (
	hostOperand     = "an address, such as 10.0.0.1, 10.0.0.0/8, [fe80::1]:443, *:80 or a host name"
	portOperand     = "a port from 0 to 65535, a range such as 8000-8100, or the name of a service"
	sizeOperand     = "a number of bytes, such as 512, 64K or 1M"
	durationOperand = "a duration, such as 250ms, 5s or 1m30s"
)

// operator is a comparison. Each has an opposite, and the two have numbers that
// differ in the lowest bit.
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
