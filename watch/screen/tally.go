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

// groupKey identifies a group: an address, a prefix, an address and a port, or
// the name of a process. The sockets that have no such value share the zero
// key.
type groupKey struct {
	addr   netip.Addr
	number int32 // the length of a prefix in bits, or the port
	name   string
}

// lookedUp is the key of the sockets whose processes are being looked up.
var lookedUp = groupKey{number: -1}

// keyOf returns the key of a socket's group. The groupings correspond to the
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

// prefixOf returns the /24 (IPv4) or /64 (IPv6) prefix of the socket's peer.
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

// label returns the key as text, "-" for the zero key.
func (g grouping) label(k groupKey) string {
	switch {
	case k == groupKey{} || k == lookedUp:
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

// term returns the filter term that selects the sockets of the group, or "" if
// there is none. For a listener it selects by port: its connections may have
// another local address than the listener, so its address would not select
// them.
func (g grouping) term(k groupKey) string {
	switch {
	case k == groupKey{} || k == lookedUp:
		return ""
	case g == byOwner:
		return processTerm(k.name)
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

// processTerm returns the filter term for processes of that name. It works for
// names that are also words of the filter language. A name with a comma has no
// term, because commas separate the items of a list.
func processTerm(name string) string {
	if strings.Contains(name, ",") {
		return ""
	}
	term := "process = " + literal(name)
	if _, err := filter.Parse([]string{term}, filter.Names{}); err != nil {
		return "process = \\" + literal(name)
	}
	return term
}

// literal escapes a name for the filter language: the character after a
// backslash has no special meaning.
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

// group is the number of sockets with a key, by state.
type group struct {
	key    groupKey
	counts tcp.Counts
}

// tally counts sockets in groups. It reuses its memory.
type tally struct {
	by     grouping // of the items of the list, and the state that they are in
	focus  tcp.State
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

// ranked is a group with its size.
type ranked struct {
	key  groupKey
	size int
}

// largest returns the n largest groups, without that of the zero key.
func (t *tally) largest(n int) []ranked {
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

// insert adds a group to a sorted list of at most n groups.
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
