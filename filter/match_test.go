package filter

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"tcpstate/lifecycle"
	"tcpstate/tcp"
)

// TestMatchAgreesWithEvaluate compares Match with the slow evaluation, and
// checks that States and Families include every socket that matches.
func TestMatchAgreesWithEvaluate(t *testing.T) {
	matched := 0
	for seed := range uint64(4000) {
		r := newRandom(seed)
		f := r.filter(t, false)
		for range 40 {
			s := r.socket()
			want := evaluate(f.root, s) == yes
			if got := f.Match(s.Socket); got != want {
				t.Fatalf("%s: got %v, want %v for %v", f, got, want, s)
			}
			if !want {
				continue
			}
			matched++
			if !f.States().Has(s.State) {
				t.Fatalf("%s: States is %v, but it matches %v", f, f.States(), s)
			}
			if !slices.Contains(f.Families(), s.Family) {
				t.Fatalf("%s: Families is %v, but it matches %v", f, f.Families(), s)
			}
		}
	}
	if matched < 20000 || matched > 140000 {
		t.Errorf("%d of 160000 match: the generated sockets test too little", matched)
	}
}

// TestWithoutProcesses checks that the filter without its process terms still
// matches every socket that the whole filter matches, whichever process holds
// it. A filter without process terms must not change.
func TestWithoutProcesses(t *testing.T) {
	dropped := 0
	for seed := range uint64(4000) {
		r := newRandom(seed)
		f := r.filter(t, false)
		before := f.String()
		rest := f.WithoutProcesses()
		if rest.Needs().Has(tcp.DetailProcesses) || f.String() != before {
			t.Fatalf("%s: without processes it is %s, and afterwards the filter itself is %s", before, rest, f)
		}
		if !f.Needs().Has(tcp.DetailProcesses) && rest != f {
			t.Fatalf("%s became %s", f, rest)
		}
		for range 40 {
			s := r.socket()
			if f.Match(s.Socket) && !rest.Match(s.Socket) {
				t.Fatalf("%s selects %v, %s does not", f, s, rest)
			}
			if !rest.Match(s.Socket) {
				dropped++
			}
		}
	}
	if dropped < 20000 {
		t.Errorf("only %d sockets did not match: the filters without processes test too little", dropped)
	}
	for expr, want := range map[string]string{
		"process = a":                   "",
		"not process = a":               "",
		"sport = 80 process = a":        "sport = 80",
		"sport = 80 or pid = 1":         "",
		"not ( sport = 80 or pid = 1 )": "sport != 80",
		"( sport = 80 or sport = 81 ) process = a,b dport 7":    "( sport = 80 or sport = 81 ) and dport = 7",
		"( ( sport = 80 or sport = 81 ) pid = 1 ) or dport = 7": "sport = 80 or sport = 81 or dport = 7",
	} {
		if got := mustParse(t, expr).WithoutProcesses().String(); got != want {
			t.Errorf("%s: %q, want %q", expr, got, want)
		}
	}
}

func mustParse(t testing.TB, expr string) *Filter {
	t.Helper()
	f, err := Parse([]string{expr}, testNames)
	if err != nil {
		t.Fatalf("%s: %v", expr, err)
	}
	return f
}

