package collect

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"tcpstate/fields"
	"tcpstate/filter"
	"tcpstate/tcp"
)

// kept is a third source: sockets in a slice, like a recording. It knows no
// cgroups, and its sockets are not of this host.
type kept struct {
	sockets []tcp.Socket
	fails   error
	closed  int
}

func (k *kept) String() string     { return "kept" }
func (k *kept) ThisHostOnly() bool { return false }

func (k *kept) Plan(q *Query) (Plan, error) {
	return Plan{States: q.States, Families: q.Families}, nil
}

func (k *kept) Begin(context.Context, *Table) (Reading, error) {
	if k.fails != nil {
		return nil, k.fails
	}
	return &keptReading{k}, nil
}

type keptReading struct{ kept *kept }

func (r *keptReading) Source() Source        { return r.kept }
func (r *keptReading) Knows() fields.Sources { return fields.ProcFS }
func (r *keptReading) OfThisHost() bool      { return false }
func (r *keptReading) Close()                { r.kept.closed++ }

func (r *keptReading) Sockets() iter.Seq2[*tcp.Socket, error] {
	return func(yield func(*tcp.Socket, error) bool) {
		var reused tcp.Socket
		for _, s := range r.kept.sockets {
			if reused = s; !yield(&reused, nil) {
				return
			}
		}
	}
}

func keptSockets() *kept {
	at := netip.MustParseAddrPort
	root := tcp.Owner{Inode: 411, UID: tcp.Known[uint32](0)}
	return &kept{sockets: []tcp.Socket{
		{State: tcp.Listen, Family: tcp.IPv4, Local: at("10.0.0.1:80"), Owner: root},
		{State: tcp.Established, Family: tcp.IPv4, Local: at("10.0.0.1:80"), Peer: at("10.0.0.9:5000"), Owner: tcp.Owner{Inode: 412}},
		{State: tcp.TimeWait, Family: tcp.IPv4, Local: at("10.0.0.1:80"), Peer: at("10.0.0.9:5001")},
	}}
}

// TestAThirdSource uses a source that the test defines for everything that the
// program does with sources. The source needs only the interface.
func TestAThirdSource(t *testing.T) {
	k := keptSockets()
	dir := fakeProc(t, map[string]string{"1/comm": "init\n", "1/fd/.keep": ""})
	q := Query{Source: k, Proc: dir, States: tcp.All, Families: both, Detail: tcp.DetailExtended}
	s := mustOpen(t, q)
	sockets := readAll(t, s)
	if got := states(sockets); got != "LISTEN ESTABLISHED TIME_WAIT" || s.Source() != Source(k) || !slices.Contains(s.Missing(), "cgroup") {
		t.Errorf("%s from %v, with %q missing", got, s.Source(), s.Missing())
	}
	if user := sockets[0].Owner.User; user != "" {
		t.Errorf("a socket of another host has user %q of this one", user)
	}

	q.Filter = parsed(t, "dport = :5001")
	if got := states(readAll(t, mustOpen(t, q))); got != "TIME_WAIT" {
		t.Errorf("dport = :5001 selects %s", got)
	}
	for _, cannot := range []string{"cgroup = /a", "rtt > 1ms", "state established age > 1s"} {
		q.Filter = parsed(t, cannot)
		closed := k.closed
		_, err := Open(t.Context(), q)
		var wrong *filter.Error
		if !errors.As(err, &wrong) || !strings.Contains(err.Error(), "kept does not report") || k.closed != closed+1 {
			t.Errorf("%s: %v, closed %d times", cannot, err, k.closed-closed)
		}
	}
	q.Filter = nil
	if plan, err := PlanFor(q); err != nil || plan.States != tcp.All {
		t.Errorf("the plan is %v, %v", plan, err)
	}

	q.Detail = tcp.DetailProcesses
	owned := readAll(t, mustOpen(t, q))
	if l := owned[2].Listener; l == nil || l.Local != owned[0].Local {
		t.Errorf("TIME_WAIT came in through %v", l)
	}
	listeners, err := FindListeners(t.Context(), q)
	if at, ok := listeners.Of(owned[1]); err != nil || !ok || at != owned[0].Local {
		t.Errorf("ESTABLISHED came in through %v, %v", at, err)
	}
	q.Everything, q.States = true, tcp.Set(tcp.Listen)
	if got := len(readAll(t, mustOpen(t, q))); got != 3 {
		t.Errorf("everything is %d sockets", got)
	}
}

