// Package tcp describes TCP sockets: their states and the names that people use
// for these, a socket in the form that every source produces, its owner, its
// timer and its tcp_info.
//
// Every other package imports tcp, and tcp imports only the standard library.
// It reads nothing from the host. Package lifecycle models how a socket moves
// from state to state and how long that takes.
//
// Durations are time.Duration, and addresses are types of net/netip. A value
// that a source cannot know is absent: an unknown [Optional], a nil pointer or
// an empty string. It is never a zero that looks like a measured value.
package tcp

import (
	"encoding/json"
)

// Optional is a value that its source may not know. The zero Optional is
// unknown, so a Socket starts with everything unknown.
type Optional[T any] struct {
	value T
	known bool
}

// Known returns an Optional that holds v.
func Known[T any](v T) Optional[T] { return Optional[T]{value: v, known: true} }

// Get returns the value and whether it is known.
func (o Optional[T]) Get() (T, bool) { return o.value, o.known }

// Or returns the value, or other if it is unknown.
func (o Optional[T]) Or(other T) T {
	if o.known {
		return o.value
	}
	return other
}

// IsKnown reports whether the value is known.
func (o Optional[T]) IsKnown() bool { return o.known }

// IsZero reports whether the value is unknown. The JSON option omitzero calls
// it, so an unknown value has no key and a known 0 has one.
func (o Optional[T]) IsZero() bool { return !o.known }

// MarshalJSON writes the value, or null if it is unknown.
func (o Optional[T]) MarshalJSON() ([]byte, error) {
	if !o.known {
		return []byte("null"), nil
	}
	return json.Marshal(o.value)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (o *Optional[T]) UnmarshalJSON(text []byte) error {
	if string(text) == "null" {
		*o = Optional[T]{}
		return nil
	}
	o.known = true
	return json.Unmarshal(text, &o.value)
}
