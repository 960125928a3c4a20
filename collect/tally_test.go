package collect

import (
	"errors"
	"iter"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tcpstate/fields"
	"tcpstate/internal/filled"
	"tcpstate/tcp"
	"tcpstate/wording"
)

// socket returns a socket between two addresses.
func socket(state tcp.State, local, peer string, change ...func(*tcp.Socket)) *tcp.Socket {
	s := &tcp.Socket{State: state, Local: netip.MustParseAddrPort(local), Peer: netip.MustParseAddrPort(peer)}
	s.Family = tcp.IPv6
	if s.Local.Addr().Is4() {
		s.Family = tcp.IPv4
	}
	for _, f := range change {
		f(s)
	}
	return s
}

func ownedBy(uid uint32) func(*tcp.Socket) {
	return func(s *tcp.Socket) { s.Owner.UID = tcp.Known(uid) }
}

// each yields the sockets as a source does: in one Socket that is reused.
func each(sockets ...*tcp.Socket) iter.Seq2[*tcp.Socket, error] {
	return func(yield func(*tcp.Socket, error) bool) {
		var reused tcp.Socket
		for _, s := range sockets {
			reused = *s
			if !yield(&reused, nil) {
				return
			}
		}
	}
}

var someSockets = []*tcp.Socket{
	socket(tcp.Listen, "0.0.0.0:80", "0.0.0.0:0", ownedBy(0)),
	socket(tcp.Listen, "10.0.0.1:443", "0.0.0.0:0", ownedBy(33)),
	socket(tcp.Listen, "[::]:443", "[::]:0", ownedBy(33)),
	socket(tcp.Listen, "[::]:22", "[::]:0", ownedBy(0)),
	socket(tcp.SynRecv, "10.0.0.1:443", "192.0.2.7:1000"),
	socket(tcp.SynRecv, "10.0.0.1:443", "192.0.2.8:1000"),
	socket(tcp.Established, "10.0.0.2:443", "192.0.2.7:1001", ownedBy(33)),
	socket(tcp.Established, "[::ffff:10.0.0.2]:443", "[::ffff:192.0.2.7]:1002", ownedBy(33)),
	socket(tcp.CloseWait, "[2001:db8::1]:443", "[2001:db8:0:1:2::3]:7", ownedBy(33)),
	socket(tcp.TimeWait, "10.0.0.1:80", "198.51.100.1:1"),
	socket(tcp.Established, "10.0.0.1:22", "198.51.100.1:2", ownedBy(0)),
	socket(tcp.Established, "10.0.0.1:50000", "198.51.100.1:443", ownedBy(1000)),
}

func TestTally(t *testing.T) {
	listeners, err := listenersAmong(each(someSockets...))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		by   string
		want []string // value: total
	}{
		{"state", []string{"ESTABLISHED: 4", "LISTEN: 4", "SYN_RECV: 2", "CLOSE_WAIT: 1", "TIME_WAIT: 1"}},
		{"user", []string{"33: 5", ": 3", "0: 3", "1000: 1"}},
		{"peer", []string{": 4", "192.0.2.7: 3", "198.51.100.1: 3", "192.0.2.8: 1", "2001:db8:0:1:2::3: 1"}},
		{"prefix", []string{": 4", "192.0.2.0/24: 4", "198.51.100.0/24: 3", "2001:db8:0:1::/64: 1"}},
		{"pport", []string{": 4", "1000: 2", "1: 1", "1001: 1", "1002: 1", "2: 1", "443: 1", "7: 1"}},
		{"local", []string{"10.0.0.1: 6", "10.0.0.2: 2", "::: 2", "0.0.0.0: 1", "2001:db8::1: 1"}},
		{"lport", []string{"443: 7", "22: 2", "80: 2", "50000: 1"}},
		{"listener", []string{"[::]:443: 4", "10.0.0.1:443: 3", "0.0.0.0:80: 2", "[::]:22: 2", ": 1"}},
		{"lport,state", []string{"443|ESTABLISHED: 2", "443|LISTEN: 2", "443|SYN_RECV: 2", "22|ESTABLISHED: 1", "22|LISTEN: 1",
			"443|CLOSE_WAIT: 1", "50000|ESTABLISHED: 1", "80|LISTEN: 1", "80|TIME_WAIT: 1"}},
	}
	for _, test := range tests {
		by, err := ParseDimensions(test.by)
		if err != nil {
			t.Fatal(err)
		}
		counts, groups, err := Tally(each(someSockets...), by, listeners)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		var sum tcp.Counts
		for _, g := range groups {
			got = append(got, strings.Join(g.Values, "|")+": "+string(rune('0'+g.Counts.Total())))
			sum.AddAll(&g.Counts)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("by %s (-want +got):\n%s", test.by, diff)
		}
		if sum != counts || counts.Total() != len(someSockets) {
			t.Errorf("by %s: the sum of the groups is %v, all sockets are %v", test.by, sum, counts)
		}
	}
}

