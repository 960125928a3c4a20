package render

import (
	"net/netip"
	"strconv"

	"tcpstate/tcp"
	"tcpstate/text"
)

// The encoder of a whole socket, appendSocket, is generated. It calls the
// functions below. None of them allocates. A key is the text before a value, with
// the comma: `,"uid":`.

// appendAddress appends the address inside a string. Its zone is the name of an
// interface, which may contain any characters.
func appendAddress(b []byte, addr netip.Addr) []byte {
	zone := addr.Zone()
	if zone == "" {
		return appendAddr(b, addr)
	}
	return text.AppendJSONInner(append(appendAddr(b, addr.WithZone("")), '%'), zone)
}

// appendList appends the names of the bits as a list of strings.
func appendList(b []byte, bits uint64, names []string) []byte {
	b = append(b, '[')
	for i, name := range names {
		if bits&(1<<i) == 0 {
			continue
		}
		if b[len(b)-1] != '[' {
			b = append(b, ',')
		}
		b = append(append(append(b, '"'), name...), '"')
	}
	return append(b, ']')
}

func appendUint[T ~uint8 | ~uint16 | ~uint32 | ~uint64](b []byte, key string, n T) []byte {
	return strconv.AppendUint(append(b, key...), uint64(n), 10)
}

// appendOptional appends the key and the value, or nothing if the value is
// unknown.
func appendOptional[T ~uint8 | ~uint16 | ~uint32 | ~uint64](b []byte, key string, o tcp.Optional[T]) []byte {
	n, known := o.Get()
	if !known {
		return b
	}
	return appendUint(b, key, n)
}

func appendBool(b []byte, key string, v bool) []byte {
	return strconv.AppendBool(append(b, key...), v)
}

// appendOptionalText appends the key and the string, or nothing if the string
// is empty.
func appendOptionalText(b []byte, key, s string) []byte {
	if s == "" {
		return b
	}
	return text.AppendJSON(append(b, key...), s)
}

// appendStrings appends the key and the list. It appends nothing for an empty list.
func appendStrings(b []byte, key string, list []string) []byte {
	for i, s := range list {
		separator := `,`
		if i == 0 {
			b = append(b, key...)
			separator = `[`
		}
		b = text.AppendJSON(append(b, separator...), s)
	}
	if len(list) > 0 {
		b = append(b, ']')
	}
	return b
}

// appendIntegers appends the key and the list. It appends nothing for an empty list.
func appendIntegers(b []byte, key string, list []int) []byte {
	for i, n := range list {
		separator := `,`
		if i == 0 {
			b = append(b, key...)
			separator = `[`
		}
		b = strconv.AppendInt(append(b, separator...), int64(n), 10)
	}
	if len(list) > 0 {
		b = append(b, ']')
	}
	return b
}
