package render

import (
	"encoding/binary"
	"net/netip"
	"strings"

	"tcpstate/tcp"
)

// SortKey is one thing that sockets are sorted by.
type SortKey struct {
	Column     *Column
	Descending bool
}

// byState is the order of people's formats where none is asked for: states in
// the order of a connection's life.
var byState = []SortKey{{Column: field("state")}}

// ParseSort returns the keys that list names: columns joined by commas, each
// with '-' before it where the largest is to come first. The error is an
// *UnknownColumnError.
//
// Numbers are compared as numbers, addresses as netip.Addr.Compare does and
// then by port, states in the order of a connection's life, other names that
// the kernel numbers by their number, and text as text. Unknown values come
// last, whichever is the order; equals keep the order they came in.
func ParseSort(list string) ([]SortKey, error) {
	var keys []SortKey
	for name := range strings.SplitSeq(list, ",") {
		bare, descending := strings.CutPrefix(strings.TrimSpace(name), "-")
		c, err := column(bare)
		if err != nil {
			return nil, err
		}
		keys = append(keys, SortKey{Column: c, Descending: descending})
	}
	return keys, nil
}

// appendSortKeys appends bytes that compare, as bytes, the way sockets are to be
// sorted by the keys. So a socket need not be kept to be sorted.
func appendSortKeys(b []byte, keys []SortKey, s *tcp.Socket) []byte {
	for _, k := range keys {
		v := k.Column.get(s)
		if !v.known {
			b = append(b, 1) // after all that are known
			continue
		}
		b = append(b, 0)
		start := len(b)
		b = k.Column.appendSortValue(b, s, v)
		if k.Descending {
			for i := range b[start:] {
				b[start+i] ^= 0xff
			}
		}
	}
	return b
}

// appendSortValue appends a known value so that no value's bytes begin those of
// another of the same column: what follows them is then never compared with
// them, in either direction.
func (c *Column) appendSortValue(b []byte, s *tcp.Socket, v value) []byte {
	switch c.kind {
	case word:
		return appendSortText(b, v.text)
	case optionSet, networks:
		return appendSortText(b, string(c.appendText(nil, s)))
	case address:
		return appendSortAddr(b, v.end.Addr())
	case endpoint:
		return binary.BigEndian.AppendUint16(appendSortAddr(b, v.end.Addr()), v.end.Port())
	default:
		return binary.BigEndian.AppendUint64(b, v.n)
	}
}

// appendSortText appends s, its zero bytes marked, and an end that is less than
// any byte of a longer text.
func appendSortText(b []byte, s string) []byte {
	for i := range len(s) {
		b = append(b, s[i])
		if s[i] == 0 {
			b = append(b, 1)
		}
	}
	return append(b, 0, 0)
}

// appendSortAddr appends what netip.Addr.Compare looks at: the length, the
// bytes, the zone.
func appendSortAddr(b []byte, a netip.Addr) []byte {
	bytes := a.As16()
	b = append(b, byte(a.BitLen()))
	b = append(b, bytes[:]...)
	return appendSortText(b, a.Zone())
}
