package watch

import (
	"errors"
	"fmt"
	"iter"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"tcpstate/netns"
	"tcpstate/tcp"
)

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// conn is a connection from 10.0.0.9:port to 10.0.0.1:80.
func conn(state tcp.State, cookie tcp.Cookie, port uint16, inode uint32) tcp.Socket {
	return tcp.Socket{State: state, Family: tcp.IPv4, Cookie: cookie, Owner: tcp.Owner{Inode: inode},
		Local: netip.MustParseAddrPort("10.0.0.1:80"),
		Peer:  netip.AddrPortFrom(netip.MustParseAddr("10.0.0.9"), port)}
}

// within returns the socket with the name of a network namespace.
func within(netns string, s tcp.Socket) tcp.Socket {
	s.Netns = netns
	return s
}

// each yields the sockets in one Socket that is reused, as sources do, and then
// an error if there is one.
func each(sockets []tcp.Socket, err error) iter.Seq2[*tcp.Socket, error] {
	return func(yield func(*tcp.Socket, error) bool) {
		var reused tcp.Socket
		for _, s := range sockets {
			reused = s
			if !yield(&reused, nil) {
				return
			}
		}
		if err != nil {
			yield(nil, err)
		}
	}
}

func all(*tcp.Socket) bool { return true }

// reported returns the events, such as "opened >SYN_RECV 5000", with the port
// of the peer.
func reported(f *Follower) string {
	var list []string
	for e := range f.events((*Row).Fill) {
		s := e.Socket
		from, to := "", ""
		if e.From != 0 {
			from = e.From.String()
		}
		if e.To != 0 {
			to = e.To.String()
		}
		list = append(list, strings.TrimSpace(fmt.Sprintf("%s %s>%s %s%d", e.Kind, from, to, s.Netns, s.Peer.Port())))
	}
	return strings.Join(list, ", ")
}

const (
	listen, synSent, synRecv, estab = tcp.Listen, tcp.SynSent, tcp.SynRecv, tcp.Established
	timeWait, bound                 = tcp.TimeWait, tcp.BoundInactive
)

