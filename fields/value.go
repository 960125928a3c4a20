package fields

import (
	"net/netip"
	"strings"

	"tcpstate/tcp"
)

// Value is the value of one field of one socket. It is small enough to be
// returned in registers. The zero Value is unknown.
type Value struct {
	Known bool
	N     uint64
	Text  string
}

// AddressFunc returns an address of a socket. The zero address means unknown.
type AddressFunc func(s *tcp.Socket) netip.Addr

// ProcessesFunc returns processes of a socket. The list is valid as long as the
// socket is.
type ProcessesFunc func(s *tcp.Socket) []tcp.Process

// Kind is the kind of a value.
type Kind uint8

// The kinds, each with the part of a Value that holds it.
const (
	Number    Kind = iota // N, an integer
	Boolean               // N, 0 or 1
	Duration              // N in nanoseconds; in JSON in the unit at the end of the name
	Cookie                // N, 64 bits; in JSON in hexadecimal
	Enum                  // Text, a name of the kernel's number N
	Text                  // Text, which may come from outside the program
	User                  // Text, which may come from outside: the name of a user
	LongID                // Text, which may come from outside and may contain the id of a container
	Flags                 // N, a set of bits; in JSON their names
	Address               // none: see Field.Address
	Networks              // N, how many MD5 keys there are
	Processes             // N, how many processes there are; see Field.Processes
	Strings               // none: a list of strings within an element
	Integers              // none: a list of integers within an element
	Prefix                // none: a network within an element
)

// Unit is the unit of a number, in words.
type Unit string

// The units that a name can end with.
const (
	NoUnit       Unit = ""
	Bytes        Unit = "bytes"
	BytesPerSec  Unit = "bytes per second"
	Milliseconds Unit = "milliseconds"
	Microseconds Unit = "microseconds"
)

// UnitOf returns the unit at the end of a name.
func UnitOf(name string) Unit {
	switch {
	case strings.HasSuffix(name, "_bytes_per_sec"):
		return BytesPerSec
	case strings.HasSuffix(name, "_bytes"):
		return Bytes
	case strings.HasSuffix(name, "_ms"):
		return Milliseconds
	case strings.HasSuffix(name, "_us"):
		return Microseconds
	}
	return NoUnit
}

// The functions below make the values that the generated getters return.

type integer interface {
	~int64 | ~uint8 | ~uint16 | ~uint32 | ~uint64
}

func number[T integer](n T) Value { return Value{Known: true, N: uint64(n)} }

func optional[T integer](o tcp.Optional[T]) Value {
	n, known := o.Get()
	return Value{Known: known, N: uint64(n)}
}

func truth(b bool) Value {
	if b {
		return Value{Known: true, N: 1}
	}
	return Value{Known: true}
}

func text(s string) Value { return Value{Known: s != "", Text: s} }

func length(n int) Value { return Value{Known: n > 0, N: uint64(n)} }

// named is an integer with a name.
type named interface {
	~uint8
	String() string
}

func enum[T named](n T) Value { return Value{Known: true, N: uint64(n), Text: n.String()} }
