package screen

import (
	"cmp"
	"net/netip"
	"strconv"
	"strings"
	"unicode/utf8"

	"tcpstate/collect"
	"tcpstate/filter"
	"tcpstate/tcp"
)

// groupKey is what the sockets of a group have in common: an address, a prefix,
// an address and a port, or the name of a process. The zero key is of those that
// have nothing of the kind.
type groupKey struct {
	addr   netip.Addr
	number int32 // the bits of a prefix, or the port
	name   string
}

// keyOf returns the key of a socket's group. The groups are those of the
// dimensions of collect with the same names.
func (g grouping) keyOf(s *tcp.Socket, listeners *collect.Listeners) groupKey {
	switch g {
	case byOwner:
		if len(s.Processes) > 0 {
			return groupKey{name: s.Processes[0].Name}
		}
	case byHost:
		if peer := s.Peer.Addr().Unmap(); !peer.IsUnspecified() {
			return groupKey{addr: peer}
		}
	case byPrefix:
		return prefixOf(s)
	case byListener:
		if at, ok := listeners.Of(s); ok {
			return groupKey{addr: at.Addr(), number: int32(at.Port())}
		}
	}
	return groupKey{}
}

// prefixOf returns the /24 or /64 of the socket's peer.
func prefixOf(s *tcp.Socket) groupKey {
	peer := s.Peer.Addr().Unmap()
	if peer.IsUnspecified() {
		return groupKey{}
	}
	bits := 64
	if peer.Is4() {
		bits = 24
	}
	prefix, err := peer.Prefix(bits)
	if err != nil {
		return groupKey{}
	}
	return groupKey{addr: prefix.Addr(), number: int32(bits)}
}

// text returns how people are shown the key, "-" for the zero key.
func (g grouping) text(k groupKey) string {
	switch {
	case k == groupKey{}:
		return "-"
	case g == byOwner:
		return k.name
	case g == byPrefix:
		return k.addr.String() + "/" + strconv.Itoa(int(k.number))
	case g == byListener:
		return netip.AddrPortFrom(k.addr, uint16(k.number)).String()
	}
	return k.addr.String()
}

// term returns the term of the filter language that selects the group's sockets,
// "" where there is none. What connects to a listener, and is found by the
// listener's address, is not told by one term but by its port.
func (g grouping) term(k groupKey) string {
	switch {
	case k == groupKey{}:
		return ""
	case g == byOwner:
		return ofProcess(k.name)
	case g == byListener:
		return "sport = :" + strconv.Itoa(int(k.number))
	case k.addr.Zone() != "":
		return ""
	}
	text := k.addr.String()
	if k.addr.Is6() {
		text = "[" + text + "]"
	}
	if g == byPrefix {
		text += "/" + strconv.Itoa(int(k.number))
	}
	return "dst " + text
}

// ofProcess returns the term for a process of that name, even where it is a word
// of the language. A name with a comma has none, for commas part a list.
func ofProcess(name string) string {
	if strings.Contains(name, ",") {
		return ""
	}
	term := "process = " + literal(name)
	if _, err := filter.Parse([]string{term}, filter.Names{}); err != nil {
		return "process = \\" + literal(name)
	}
	return term
}

// literal writes a name so that the filter language takes it as it is: a backslash
// takes the next character literally.
func literal(name string) string {
	var b strings.Builder
	for i := range len(name) {
		c := name[i]
		isWord := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c >= utf8.RuneSelf || strings.IndexByte("-_.:/", c) >= 0
		if !isWord {
			b.WriteByte('\\')
		}
		b.WriteByte(c)
	}
	return b.String()
}

// group is how many sockets have a key.
type group struct {
	key    groupKey
	counts tcp.Counts
}

// tally counts sockets in groups. Its memory is used again.
type tally struct {
	by     grouping // of the rows of a list, and of which state they are
	front  tcp.State
	index  map[groupKey]int32
	groups []group
}

func (t *tally) reset() {
	if t.index == nil {
		t.index = make(map[groupKey]int32)
	}
	clear(t.index)
	t.groups = t.groups[:0]
}

func (t *tally) add(key groupKey, state tcp.State) {
	i, ok := t.index[key]
	if !ok {
		i = int32(len(t.groups))
		t.index[key] = i
		t.groups = append(t.groups, group{key: key})
	}
	t.groups[i].counts.Add(state)
}

// of returns how many sockets have the key.
func (t *tally) of(key groupKey) int {
	if i, ok := t.index[key]; ok {
		return t.groups[i].counts.Total()
	}
	return 0
}

// ranked is a group by its size.
type ranked struct {
	key  groupKey
	size int
}

// most returns the largest groups, the zero key's left out.
func (t *tally) most(n int) []ranked {
	var list []ranked
	for i := range t.groups {
		g := &t.groups[i]
		if (g.key == groupKey{}) {
			continue
		}
		list = insert(list, ranked{g.key, g.counts.Total()}, n)
	}
	return list
}

// insert adds a group to those of which the n largest are wanted.
func insert(list []ranked, r ranked, n int) []ranked {
	at := len(list)
	for at > 0 && compareRanked(r, list[at-1]) < 0 {
		at--
	}
	if at == n {
		return list
	}
	if len(list) < n {
		list = append(list, ranked{})
	}
	copy(list[at+1:], list[at:])
	list[at] = r
	return list
}

func compareRanked(a, b ranked) int {
	if a.size != b.size {
		return cmp.Compare(b.size, a.size)
	}
	return compareKeys(a.key, b.key)
}

func compareKeys(a, b groupKey) int {
	return cmp.Or(a.addr.Compare(b.addr), cmp.Compare(a.number, b.number), cmp.Compare(a.name, b.name))
}