func TestTallyWithoutGroups(t *testing.T) {
	counts, groups, err := Tally(each(someSockets...), nil, nil)
	if err != nil || len(groups) != 0 {
		t.Fatalf("%d groups, error %v, want none", len(groups), err)
	}
	want := map[tcp.State]int{tcp.Listen: 4, tcp.SynRecv: 2, tcp.Established: 4, tcp.CloseWait: 1, tcp.TimeWait: 1}
	for s := range tcp.All.States() {
		if counts.Of(s) != want[s] {
			t.Errorf("%d %s, want %d", counts.Of(s), s, want[s])
		}
	}
}

func TestTallyEndsWithItsSockets(t *testing.T) {
	broken := errors.New("the dump broke off")
	_, _, err := Tally(func(yield func(*tcp.Socket, error) bool) {
		if yield(someSockets[0], nil) {
			yield(nil, broken)
		}
	}, nil, nil)
	if !errors.Is(err, broken) {
		t.Errorf("error %v, want %v", err, broken)
	}
}

// TestTallyAllocatesForGroupsOnly checks that a socket of an existing group
// needs no memory.
func TestTallyAllocatesForGroupsOnly(t *testing.T) {
	by, err := ParseDimensions("peer,lport,listener,user,prefix,pport,local,state")
	if err != nil {
		t.Fatal(err)
	}
	listeners, err := listenersAmong(each(someSockets...))
	if err != nil {
		t.Fatal(err)
	}
	allocations := func(times int) float64 {
		many := slices.Repeat(someSockets, times)
		return testing.AllocsPerRun(10, func() {
			if _, _, err := Tally(each(many...), by, listeners); err != nil {
				t.Fatal(err)
			}
		})
	}
	if once, often := allocations(1), allocations(1000); often > once {
		t.Errorf("%v allocations for %d sockets, %v for a thousand times as many of the same groups", once, len(someSockets), often)
	}
}

func TestParseDimensions(t *testing.T) {
	for list, want := range map[string]string{
		"foo":       `cannot count by "foo"`,
		"":          `cannot count by ""`,
		"peer,":     `cannot count by ""`,
		"peer,peer": `"peer" is named twice`,
	} {
		if _, err := ParseDimensions(list); err == nil || err.Error() != want {
			t.Errorf("ParseDimensions(%q): error %v, want %s", list, err, want)
		}
	}
	_, err := ParseDimensions("pear")
	if hint := wording.Hint(err).String(); hint != "did you mean peer?" {
		t.Errorf("ParseDimensions(pear): %v, hint %q", err, hint)
	}
	for word, want := range map[string]string{
		"age":  "age has a meaning in filters, --columns and --sort, not here",
		"prot": "did you mean port?",
	} {
		_, err := ParseDimensions(word)
		if hint := wording.Hint(err).String(); hint != want {
			t.Errorf("ParseDimensions(%s): hint %q, want %q", word, hint, want)
		}
	}
	if _, err := ParseDimensions("lport,port"); err == nil || err.Error() != `"port" is named twice` {
		t.Errorf("two words for the local port: %v", err)
	}
	if by, err := ParseDimensions("Peer,LPORT"); err != nil || by[0].Name != "peer" || by[1].Name != "lport" {
		t.Errorf("ParseDimensions(Peer,LPORT): %v", err)
	}
}

// TestEveryWordIsADimension checks the words of package fields for groups, and that
// each dimension has one.
func TestEveryWordIsADimension(t *testing.T) {
	for _, w := range fields.Words(fields.InGroups) {
		for _, name := range w.Names {
			if by, err := ParseDimensions(name); err != nil || by[0].Name != w.Group {
				t.Errorf("the word %s: %v, want the group %s", name, err, w.Group)
			}
		}
	}
	for _, d := range Dimensions {
		if name, ok := fields.Meaning(d.Name, fields.InGroups); !ok || name != d.Name {
			t.Errorf("%s stands for the group %q: add it to byHand in fields/words.go", d.Name, name)
		}
	}
}

