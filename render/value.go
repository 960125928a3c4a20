package render

import (
	"net/netip"
	"strconv"

	"tcpstate/tcp"
)

// value is what one column shows of one socket. It lives in registers: reading
// a column allocates nothing. The zero value is unknown.
type value struct {
	known bool
	n, m  uint64 // the number; a composite of two has a second
	text  string
	end   netip.AddrPort
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
	address               // end without its port
	endpoint              // end
	networks              // MD5 keys, n of them
	duration              // n nanoseconds, after text
	size                  // n bytes
	rate                  // n bytes a second
	ratio                 // m of n
	countdown             // timer: its kind in text, n nanoseconds left, m retransmits
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
	case networks:
		return "list of objects"
	default:
		return "string"
	}
}

// rightAligned reports whether a table aligns the kind to the right.
func (k kind) rightAligned() bool {
	switch k {
	case number, duration, size, rate, ratio:
		return true
	}
	return false
}

// fromOutside reports whether the text may hold what somebody else chose:
// names of interfaces, also in the zone of an address, and of algorithms.
func (k kind) fromOutside() bool { return k == word || k == address || k == endpoint }

type integer interface {
	~int | ~int64 | ~uint8 | ~uint16 | ~uint32 | ~uint64
}

func count[T integer](n T) value { return value{known: true, n: uint64(n)} }

func named(n uint64, name string) value { return value{known: true, n: uint64(n), text: name} }

func text(s string) value { return value{known: s != "", text: s} }

func end(e netip.AddrPort) value { return value{known: e.IsValid(), end: e} }

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
	case address:
		return v.end.Addr().AppendTo(b)
	case endpoint:
		return v.end.AppendTo(b)
	case networks:
		for i, key := range s.Extended.MD5Keys {
			if i > 0 {
				b = append(b, ' ')
			}
			b = key.Prefix.AppendTo(b)
		}
		return b
	case duration:
		return appendDuration(append(b, v.text...), v.n)
	case size:
		return appendSize(b, v.n)
	case rate:
		return append(appendSize(b, v.n), "/s"...)
	case ratio:
		return strconv.AppendUint(append(strconv.AppendUint(b, v.m, 10), '/'), v.n, 10)
	default: // countdown
		return appendCountdown(b, s.Timer)
	}
}

// appendCell appends the value of column c as a table has it: "-" where it is
// unknown or empty, and with nothing that could move a terminal's cursor.
func (c *Column) appendCell(b []byte, s *tcp.Socket) []byte {
	start := len(b)
	b = c.appendText(b, s)
	if c.kind == endpoint && len(b) > start && c.anyPort(s) {
		b[len(b)-1] = '*' // the port was 0
	}
	switch {
	case len(b) == start:
		return append(b, '-')
	case c.kind.fromOutside():
		return escapeFrom(b, start)
	}
	return b
}

// anyPort reports whether people are to see "*" for the port of an endpoint: 0
// where no port is meant, not a port of that number.
func (c *Column) anyPort(s *tcp.Socket) bool {
	e := c.get(s).end
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
