package procnet

import (
	"io"
	"math"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

func TestLocalAddresses(t *testing.T) {
	trie := `Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 0.0.0.0
        /0 universe UNICAST
     +-- 127.0.0.0/8 2 0 2
        |-- 127.0.0.0
           /8 host LOCAL
        |-- 127.255.255.255
           /32 link BROADCAST
     |-- 192.0.2.2
        /24 link UNICAST
        /32 host LOCAL
`
	routes := `fe800000000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00000001     eth0
fd000000000000000000000000000002 80 00000000000000000000000000000000 00 00000000000000000000000000000000 00000000 00000003 00000000 80200001     eth0
`
	read := func(trie, routes string) []string {
		p := &Proc{FS: fstest.MapFS{"net/fib_trie": {Data: []byte(trie)}, "net/ipv6_route": {Data: []byte(routes)}}, NetDir: "net"}
		var list []string
		for _, prefix := range p.LocalAddresses() {
			list = append(list, prefix.String())
		}
		slices.Sort(list)
		return list
	}
	if got := read(trie, routes); !slices.Equal(got, []string{"127.0.0.0/8", "192.0.2.2/32", "fd00::2/128"}) {
		t.Errorf("the local addresses are %v", got)
	}
	for name, got := range map[string][]string{
		"an address of no length":  read(strings.ReplaceAll(trie, "/32 host", "/x host"), ""),
		"a route with few words":   read("", "fe80 40\n"),
		"a route without flags":    read("", strings.ReplaceAll(routes, "80200001", "none")),
		"more than is read":        read(trie+strings.Repeat(" \n", maxRoutes/2), ""),
		"more IPv6 than is read":   read("", strings.Repeat(routes, maxRoutes/len(routes)+1)),
		"neither of the two files": read("", ""),
	} {
		if len(got) > 0 {
			t.Errorf("%s: the local addresses are %v, not unknown", name, got)
		}
	}
	if list := Open("/proc").LocalAddresses(); !slices.ContainsFunc(list, func(p netip.Prefix) bool { return p.Contains(netip.MustParseAddr("127.0.0.1")) }) {
		t.Errorf("127.0.0.1 is not among this host's addresses %v", list)
	}
}

// FuzzRoutes checks that the parsers of routes return only valid prefixes, and
// never panic.
func FuzzRoutes(f *testing.F) {
	f.Add("Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 127.0.0.0\n        /8 host LOCAL\n")
	f.Add("   /8 host LOCAL\n")
	f.Add("00000000000000000000000000000001 80 00000000000000000000000000000000 00 00000000000000000000000000000000 00000000 00000002 00000000 80200001 lo\n")
	f.Fuzz(func(t *testing.T, file string) {
		for _, parse := range []func(io.Reader) ([]netip.Prefix, bool){parseTrie, parseRoutes6} {
			list, ok := parse(strings.NewReader(file))
			for _, prefix := range list {
				if ok && !prefix.IsValid() {
					t.Errorf("%q: the prefix %v is not valid", file, prefix)
				}
			}
		}
	})
}

// FuzzColumn checks the sum of a column against a simple count of its lines.
func FuzzColumn(f *testing.F) {
	f.Add("00000001 0000000a\n00000002 ffffffff\n", 1, 0)
	f.Add("a b\nc d\n", 0, 1)
	f.Fuzz(func(t *testing.T, file string, column, first int) {
		if column < 0 {
			return
		}
		sum, ok := parseColumn(strings.NewReader(file), column, first)
		if most := int64(strings.Count(file, "\n")+1) * math.MaxUint32; sum < 0 || sum > most || !ok && sum != 0 {
			t.Errorf("the sum of column %d of %q is %d, %v", column, file, sum, ok)
		}
	})
}
