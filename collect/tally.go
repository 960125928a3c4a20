package collect

import (
	"cmp"
	"iter"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"tcpstate/fields"
	"tcpstate/tcp"
	"tcpstate/wording"
)

// Dimension is what sockets are grouped by when they are counted.
type Dimension struct {
	Name    string
	Doc     string
	Numeric bool       // its values are numbers
	Needs   tcp.Detail // what the source must be asked for

	// append appends the value of a socket, and reports whether it has one.
	append func(b []byte, s *tcp.Socket, listeners *Listeners) ([]byte, bool)
}

// Dimensions lists the dimensions that are not just a field. See ParseDimensions.
var Dimensions = []Dimension{
	{Name: "state", Doc: "the state", append: func(b []byte, s *tcp.Socket, _ *Listeners) ([]byte, bool) {
		return append(b, s.State.String()...), true
	}},
	{Name: "process", Doc: "the name of the process with the lowest id among the processes that hold the socket", Needs: tcp.DetailProcesses, append: func(b []byte, s *tcp.Socket, _ *Listeners) ([]byte, bool) {
		if len(s.Processes) == 0 {
			return b, false
		}
		return append(b, s.Processes[0].Name...), true
	}},
	{Name: "pid", Doc: "the lowest id of the processes that hold the socket", Numeric: true, Needs: tcp.DetailProcesses, append: func(b []byte, s *tcp.Socket, _ *Listeners) ([]byte, bool) {
		if len(s.Processes) == 0 {
			return b, false
		}
		return strconv.AppendInt(b, int64(s.Processes[0].PID), 10), true
	}},
	{Name: "user", Doc: "the user id of the owner", Numeric: true, append: func(b []byte, s *tcp.Socket, _ *Listeners) ([]byte, bool) {
		uid, known := s.Owner.UID.Get()
		return strconv.AppendUint(b, uint64(uid), 10), known
	}},
	{Name: "peer", Doc: "the peer's address, or its name if names were requested", append: func(b []byte, s *tcp.Socket, _ *Listeners) ([]byte, bool) {
		if s.PeerName.Host != "" {
			return append(b, s.PeerName.Host...), true
		}
		return appendHost(b, s.Peer)
	}},
	{Name: "prefix", Doc: "the peer's network, /24 or /64", append: appendPrefix},
	{Name: "pport", Doc: "the peer's port", Numeric: true, append: func(b []byte, s *tcp.Socket, _ *Listeners) ([]byte, bool) {
		return strconv.AppendUint(b, uint64(s.Peer.Port()), 10), s.Peer.Port() != 0
	}},
	{Name: "local", Doc: "the local address, or its name if names were requested", append: func(b []byte, s *tcp.Socket, _ *Listeners) ([]byte, bool) {
		if s.LocalName.Host != "" {
			return append(b, s.LocalName.Host...), true
		}
		return s.Local.Addr().Unmap().AppendTo(b), true
	}},
	{Name: "lport", Doc: "the local port", Numeric: true, append: func(b []byte, s *tcp.Socket, _ *Listeners) ([]byte, bool) {
		return strconv.AppendUint(b, uint64(s.Local.Port()), 10), true
	}},
	{Name: "listener", Doc: "the listener on the local address and port (inferred)", append: func(b []byte, s *tcp.Socket, listeners *Listeners) ([]byte, bool) {
		listener, ok := listeners.Of(s)
		if !ok {
			return b, false
		}
		return listener.AppendTo(b), true
	}},
	{Name: "cgroup", Doc: "the path of its cgroup, or the id of the cgroup if it has no path any more", Needs: tcp.DetailExtended, append: func(b []byte, s *tcp.Socket, _ *Listeners) ([]byte, bool) {
		switch {
		case s.Extended == nil || s.Extended.CgroupID == 0:
			return b, false
		case s.Extended.Cgroup.Path == "":
			return strconv.AppendUint(b, s.Extended.CgroupID, 10), true
		}
		return append(b, s.Extended.Cgroup.Path...), true
	}},
	{Name: "netns", Doc: "the network namespace, if --netns selects several", append: func(b []byte, s *tcp.Socket, _ *Listeners) ([]byte, bool) {
		return append(b, s.Netns...), s.Netns != ""
	}},
}

// appendHost appends the address of a peer. An IPv4 peer has the same address
// in a socket of either family.
func appendHost(b []byte, peer netip.AddrPort) ([]byte, bool) {
	if peer.Addr().IsUnspecified() {
		return b, false
	}
	return peer.Addr().Unmap().AppendTo(b), true
}

