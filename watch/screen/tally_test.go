package screen

import (
	"net/netip"
	"testing"

	"tcpstate/filter"
	"tcpstate/tcp"
)

// TestTermsSelectTheirGroup checks that the filter term of a group selects the
// sockets of the group.
func TestTermsSelectTheirGroup(t *testing.T) {
	sockets := []tcp.Socket{
		{State: tcp.Established, Family: tcp.IPv4, Local: netip.MustParseAddrPort("10.0.0.1:80"), Peer: netip.MustParseAddrPort("192.0.2.1:1000"),
			Processes: []tcp.Process{{PID: 1, Name: "nginx"}}},
		{State: tcp.Established, Family: tcp.IPv6, Local: netip.MustParseAddrPort("[::1]:81"), Peer: netip.MustParseAddrPort("[2001:db8::1]:1000"),
			Processes: []tcp.Process{{PID: 2, Name: "tmux: server"}}},
		{State: tcp.Established, Family: tcp.IPv6, Local: netip.MustParseAddrPort("[::ffff:10.0.0.1]:82"), Peer: netip.MustParseAddrPort("[::ffff:192.0.3.2]:1000"),
			Processes: []tcp.Process{{PID: 3, Name: `a"b\c`}}},
		{State: tcp.Established, Family: tcp.IPv6, Local: netip.MustParseAddrPort("[fe80::1%eth0]:83"), Peer: netip.MustParseAddrPort("[fe80::2%eth0]:1000"),
			Processes: []tcp.Process{{PID: 4, Name: "and"}}},
		{State: tcp.Established, Family: tcp.IPv4, Local: netip.MustParseAddrPort("10.0.0.1:80"), Peer: netip.MustParseAddrPort("198.51.100.1:1000"),
			Processes: []tcp.Process{{PID: 5, Name: "a,b(c)"}}},
		{State: tcp.Established, Family: tcp.IPv4, Local: netip.MustParseAddrPort("10.0.0.1:80"), Peer: netip.MustParseAddrPort("198.51.100.2:1000"),
			Processes: []tcp.Process{{PID: 6, Name: "!process"}}},
		{State: tcp.Listen, Family: tcp.IPv4, Local: netip.MustParseAddrPort("0.0.0.0:84"), Peer: netip.MustParseAddrPort("0.0.0.0:0")},
	}
	for _, g := range []grouping{byOwner, byHost, byPrefix} {
		for i := range sockets {
			key := g.keyOf(&sockets[i], nil)
			term := g.term(key)
			if (key == groupKey{}) {
				if term != "" || g.label(key) != "-" {
					t.Errorf("by %s, the zero key: %q, %q", g, term, g.label(key))
				}
				continue
			}
			if term == "" {
				t.Logf("by %s nothing selects %s", g, g.label(key))
				continue
			}
			f, err := filter.Parse([]string{term}, filter.Names{})
			if err != nil {
				t.Errorf("by %s: %v", g, err)
				continue
			}
			for j := range sockets {
				if got, want := f.Match(&sockets[j]), g.keyOf(&sockets[j], nil) == key; got != want {
					t.Errorf("%s selects %v %v, want %v", term, sockets[j].Peer, got, want)
				}
			}
		}
	}
}

// TestLargest finds the largest groups, and sorts groups of equal size by name.
func TestLargest(t *testing.T) {
	var tl tally
	tl.reset()
	for name, n := range map[string]int{"a": 3, "b": 5, "c": 3, "d": 1, "": 9} {
		for range n {
			tl.add(groupKey{name: name}, tcp.Established)
		}
	}
	for n, want := range []string{"", "b", "ba", "bac", "bacd", "bacd"} {
		got := ""
		for _, r := range tl.largest(n) {
			got += r.key.name
		}
		if got != want {
			t.Errorf("the %d largest are %q, want %q", n, got, want)
		}
	}
}
