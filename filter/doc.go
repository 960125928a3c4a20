// Package filter is the language that selects sockets: that of ss(8), with some
// additions. It parses an expression, decides whether a socket matches, and
// prints the expression. It also compiles the part that the kernel can judge
// into the bytecode of sock_diag.
//
// # The grammar
//
//	filter     = [ leading ] [ expression ]
//	leading    = { ( "state" | "exclude" ) states }
//	expression = operand { [ connective ] operand }
//	connective = "and" | "&" | "&&" | "or" | "|" | "||"
//	operand    = ( "not" | "!" ) operand | "(" expression ")" | term
//
//	term       = "state"  [ equal ] states
//	           | "family" [ equal ] ( "ipv4" | "ipv6" )
//	           | ( "src"   | "dst"   ) [ equal ] host { "," host }
//	           | ( "sport" | "dport" | "port" ) [ equal ] port { "," port }
//	           | ( "sport" | "dport" | "port" ) order port
//	           | "dev"    [ equal ] ( NAME | INDEX )
//	           | "fwmark" [ equal ] MARK [ "/" MASK ]
//	           | "cgroup" [ equal ] PATH
//	           | "user"   [ equal ] ( NAME | UID ) { "," ( NAME | UID ) }
//	           | "process" [ equal ] NAME { "," NAME }
//	           | "pid"    [ equal ] PID { "," PID }
//	           | "timer"  [ equal ] KIND { "," KIND }
//	           | "autobound"
//	           | ( "recvq" | "sendq" ) compare BYTES
//	           | ( "age" | "idle" | "rtt" ) compare DURATION
//	           | ( "retrans" | "acceptq" ) compare NUMBER
//	           | FIELD ( compare ( NUMBER | BYTES | DURATION ) | [ equal ] TEXT { "," TEXT } )
//	           | place { "," place }
//	           | NAME { "," NAME }
//
//	states     = STATE { "," STATE }
//	host       = [ "inet:" | "inet6:" ] ( address [ ":" port ] | ":" port )
//	address    = "*" | IPV4 [ "/" LEN ] | "[" IPV6 [ "/" LEN ] "]" | IPV6 [ "/" LEN ] | HOSTNAME
//	place      = host, but not a HOSTNAME without a port
//	port       = [ "inet:" | "inet6:" ] [ ":" ] ( NUMBER | NUMBER "-" NUMBER | SERVICE | "*" )
//
//	equal      = "=" | "==" | "eq" | "!=" | "ne" | "neq"
//	order      = "<" | "lt" | "<=" | "le" | "leq" | ">" | "gt" | ">=" | "ge" | "geq"
//	compare    = equal | order
//
// FIELD is the name of a field as in JSON, or another word for it: package fields
// has the words. Another word can also stand for a word above, as peer for dst.
//
// Blanks separate words. They are not needed around parentheses and operators.
// After a backslash the next character has no special meaning. It does not
// matter how the shell splits the expression into arguments.
//
// # Precedence
//
// As in ss, there is no precedence: the connectives bind equally and are read
// from left to right, so "a or b and c" is "( a or b ) and c". Two operands
// without a connective are joined by and. Not applies to the one operand that
// follows it.
//
// The states before the expression restrict the whole expression. If the first
// is "state X", the set begins with X. If the first is "exclude X", the set
// begins with all states except X. Later ones add states or remove them. Before
// a connective, and at any later place, "state X" is an ordinary term.
//
// # Bare words
//
// A place without a word before it is true if one of the two ends has it: ":443"
// is "( sport = 443 or dport = 443 )", and "10.0.0.9" is "( src = 10.0.0.9 or dst =
// 10.0.0.9 )". The unspecified address is compared with the local end only, because
// it is the peer of every listener. A bare word is a place if it has a colon, a
// bracket or a star, or only digits, dots and slashes. A number alone is an error.
//
// Any other bare word is the name of a process, as after the word process. A process
// with this name must run, or it is an error: a slip would otherwise select nothing.
// A word of the language is never such a name.
//
// # Unknown values
//
// A socket may lack a value: a listener has no rtt, and TIME_WAIT has no user.
// A term that tests an unknown value is neither true nor false (the third value
// of Kleene's logic), and so is its negation: neither "rtt > 5ms" nor "not rtt
// > 5ms" selects a listener. Only an expression that is true selects a socket.
//
// # What the kernel can judge
//
// Compile first moves each not to the terms, where it reverses the operator.
// Then it treats each term that the kernel cannot judge as true. The result can
// only select too many sockets, and Match tests each of them again. The kernel
// knows the states (as a mask next to the program), addresses, ports, the
// family, dev, fwmark, cgroup and autobound.
//
// The term autobound tests whether the kernel chose the port. No source reports
// this, so only the kernel can judge it. Compile returns an error if autobound
// depends on a term that the kernel cannot judge, or if the source has no
// bytecode.
package filter
