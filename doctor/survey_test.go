package doctor

import (
	"net/netip"
	"runtime"
	"slices"
	"testing"
	"time"

	"tcpstate/lifecycle"
	"tcpstate/tcp"
)

// anyAddress returns a different address for each n. The first 2^24 are in
// different /24 networks.
func anyAddress(n int) netip.Addr {
	return netip.AddrFrom4([4]byte{byte(n >> 16), byte(n >> 8), byte(n), byte(n >> 24)})
}

// TestSurveyIsBounded adds a million sockets that differ in everything that a
// survey distinguishes.
func TestSurveyIsBounded(t *testing.T) {
	v := Observe(lifecycle.DefaultSettings(), DefaultThresholds()).Survey
	s := &tcp.Socket{Family: tcp.IPv4, Owner: tcp.FullSocketOwner(33, 411), Info: &tcp.Info{Len: 280}}
	process := make([]tcp.Process, 1)
	kinds := []struct {
		state tcp.State
		timer tcp.Timer
		age   time.Duration
	}{
		{tcp.Listen, tcp.Timer{}, 0},
		{tcp.SynRecv, tcp.Timer{Kind: tcp.TimerOn, Retransmits: 2}, time.Second},
		{tcp.SynSent, tcp.Timer{Kind: tcp.TimerOn, Retransmits: 5}, time.Minute},
		{tcp.Established, tcp.Timer{}, 100 * time.Hour},
		{tcp.Established, tcp.Timer{Kind: tcp.TimerOn, Retransmits: 9}, time.Minute},
		{tcp.Established, tcp.Timer{Kind: tcp.TimerPersist}, time.Minute},
		{tcp.CloseWait, tcp.Timer{}, 2 * time.Hour},
		{tcp.FinWait2, tcp.Timer{}, 2 * time.Hour},
		{tcp.LastAck, tcp.Timer{Kind: tcp.TimerOn, Retransmits: 9}, time.Minute},
		{tcp.TimeWait, tcp.Timer{Kind: tcp.TimerTimeWait}, time.Second},
	}
	const each = 100_000
	before := heap()
	for i := range each {
		process[0] = tcp.Process{PID: 1 + i, Name: "a-process", FD: 3}
		for _, k := range kinds {
			s.State, s.Timer, s.Processes = k.state, k.timer, process
			s.Local = netip.AddrPortFrom(anyAddress(i), uint16(32768+i%20000))
			s.Peer = netip.AddrPortFrom(anyAddress(1<<22+i), uint16(i))
			s.RecvQueue, s.SendQueue = uint32(i%3), 1
			s.Age, s.Idle = tcp.Known(k.age+time.Duration(i)), tcp.Known(k.age)
			if k.state == tcp.Established && k.timer.Kind == tcp.TimerOff {
				s.SendQueue = 0
			}
			if k.state == tcp.SynRecv {
				s.Processes = nil
			}
			v.Add(s)
		}
	}
	grown := heap() - before
	if v.Counts.Total() != each*len(kinds) {
		t.Errorf("%d sockets were counted, want %d", v.Counts.Total(), each*len(kinds))
	}
	if grown > 32<<20 {
		t.Errorf("a million different sockets take %d bytes, more than 32 MiB", grown)
	}
	if v.unlisted == 0 || v.closeWait.others.count == 0 || v.destinations.lost == 0 {
		t.Error("the sockets did not reach the limits of the survey")
	}
	runtime.KeepAlive(v)
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// ordinary returns sockets like those of a busy server, n of each kind.
func ordinary(n int) []tcp.Socket {
	var list []tcp.Socket
	process := []tcp.Process{{PID: 812, Name: "nginx", FD: 9}}
	for i := range n {
		base := tcp.Socket{Family: tcp.IPv4, State: tcp.Established, Local: netip.MustParseAddrPort("192.0.2.1:443"),
			Peer: netip.AddrPortFrom(anyAddress(i), uint16(1024+i%60000)), Owner: tcp.FullSocketOwner(33, 7), Processes: process,
			Info: &tcp.Info{Len: 280, LastAckRecv: time.Second}, Idle: tcp.Known(time.Second), Age: tcp.Known(time.Second)}
		outgoing, timeWait := base, base
		outgoing.Local, outgoing.Peer = netip.AddrPortFrom(base.Local.Addr(), uint16(40000+i%20000)), netip.AddrPortFrom(anyAddress(i%64), 5432)
		timeWait.State, timeWait.Processes, timeWait.Owner, timeWait.Info = tcp.TimeWait, nil, tcp.Owner{}, nil
		list = append(list, base, outgoing, timeWait)
	}
	return list
}

func TestOrdinarySocketsAllocateNothing(t *testing.T) {
	v := Observe(lifecycle.DefaultSettings(), DefaultThresholds()).Survey
	v.Add(&tcp.Socket{State: tcp.Listen, Family: tcp.IPv4, Local: netip.MustParseAddrPort("0.0.0.0:443")})
	sockets := ordinary(1000)
	round := func() {
		for i := range sockets {
			v.Add(&sockets[i])
		}
	}
	round() // the first socket of each destination allocates its entry
	if n := testing.AllocsPerRun(10, round); n > 0 {
		t.Errorf("%d ordinary sockets took %v allocations", len(sockets), n)
	}
}

func BenchmarkSurveyAdd(b *testing.B) {
	v := Observe(lifecycle.DefaultSettings(), DefaultThresholds()).Survey
	v.Add(&tcp.Socket{State: tcp.Listen, Family: tcp.IPv4, Local: netip.MustParseAddrPort("0.0.0.0:443")})
	sockets := ordinary(20_000)
	i := 0
	for b.Loop() {
		v.Add(&sockets[i])
		if i++; i == len(sockets) {
			i = 0
		}
	}
}

// BenchmarkSurveyScattered adds connections to destinations that are all
// different. This is the worst case for counting ports.
func BenchmarkSurveyScattered(b *testing.B) {
	v := Observe(lifecycle.DefaultSettings(), DefaultThresholds()).Survey
	s := ordinary(1)[1]
	i := 0
	for b.Loop() {
		i++
		s.Peer = netip.AddrPortFrom(anyAddress(i), 5432)
		v.Add(&s)
	}
}

// TestSurveyKeepsCopies changes a socket after adding it, as the sources do.
func TestSurveyKeepsCopies(t *testing.T) {
	p := healthy()
	s := p.socket(tcp.CloseWait, 2*time.Hour)
	want := s.Clone()
	p.Survey.Add(s)
	s.Processes[0].Name, s.Info.LastAckRecv = "other", 0
	s.Reset()
	f := find(p.examine(t), "close-wait-leak")
	if f == nil || f.Sockets[0].Peer != want.Peer || f.Sockets[0].Processes[0].Name != "nginx" || f.Sockets[0].Info.LastAckRecv != 2*time.Hour {
		t.Errorf("the example changed with the socket: %+v", f)
	}
}

func TestExamplesAreTheWorst(t *testing.T) {
	p := healthy()
	for _, minutes := range []int{3, 90, 2, 80, 70, 99, 1, 95, 3} {
		p.add(1, tcp.CloseWait, time.Duration(minutes)*time.Minute)
	}
	f := find(p.examine(t), "close-wait-leak")
	var ages []int
	for _, s := range f.Sockets {
		ages = append(ages, int(s.Age.Or(0).Minutes()))
	}
	if want := []int{99, 95, 90, 80, 70}; !slices.Equal(ages, want) {
		t.Errorf("examples have ages of %v minutes, want %v", ages, want)
	}
}

func TestListenerOfAConnection(t *testing.T) {
	p := healthy()
	for _, local := range []string{"0.0.0.0:80", "192.0.2.1:80", "[::]:443", "[::1]:443"} {
		p.listenOn(local, 0, 8)
	}
	for local, want := range map[string]string{
		"192.0.2.1:80": "192.0.2.1:80", "192.0.2.2:80": "0.0.0.0:80", "[2001:db8::1]:443": "[::]:443", "[::1]:443": "[::1]:443",
		"192.0.2.1:443": "[::]:443", "[::ffff:192.0.2.1]:443": "[::]:443", "[2001:db8::1]:80": "", "192.0.2.1:81": "",
	} {
		s := p.socket(tcp.Established, 0)
		s.Local = addr(local)
		got := ""
		if l := p.Survey.listenerOf(s); l != nil {
			got = l.Local.String()
		}
		if got != want {
			t.Errorf("%s came in through listener %q, want %q", local, got, want)
		}
	}
	// A listener that the survey gets later must be found too.
	s := p.socket(tcp.Established, 0)
	s.Local = addr("192.0.2.9:80")
	p.Survey.listenerOf(s)
	p.listenOn("192.0.2.9:80", 0, 8)
	if l := p.Survey.listenerOf(s); l == nil || l.Local != s.Local {
		t.Errorf("%v came in through %v, want its own listener, which the survey got later", s.Local, l)
	}

	s = p.socket(tcp.TimeWait, 0)
	s.Listener = &tcp.Listener{Local: addr("192.0.2.1:80")}
	s.Local = addr("192.0.2.77:80")
	if l := p.Survey.listenerOf(s); l == nil || l.Local != s.Listener.Local {
		t.Errorf("listenerOf returned %v, want the listener that the source inferred", l)
	}
}

func TestHolders(t *testing.T) {
	p := healthy()
	for pid, n := range []int{0, 3, 5, 3} {
		p.add(n, tcp.Established, 0, func(s *tcp.Socket) { s.Processes = []tcp.Process{{PID: pid, Name: "x"}} })
	}
	if got := p.Survey.Holders(2); !slices.Equal(got, []Process{{2, "x"}, {1, "x"}}) {
		t.Errorf("holders %v, want 2 and 1", got)
	}
	if got := p.Survey.Holders(9); len(got) != 3 {
		t.Errorf("holders %v, want three", got)
	}
}

func TestHalfOpenWithoutTheirListener(t *testing.T) {
	p := healthy()
	p.halfOpen(100, 1)
	f := find(p.examine(t), "syn-flood")
	if f == nil || f.Listeners[0].Local.Port() != 443 {
		t.Errorf("a flood without its listener in the survey:%s", describe(p.examine(t)))
	}
}

// badly gives many keys the same hash, so that they collide.
func badly(key int) uint64 { return uint64(key % 7) }

func TestFrequentKeepsFrequentKeys(t *testing.T) {
	f := newFrequent(64, badly)
	for i := range 100_000 {
		f.add(1000+i, i%2 == 0, 0)
		if i%10 == 0 {
			f.add(1, false, 5)
			f.add(2, true, 0)
		}
	}
	if len(f.entries) > 64 {
		t.Errorf("%d keys, more than 64", len(f.entries))
	}
	seen := map[int]bool{}
	for _, e := range f.entries {
		if seen[e.key] {
			t.Errorf("key %d has two entries", e.key)
		}
		seen[e.key] = true
	}
	for key := range 2 {
		e := f.entries[*f.find(key + 1)-1]
		if n := e.total(); n > 10_000 || n < 9_000 || n+f.lost < 10_000 {
			t.Errorf("key %d was counted %d times, with at most %d lost; want 10,000", key+1, n, f.lost)
		}
		if key == 0 && e.pid != 5 {
			t.Errorf("the process of key 1 is %d, want 5", e.pid)
		}
	}
}

func TestFrequentIsExactWhileItHasRoom(t *testing.T) {
	f := newFrequent(64, badly)
	for i := range 6400 {
		f.add(i%64, i < 640, 0)
	}
	for _, e := range f.entries {
		if e.tally != (tally{held: 90, timeWait: 10}) {
			t.Errorf("key %d: %+v", e.key, e.tally)
		}
	}
	if f.lost != 0 || len(f.entries) != 64 {
		t.Errorf("%d additions were lost, and there are %d entries; want none and 64", f.lost, len(f.entries))
	}
}

func TestSpread(t *testing.T) {
	for _, n := range []int{0, 1, 2, 15, 16, 255, 256, 257, 1000, 5000, 300_000} {
		var s spread
		for i := range n {
			for range 1 + i%2 {
				s.add(anyAddress(i))
			}
		}
		got := s.distinct()
		if n < exactSpread && got != n || got < n*85/100 || got > n*115/100 {
			t.Errorf("of %d addresses %d were counted as different", n, got)
		}
	}
	var s spread
	if a, n := s.busiest(); a.IsValid() || n != 0 {
		t.Errorf("the busiest of none is %v, %d", a, n)
	}
	for _, last := range []byte{9, 7, 8, 7, 8} {
		s.add(netip.AddrFrom4([4]byte{10, 0, 0, last}))
	}
	if a, n := s.busiest(); a != netip.AddrFrom4([4]byte{10, 0, 0, 7}) || n != 2 {
		t.Errorf("the busiest is %v with %d, want the lower of the two that were added twice", a, n)
	}
}

func TestNetwork(t *testing.T) {
	for address, want := range map[string]string{
		"192.0.2.77": "192.0.2.0/24", "::ffff:192.0.2.77": "192.0.2.0/24", "2001:db8:1:2:3::4": "2001:db8:1:2::/64", "fe80::1%eth0": "fe80::/64",
	} {
		if got := network(netip.MustParseAddr(address)).String(); got != want {
			t.Errorf("%s is in %s, want %s", address, got, want)
		}
	}
	if network(netip.Addr{}).IsValid() {
		t.Error("the network of an invalid address must be invalid")
	}
}

func TestReservedPortsAreNotTaken(t *testing.T) {
	p := with(func(p *patient) {
		p.add(630, tcp.Established, 0, outgoing("192.0.2.1", "198.51.100.7:5432", 40370))
	}, ports(40000, 40999), func(s *lifecycle.Settings, _ *Thresholds) {
		s.LocalReservedPorts = tcp.Known(lifecycle.PortRanges{{First: 40900, Last: 40999}})
	}).make()
	if f := find(p.examine(t), "port-exhaustion"); f != nil {
		t.Errorf("530 of 900 ports and 100 reserved ports are in use:%s", describe([]Finding{*f}))
	}
}

// TestAnySocketIsAccepted adds sockets in every state that have almost no known
// fields, or contradictory ones. A source may yield such sockets, and the
// survey must not panic.
func TestAnySocketIsAccepted(t *testing.T) {
	p := healthy(func(_ *lifecycle.Settings, t *Thresholds) { *t = Thresholds{} })
	for state := range tcp.State(tcp.NumStates + 1) {
		for kind := range tcp.TimerKind(7) {
			for _, s := range []tcp.Socket{
				{},
				{Idle: tcp.Known(time.Hour), Age: tcp.Known(-time.Hour), Owner: tcp.Owner{Inode: 1}},
				{RecvQueue: 1 << 31, SendQueue: 1 << 31, Listener: &tcp.Listener{}, Info: &tcp.Info{}},
				{Local: addr("[fe80::1%eth0]:443"), Peer: addr("[::ffff:192.0.2.1]:40000"), Processes: []tcp.Process{{}, {PID: -1}},
					Info: &tcp.Info{LastAckRecv: -1}, Idle: tcp.Known(time.Duration(1 << 62)), AcceptQueue: 1 << 31, AcceptQueueMax: tcp.Known[uint32](0)},
			} {
				s.State, s.Timer = state, tcp.Timer{Kind: kind, Retransmits: 255}
				p.Survey.Add(&s)
			}
		}
	}
	if findings := p.examine(t); len(findings) < 10 {
		t.Errorf("with every threshold at 0 there are too few findings:%s", describe(findings))
	}
}
