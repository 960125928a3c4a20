package render

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
	"strings"

	"tcpstate/tcp"
)

// SortKey is a column by which sockets are sorted.
type SortKey struct {
	Column     *Column
	Descending bool
}

// byState is the default order of the formats for people: states in the order
// of a connection's life.
var byState = []SortKey{{Column: columns("state")[0]}}

// ParseSort returns the keys in list: names of columns separated by commas. A
// '-' before a name means descending order. The error is an
// *UnknownColumnError.
//
// Numbers are compared as numbers, addresses as netip.Addr.Compare does and
// then by port, states in the order of a connection's life, other names that
// the kernel numbers by their number, and text as text. Unknown values come
// last in both orders. Equal values keep the order of the source.
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

// appendSortKeys appends the sort key of a socket. The byte order of these keys
// is the order of the sockets, so the sort need not keep the sockets.
func appendSortKeys(b []byte, keys []SortKey, s *tcp.Socket) []byte {
	for _, k := range keys {
		start := len(b)
		b = k.Column.appendSortValue(append(b, 0), s)
		if len(b) == start+1 {
			b[start] = 1 // an unknown value comes after all known ones
		}
		if k.Descending {
			for i := range b[start+1:] {
				b[start+1+i] ^= 0xff
			}
		}
	}
	return b
}

// appendSortValue appends a known value. The bytes of one value are never the
// beginning of those of another value of the same column. So the bytes of a
// value are never compared with those of the next key, in either order. For an
// unknown value it appends nothing.
func (c *Column) appendSortValue(b []byte, s *tcp.Socket) []byte {
	switch c.kind {
	case address:
		return appendSortAddr(b, c.addr(s))
	case endpoint:
		e := c.end(s)
		if !e.IsValid() {
			return b
		}
		return binary.BigEndian.AppendUint16(appendSortAddr(b, e.Addr()), e.Port())
	}
	v := c.get(s)
	switch {
	case !v.Known:
		return b
	case c.kind == word || c.kind == userName || c.kind == namespace || c.kind == longID:
		return appendSortText(b, v.Text)
	case c.kind == holders:
		first := c.holders(s)[0]
		return appendSortNumber(appendSortText(b, first.Name), uint64(first.PID))
	case c.kind == optionSet || c.kind == networks || c.kind == arguments:
		return appendSortText(b, string(c.appendText(nil, s)))
	default:
		return appendSortNumber(b, v.N)
	}
}

// appendSortNumber appends the number of bytes of n, and then these bytes. Of
// two numbers, the one with more bytes is larger.
func appendSortNumber(b []byte, n uint64) []byte {
	size := (bits.Len64(n) + 7) / 8
	b = append(b, byte(size))
	for i := size - 1; i >= 0; i-- {
		b = append(b, byte(n>>(8*i)))
	}
	return b
}

// appendSortText appends s with its zero bytes marked, and then an end mark
// that sorts before every byte of a longer text.
func appendSortText(b []byte, s string) []byte {
	for i := range len(s) {
		b = append(b, s[i])
		if s[i] == 0 {
			b = append(b, 1)
		}
	}
	return append(b, 0, 0)
}

// appendSortAddr appends the parts that netip.Addr.Compare compares: the
// length, the bytes, the zone.
func appendSortAddr(b []byte, a netip.Addr) []byte {
	if !a.IsValid() {
		return b
	}
	bytes := a.As16()
	b = append(b, byte(a.BitLen()))
	b = append(b, bytes[:]...)
	return appendSortText(b, a.Zone())
}