// TestTallyByFields checks dimensions that are fields.
func TestTallyByFields(t *testing.T) {
	s := filled.Socket()
	s.State = tcp.Established
	bare := socket(tcp.TimeWait, "10.0.0.1:80", "10.0.0.9:5000")
	by, err := ParseDimensions("cc,mss,timer,v6only,container")
	if err != nil {
		t.Fatal(err)
	}
	_, groups, err := Tally(each(s, bare), by, nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, g := range groups {
		got = append(got, strings.Join(g.Values, "|"))
	}
	if want := []string{"||off||", "text|1|on|true|text"}; !slices.Equal(got, want) {
		t.Errorf("groups %q, want %q", got, want)
	}
}

func TestListeners(t *testing.T) {
	on := func(index uint32) func(*tcp.Socket) { return func(s *tcp.Socket) { s.InterfaceIndex = index } }
	in := func(name string) func(*tcp.Socket) { return func(s *tcp.Socket) { s.Netns = name } }
	v6only := func(s *tcp.Socket) { s.Extended = &tcp.Extended{V6Only: tcp.Known(true)} }
	l, err := listenersAmong(each(
		socket(tcp.Listen, "0.0.0.0:80", "0.0.0.0:0"),
		socket(tcp.Listen, "[::]:80", "[::]:0"),
		socket(tcp.Listen, "10.0.0.1:80", "0.0.0.0:0"),
		socket(tcp.Listen, "[fe80::1%eth0]:80", "[::]:0"),
		socket(tcp.Listen, "[::]:22", "[::]:0"),
		socket(tcp.Listen, "[::]:23", "[::]:0", v6only),
		socket(tcp.Listen, "0.0.0.0:25", "0.0.0.0:0"),
		socket(tcp.Listen, "0.0.0.0:26", "0.0.0.0:0", in("blue")),
		socket(tcp.Listen, "0.0.0.0:27", "0.0.0.0:0", on(7)),
		socket(tcp.Listen, "10.0.0.1:28", "0.0.0.0:0"),
		socket(tcp.Listen, "0.0.0.0:28", "0.0.0.0:0", on(7)),
		socket(tcp.Established, "10.0.0.1:99", "10.0.0.2:1"),
	))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		s    *tcp.Socket
		want string
	}{
		{socket(tcp.Established, "10.0.0.1:80", "[::]:1"), "10.0.0.1:80"},         // the most specific
		{socket(tcp.Established, "[::ffff:10.0.0.1]:80", "[::]:1"), "[::]:80"},    // a socket of IPv6 comes from a listener of IPv6
		{socket(tcp.Established, "[::ffff:10.0.0.1]:25", "[::]:1"), "0.0.0.0:25"}, // none listens on IPv6
		{socket(tcp.Established, "10.0.0.2:80", "[::]:1"), "0.0.0.0:80"},          // wildcard
		{socket(tcp.Established, "[2001:db8::1]:80", "[::]:1"), "[::]:80"},        // wildcard
		{socket(tcp.Established, "[fe80::1%eth0]:80", "[::]:1"), "[fe80::1%eth0]:80"},
		{socket(tcp.Established, "10.0.0.1:22", "[::]:1"), "[::]:22"}, // dual-stack
		{socket(tcp.Established, "[::ffff:10.0.0.1]:22", "[::]:1"), "[::]:22"},
		{socket(tcp.Established, "10.0.0.1:23", "[::]:1"), ""}, // IPv6 only
		{socket(tcp.Established, "[2001:db8::1]:23", "[::]:1"), "[::]:23"},
		{socket(tcp.Established, "10.0.0.1:25", "[::]:1"), "0.0.0.0:25"},
		{socket(tcp.Established, "[2001:db8::1]:25", "[::]:1"), ""}, // IPv4 only
		{socket(tcp.Established, "10.0.0.1:26", "[::]:1"), ""},      // another namespace
		{socket(tcp.Established, "10.0.0.1:26", "[::]:1", in("blue")), "0.0.0.0:26"},
		{socket(tcp.Established, "10.0.0.1:80", "[::]:1", in("blue")), ""},
		{socket(tcp.Established, "10.0.0.1:27", "[::]:1"), ""}, // another interface
		{socket(tcp.Established, "10.0.0.1:27", "[::]:1", on(7)), "0.0.0.0:27"},
		{socket(tcp.Established, "10.0.0.1:25", "[::]:1", on(7)), "0.0.0.0:25"}, // on any interface
		{socket(tcp.Established, "10.0.0.1:28", "[::]:1", on(7)), "10.0.0.1:28"},
		{socket(tcp.Established, "10.0.0.9:28", "[::]:1", on(7)), "0.0.0.0:28"},
		{socket(tcp.Established, "10.0.0.1:99", "[::]:1"), ""}, // nobody listens
	}
	for _, test := range tests {
		got, ok := l.Of(test.s)
		if ok != (test.want != "") || ok && got.String() != test.want {
			t.Errorf("listener of %s on %d in %q is %v, want %s", test.s.Local, test.s.InterfaceIndex, test.s.Netns, got, test.want)
		}
	}
}
