package collect

import (
	"net/netip"

	"tcpstate/lifecycle"
	"tcpstate/tcp"
	"tcpstate/wording"
)

// live adds what a running host knows about its sockets: their ages, the name
// of the network namespace, and the names of interfaces.
type live struct {
	clocks     lifecycle.Clocks
	netns      string
	label      string // of the namespace, for people
	interfaces interfaceNames
}

// newLive reads the settings from which ages are computed. Without them, the ages
// that depend on them stay unknown, and a query that requests ages gets a warning.
// A live /proc of another host cannot report them: its sys/net shows the settings
// of the process that reads it.
func newLive(t *Table) *live {
	l := &live{}
	if t.Space != nil {
		l.netns, l.interfaces.within = t.Space.Name, t.Space.Do
		l.label = namespaceLabel(t.Query.Proc, t.Space)
	}
	clocks, err := t.Proc.Clocks()
	if t.Space == nil && t.Proc.NetDir != "net" {
		clocks, err = lifecycle.Clocks{}, wording.Fail("collect.error.settings", "proc", t.Query.Proc)
	}
	if err != nil && t.Query.Detail.Has(tcp.DetailAge) {
		t.Warnings.Add(agesUnknown(err))
	}
	l.clocks = clocks
	return l
}

// complete adds what can be computed about a socket.
func (l *live) complete(socket *tcp.Socket) {
	l.clocks.SetAge(socket)
	if l.netns != "" {
		socket.Netns, socket.NetnsLabel = l.netns, l.label
	}
	if socket.InterfaceIndex != 0 {
		socket.Interface = l.interfaces.name(socket.InterfaceIndex)
		socket.Local = withZone(socket.Local, socket.Interface)
		socket.Peer = withZone(socket.Peer, socket.Interface)
	}
}

// withZone adds the name of the link to an IPv6 link-local address, which has
// no meaning without its link.
func withZone(a netip.AddrPort, zone string) netip.AddrPort {
	if zone == "" || !a.Addr().IsLinkLocalUnicast() || !a.Addr().Is6() || a.Addr().Is4In6() {
		return a
	}
	return netip.AddrPortFrom(a.Addr().WithZone(zone), a.Port())
}
