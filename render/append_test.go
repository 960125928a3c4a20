package render

import (
	"encoding/binary"
	"encoding/json"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"tcpstate/internal/filled"
	"tcpstate/internal/lab"
	"tcpstate/tcp"
)

func TestAppendSocketAgreesWithSchema(t *testing.T) {
	bare := &tcp.Socket{}
	nothingKnown := established()
	nothingKnown.Info, nothingKnown.Congestion = &tcp.Info{}, &tcp.Congestion{}
	nothingKnown.Extended, nothingKnown.Memory = &tcp.Extended{}, &tcp.Memory{}
	listening := listener()
	listening.Info = &tcp.Info{Len: 280, Listener: true, SendCwnd: 10}
	noOptions := full()
	noOptions.Info.Options = 0
	noOptions.Extended.Options = tcp.Known(tcp.SocketOptions(0))
	mapped := established()
	mapped.Family, mapped.Local = tcp.IPv6, netip.MustParseAddrPort("[::ffff:10.0.0.1]:80")
	zone := established()
	zone.Local = netip.AddrPortFrom(netip.MustParseAddr("::ffff:10.0.0.1%e\"\x1b"), 80)

	for name, s := range map[string]*tcp.Socket{
		"listener": listener(), "established": established(), "TIME_WAIT": timeWait(), "full": full(), "filled": filled.Socket(), "bare": bare,
		"nothing known": nothingKnown, "listener's info": listening, "no options": noOptions, "mapped": mapped, "zone": zone,
	} {
		t.Run(name, func(t *testing.T) { checkAgainstSchema(t, s) })
	}
}

// hostileTexts are texts that a name may contain, by accident or with bad
// intent.
var hostileTexts = []string{
	"", "eth0", `say "hi" \o/`, "<b>&amp;</b>", "\x00\x01\b\t\n\f\r\x1b[31m\x7f", "\u0085\u009b31m", "line\u2028par\u2029",
	"\u202egnp.exe", "\xff\xc0\xaf\xed\xa0\x80", "\ufffd", "中文", "e\u0301", "\U0001f600", "\U000e0001tag", "\u00a0", " a ", "a,b", `\.`, "a|b",
	"\xc2", "\t", "\ufeff",
}

func FuzzAppendString(f *testing.F) {
	for _, text := range hostileTexts {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s := established()
		s.Interface = text
		s.Local = netip.AddrPortFrom(netip.MustParseAddr("fe80::1").WithZone(text), 1)
		s.Congestion = &tcp.Congestion{Algorithm: text}
		s.Extended = &tcp.Extended{ULP: text, Cgroup: tcp.Cgroup{Path: text, Unit: text, Container: text}}
		s.Owner.User, s.Netns, s.LocalName, s.PeerName = text, text, tcp.Name{Host: text, Service: text}, tcp.Name{Host: text}
		s.Processes = []tcp.Process{{Name: text, User: text, Exe: text, Cmdline: []string{text, "", text}}}
		s.Listener = &tcp.Listener{Local: s.Local, Processes: s.Processes}
		checkAgainstSchema(t, s)
	})
}

func FuzzAppendSocket(f *testing.F) {
	for seed := range uint64(500) {
		f.Add(seed, hostileTexts[seed%uint64(len(hostileTexts))])
	}
	f.Fuzz(func(t *testing.T, seed uint64, text string) { checkAgainstSchema(t, newDice(seed, text).socket()) })
}

func checkAgainstSchema(t *testing.T, s *tcp.Socket) {
	t.Helper()
	want, err := marshalSocket(s)
	if err != nil {
		t.Fatal(err)
	}
	got := appendSocket(nil, s)
	if diff := lab.DiffJSON(want, got); diff != "" {
		t.Errorf("the encoder does not agree with the schema %s", diff)
	}
	if !json.Valid(got) {
		t.Errorf("not JSON: %s", got)
	}
}

// dice makes random sockets that have the text wherever a text is possible.
type dice struct {
	*rand.Rand
	text string
}

func newDice(seed uint64, text string) *dice { return &dice{rand.New(rand.NewPCG(seed, 0)), text} }

// uint returns random numbers of all lengths.
func (d *dice) uint() uint64 { return d.Uint64() >> d.IntN(64) }

