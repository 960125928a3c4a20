package render

import (
	"net/netip"
	"strconv"
	"time"

	"tcpstate/tcp"
	"tcpstate/text"
)

// kind says how the value of a column is written, and how two values are
// compared. In the comments below, n and text are the N and Text of a
// fields.Value.
type kind uint8

const (
	number       kind = iota // n, an integer
	boolean                  // n, 0 or 1
	milliseconds             // n nanoseconds, as an integer
	microseconds             // n nanoseconds, as an integer
	cookie                   // n, 64 bits in hexadecimal
	enum                     // text, in the order of n
	word                     // text, which may come from outside
	userName                 // text, which may come from outside; people see the number of the owner if it is empty
	namespace                // text, which may come from outside; people see the label of a namespace without a name
	longID                   // text, which may come from outside; people see only the first digits of a container's id
	optionSet                // names of the bits of n
	address                  // an endpoint without its port
	endpoint                 // an address and a port
	networks                 // MD5 keys, n of them
	holders                  // processes, n of them
	arguments                // of the first process
	duration                 // n nanoseconds, after text
	size                     // n bytes
	rate                     // n bytes a second
	resends                  // unacknowledged resends, then n
	countdown                // the timer, with n nanoseconds left
)

// rightAligned reports whether a table aligns the kind to the right.
func (k kind) rightAligned() bool {
	switch k {
	case number, milliseconds, microseconds, duration, size, rate, resends:
		return true
	}
	return false
}

// appendText appends the value of column c as in CSV, before quoting. For an
// unknown value it appends nothing.
func (c *Column) appendText(b []byte, s *tcp.Socket) []byte {
	switch c.kind {
	case address:
		return appendAddr(b, c.addr(s))
	case endpoint:
		return appendAddrPort(b, c.end(s))
	}
	v := c.get(s)
	if !v.Known {
		return b
	}
	switch c.kind {
	case number:
		return strconv.AppendUint(b, v.N, 10)
	case milliseconds:
		return strconv.AppendInt(b, time.Duration(v.N).Milliseconds(), 10)
	case microseconds:
		return strconv.AppendInt(b, time.Duration(v.N).Microseconds(), 10)
	case boolean:
		return strconv.AppendBool(b, v.N != 0)
	case cookie:
		return tcp.Cookie(v.N).Append(b)
	case enum, word, userName, namespace, longID:
		return append(b, v.Text...)
	case optionSet:
		return appendNames(b, v.N, c.names)
	case networks:
		return appendPrefixes(b, s.Extended.MD5Keys)
	case holders:
		return appendHolders(b, c.holders(s))
	case arguments:
		return appendArguments(b, s.Processes[0].Cmdline)
	case duration:
		return text.AppendDuration(append(b, v.Text...), v.N)
	case size:
		return text.AppendSize(b, v.N)
	case rate:
		return append(text.AppendSize(b, v.N), "/s"...)
	case resends:
		b = strconv.AppendUint(b, uint64(s.Info.Retrans), 10)
		return strconv.AppendUint(append(b, '/'), v.N, 10)
	default: // countdown
		return appendCountdown(b, s.Timer)
	}
}

// appendCell appends the value of column c as in a table: "-" if it is unknown
// or empty, and without characters that could move a terminal's cursor.
func (c *Column) appendCell(b []byte, s *tcp.Socket) []byte {
	start := len(b)
	switch c.kind {
	case endpoint:
		b = c.appendEndpoint(b, s)
	case holders:
		b = c.appendHoldersShown(b, s)
	case userName:
		if b = c.appendText(b, s); len(b) == start {
			b = appendKnown(b, s.Owner.UID)
		}
	case namespace:
		if b = append(b, s.NetnsLabel...); len(b) == start {
			b = c.appendText(b, s)
		}
	case longID:
		b = shortenFrom(c.appendText(b, s), start)
	default:
		b = c.appendText(b, s)
	}
	switch {
	case len(b) == start:
		return append(b, '-')
	case c.fromOutside(s):
		return text.EscapeFrom(b, start)
	}
	return b
}

// fromOutside reports whether the text may contain something that another
// program or user chose: the name of an interface (also as the zone of an
// address), of an algorithm, of a process or of a host.
func (c *Column) fromOutside(s *tcp.Socket) bool {
	switch c.kind {
	case word, userName, namespace, longID, holders, arguments:
		return true
	case address:
		return c.addr(s).Zone() != ""
	case endpoint:
		return c.end(s).Addr().Zone() != "" || c.nameOf != nil && c.nameOf(s) != tcp.Name{}
	}
	return false
}

// appendEndpoint appends an endpoint for people: with the names of the host and
// the service if they are known, and with "*" for the port if port 0 means that
// there is no port.
func (c *Column) appendEndpoint(b []byte, s *tcp.Socket) []byte {
	e := c.end(s)
	if !e.IsValid() {
		return b
	}
	var name tcp.Name
	if c.nameOf != nil {
		name = c.nameOf(s)
	}
	anyPort := e.Port() == 0 && (c.name == "peer" || e.Addr().IsUnspecified())
	if name == (tcp.Name{}) && !anyPort {
		return appendAddrPort(b, e)
	}
	switch {
	case name.Host != "":
		b = append(b, name.Host...)
	case e.Addr().Is4():
		b = appendAddr(b, e.Addr())
	default:
		b = append(appendAddr(append(b, '['), e.Addr()), ']')
	}
	b = append(b, ':')
	switch {
	case name.Service != "":
		return append(b, name.Service...)
	case anyPort:
		return append(b, '*')
	}
	return strconv.AppendUint(b, uint64(e.Port()), 10)
}

