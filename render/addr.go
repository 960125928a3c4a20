package render

import (
	"net/netip"
)

// appendAddr appends the address as netip does; no address is no text.
func appendAddr(b []byte, a netip.Addr) []byte {
	if !a.IsValid() {
		return b
	}
	return a.AppendTo(b)
}

// appendAddrPort appends the address and the port as netip does; no address is
// no text.
func appendAddrPort(b []byte, e netip.AddrPort) []byte {
	if !e.IsValid() {
		return b
	}
	return e.AppendTo(b)
}