func TestFollow(t *testing.T) {
	type ticks [][]tcp.Socket
	for _, test := range []struct {
		name  string
		ticks ticks
		want  []string // the events of each tick but the first
	}{
		{"a socket that existed before has no event", ticks{{conn(estab, 1, 5000, 7)}, {conn(estab, 1, 5000, 7)}}, []string{""}},
		{"a socket is opened, changes and is closed",
			ticks{{}, {conn(synRecv, 1, 5000, 0)}, {conn(estab, 1, 5000, 0)}, {conn(estab, 1, 5000, 7)}, {}},
			[]string{"opened >SYN_RECV 5000", "state SYN_RECV>ESTABLISHED 5000", "", "closed ESTABLISHED> 5000"}},
		{"a state that was not seen is not reported",
			ticks{{conn(synRecv, 1, 5000, 0)}, {conn(timeWait, 1, 5000, 0)}}, []string{"state SYN_RECV>TIME_WAIT 5000"}},
		{"a socket that existed only between two ticks is not reported", ticks{{}, {}}, []string{""}},
		{"another cookie is another socket, even with the same addresses",
			ticks{{conn(timeWait, 1, 5000, 0)}, {conn(synRecv, 2, 5000, 0)}},
			[]string{"opened >SYN_RECV 5000, closed TIME_WAIT> 5000"}},
		{"a cookie belongs to its namespace",
			ticks{{within("a", conn(estab, 1, 5000, 7))}, {within("a", conn(estab, 1, 5000, 7)), within("b", conn(timeWait, 1, 5001, 0))},
				{within("b", conn(timeWait, 1, 5001, 0))}, {within("c", conn(estab, 1, 5000, 7))}},
			[]string{"opened >TIME_WAIT b5001", "closed ESTABLISHED> a5000", "opened >ESTABLISHED c5000, closed TIME_WAIT> b5001"}},
		{"a bound socket listens and is unbound again",
			ticks{{conn(bound, 1, 0, 7)}, {conn(listen, 1, 0, 7)}, {conn(bound, 1, 0, 7)}, {conn(synSent, 1, 5000, 7)}},
			[]string{"state BOUND_INACTIVE>LISTEN 0", "state LISTEN>BOUND_INACTIVE 0", "state BOUND_INACTIVE>SYN_SENT 5000"}},
		{"a socket that is listed before and after it changes",
			ticks{{conn(bound, 1, 0, 7)}, {conn(bound, 1, 0, 7), conn(synSent, 1, 5000, 7)}, {conn(synSent, 1, 5000, 7)}},
			[]string{"state BOUND_INACTIVE>SYN_SENT 5000", ""}},
		{"a connection ends as TIME_WAIT and its program's own socket",
			ticks{{conn(estab, 1, 5000, 7)}, {conn(bound, 1, 0, 7), conn(timeWait, 1, 5000, 0)},
				{conn(bound, 1, 0, 7), conn(timeWait, 1, 5000, 0)}, {conn(timeWait, 1, 5000, 0)}, {}},
			[]string{"state ESTABLISHED>BOUND_INACTIVE 0, opened >TIME_WAIT 5000", "", "closed BOUND_INACTIVE> 0", "closed TIME_WAIT> 5000"}},

		{"without cookies, addresses identify a connection",
			ticks{{conn(synRecv, 0, 5000, 0)}, {conn(estab, 0, 5000, 7)}, {conn(tcp.FinWait1, 0, 5000, 0)}, {conn(timeWait, 0, 5000, 0)}, {}},
			[]string{"state SYN_RECV>ESTABLISHED 5000", "state ESTABLISHED>FIN_WAIT1 5000", "state FIN_WAIT1>TIME_WAIT 5000", "closed TIME_WAIT> 5000"}},
		{"without cookies, inodes distinguish two connections",
			ticks{{conn(estab, 0, 5000, 7)}, {conn(estab, 0, 5000, 8)}, {conn(estab, 0, 5000, 8)}},
			[]string{"opened >ESTABLISHED 5000, closed ESTABLISHED> 5000", ""}},
		{"without cookies, a TIME_WAIT does not open again",
			ticks{{conn(timeWait, 0, 5000, 0)}, {conn(synRecv, 0, 5000, 0)}, {conn(synRecv, 0, 5000, 0)}},
			[]string{"opened >SYN_RECV 5000, closed TIME_WAIT> 5000", ""}},
		{"without cookies, a connection does not begin again",
			ticks{{conn(tcp.LastAck, 0, 5000, 0)}, {conn(synSent, 0, 5000, 9)}},
			[]string{"opened >SYN_SENT 5000, closed LAST_ACK> 5000"}},
		{"without cookies, an incoming connection does not begin again",
			ticks{{conn(estab, 0, 5000, 0)}, {conn(synRecv, 0, 5000, 0)}},
			[]string{"opened >SYN_RECV 5000, closed ESTABLISHED> 5000"}},
		{"without cookies, a simultaneous open is one connection",
			ticks{{conn(synSent, 0, 5000, 7)}, {conn(synRecv, 0, 5000, 7)}}, []string{"state SYN_SENT>SYN_RECV 5000"}},
		{"without cookies, inodes distinguish listeners on one address",
			ticks{{conn(listen, 0, 0, 7), conn(listen, 0, 0, 8)}, {conn(listen, 0, 0, 8)}, {conn(listen, 0, 0, 8), conn(listen, 0, 0, 9)}},
			[]string{"closed LISTEN> 0", "opened >LISTEN 0"}},
		{"without cookies, a socket may be listed twice",
			ticks{{conn(estab, 0, 5000, 7)}, {conn(estab, 0, 5000, 7), conn(estab, 0, 5000, 7)}}, []string{""}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var f Follower
			for i, sockets := range test.ticks {
				at := start.Add(time.Duration(i) * time.Second)
				tick, err := f.Follow(at, each(sockets, nil), all)
				if err != nil {
					t.Fatal(err)
				}
				want := ""
				if i > 0 {
					want = test.want[i-1]
				}
				if got := reported(&f); got != want {
					t.Errorf("tick %d: %q, want %q", i, got, want)
				}
				if tick.First != (i == 0) || !tick.At.Equal(at) {
					t.Errorf("tick %d has First %v, At %v", i, tick.First, tick.At)
				}
				checkCounts(t, &f, tick)
			}
		})
	}
}