func appendPrefix(b []byte, s *tcp.Socket, _ *Listeners) ([]byte, bool) {
	host := s.Peer.Addr().Unmap()
	if host.IsUnspecified() {
		return b, false
	}
	length := 64
	if host.Is4() {
		length = 24
	}
	prefix, err := host.Prefix(length)
	if err != nil {
		return b, false
	}
	return prefix.AppendTo(b), true
}

// ParseDimensions returns the dimensions in list, which are separated by
// commas. A word is one of fields.Words: the name of a dimension, or of a field
// whose values repeat.
func ParseDimensions(list string) ([]*Dimension, error) {
	var dimensions []*Dimension
	for word := range strings.SplitSeq(list, ",") {
		name, ok := fields.Meaning(word, fields.InGroups)
		if !ok {
			return nil, &unknownDimensionError{word}
		}
		if slices.ContainsFunc(dimensions, func(d *Dimension) bool { return d.Name == name }) {
			return nil, wording.Fail("collect.error.twice", "name", word)
		}
		dimensions = append(dimensions, dimension(name))
	}
	return dimensions, nil
}

// dimension returns the dimension with the name, or makes one of the field with
// that name.
func dimension(name string) *Dimension {
	i := slices.IndexFunc(Dimensions, func(d Dimension) bool { return d.Name == name })
	if i >= 0 {
		return &Dimensions[i]
	}
	f := fields.Named(name)
	return &Dimension{Name: name, Doc: f.Doc, Numeric: f.Kind == fields.Number, Needs: f.Needs,
		append: func(b []byte, s *tcp.Socket, _ *Listeners) ([]byte, bool) {
			v := f.Get(s)
			switch {
			case !v.Known:
				return b, false
			case f.Kind == fields.Number:
				return strconv.AppendUint(b, v.N, 10), true
			case f.Kind == fields.Boolean:
				return strconv.AppendBool(b, v.N != 0), true
			}
			return append(b, v.Text...), true
		}}
}

type unknownDimensionError struct{ name string }

func (e *unknownDimensionError) Error() string { return e.Message().String() }

func (e *unknownDimensionError) Message() wording.Message {
	return wording.Say("collect.error.dimension", "name", e.name)
}

func (e *unknownDimensionError) Spelling() (string, []string) {
	return e.name, wording.KnownIn(fields.InGroups, e.name)
}

// Hint says where a word for no dimension has a meaning.
func (e *unknownDimensionError) Hint() wording.Message { return wording.Elsewhere(e.name) }

// Group is the sockets that have the same values in all dimensions.
type Group struct {
	Values []string // one for each dimension; "" if the sockets have none
	Counts tcp.Counts
}

// Tally counts sockets by state, and in groups if there are dimensions. It
// keeps one entry for each group, and nothing for each socket. The largest
// group comes first; groups of the same size are in the order of their values.
func Tally(sockets iter.Seq2[*tcp.Socket, error], by []*Dimension, listeners *Listeners) (tcp.Counts, []Group, error) {
	var counts tcp.Counts
	groups := make(map[string]*tcp.Counts)
	var key []byte
	for s, err := range sockets {
		if err != nil {
			return counts, nil, err
		}
		counts.Add(s.State)
		if len(by) == 0 {
			continue
		}
		key = appendKey(key[:0], by, s, listeners)
		group, ok := groups[string(key)]
		if !ok {
			group = new(tcp.Counts)
			groups[string(key)] = group
		}
		group.Add(s.State)
	}
	return counts, sortGroups(groups), nil
}

// separator stands between the values of a key. No value contains it.
const separator = "\x00"

func appendKey(b []byte, by []*Dimension, s *tcp.Socket, listeners *Listeners) []byte {
	for i, d := range by {
		if i > 0 {
			b = append(b, separator...)
		}
		start := len(b)
		var ok bool
		if b, ok = d.append(b, s, listeners); !ok {
			b = b[:start]
		}
	}
	return b
}

func sortGroups(groups map[string]*tcp.Counts) []Group {
	list := make([]Group, 0, len(groups))
	for key, counts := range groups {
		list = append(list, Group{Values: strings.Split(key, separator), Counts: *counts})
	}
	slices.SortFunc(list, func(a, b Group) int {
		return cmp.Or(cmp.Compare(b.Counts.Total(), a.Counts.Total()), slices.Compare(a.Values, b.Values))
	})
	return list
}
