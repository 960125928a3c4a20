package collect

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"

	"tcpstate/sockdiag"
	"tcpstate/tcp"
)

// listed is a dump of sockets in a slice.
type listed []*tcp.Socket

func (l listed) Sockets() iter.Seq2[*tcp.Socket, error] {
	return func(yield func(*tcp.Socket, error) bool) {
		for _, s := range l {
			if !yield(s, nil) {
				return
			}
		}
	}
}

func (l listed) Interrupted() bool { return false }
func (l listed) Close()            {}

// multipath is a kernel with connections of multipath TCP. If fails is set, it does
// not list them.
type multipath struct {
	sockets, connections listed
	fails                error
}

func (m *multipath) open(_ context.Context, r sockdiag.Request) (dump, error) {
	switch {
	case !r.Connections:
		return clones(m.sockets), nil
	case m.fails != nil:
		return nil, &sockdiag.OpError{Err: m.fails}
	}
	return clones(m.connections), nil
}

func clones(list listed) (cloned listed) {
	for _, s := range list {
		cloned = append(cloned, s.Clone())
	}
	return cloned
}

// newMultipath returns a kernel with these connections: 1, which is accepted and has
// two subflows of which the second has other addresses; 2, which is not accepted;
// and a listener. The tokens of subflows are there if privileged is set.
func newMultipath(privileged bool) *multipath {
	at := netip.MustParseAddrPort
	subflow := func(cookie tcp.Cookie, token, inode uint32, local, peer string) *tcp.Socket {
		s := &tcp.Socket{State: tcp.Established, Family: tcp.IPv4, Cookie: cookie, Owner: tcp.Owner{Inode: inode}, Local: at(local), Peer: at(peer)}
		if privileged && token != 0 {
			s.Extended = &tcp.Extended{MPTCP: &tcp.MPTCP{TokenLocal: token}}
		}
		return s
	}
	connection := func(cookie tcp.Cookie, state tcp.State, token, inode uint32, local, peer string) *tcp.Socket {
		s := subflow(cookie, 0, inode, local, peer)
		s.State, s.Connection, s.MPTCPToken = state, &tcp.Connection{}, tcp.Known(token)
		return s
	}
	listener := connection(13, tcp.Listen, 0, 9, "10.0.0.1:80", "0.0.0.0:0")
	listener.MPTCPToken = tcp.Optional[uint32]{}
	plain := subflow(23, 0, 9, "10.0.0.1:80", "0.0.0.0:0")
	plain.State = tcp.Listen // the listener of TCP below that of MPTCP
	return &multipath{
		sockets: listed{
			plain,
			subflow(21, 1, 7, "10.0.0.1:80", "10.0.0.9:1001"),
			subflow(22, 0, 8, "10.0.0.1:22", "10.0.0.9:1001"), // plain TCP
			subflow(24, 2, 0, "10.0.0.1:80", "10.0.0.9:1002"),
			subflow(25, 1, 7, "10.1.0.1:80", "10.1.0.9:1003"),
		},
		connections: listed{
			connection(11, tcp.CloseWait, 1, 7, "10.0.0.1:80", "10.0.0.9:1001"),
			connection(12, tcp.Established, 2, 0, "10.0.0.1:80", "10.0.0.9:1002"),
			listener,
		},
	}
}