// checkCounts checks that the counts are those of the rows, and that the sockets
// that entered and left a state are the difference between two counts.
func checkCounts(t *testing.T, f *Follower, tick *Tick) {
	t.Helper()
	var counts tcp.Counts
	n := 0
	for row := range f.Rows() {
		n++
		if row.Selected() {
			counts.Add(row.State())
		}
		if f.Row(row.ID()) != row {
			t.Errorf("row %v is not found by its id", row.ID())
		}
	}
	if counts != tick.Counts || n != f.Len() {
		t.Errorf("counts %v of %d sockets, but the rows have %v of %d", tick.Counts, f.Len(), counts, n)
	}
	if tick.First {
		return
	}
	for s := range tcp.All.States() {
		if got := tick.Before.Of(s) + tick.Arrived.Of(s) - tick.Left.Of(s); got != tick.Counts.Of(s) {
			t.Errorf("%v: %d + %d arrived - %d left = %d", s, tick.Before.Of(s), tick.Arrived.Of(s), tick.Left.Of(s), tick.Counts.Of(s))
		}
	}
}

// TestLeavingTheSelectionIsNoEnd selects one state, and follows sockets that
// enter it and leave it.
func TestLeavingTheSelectionIsNoEnd(t *testing.T) {
	half := func(s *tcp.Socket) bool { return s.State == synRecv }
	var f Follower
	for i, tick := range []struct {
		sockets []tcp.Socket
		want    string
		count   int
	}{
		{[]tcp.Socket{conn(synRecv, 1, 5001, 0), conn(estab, 2, 5002, 7)}, "", 1},
		{[]tcp.Socket{conn(estab, 1, 5001, 0), conn(estab, 2, 5002, 7), conn(synRecv, 3, 5003, 0)},
			"state SYN_RECV>ESTABLISHED 5001, opened >SYN_RECV 5003", 1},
		{[]tcp.Socket{conn(timeWait, 1, 5001, 0), conn(synRecv, 3, 5003, 0)}, "", 1},
		{[]tcp.Socket{conn(synSent, 4, 5004, 9)}, "closed SYN_RECV> 5003", 0},
		{[]tcp.Socket{conn(synRecv, 4, 5004, 9)}, "state SYN_SENT>SYN_RECV 5004", 1},
	} {
		got, err := f.Follow(start, each(tick.sockets, nil), half)
		if err != nil {
			t.Fatal(err)
		}
		if reported(&f) != tick.want || got.Counts.Total() != tick.count || got.Counts.Of(synRecv) != tick.count {
			t.Errorf("tick %d: %q and %d, want %q and %d", i, reported(&f), got.Counts.Total(), tick.want, tick.count)
		}
		checkCounts(t, &f, got)
	}
}

func TestABrokenReadingClosesNothing(t *testing.T) {
	var f Follower
	broken := errors.New("broken")
	whole := []tcp.Socket{conn(estab, 1, 5001, 7), conn(estab, 2, 5002, 8)}
	follow := func(sockets []tcp.Socket, err error) string {
		_, got := f.Follow(start, each(sockets, err), all)
		if !errors.Is(got, err) {
			t.Fatalf("error %v, want %v", got, err)
		}
		return reported(&f)
	}
	follow(whole, nil)
	if got := follow([]tcp.Socket{conn(timeWait, 1, 5001, 0)}, broken); got != "state ESTABLISHED>TIME_WAIT 5001" {
		t.Errorf("in the broken reading %q", got)
	}
	if got := follow([]tcp.Socket{conn(timeWait, 1, 5001, 0)}, nil); got != "closed ESTABLISHED> 5002" {
		t.Errorf("after the broken reading %q", got)
	}
}

func TestRowsKeepTheirHistory(t *testing.T) {
	var f Follower
	at := func(i int) time.Time { return start.Add(time.Duration(i) * time.Second) }
	states := []tcp.State{synRecv, estab, estab, tcp.FinWait1, timeWait}
	var id ID
	if _, err := f.Follow(at(0), each(nil, nil), all); err != nil {
		t.Fatal(err)
	}
	for i, state := range states {
		if _, err := f.Follow(at(i+1), each([]tcp.Socket{conn(state, 1, 5000, 0)}, nil), all); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			id = f.changes[0].row.ID()
		}
	}
	row := f.Row(id)
	want := []Step{{synRecv, at(1)}, {estab, at(2)}, {tcp.FinWait1, at(4)}, {timeWait, at(5)}}
	if got := row.History(); !slices.EqualFunc(got, want, func(a, b Step) bool { return a.State == b.State && a.At.Equal(b.At) }) {
		t.Errorf("history %v, want %v", got, want)
	}
	if first, opened := row.FirstSeen(); !first.Equal(at(1)) || !opened || !row.Since().Equal(at(5)) {
		t.Errorf("first seen %v, opened %v, since %v", first, opened, row.Since())
	}
	if _, err := f.Follow(at(9), each([]tcp.Socket{conn(estab, 2, 5001, 9)}, nil), all); err != nil {
		t.Fatal(err)
	}
	if f.Row(id) != nil || f.Len() != 1 {
		t.Errorf("a closed socket has a row")
	}
	if _, err := f.Follow(at(10), each([]tcp.Socket{conn(estab, 2, 5001, 9), conn(estab, 3, 5002, 9)}, nil), all); err != nil {
		t.Fatal(err)
	}
	for row := range f.Rows() {
		if steps := row.History(); len(steps) != 1 || steps[0].State != estab || row.ID() == id {
			t.Errorf("the row of another socket has history %v, id %v", steps, row.ID())
		}
	}
}