func (d *dice) bool() bool              { return d.IntN(2) == 1 }
func (d *dice) duration() time.Duration { return time.Duration(d.uint()) }

func (d *dice) addr() netip.AddrPort {
	var raw [16]byte
	binary.LittleEndian.PutUint64(raw[:], d.uint())
	binary.LittleEndian.PutUint64(raw[8:], d.uint())
	port := uint16(d.uint())
	switch d.uint() % 4 {
	case 0:
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(raw[:4])), port)
	case 1:
		return netip.AddrPortFrom(netip.AddrFrom16(raw), port)
	case 2:
		return netip.AddrPortFrom(netip.AddrFrom16(raw).WithZone(d.text), port)
	default:
		return netip.AddrPort{}
	}
}

func maybe[T any](d *dice, v T) (o tcp.Optional[T]) {
	if d.bool() {
		return tcp.Known(v)
	}
	return o
}

// name returns the text or an empty string.
func (d *dice) name() string {
	if d.bool() {
		return d.text
	}
	return ""
}

func (d *dice) processes() (list []tcp.Process) {
	for range d.uint() % 3 {
		p := tcp.Process{PID: int(int32(d.uint())), FD: int(int32(d.uint())), Name: d.text, UID: maybe(d, uint32(d.uint())), User: d.name(), Exe: d.name()}
		for range d.uint() % 3 {
			p.FDs = append(p.FDs, int(int32(d.uint())))
		}
		for range d.uint() % 3 {
			p.Cmdline = append(p.Cmdline, d.name())
		}
		list = append(list, p)
	}
	return list
}

func (d *dice) socket() *tcp.Socket {
	s := &tcp.Socket{
		State: tcp.State(d.uint() % 14), Family: tcp.Family(d.uint() % 4), Local: d.addr(), Peer: d.addr(),
		RecvQueue: uint32(d.uint()), SendQueue: uint32(d.uint()),
		AcceptQueue: uint32(d.uint()), AcceptQueueMax: maybe(d, uint32(d.uint())),
		Owner:     tcp.Owner{UID: maybe(d, uint32(d.uint())), User: d.name(), Inode: uint32(d.uint())},
		LocalName: tcp.Name{Host: d.name(), Service: d.name()}, PeerName: tcp.Name{Host: d.name(), Service: d.name()}, Netns: d.name(),
		Cookie: tcp.Cookie(d.uint()),
		Timer:  tcp.Timer{Kind: tcp.TimerKind(d.uint() % 8), Expires: d.duration(), Retransmits: uint8(d.uint())},
		Age:    maybe(d, d.duration()), AgeExact: d.bool(), Idle: maybe(d, d.duration()), Interface: d.text,
	}
	s.Processes = d.processes()
	if d.bool() {
		s.Listener = &tcp.Listener{Local: d.addr(), Processes: d.processes()}
	}
	if d.bool() {
		info := full().Info
		info.Len, info.Listener = int(d.uint()%300), d.bool()
		info.CAState, info.Options = tcp.CAState(d.uint()%8), tcp.InfoOptions(d.uint())
		info.DeliveryRateAppLimited = d.bool()
		info.PacingRate, info.AckedBytes, info.RTT, info.MinRTT = d.uint(), d.uint(), d.duration(), d.duration()
		s.Info = info
	}
	s.MPTCPToken = maybe(d, uint32(d.uint()))
	if d.bool() {
		s.Connection = &tcp.Connection{Listener: d.bool(), Subflows: uint8(d.uint()), SubflowsTotal: maybe(d, uint8(d.uint())), Fallback: d.bool(),
			WriteSeq: d.uint(), SentBytes: maybe(d, d.uint()), LastAckRecv: maybe(d, d.duration())}
	}
	if d.bool() {
		s.Congestion = &tcp.Congestion{
			Algorithm: d.text,
			BBR:       maybe(d, tcp.BBR{Bandwidth: d.uint(), MinRTT: d.duration(), PacingGain: uint32(d.uint())}),
			DCTCP:     maybe(d, tcp.DCTCP{Enabled: d.bool(), CEState: uint16(d.uint()), Alpha: uint32(d.uint())}),
			Vegas:     maybe(d, tcp.Vegas{Enabled: d.bool(), RTTCount: uint32(d.uint()), RTT: d.duration()}),
		}
	}
	if d.bool() {
		s.Memory = &tcp.Memory{RecvAlloc: uint32(d.uint()), Backlog: uint32(d.uint()), Drops: maybe(d, uint32(d.uint()))}
	}
	if d.bool() {
		s.Extended = d.extended()
	}
	return s
}