// appendHoldersShown appends the first processes and the number of others. For
// a socket without processes it appends its listener in parentheses, because
// the listener is inferred: the processes of the listener, or its address if
// they are not known. A socket that the kernel itself serves has the word kernel
// in parentheses.
func (c *Column) appendHoldersShown(b []byte, s *tcp.Socket) []byte {
	if c.name == "process" && s.Owner.Kernel {
		return append(b, "(kernel)"...)
	}
	if processes := c.holders(s); len(processes) > 0 || c.name != "process" || s.Listener == nil {
		return appendFirst(b, processes)
	}
	b = append(b, '(')
	if len(s.Listener.Processes) > 0 {
		b = appendFirst(b, s.Listener.Processes)
	} else {
		b = appendAddrPort(b, s.Listener.Local)
	}
	return append(b, ')')
}

// appendFirst appends at most holdersShown processes, and the number of others.
func appendFirst(b []byte, processes []tcp.Process) []byte {
	more := len(processes) - holdersShown
	if more <= 0 {
		return appendHolders(b, processes)
	}
	b = appendHolders(b, processes[:holdersShown])
	return strconv.AppendInt(append(b, " +"...), int64(more), 10)
}

// The id of a container has 64 digits. People see 12, as in docker ps.
const (
	idDigits = 64
	idShown  = 12
)

// shortenFrom shortens the id of a container in b[start:]. The id may be the
// whole text or a part of it, as in the unit of a container. In a unit, "*"
// replaces the removed digits; systemctl(1) accepts such a pattern.
func shortenFrom(b []byte, start int) []byte {
	run := 0
	for i := start; i < len(b); i++ {
		if b[i] < '0' || b[i] > '9' && b[i] < 'a' || b[i] > 'f' {
			run = 0
			continue
		}
		if run++; run < idDigits {
			continue
		}
		first, rest := i+1-idDigits, b[i+1:]
		b = b[:first+idShown]
		if first > start || len(rest) > 0 {
			b = append(b, '*')
		}
		return append(b, rest...)
	}
	return b
}

func appendKnown(b []byte, o tcp.Optional[uint32]) []byte {
	n, known := o.Get()
	if !known {
		return b
	}
	return strconv.AppendUint(b, uint64(n), 10)
}

// appendNames appends the names of the bits, separated by spaces.
func appendNames(b []byte, bits uint64, names []string) []byte {
	start := len(b)
	for i, name := range names {
		if bits&(1<<i) == 0 {
			continue
		}
		if len(b) > start {
			b = append(b, ' ')
		}
		b = append(b, name...)
	}
	return b
}

// holdersShown is how many processes of a socket a table names. It only counts
// the others.
const holdersShown = 2

// appendHolders appends processes in the format of netstat, separated by
// spaces.
func appendHolders(b []byte, processes []tcp.Process) []byte {
	for i, p := range processes {
		if i > 0 {
			b = append(b, ' ')
		}
		b = append(strconv.AppendInt(b, int64(p.PID), 10), '/')
		b = append(b, p.Name...)
	}
	return b
}

// appendArguments appends the arguments of a process, separated by spaces.
func appendArguments(b []byte, list []string) []byte {
	for i, argument := range list {
		if i > 0 {
			b = append(b, ' ')
		}
		b = append(b, argument...)
	}
	return b
}

func appendPrefixes(b []byte, keys []tcp.MD5Key) []byte {
	for i, key := range keys {
		if i > 0 {
			b = append(b, ' ')
		}
		b = key.Prefix.AppendTo(b)
	}
	return b
}

// appendCountdown appends a timer that is running.
func appendCountdown(b []byte, t tcp.Timer) []byte {
	b = append(b, t.Kind.String()...)
	b = text.AppendDuration(append(b, ' '), uint64(t.Expires))
	switch {
	case t.Retransmits == 0:
		return b
	case t.Kind == tcp.TimerOn:
		return appendCount(b, t.Retransmits, "resend")
	default:
		return appendCount(b, t.Retransmits, "probe")
	}
}

// appendCount appends a comma and the number of things.
func appendCount(b []byte, n uint8, thing string) []byte {
	b = strconv.AppendUint(append(b, ", "...), uint64(n), 10)
	return append(append(b, ' '), text.Plural(n, thing, thing+"s")...)
}

// appendAddr appends the address in the format of netip. It appends nothing for
// the zero address.
func appendAddr(b []byte, a netip.Addr) []byte {
	if !a.IsValid() {
		return b
	}
	return a.AppendTo(b)
}

// appendAddrPort appends the address and the port in the format of netip. It
// appends nothing for the zero address.
func appendAddrPort(b []byte, e netip.AddrPort) []byte {
	if !e.IsValid() {
		return b
	}
	return e.AppendTo(b)
}