func TestHistoryIsBounded(t *testing.T) {
	var f Follower
	for i := range 100 {
		state := []tcp.State{bound, listen}[i%2]
		if _, err := f.Follow(start.Add(time.Duration(i)*time.Second), each([]tcp.Socket{conn(state, 1, 0, 7)}, nil), all); err != nil {
			t.Fatal(err)
		}
	}
	for row := range f.Rows() {
		steps := row.History()
		if len(steps) != maxSteps || !steps[0].At.Equal(start) || !steps[maxSteps-1].At.Equal(start.Add(99*time.Second)) ||
			!steps[1].At.Equal(start.Add(85*time.Second)) {
			t.Errorf("history %v", steps)
		}
	}
}

// TestFillSaysWhatWasSeen fills sockets from rows, and compares them with the
// sockets that were read.
func TestFillSaysWhatWasSeen(t *testing.T) {
	sockets := []tcp.Socket{
		{State: estab, Family: tcp.IPv6, Cookie: 1, Local: netip.MustParseAddrPort("[fe80::1%eth0]:80"), Peer: netip.MustParseAddrPort("[fe80::2%eth0]:5000"),
			RecvQueue: 3, SendQueue: 4, Owner: tcp.Owner{UID: tcp.Known[uint32](0), Inode: 7},
			Timer: tcp.Timer{Kind: tcp.TimerKeepalive, Expires: 5 * time.Second, Retransmits: 2},
			Age:   tcp.Known(time.Second), AgeExact: true, Idle: tcp.Known[time.Duration](0), InterfaceIndex: 2, Interface: "eth0", Netns: "blue"},
		{State: listen, Family: tcp.IPv4, Cookie: 2, Local: netip.MustParseAddrPort("0.0.0.0:80"), Peer: netip.MustParseAddrPort("0.0.0.0:0"),
			AcceptQueue: 5, AcceptQueueMax: tcp.Known[uint32](0)},
		{State: listen, Family: tcp.IPv4, Local: netip.MustParseAddrPort("0.0.0.0:81"), Peer: netip.MustParseAddrPort("0.0.0.0:0"), AcceptQueue: 5},
		conn(synRecv, 0, 5000, 0),
		aged(conn(synRecv, 3, 5001, 0), 3*time.Second),
	}
	var f Follower
	for range 2 {
		if _, err := f.Follow(start, each(sockets, nil), all); err != nil {
			t.Fatal(err)
		}
	}
	i := 0
	for row := range f.Rows() {
		var got tcp.Socket
		row.Fill(&got)
		if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", sockets[i]) {
			t.Errorf("filled %+v, want %+v", got, sockets[i])
		}
		i++
	}
	if i != len(sockets) {
		t.Errorf("%d rows of %d sockets", i, len(sockets))
	}
}

// aged returns the socket with an age that is a lower bound. Less than 0 is unknown.
func aged(s tcp.Socket, age time.Duration) tcp.Socket {
	if age >= 0 {
		s.Age, s.AgeAtLeast = tcp.Known(age), true
	}
	return s
}

