// Package filter is the language in which sockets are selected: that of ss(8),
// and a little more. It parses an expression, says of a socket whether it
// matches, prints the expression again, and compiles as much of it as the
// kernel can judge into the bytecode of sock_diag.
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
//	           | ( "sport" | "dport" ) [ equal ] port { "," port }
//	           | ( "sport" | "dport" ) order port
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
//
//	states     = STATE { "," STATE }
//	host       = [ "inet:" | "inet6:" ] ( address [ ":" port ] | ":" port )
//	address    = "*" | IPV4 [ "/" LEN ] | "[" IPV6 [ "/" LEN ] "]" | IPV6 [ "/" LEN ] | HOSTNAME
//	port       = [ "inet:" | "inet6:" ] [ ":" ] ( NUMBER | NUMBER "-" NUMBER | SERVICE | "*" )
//
//	equal      = "=" | "==" | "eq" | "!=" | "ne" | "neq"
//	order      = "<" | "lt" | "<=" | "le" | "leq" | ">" | "gt" | ">=" | "ge" | "geq"
//	compare    = equal | order
//
// Words are separated by blanks; around parentheses and operators none are
// needed. A backslash takes the next character literally. How the shell split
// the expression into arguments does not matter.
//
// # Precedence
//
// As in ss there is none: the connectives bind equally and read from left to
// right, so "a or b and c" is "( a or b ) and c". No connective means and. Not
// belongs to the one operand that follows it.
//
// The states before the expression restrict all of it: the first "state X" is
// X, the first "exclude X" all states but X, later ones add or take away. In
// front of a connective, and anywhere later on, "state X" is a term like others.
//
// # What is not known
//
// A socket may lack a value: a listener has no rtt, TIME_WAIT no user. A term
// on a value that is not known is neither true nor false (the third value of
// Kleene's logic), nor is its negation: neither "rtt > 5ms" nor "not rtt > 5ms"
// selects a listener. What selects a socket is an expression that is true.
//
// # What the kernel judges
//
// Compile first moves each not to the terms, where it turns the operator
// around. Then a term that the kernel cannot judge is taken as true where it
// stands. What remains can only let too many sockets pass, and Match looks at
// these again. The kernel knows the states (as a mask beside the program),
// addresses, ports, the family, dev, fwmark, cgroup and autobound.
//
// That a port was chosen by the kernel, which autobound asks, no source tells:
// only the kernel can judge it. Compile returns an error where autobound stands
// beside a term that the kernel cannot judge, or on a source without bytecode.
package filter
