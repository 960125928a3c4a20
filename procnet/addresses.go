package procnet

import (
	"bufio"
	"encoding/hex"
	"io"
	"net/netip"
	"path"
	"strconv"
	"strings"
)

// maxRoutes is how much of a list of routes is read, in bytes. A host that
// routes for the whole Internet has a longer list.
const maxRoutes = 8 << 20

// localRoute is the flag of a route to this host itself (RTF_LOCAL in
// include/uapi/linux/ipv6_route.h).
const localRoute = 0x80000000

// LocalAddresses returns the addresses that belong to the namespace, as
// prefixes: most hold one address, and 127.0.0.0/8 holds many. It reads the
// routes that deliver to the host itself (net/fib_trie and net/ipv6_route). A
// family whose routes cannot be read, or are too many, has no address here: its
// addresses are then unknown. Any user may read the files.
func (p *Proc) LocalAddresses() []netip.Prefix {
	var list []netip.Prefix
	for name, parse := range map[string]func(io.Reader) ([]netip.Prefix, bool){"fib_trie": parseTrie, "ipv6_route": parseRoutes6} {
		file, err := p.FS.Open(path.Join(p.NetDir, name))
		if err != nil {
			continue
		}
		if found, ok := parse(io.LimitReader(file, maxRoutes)); ok {
			list = append(list, found...)
		}
		file.Close()
	}
	return list
}

// parseTrie reads a list of IPv4 routes. A line with an address is followed by
// lines with the routes that begin there:
//
//	|-- 127.0.0.0
//	   /8 host LOCAL
func parseTrie(r io.Reader) (list []netip.Prefix, ok bool) {
	counted := &countingReader{r: r}
	lines := bufio.NewScanner(counted)
	var at netip.Addr
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		switch {
		case len(words) == 2 && words[0] == "|--":
			at, _ = netip.ParseAddr(words[1])
		case len(words) == 3 && words[2] == "LOCAL":
			length, err := strconv.Atoi(strings.TrimPrefix(words[0], "/"))
			prefix, wrong := at.Prefix(length)
			if err != nil || wrong != nil || !at.IsValid() {
				return nil, false
			}
			list = append(list, prefix)
		}
	}
	return list, lines.Err() == nil && counted.n < maxRoutes
}

// parseRoutes6 reads a list of IPv6 routes. Each line has the destination, the
// length of its prefix, and as the ninth word the flags of the route, all in
// hexadecimal.
func parseRoutes6(r io.Reader) (list []netip.Prefix, ok bool) {
	counted := &countingReader{r: r}
	lines := bufio.NewScanner(counted)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		if len(words) != 10 {
			return nil, false
		}
		flags, err := strconv.ParseUint(words[8], 16, 32)
		if err != nil {
			return nil, false
		}
		if flags&localRoute == 0 {
			continue
		}
		raw, err := hex.DecodeString(words[0])
		length, err2 := strconv.ParseUint(words[1], 16, 8)
		if err != nil || err2 != nil || len(raw) != 16 || length > 128 {
			return nil, false
		}
		list = append(list, netip.PrefixFrom(netip.AddrFrom16([16]byte(raw)), int(length)))
	}
	return list, lines.Err() == nil && counted.n < maxRoutes
}

// countingReader counts what is read through it.
type countingReader struct {
	r io.Reader
	n int64
}

func (c *countingReader) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n += int64(n)
	return n, err
}
