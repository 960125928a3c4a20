package filter

import (
	"fmt"

	"tcpstate/tcp"
)

// A term asks one thing of a socket. What it asks may be unknown of a socket:
// then neither the term nor its negation matches.
type term interface {
	fmt.Stringer            // the term, so that it parses to the same again
	negated() term          // the term that matches where this one is known and does not
	match() matcher         // whether a socket matches
	field() string          // the name in JSON of what it looks at
	kernel(*target) verdict // what the kernel can judge of it

	// What it needs of a source that is asked for the given states, and the
	// states and families of the sockets that it can match: a widening.
	needs(tcp.StateSet) tcp.Detail
	states() tcp.StateSet
	families() familySet
}

// plain is what most terms have in common; they embed it.
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
	operand string // what stands after it, for people
	parse   func(*parser, *kind) (node, error)
}

// kinds holds the words that begin a term, in the order in which people are
// told of them.
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

// opposite returns the operator that holds where o does not.
func (o operator) opposite() operator { return o ^ 1 }

// compare reports whether a stands to b as the operator says.
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

// operatorWords spells the operators as ss does. A longer symbol stands before
// the one it begins with.
var operatorWords = []operatorWord{
	{"==", equal}, {"=", equal}, {"!=", notEqual}, {"<=", lessEqual}, {"<", less}, {">=", greaterEqual}, {">", greater},
	{"eq", equal}, {"neq", notEqual}, {"ne", notEqual}, {"leq", lessEqual}, {"le", lessEqual}, {"lt", less},
	{"geq", greaterEqual}, {"ge", greaterEqual}, {"gt", greater},
}