func TestMatch(t *testing.T) {
	listener := tcp.Socket{State: tcp.Listen, Family: tcp.IPv6, Local: netip.MustParseAddrPort("[::]:80"), Peer: netip.MustParseAddrPort("[::]:0"), AcceptQueue: 3}
	mapped := tcp.Socket{State: tcp.Established, Family: tcp.IPv6, Local: netip.MustParseAddrPort("[::ffff:10.0.0.1]:80"), Peer: netip.MustParseAddrPort("[::ffff:10.0.0.9]:5000"),
		Owner: tcp.FullSocketOwner(33, 1), Info: &tcp.Info{Len: 280, RTT: 3 * time.Millisecond}}
	timeWait := tcp.Socket{State: tcp.TimeWait, Family: tcp.IPv4, Local: netip.MustParseAddrPort("10.0.0.1:80"), Peer: netip.MustParseAddrPort("10.0.0.9:5000"),
		Age: tcp.Known(5 * time.Second)}
	linkLocal := tcp.Socket{State: tcp.Established, Family: tcp.IPv6, Local: netip.MustParseAddrPort("[fe80::1%eth0]:80"), Peer: netip.MustParseAddrPort("[fe80::2%eth0]:5000"), InterfaceIndex: 2}
	sockets := map[string]*tcp.Socket{"listener": &listener, "mapped": &mapped, "timewait": &timeWait, "linklocal": &linkLocal}

	check := func(expr, want string) {
		t.Helper()
		f := mustParse(t, expr)
		var got []string
		for name, s := range sockets {
			if f.Match(s) {
				got = append(got, name)
			}
		}
		slices.Sort(got)
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %v, want %s", expr, got, want)
		}
	}
	const all = "linklocal listener mapped timewait"
	check("", all)
	check("sport 80", all)
	check("dport 0", "listener")
	check("src 10.0.0.0/8", "mapped timewait")
	check("src [::ffff:10.0.0.1]", "mapped")
	check("src 0.0.0.0/0", "mapped timewait")
	check("src [::]/0", "linklocal listener mapped")
	check("src inet:10.0.0.0/8", "timewait")
	check("src fe80::1", "linklocal")
	check("not src fe80::/10", "listener mapped timewait")
	check("state connected", "linklocal mapped timewait")

	// A comparison with an unknown value is neither true nor false.
	check("rtt < 5ms", "mapped")
	check("not rtt < 5ms", "")
	check("rtt > 5ms or not rtt > 5ms", "mapped")
	check("user www-data", "mapped")
	check("user != www-data", "")
	check("not ( user www-data and rtt < 1ms )", "mapped")
	check("not ( user www-data and state time-wait )", "linklocal listener mapped")
	check("acceptq >= 0", "listener")
	check("recvq >= 0", "linklocal mapped timewait")
	check("not recvq > 0", "linklocal mapped timewait")
	check("age >= 5s", "timewait")
	check("fwmark 0", "")
	check("fwmark != 0", "")
	check("dev eth0", "linklocal")
	check("dev != eth0", "listener mapped timewait")

	// A bare word is compared with both ends.
	check(":80", all)
	check(":5000", "linklocal mapped timewait")
	check(":80,:5000", all)
	check("not :5000", "listener")
	check("10.0.0.1", "mapped timewait")
	check("10.0.0.9", "mapped timewait")
	check("10.0.0.9:80", "")
	check("10.0.0.9:5000", "mapped timewait")
	check("fe80::/64", "linklocal")
	check("::", "listener")
	check("port != 5000", "listener")

	// Fields by their names.
	mapped.Congestion = &tcp.Congestion{Algorithm: "cubic"}
	check("congestion cubic", "mapped")
	check("congestion bbr,cubic", "mapped")
	check("cc != bbr", "mapped")
	check("not cc bbr", "mapped")
	check("cc CUBIC", "") // a name from outside
	check("timer.kind OFF", all)
	check("tcp_info.ca_state OPEN", "mapped")
	check("min_rtt >= 0s", "mapped")
	check("accept_queue_max >= 0", "")
}

