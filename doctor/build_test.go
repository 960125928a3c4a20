package doctor

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"tcpstate/lifecycle"
	"tcpstate/tcp"
)

// patient builds an observation by hand, because tests need exact conditions.
// The tests of package cmd have real sockets in the same conditions.
type patient struct {
	*Observation
	port  int       // number of the last peer
	later *searched // nil: the sockets come with their processes
}

// healthy returns a patient with the default settings of a current kernel, and
// with two readings one second apart between which no counter rose.
func healthy(change ...func(*lifecycle.Settings, *Thresholds)) *patient {
	settings, thresholds := lifecycle.DefaultSettings(), DefaultThresholds()
	settings.MaxTWBuckets = tcp.Known(65536)
	settings.MaxOrphans = tcp.Known(65536)
	settings.MaxSynBacklog = tcp.Known(512)
	settings.Mem = tcp.Known(lifecycle.Triple{1000, 2000, 3000})
	for _, c := range change {
		c(&settings, &thresholds)
	}
	o := Observe(settings, thresholds)
	o.Release, o.Interval = "6.18.5", time.Second
	o.Before, o.After = map[string]int64{}, map[string]int64{}
	for _, name := range []string{
		"Tcp.PassiveOpens", "TcpExt.IPReversePathFilter", "Softnet.Dropped", "Tcp.InCsumErrors", "TcpExt.PruneCalled", "Conntrack.Drop", "Tcp.ActiveOpens", "Tcp.AttemptFails", "Tcp.EstabResets", "Tcp.OutRsts", "Tcp.OutSegs", "Tcp.RetransSegs", "TcpExt.TCPSynRetrans", "TcpExt.TCPDSACKRecv", "TcpExt.ListenOverflows", "TcpExt.ListenDrops",
		"TcpExt.SyncookiesSent", "TcpExt.SyncookiesRecv", "TcpExt.SyncookiesFailed", "TcpExt.TCPReqQFullDoCookies", "TcpExt.TCPReqQFullDrop",
		"TcpExt.TCPTimeWaitOverflow", "TcpExt.TCPAbortOnMemory", "TcpExt.TCPAbortOnTimeout", "TcpExt.TCPAbortOnClose",
		"TcpExt.TCPAbortOnData", "TcpExt.TCPAbortOnLinger", "TcpExt.TCPAbortFailed", "TcpExt.TCPMemoryPressures",
	} {
		o.Before[name], o.After[name] = 0, 0
	}
	o.SockStat = map[string]int64{"TCP.orphan": 0, "TCP.tw": 0, "TCP.mem": 10}
	o.Limits = []Limit{{Process: nginx, Open: 10, Soft: 1024}}
	return &patient{Observation: o}
}

var nginx = Process{PID: 812, Name: "nginx"}

// rose makes a counter rise between the two readings.
func (p *patient) rose(name string, by int64) { p.After[name] = p.Before[name] + by }

// resent makes the counters of segments rise: n of them were resent ones.
func (p *patient) resent(n, of int64) { p.rose("Tcp.RetransSegs", n); p.rose("Tcp.OutSegs", of-n) }

// resends sets what a connection has resent.
func resends(segments uint32, bytes uint64) func(*tcp.Socket) {
	return func(s *tcp.Socket) {
		s.Cookie, s.Info.TotalRetrans, s.Info.RetransBytes, s.Info.AckedBytes = 1, segments, bytes, 1
	}
}

// onlySinceBoot sets every counter to 1,000 and removes the first reading.
func (p *patient) onlySinceBoot() {
	p.standing()
	p.Before, p.Interval = nil, 0
}

// standing sets every counter to 1,000 in both readings.
func (p *patient) standing() {
	for name := range p.After {
		p.Before[name], p.After[name] = 1000, 1000
	}
}

// was gives the patient a baseline with a number of connections and of segments
// resent in a second.
func (p *patient) was(established int, resent int64) {
	p.baseline = &space{counts: new(tcp.Counts), elapsed: time.Second, rises: map[string]int64{"Tcp.RetransSegs": resent}}
	p.baseline.counts[tcp.Established] = established
}