func (d *dice) extended() *tcp.Extended {
	e := &tcp.Extended{
		Mark: maybe(d, uint32(d.uint())), CgroupID: d.uint(),
		Cgroup: tcp.Cgroup{Path: d.name(), Unit: d.name(), Container: d.name()}, Shutdown: maybe(d, tcp.Shutdown(d.uint())),
		TOS: maybe(d, uint8(d.uint())), TrafficClass: maybe(d, uint8(d.uint())), ClassID: maybe(d, uint32(d.uint())),
		V6Only: maybe(d, d.bool()), Options: maybe(d, tcp.SocketOptions(d.uint())), Protocol: maybe(d, uint8(d.uint())), ULP: d.text,
	}
	if d.bool() {
		e.TLS = &tcp.TLS{Version: uint16(d.uint()), Cipher: uint16(d.uint()), ZeroCopy: d.bool()}
	}
	if d.bool() {
		e.MPTCP = &tcp.MPTCP{Mapped: d.bool(), TokenRemote: uint32(d.uint()), MapSeq: d.uint(), Flags: uint32(d.uint())}
	}
	for range d.uint() % 3 {
		addr := d.addr().Addr()
		e.MD5Keys = append(e.MD5Keys, tcp.MD5Key{Prefix: netip.PrefixFrom(addr, int(d.uint()%129)), Length: uint16(d.uint())})
	}
	return e
}

// everySection requests everything.
var everySection = Sections{
	MPTCP:     true,
	Processes: true, Timers: true, Extended: true, Info: true, Memory: true, Commands: true, Names: true, Netns: true,
}

func TestNoAllocations(t *testing.T) {
	everything := everySection
	for name, l := range map[string]*Listing{
		"csv": {Format: CSV, Columns: DefaultColumns(CSV, Sections{}, nil)}, "csv, everything": {Format: CSV, Columns: DefaultColumns(CSV, everything, nil)},
		"ndjson": {Format: NDJSON}, "json": {Format: JSON},
		"table": {Format: Table, Columns: DefaultColumns(Table, everything, nil)},
	} {
		for kind, s := range map[string]*tcp.Socket{"listener": listener(), "established": established(), "TIME_WAIT": timeWait(), "full": full()} {
			b := make([]byte, 0, 1<<16)
			if n := testing.AllocsPerRun(100, func() { b = l.appendRow(b[:0], s) }); n != 0 {
				t.Errorf("%s, %s: %v allocations a socket", name, kind, n)
			}
		}
	}
}

func BenchmarkRow(b *testing.B) {
	base := established()
	base.Age, base.Idle = tcp.Optional[time.Duration]{}, tcp.Optional[time.Duration]{}
	info := established()
	info.Info, info.Congestion = full().Info, &tcp.Congestion{Algorithm: "cubic"}
	v6 := timeWait()
	v6.Local = netip.MustParseAddrPort("[2001:db8:1:2:3:4:5:6]:443")
	for _, bench := range []struct {
		name string
		l    *Listing
		s    *tcp.Socket
	}{
		{"csv", &Listing{Format: CSV, Columns: DefaultColumns(CSV, Sections{}, nil)}, base},
		{"csv6", &Listing{Format: CSV, Columns: DefaultColumns(CSV, Sections{}, nil)}, v6},
		{"csv-info", &Listing{Format: CSV, Columns: DefaultColumns(CSV, Sections{Info: true}, nil)}, info},
		{"ndjson", &Listing{Format: NDJSON}, base},
		{"ndjson6", &Listing{Format: NDJSON}, v6},
		{"ndjson-info", &Listing{Format: NDJSON}, info},
		{"table", &Listing{Format: Table, Columns: DefaultColumns(Table, Sections{}, nil)}, base},
	} {
		b.Run(bench.name, func(b *testing.B) {
			buf := make([]byte, 0, 1<<16)
			b.ReportAllocs()
			for b.Loop() {
				buf = bench.l.appendRow(buf[:0], bench.s)
			}
			b.SetBytes(int64(len(buf)))
		})
	}
}