// described returns the cookies of the sockets, each with the token that it has.
func described(t *testing.T, q Query) (string, Warnings) {
	t.Helper()
	snapshot, err := Open(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for s, err := range snapshot.Sockets() {
		if err != nil {
			t.Fatal(err)
		}
		text := fmt.Sprint(uint64(s.Cookie))
		if token, known := s.MPTCPToken.Get(); known {
			text += fmt.Sprintf(":%d", token)
		}
		list = append(list, text)
	}
	return strings.Join(list, " "), snapshot.Warnings()
}

// TestConnections lists sockets and connections of multipath TCP in each way, with
// and without the tokens of the subflows.
func TestConnections(t *testing.T) {
	for _, privileged := range []bool{true, false} {
		kernel := newMultipath(privileged)
		for _, test := range []struct {
			name   string
			mptcp  MPTCP
			states tcp.StateSet
			want   string
		}{
			{"ignored", MPTCPIgnored, tcp.All, "23 21 22 24 25"},
			{"marked", MPTCPMarked, tcp.All, "23 21:1 22 24:2 25:1"},
			{"added", MPTCPAdded, tcp.All, "23 21:1 22 24:2 25:1 11:1 12:2 13"},
			{"added, in a state", MPTCPAdded, tcp.Set(tcp.CloseWait), "11:1"},
			{"connections", MPTCPConnections, tcp.All, "11:1 21:1 25:1 12:2 24:2 13"},
			{"connections in a state", MPTCPConnections, tcp.Set(tcp.CloseWait), "11:1 21:1 25:1"},
			{"connections in another state", MPTCPConnections, tcp.Set(tcp.Established, tcp.Listen), "12:2 24:2 13"},
			{"listeners", MPTCPConnections, tcp.Set(tcp.Listen), "13"},
		} {
			q := Query{Source: &sockDiag{open: kernel.open, probe: sockdiag.ProbeAbilities}, States: test.states, Families: []tcp.Family{tcp.IPv4, tcp.IPv6}, MPTCP: test.mptcp}
			if got, warnings := described(t, q); got != test.want || len(warnings) != 0 {
				t.Errorf("%s, with tokens %v: %s, want %s; warnings %v", test.name, privileged, got, test.want, warnings.Texts())
			}
		}
	}
	q := Query{Source: &sockDiag{open: newMultipath(true).open, probe: sockdiag.ProbeAbilities}, States: tcp.All, Families: []tcp.Family{tcp.IPv6}, MPTCP: MPTCPConnections}
	if got, _ := described(t, q); got != "" {
		t.Errorf("of IPv6: %s", got)
	}
}

// TestConnectionsThatAreNotListed asks kernels that do not list connections. This is
// an error if nothing else is requested, and otherwise the sockets of TCP come.
func TestConnectionsThatAreNotListed(t *testing.T) {
	for _, fails := range []syscall.Errno{syscall.ENOENT, syscall.EINVAL} {
		kernel := newMultipath(true)
		kernel.fails = fails
		source := &sockDiag{open: kernel.open, probe: sockdiag.ProbeAbilities}
		auto := &firstOf{{source, ""}, {ProcFS, insteadOfSockDiag}}
		for _, source := range []Source{source, auto} {
			q := Query{Source: source, States: tcp.All, Families: []tcp.Family{tcp.IPv4}, MPTCP: MPTCPConnections}
			_, err := Open(t.Context(), q)
			var unlisted *connectionsError
			if !errors.As(err, &unlisted) || !errors.Is(err, fails) || unlisted.Hint().IsZero() != (fails != syscall.ENOENT) {
				t.Errorf("%v from %s: %v", fails, source, err)
			}
		}
		q := Query{Source: source, States: tcp.All, Families: []tcp.Family{tcp.IPv4}, MPTCP: MPTCPAdded}
		if got, _ := described(t, q); got != "23 21 22 24 25" {
			t.Errorf("%v: %s", fails, got)
		}
	}
	if _, err := Open(t.Context(), Query{Source: ProcFS, States: tcp.All, Families: []tcp.Family{tcp.IPv4}, MPTCP: MPTCPConnections}); !strings.Contains(fmt.Sprint(err), "/proc does not list connections of multipath TCP") {
		t.Errorf("from /proc: %v", err)
	}
}

// TestMPTCPOfAnotherHost reads a /proc with and without sockets of multipath TCP.
func TestMPTCPOfAnotherHost(t *testing.T) {
	const header = "protocol  size sockets  memory press maxhdr  slab module\n"
	for _, test := range []struct{ protocols, want string }{
		{header + "MPTCPv6   2064      2    1863   no       0   yes  kernel\nTCP       2304      9    1863   no     192   yes  kernel\nMPTCP     1936      5    1863   no\n", "7 sockets are of multipath TCP"},
		{header + "MPTCP     1936      1    1863   no\n", "1 socket is of multipath TCP"},
		{header + "MPTCP     1936      0    1863   no\nTCP       2304      9    1863   no     192   yes  kernel\n", ""},
		{header + "TCP       2304      9    1863   no     192   yes  kernel\n", ""}, // a kernel without MPTCP
		{header + "MPTCP     1936      x    1863   no\n", "whether sockets are of multipath TCP (MPTCP) is not known"},
		{"", "whether sockets are of multipath TCP (MPTCP) is not known"}, // no such file
	} {
		files := map[string]string{"net/tcp": header4, "net/tcp6": header6}
		if test.protocols != "" {
			files["net/protocols"] = test.protocols
		}
		q := Query{Source: ProcFS, Proc: fakeProc(t, files), States: tcp.All, Families: []tcp.Family{tcp.IPv4}, MPTCP: MPTCPAdded}
		_, warnings := described(t, q)
		texts := warnings.Texts()
		if found := slices.ContainsFunc(texts, func(text string) bool {
			return strings.Contains(text, "multipath TCP") && strings.Contains(text, test.want)
		}); found != (test.want != "") {
			t.Errorf("%q: %q, want %q", test.protocols, texts, test.want)
		}
	}
}