// listen adds a listener of nginx on 0.0.0.0:443.
func (p *patient) listen(queue, most uint32) { p.listenOn("0.0.0.0:443", queue, most) }

func (p *patient) listenOn(local string, queue, most uint32) {
	p.listenOf(local, queue, most, nginx.PID)
}

// listenOf adds a listener of several processes of nginx.
func (p *patient) listenOf(local string, queue, most uint32, pids ...int) {
	at := netip.MustParseAddrPort(local)
	s := &tcp.Socket{State: tcp.Listen, Family: tcp.IPv4, Local: at, AcceptQueue: queue, AcceptQueueMax: tcp.Known(most), Owner: tcp.FullSocketOwner(33, 900)}
	for _, pid := range pids {
		s.Processes = append(s.Processes, tcp.Process{PID: pid, Name: nginx.Name, FD: 6})
	}
	p.see(s)
}

// listenDropping adds a listener of nginx that has dropped a number of SYNs and
// final ACKs since the first reading, and 1,000 before it.
func (p *patient) listenDropping(local string, queue, most, dropped uint32) {
	if p.Earlier == nil {
		p.SetEarlier(&Earlier{})
	}
	p.port++
	s := &tcp.Socket{State: tcp.Listen, Family: tcp.IPv4, Local: netip.MustParseAddrPort(local), AcceptQueue: queue, AcceptQueueMax: tcp.Known(most),
		Cookie: tcp.Cookie(p.port), Memory: &tcp.Memory{Drops: tcp.Known[uint32](1000)},
		Owner: tcp.FullSocketOwner(33, 900), Processes: []tcp.Process{{PID: nginx.PID, Name: nginx.Name, FD: 6}}}
	p.Earlier.Add(s)
	s.Memory.Drops = tcp.Known(1000 + dropped)
	p.see(s)
}

// socket returns a socket of nginx on local port 443. Its peer has an address
// in a network that no other peer has. All its clocks are set to age.
func (p *patient) socket(state tcp.State, age time.Duration) *tcp.Socket {
	p.port++
	peer := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(p.port >> 8), byte(p.port), 9}), uint16(40000+p.port%20000))
	s := &tcp.Socket{State: state, Family: tcp.IPv4, Local: netip.MustParseAddrPort("192.0.2.1:443"), Peer: peer, Cookie: tcp.Cookie(p.port),
		Owner: tcp.FullSocketOwner(33, 411), Processes: []tcp.Process{{PID: nginx.PID, Name: nginx.Name, FD: 7}},
		Info: &tcp.Info{Len: 280, LastDataSent: age, LastDataRecv: age, LastAckRecv: age}, Idle: tcp.Known(age)}
	switch state {
	case tcp.Established, tcp.CloseWait:
		s.Age = tcp.Known(age)
	case tcp.SynSent:
		s.Age, s.Timer = tcp.Known(age), tcp.Timer{Kind: tcp.TimerOn, Retransmits: 2}
	}
	return s
}

// add adds n sockets to the survey, after change has changed each.
func (p *patient) add(n int, state tcp.State, age time.Duration, change ...func(*tcp.Socket)) {
	for range n {
		s := p.socket(state, age)
		for _, c := range change {
			c(s)
		}
		p.see(s)
	}
}

// addMPTCP adds n connections of multipath TCP, each after its subflow, on which
// nothing came for the given time, and whose unread data takes some memory.
func (p *patient) addMPTCP(n int, state tcp.State, age time.Duration, memory uint32) {
	for range n {
		p.add(1, tcp.Established, age, ofMPTCP)
		p.add(1, state, age, ofMPTCP, func(s *tcp.Socket) {
			s.RecvQueue, s.Info, s.AgeAtLeast = memory, nil, true
			s.Connection = &tcp.Connection{LastDataRecv: tcp.Known(age), LastAckRecv: tcp.Known(age)}
		})
	}
}

// ofMPTCP makes a socket a subflow of a connection of multipath TCP.
func ofMPTCP(s *tcp.Socket) { s.MPTCPToken = tcp.Known[uint32](1) }