func parsed(t *testing.T, expr string) *filter.Filter {
	t.Helper()
	names := filter.Names{Cgroup: func(string) (uint64, bool) { return 7, true }}
	f, err := filter.Parse([]string{expr}, names)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestTheOrderOfFallbackIsData tries three sources in their order.
func TestTheOrderOfFallbackIsData(t *testing.T) {
	first, second := &kept{fails: errors.New("first fails")}, &kept{fails: errors.New("second fails")}
	third := keptSockets()
	order := &firstOf{{first, ""}, {second, "reading the second"}, {third, "reading the third"}}
	q := Query{Source: order, Proc: fakeProc(t, nil), States: tcp.All, Families: both}
	s := mustOpen(t, q)
	if got := len(readAll(t, s)); got != 3 || s.Source() != Source(third) {
		t.Errorf("%d sockets from %v", got, s.Source())
	}
	const want = "first fails; and second fails; reading the third"
	if got := s.Warnings(); len(got) != 1 || got[0].Code != SourceFailed || got[0].Text.String() != want {
		t.Errorf("warnings %+v, want %s", got, want)
	}
	third.fails = errors.New("third fails")
	if _, err := Open(t.Context(), q); err == nil || err.Error() != "first fails; and second fails; and third fails" {
		t.Errorf("when all fail: %v", err)
	}
	q.Source = &firstOf{{SockDiag, ""}, {third, "reading the third"}}
	third.fails = nil
	if s := mustOpen(t, q); s.Source() != Source(third) || len(s.Warnings()) != 0 {
		t.Errorf("another host's sockets come from %v, with warnings %v", s.Source(), s.Warnings())
	}
	q.Source = &firstOf{{SockDiag, ""}}
	if _, err := Open(t.Context(), q); err == nil {
		t.Error("sock_diag serves another host")
	}
}

// counting records the readings that are begun at a source, by the number of
// requested states.
type counting struct {
	*kept
	begun []string
}

func (c *counting) Begin(ctx context.Context, t *Table) (Reading, error) {
	c.begun = append(c.begun, fmt.Sprint(t.Query.listed().Len()))
	reading, err := c.kept.Begin(ctx, t)
	return &countedReading{reading, c}, err
}

type countedReading struct {
	Reading
	counting *counting
}

func (r *countedReading) Source() Source { return r.counting }

// TestListingsWithProcessesMakeNoExtraDump counts the dumps of listings with
// processes. 12 states are all states, 1 is LISTEN, and 10 are those of sockets with a
// file: they are read once more if no process was found for some.
func TestListingsWithProcessesMakeNoExtraDump(t *testing.T) {
	few, many := keptSockets(), keptSockets()
	for i := range 2 * windowLen {
		s := many.sockets[1]
		s.Owner.Inode = uint32(1000 + i)
		many.sockets = append(many.sockets, s)
	}
	unowned := keptSockets()
	unowned.sockets = unowned.sockets[:2]
	proc := fakeProc(t, map[string]string{"1/comm": "init\n", "1/fd/.keep": ""})
	for _, test := range []struct {
		name   string
		kept   *kept
		states tcp.StateSet
		detail tcp.Detail
		filter string
		want   string
	}{
		{"without processes", few, tcp.All, 0, "", "12"},
		{"of sockets that all have files", unowned, tcp.All, tcp.DetailProcesses, "", "12 10"},
		{"of a connection that no process holds", few, tcp.All, tcp.DetailProcesses, "", "12 1 10"},
		{"of more than wait", many, tcp.All, tcp.DetailProcesses, "", "12 10 1"},
		{"of listeners", few, tcp.Set(tcp.Listen), tcp.DetailProcesses, "", "1 10"},
		{"judged by the filter", few, tcp.All, 0, "process = nginx", "11 10"},
	} {
		c := &counting{kept: test.kept}
		q := Query{Source: c, Proc: proc, States: test.states, Families: both, Detail: test.detail}
		if test.filter != "" {
			q.Filter = parsed(t, test.filter)
		}
		readAll(t, mustOpen(t, q))
		if got := strings.Join(c.begun, " "); got != test.want {
			t.Errorf("%s: dumps of %q states, want %q", test.name, got, test.want)
		}
	}
}

// TestOwnersJoinInTheOrderOfTheSource lists a few sockets, as many as can wait
// for a search, and more than that. The result must be the same.
func TestOwnersJoinInTheOrderOfTheSource(t *testing.T) {
	c := &counted{MapFS: fstest.MapFS{}}
	c.holds(1, "init")
	c.holds(812, "nginx", 411, 1000, 1001)
	for _, n := range []int{3, windowLen - 1, windowLen, windowLen + 1, 3 * windowLen} {
		k := &kept{}
		for i := range n {
			k.sockets = append(k.sockets, tcp.Socket{State: tcp.Established, Family: tcp.IPv4, Owner: tcp.Owner{Inode: uint32(1000 + i)},
				Local: netip.MustParseAddrPort("10.0.0.1:80"), Peer: netip.MustParseAddrPort("10.0.0.9:5000")})
		}
		k.sockets[2] = keptSockets().sockets[2] // TIME_WAIT
		k.sockets = append(k.sockets, keptSockets().sockets[0])
		j, err := newJob(Query{Source: k, States: tcp.Synchronized, Families: both, Detail: tcp.DetailProcesses})
		if err != nil {
			t.Fatal(err)
		}
		j.owners.proc.FS = c
		s, err := j.open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		i, c0 := 0, c.searches
		for socket, err := range s.Sockets() {
			if err != nil {
				t.Fatal(err)
			}
			held := len(socket.Processes) > 0
			switch {
			case socket.Owner.Inode != k.sockets[i].Owner.Inode:
				t.Fatalf("of %d: socket %d has inode %d", n, i, socket.Owner.Inode)
			case held != (i < 2):
				t.Fatalf("of %d: socket %d has processes: %v", n, i, held)
			case i == 2 && (socket.Listener == nil || len(socket.Listener.Processes) != 1 || socket.Listener.Processes[0].Name != "nginx"):
				t.Fatalf("of %d: the listener is %+v", n, socket.Listener)
			}
			i++
		}
		if i != n || c.searches-c0 != 1 {
			t.Errorf("%d sockets of %d, after %d searches", i, n, c.searches-c0)
		}
		reason := ""
		if n >= windowLen {
			reason = ": " + openedSince().String()
		}
		var want []string
		if n > 3 {
			want = []string{fmt.Sprintf("the processes of %d of %d sockets are not known%s", n-3, n-1, reason)}
		}
		if got := s.Warnings().Texts(); !slices.Equal(got, want) {
			t.Errorf("warnings %q, want %q", got, want)
		}
	}
}
