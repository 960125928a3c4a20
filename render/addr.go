package render

import (
	"net/netip"
)

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