func TestMatchAllocatesNothing(t *testing.T) {
	r := newRandom(1)
	f := mustParse(t, "state connected ( dport = :443 or src 10.0.0.0/8,[fe80::]/10 or not user root,33 ) ( rtt >= 0s or dport 1,2,3 or timer on or fwmark 1/3 or cgroup /a.slice )")
	sockets := make([]specimen, 100)
	for i := range sockets {
		sockets[i] = r.socket()
	}
	if n := testing.AllocsPerRun(100, func() {
		for _, s := range sockets {
			f.Match(s.Socket)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestStatesAndFamilies(t *testing.T) {
	for _, test := range []struct{ expr, states, families string }{
		{"", "all", "ipv4 ipv6"},
		{"state established", "established", "ipv4 ipv6"},
		{"state established and not state established", "", "ipv4 ipv6"},
		{"not ( state established or state listen )", "!listen,established", "ipv4 ipv6"},
		{"dport 3 or state listen", "all", "ipv4 ipv6"},
		{"( state listen dport 3 ) or ( state close sport 3 )", "listen,close", "ipv4 ipv6"},
		{"acceptq > 3", "listen", "ipv4 ipv6"},
		{"not acceptq > 3", "listen", "ipv4 ipv6"},
		{"acceptq > 3 or recvq > 3", "all", "ipv4 ipv6"},
		{"src 10.0.0.0/8", "all", "ipv4 ipv6"},
		{"src [fe80::]/10", "all", "ipv6"},
		{"not src [fe80::]/10", "all", "ipv4 ipv6"},
		{"src [::1],[::2]", "all", "ipv6"},
		{"src [::1],10.0.0.1", "all", "ipv4 ipv6"},
		{"family ipv4", "all", "ipv4"},
		{"not family ipv4", "all", "ipv6"},
		{"src inet:*", "all", "ipv4"},
		{"src [::1] family ipv4", "all", ""},
	} {
		f := mustParse(t, test.expr)
		want, _ := tcp.ParseStateSet(strings.TrimPrefix(test.states, "!"))
		if strings.HasPrefix(test.states, "!") {
			want = tcp.All &^ want
		}
		if got := f.States(); got != want {
			t.Errorf("%s: states %v, want %v", test.expr, got, want)
		}
		if got := strings.Trim(fmt.Sprint(f.Families()), "[]"); got != test.families {
			t.Errorf("%s: families %s, want %s", test.expr, got, test.families)
		}
	}
}

// TestClocks compares the states in which age and idle can match with the
// states in which SetAge knows them, and compares the details that the filters
// need with the states in which SetAge reads tcp_info.
func TestClocks(t *testing.T) {
	clocks := lifecycle.Clocks{FinTimeout: time.Minute, RTOMax: 2 * time.Minute}
	ages := func(state tcp.State, timer tcp.TimerKind, info *tcp.Info) (age, idle bool) {
		s := &tcp.Socket{State: state, Timer: tcp.Timer{Kind: timer}, Info: info}
		clocks.SetAge(s)
		return s.Age.IsKnown(), s.Idle.IsKnown()
	}
	for state := range tcp.All.States() {
		age, idle := mustParse(t, "state "+state.String()+" age > 1s"), mustParse(t, "state "+state.String()+" idle > 1s")
		byTimer := false
		for timer := tcp.TimerOff; timer <= tcp.TimerDelayedAck; timer++ {
			aged, _ := ages(state, timer, nil)
			byTimer = byTimer || aged
		}
		info := &tcp.Info{Len: 280, Listener: state == tcp.Listen}
		if state == tcp.TimeWait { // a small socket
			info = nil
		}
		byInfo, idling := ages(state, tcp.TimerOff, info)
		if (byTimer || byInfo) != age.States().Has(state) || idling != idle.States().Has(state) {
			t.Errorf("%v: SetAge knows age: %v, idle: %v, but the filter expects something else", state, byTimer || byInfo, idling)
		}
		if byInfo != (age.Needs() == tcp.DetailAge) || idling != (idle.Needs() == tcp.DetailAge) {
			t.Errorf("%v: age needs %v, idle %v", state, age.Needs(), idle.Needs())
		}
	}
}

func TestNeedsAndFields(t *testing.T) {
	for _, test := range []struct {
		expr   string
		needs  tcp.Detail
		fields string
	}{
		{"", 0, ""},
		{"state listen src 10.0.0.1 dport 3 dev 1 recvq > 0 acceptq > 0 retrans > 0", 0,
			"accept_queue interface local.address peer.port recv_q_bytes state timer.retransmits"},
		{"user 0 sendq > 1 timer off family ipv4 dst * sport 1", 0, "family local.port peer.address send_q_bytes timer.kind uid"},
		{"rtt > 5ms", tcp.DetailInfo, "tcp_info.rtt_us"},
		{"age > 5s", tcp.DetailAge, "age_ms"},
		{"state time-wait,syn-recv age > 5s", 0, "age_ms state"},
		{"state close-wait not age > 5s", tcp.DetailAge, "age_ms state"},
		{"idle > 5s", tcp.DetailAge, "idle_ms"},
		{"fwmark 1 or cgroup /a.slice", tcp.DetailExtended, "cgroup mark"},
		{"fwmark 1 rtt > 1s", tcp.DetailExtended | tcp.DetailInfo, "mark tcp_info.rtt_us"},
		{"autobound", 0, "autobound"},
		{"state bound-inactive", 0, "bound_inactive"},
	} {
		f := mustParse(t, test.expr)
		if got := f.Needs(); got != test.needs {
			t.Errorf("%s: needs %b, want %b", test.expr, got, test.needs)
		}
		if got := strings.Join(f.Fields(), " "); got != test.fields {
			t.Errorf("%s: fields %s, want %s", test.expr, got, test.fields)
		}
	}
}

func TestUnknown(t *testing.T) {
	f := mustParse(t, "dport 3 or not ( rtt > 5ms fwmark 1 )")
	if err := f.Unknown("procfs", []string{"cookie", "idle_ms"}); err != nil {
		t.Errorf("nothing is missing, but: %v", err)
	}
	err, ok := f.Unknown("procfs", []string{"mark", "tcp_info"}).(*Error)
	if want := `procfs does not report tcp_info.rtt_us, which "rtt > 5ms" needs`; !ok || err.What.String() != want || err.Offset != 17 {
		t.Errorf("%v at %d, want %s at 17", err, err.Offset, want)
	}
}

func FuzzParse(f *testing.F) {
	for seed := range uint64(200) {
		f.Add(newRandom(seed).expression(true))
	}
	for _, expr := range []string{"dport = = 3", "( state foo )", `dev \or`, `cgroup /x\\x2d(y`, "src [::1", "src 10/8,,", "\x00", "recvq > 9G", "src inet:inet6:1.1.1.1", strings.Repeat("\xa9", 50)} {
		f.Add(expr)
	}
	f.Fuzz(func(t *testing.T, expr string) {
		filter, err := Parse([]string{expr}, testNames)
		if err != nil {
			e, ok := err.(*Error)
			if !ok || e.Offset < 0 || e.Offset > len(e.Expr) || strings.ContainsAny(e.Error(), "\n\x1b") || strings.Count(e.Caret(), "\n") != 1 {
				t.Fatalf("%q: error %#v", expr, err)
			}
			return
		}
		printed := filter.String()
		again, err := Parse([]string{printed}, testNames)
		if err != nil {
			t.Fatalf("%q is printed as %q: %v", expr, printed, err)
		}
		if again.Tree() != filter.Tree() || inline(again.root) != inline(filter.root) || again.String() != printed {
			t.Fatalf("%q is printed as %q and then %q", expr, printed, again)
		}
		checkProgram(t, newRandom(uint64(len(expr))), filter)
	})
}

func BenchmarkMatch(b *testing.B) {
	r := newRandom(1)
	s := r.socket()
	for s.Family != tcp.IPv4 {
		s = r.socket()
	}
	for _, expr := range []string{"", "dport = :443", "state established", "src 10.0.0.0/8", "dst [2001:db8::]/32", "state established ( dport = :443 or sport = :22 )", "dport 1,2,3,4,5,6"} {
		f := mustParse(b, expr)
		b.Run(strings.ReplaceAll(expr, " ", "_"), func(b *testing.B) {
			for b.Loop() {
				f.Match(s.Socket)
			}
		})
	}
}