// halfOpen adds n half-open connections to port 443, whose SYN-ACKs were resent
// the given number of times.
func (p *patient) halfOpen(n, resends int, change ...func(*tcp.Socket)) {
	p.add(n, tcp.SynRecv, 0, append([]func(*tcp.Socket){func(s *tcp.Socket) {
		s.Owner, s.Processes, s.Info, s.Idle = tcp.Owner{}, nil, nil, tcp.Optional[time.Duration]{}
		s.Timer = tcp.Timer{Kind: tcp.TimerOn, Retransmits: uint8(resends)}
		s.Age = tcp.Known(time.Duration(resends) * time.Second)
	}}, change...)...)
}

// known makes the next 10,000 half-open connections ones that were there at the
// first reading.
func (p *patient) known() {
	p.SetEarlier(&Earlier{})
	for i := range 10_000 {
		p.Earlier.Add(&tcp.Socket{State: tcp.SynRecv, Cookie: tcp.Cookie(p.port + i + 1)})
	}
}

// The functions below change sockets, or return functions that do.

func samePeer(s *tcp.Socket) {
	s.Peer = netip.AddrPortFrom(netip.MustParseAddr("198.51.100.7"), s.Peer.Port())
}

func unaccepted(s *tcp.Socket) { s.Owner, s.Processes = tcp.Owner{}, nil }

func heldBy(pid int, name string) func(*tcp.Socket) {
	return func(s *tcp.Socket) { s.Processes = []tcp.Process{{PID: pid, Name: name, FD: 7}} }
}

func noClocks(s *tcp.Socket) {
	s.Info, s.Idle, s.Age = nil, tcp.Optional[time.Duration]{}, tcp.Optional[time.Duration]{}
}

func timer(kind tcp.TimerKind, tries uint8) func(*tcp.Socket) {
	return func(s *tcp.Socket) { s.Timer = tcp.Timer{Kind: kind, Retransmits: tries, Expires: time.Second} }
}

func queues(received, unsent uint32) func(*tcp.Socket) {
	return func(s *tcp.Socket) { s.RecvQueue, s.SendQueue = received, unsent }
}

// window sets the window of the peer, with segments of 1448 bytes.
func window(size uint32) func(*tcp.Socket) {
	return func(s *tcp.Socket) { s.Info.SendWindow, s.Info.SendMSS = size, 1448 }
}

// inFlight sets how many segments are not acknowledged.
func inFlight(segments uint32) func(*tcp.Socket) {
	return func(s *tcp.Socket) { s.Info.Unacked, s.Info.PathMTU = segments, 1500 }
}

// doubled sets how often the timeout has been doubled, from 200 ms on.
func doubled(times uint8) func(*tcp.Socket) {
	return func(s *tcp.Socket) {
		s.Info.Backoff, s.Info.RTO = times, 200*time.Millisecond
		if s.Timer.Kind == tcp.TimerOn {
			s.Info.RTO <<= times
			s.Timer.Expires = s.Info.RTO / 2
		}
	}
}

// outgoing gives sockets consecutive local ports, starting with first, and the
// same destination.
func outgoing(local, peer string, first uint16) func(*tcp.Socket) {
	next := first
	return func(s *tcp.Socket) {
		s.Local = netip.AddrPortFrom(netip.MustParseAddr(local), next)
		s.Peer = netip.MustParseAddrPort(peer)
		next++
	}
}

// examine applies all rules, and checks the conditions that every finding must
// meet.
func (p *patient) examine(t *testing.T) []Finding {
	t.Helper()
	p.search()
	findings := Examine(p.Observation, Rules())
	for i, f := range findings {
		if i > 0 && f.Severity > findings[i-1].Severity {
			t.Errorf("%s is more severe than %s before it", f.Code, findings[i-1].Code)
		}
		checkFinding(t, &f)
	}
	return findings
}

// find returns the first finding with a code, or nil if there is none.
func find(findings []Finding, code string) *Finding {
	for i := range findings {
		if findings[i].Code == code {
			return &findings[i]
		}
	}
	return nil
}

func describe(findings []Finding) string {
	text := ""
	for _, f := range findings {
		text += fmt.Sprintf("\n  %v %s: %s (%v) %v", f.Severity, f.Code, f.Title, f.Confidence, f.Evidence)
	}
	return text
}
