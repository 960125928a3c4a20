package render

import (
	"strconv"

	"tcpstate/tcp"
)

// value is what one column shows of one socket, less an address, which Column
// has a function of its own for: so it is small enough to be returned in
// registers. The zero value is unknown.
type value struct {
	known bool
	n     uint64
	text  string
}

// kind says how a value is written and by what of it two are compared.
type kind uint8

const (
	number    kind = iota // n, an integer
	boolean               // n, 0 or 1
	cookie                // n, 64 bits in hexadecimal
	enum                  // text, in the order of n
	word                  // text, which may come from outside
	optionSet             // names of the bits of n
	address               // an endpoint without its port
	endpoint              // an address and a port
	networks              // MD5 keys, n of them
	holders               // processes, n of them
	duration              // n nanoseconds, after text
	size                  // n bytes
	rate                  // n bytes a second
	resends               // of n, how many are not acknowledged
	countdown             // the timer, n nanoseconds of it left
)

// jsonType is how docs/json.md names the JSON type of a kind that is a field.
func (k kind) jsonType() string {
	switch k {
	case number:
		return "integer"
	case boolean:
		return "boolean"
	case optionSet:
		return "list of strings"
	case networks, holders:
		return "list of objects"
	default:
		return "string"
	}
}

// rightAligned reports whether a table aligns the kind to the right.
func (k kind) rightAligned() bool {
	switch k {
	case number, duration, size, rate, resends:
		return true
	}
	return false
}

type integer interface {
	~int | ~int64 | ~uint8 | ~uint16 | ~uint32 | ~uint64
}

func count[T integer](n T) value { return value{known: true, n: uint64(n)} }

func named(n uint64, name string) value { return value{known: true, n: uint64(n), text: name} }

func text(s string) value { return value{known: s != "", text: s} }

func optional[T integer](o tcp.Optional[T]) value {
	n, known := o.Get()
	return value{known: known, n: uint64(n)}
}

func truth(b bool) value {
	if b {
		return value{known: true, n: 1}
	}
	return value{known: true}
}

// only returns v where known says so, and else the unknown value.
func only(known bool, v value) value {
	v.known = v.known && known
	return v
}

// appendText appends the value of column c as CSV has it, before quoting; of an
// unknown value nothing.
func (c *Column) appendText(b []byte, s *tcp.Socket) []byte {
	switch c.kind {
	case address:
		return appendAddr(b, c.end(s).Addr())
	case endpoint:
		return appendAddrPort(b, c.end(s))
	}
	v := c.get(s)
	if !v.known {
		return b
	}
	switch c.kind {
	case number:
		return strconv.AppendUint(b, v.n, 10)
	case boolean:
		return strconv.AppendBool(b, v.n != 0)
	case cookie:
		return tcp.Cookie(v.n).Append(b)
	case enum, word:
		return append(b, v.text...)
	case optionSet:
		return appendNames(b, v.n, c.names)
	case networks:
		return appendPrefixes(b, s.Extended.MD5Keys)
	case holders:
		return appendHolders(b, s.Processes)
	case duration:
		return appendDuration(append(b, v.text...), v.n)
	case size:
		return appendSize(b, v.n)
	case rate:
		return append(appendSize(b, v.n), "/s"...)
	case resends:
		b = strconv.AppendUint(b, uint64(s.Info.Retrans), 10)
		return strconv.AppendUint(append(b, '/'), v.n, 10)
	default: // countdown
		return appendCountdown(b, s.Timer)
	}
}

// appendCell appends the value of column c as a table has it: "-" where it is
// unknown or empty, and with nothing that could move a terminal's cursor.
func (c *Column) appendCell(b []byte, s *tcp.Socket) []byte {
	start := len(b)
	if c.kind == holders && len(s.Processes) > holdersShown {
		b = appendHolders(b, s.Processes[:holdersShown])
		b = strconv.AppendInt(append(b, " +"...), int64(len(s.Processes)-holdersShown), 10)
	} else {
		b = c.appendText(b, s)
	}
	if c.kind == endpoint && len(b) > start && c.anyPort(s) {
		b[len(b)-1] = '*' // the port was 0
	}
	switch {
	case len(b) == start:
		return append(b, '-')
	case c.fromOutside(s):
		return escapeFrom(b, start)
	}
	return b
}

// fromOutside reports whether the text may hold what somebody else chose: the
// name of an interface, also as the zone of an address, of an algorithm, or of a
// process.
func (c *Column) fromOutside(s *tcp.Socket) bool {
	switch c.kind {
	case word, holders:
		return true
	case address, endpoint:
		return c.end(s).Addr().Zone() != ""
	}
	return false
}

// anyPort reports whether people are to see "*" for the port of an endpoint: 0
// where no port is meant, not a port of that number.
func (c *Column) anyPort(s *tcp.Socket) bool {
	e := c.end(s)
	return e.Port() == 0 && (c.name == "peer" || e.Addr().IsUnspecified())
}

// appendNames appends the names of the bits, with spaces between.
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

// holdersShown is how many processes of a socket a table names before it counts
// the others.
const holdersShown = 2

// appendHolders appends processes as netstat writes them, with spaces between.
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

func appendPrefixes(b []byte, keys []tcp.MD5Key) []byte {
	for i, key := range keys {
		if i > 0 {
			b = append(b, ' ')
		}
		b = key.Prefix.AppendTo(b)
	}
	return b
}