// TestALowerBoundNeverShrinks follows a SYN_RECV whose client repeats its SYN, so
// that the clock of the kernel starts again, and then the same socket in other states.
func TestALowerBoundNeverShrinks(t *testing.T) {
	const s, none = time.Second, time.Duration(-1)
	exact := func(c tcp.Socket, age time.Duration) tcp.Socket {
		c.Age, c.AgeExact = tcp.Known(age), true
		return c
	}
	var f Follower
	for i, tick := range []struct {
		after  time.Duration // the tick before
		socket tcp.Socket
		want   time.Duration
		bound  bool
	}{
		{0, aged(conn(synRecv, 1, 5000, 0), 10*s), 10 * s, true},
		{s, aged(conn(synRecv, 1, 5000, 0), 700*time.Millisecond), 11 * s, true},
		{2 * s, aged(conn(synRecv, 1, 5000, 0), 19*s), 19 * s, true},
		{s, aged(conn(synRecv, 1, 5000, 0), none), 20 * s, true}, // its timer was not running for a moment
		{s, aged(conn(synRecv, 1, 5000, 0), 0), 21 * s, true},
		{-5 * s, aged(conn(synRecv, 1, 5000, 0), 0), 21 * s, true}, // the clock of the host was set back
		{s, aged(conn(estab, 1, 5000, 7), 0), 0, true},
		{s, conn(tcp.FinWait1, 1, 5000, 7), none, false},
		{s, exact(conn(tcp.TimeWait, 1, 5000, 0), 5*s), 5 * s, false},
		{s, exact(conn(tcp.TimeWait, 1, 5000, 0), s), s, false}, // a segment restarts TIME_WAIT
		{s, aged(conn(synRecv, 2, 5000, 0), s), s, true},        // another socket
		{s, aged(conn(synRecv, 2, 5000, 0), 0), 2 * s, true},
	} {
		at := start
		if i > 0 {
			at = f.tick.At
		}
		if _, err := f.Follow(at.Add(tick.after), each([]tcp.Socket{tick.socket}, nil), all); err != nil {
			t.Fatal(err)
		}
		for row := range f.Rows() {
			var got tcp.Socket
			row.Fill(&got)
			if got.Age.Or(none) != tick.want || got.AgeAtLeast != tick.bound {
				t.Errorf("tick %d: age %v, a lower bound %v; want %v, %v", i, got.Age.Or(none), got.AgeAtLeast, tick.want, tick.bound)
			}
		}
	}
}

// TestASocketIsAtLeastAsOldAsItWasFollowed follows a CLOSE_WAIT whose ACKs restart
// the clock that its age comes from.
func TestASocketIsAtLeastAsOldAsItWasFollowed(t *testing.T) {
	var f Follower
	for i := range 5 {
		at := start.Add(time.Duration(i) * time.Minute)
		if _, err := f.Follow(at, each([]tcp.Socket{aged(conn(tcp.CloseWait, 1, 5000, 7), time.Second)}, nil), all); err != nil {
			t.Fatal(err)
		}
	}
	for row := range f.Rows() {
		var got tcp.Socket
		row.Fill(&got)
		if want := 4*time.Minute + time.Second; got.Age.Or(0) != want {
			t.Errorf("age %v, want %v", got.Age.Or(0), want)
		}
	}
}

// TestARenamedNamespaceIsTheSame swaps the names of two namespaces whose
// sockets have the same cookies, and gives a third one a new name.
func TestARenamedNamespaceIsTheSame(t *testing.T) {
	id := func(n uint64) netns.ID { return netns.ID{Device: 4, Inode: n} }
	var s Session
	for i, tick := range []struct {
		names [3]string
		want  string
	}{
		{[3]string{"a", "b", "/proc/7/ns/net"}, ""},
		{[3]string{"b", "a", "/proc/9/ns/net"}, ""},
		{[3]string{"b", "a", "c"}, "state ESTABLISHED>TIME_WAIT c5000"},
	} {
		state := estab
		if i == 2 {
			state = timeWait
		}
		s.nameNamespaces([]*netns.Namespace{nil, {Name: tick.names[0], ID: id(1)}, {Name: tick.names[1], ID: id(2)}, {Name: tick.names[2], ID: id(3)}})
		_, err := s.Follow(start, each([]tcp.Socket{within(tick.names[0], conn(timeWait, 1, 5000, 0)),
			within(tick.names[1], conn(estab, 1, 5000, 7)), within(tick.names[2], conn(state, 1, 5000, 7))}, nil), all)
		if err != nil {
			t.Fatal(err)
		}
		if reported(&s.Follower) != tick.want {
			t.Errorf("tick %d: %q, want %q", i, reported(&s.Follower), tick.want)
		}
	}
}
