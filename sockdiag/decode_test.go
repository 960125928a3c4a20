package sockdiag

import (
	"errors"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"tcpstate/fields"
	"tcpstate/tcp"
)

// compareSockets lets cmp compare unexported fields of this program's types,
// and values of netip.
var compareSockets = cmp.Options{
	cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b }),
	cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
	cmp.Exporter(func(t reflect.Type) bool { return strings.HasPrefix(t.PkgPath(), "tcpstate/") }),
	cmpopts.EquateEmpty(),
}

const (
	kernelEstablished = 1
	kernelSynRecv     = 3
	kernelFinWait2    = 5
	kernelTimeWait    = 6
	kernelClose       = 7
	kernelListen      = 10
)

func TestDecodeBase(t *testing.T) {
	with := func(msg inetDiagMsg, change func(*inetDiagMsg)) inetDiagMsg {
		change(&msg)
		return msg
	}
	shutdown := attribute(attrShutdown, []byte{0})
	tests := []struct {
		name       string
		msg        inetDiagMsg
		attributes []byte
		want       tcp.Socket
	}{{
		name: "a connection with every base field",
		msg: with(message(kernelEstablished, "10.0.0.1:443", "10.0.0.9:51000"), func(m *inetDiagMsg) {
			m.Timer, m.Retransmits, m.Expires = 2, 3, 7_180_950
			m.RecvQueue, m.SendQueue, m.UID, m.Inode = 5, 6, 1000, 411
			m.ID.Interface, m.ID.Cookie = 7, [2]uint32{0x248c4d, 0xa}
		}),
		want: tcp.Socket{
			State: tcp.Established, Family: tcp.IPv4,
			Local: netip.MustParseAddrPort("10.0.0.1:443"), Peer: netip.MustParseAddrPort("10.0.0.9:51000"),
			RecvQueue: 5, SendQueue: 6,
			Owner:  tcp.Owner{UID: tcp.Known[uint32](1000), Inode: 411},
			Cookie: 0xa_0024_8c4d, InterfaceIndex: 7,
			Timer: tcp.Timer{Kind: tcp.TimerKeepalive, Expires: 7_180_950 * time.Millisecond, Retransmits: 3},
		},
	}, {
		name: "a listener's queues are its accept queue and the maximum",
		msg: with(message(kernelListen, "[::]:80", "[::]:0"), func(m *inetDiagMsg) {
			m.RecvQueue, m.SendQueue = 3, 4096
		}),
		want: tcp.Socket{
			State: tcp.Listen, Family: tcp.IPv6,
			Local: netip.MustParseAddrPort("[::]:80"), Peer: netip.MustParseAddrPort("[::]:0"),
			AcceptQueue: 3, AcceptQueueMax: tcp.Known[uint32](4096),
		},
	}, {
		name: "a socket of root",
		msg:  with(message(kernelEstablished, "10.0.0.1:80", "10.0.0.2:5"), func(m *inetDiagMsg) { m.Inode = 8 }),
		want: tcp.Socket{
			State: tcp.Established, Family: tcp.IPv4,
			Local: netip.MustParseAddrPort("10.0.0.1:80"), Peer: netip.MustParseAddrPort("10.0.0.2:5"),
			Owner: tcp.Owner{UID: tcp.Known[uint32](0), Inode: 8},
		},
	}, {
		name: "an orphan, for which older kernels report root",
		msg:  message(kernelEstablished, "10.0.0.1:80", "10.0.0.2:5"),
		want: tcp.Socket{
			State: tcp.Established, Family: tcp.IPv4,
			Local: netip.MustParseAddrPort("10.0.0.1:80"), Peer: netip.MustParseAddrPort("10.0.0.2:5"),
		},
	}, {
		name: "a v4-mapped connection stays IPv6",
		msg:  message(kernelEstablished, "[::ffff:10.0.0.1]:80", "[::ffff:10.0.0.2]:5"),
		want: tcp.Socket{
			State: tcp.Established, Family: tcp.IPv6,
			Local: netip.MustParseAddrPort("[::ffff:10.0.0.1]:80"), Peer: netip.MustParseAddrPort("[::ffff:10.0.0.2]:5"),
		},
	}, {
		name: "a request socket has no owner",
		msg: with(message(kernelSynRecv, "10.0.0.1:80", "10.0.0.2:5"), func(m *inetDiagMsg) {
			m.Timer, m.Retransmits, m.Expires = 1, 2, 900
		}),
		attributes: attribute(attrMark, bytesOf(uint32(0))),
		want: tcp.Socket{
			State: tcp.SynRecv, Family: tcp.IPv4,
			Local: netip.MustParseAddrPort("10.0.0.1:80"), Peer: netip.MustParseAddrPort("10.0.0.2:5"),
			Timer: tcp.Timer{Kind: tcp.TimerOn, Expires: 900 * time.Millisecond, Retransmits: 2},
		},
	}, {
		name:       "a full socket in SYN_RECV has an owner",
		msg:        with(message(kernelSynRecv, "10.0.0.1:80", "10.0.0.2:5"), func(m *inetDiagMsg) { m.UID = 7 }),
		attributes: shutdown,
		want: tcp.Socket{
			State: tcp.SynRecv, Family: tcp.IPv4,
			Local: netip.MustParseAddrPort("10.0.0.1:80"), Peer: netip.MustParseAddrPort("10.0.0.2:5"),
			Owner: tcp.Owner{UID: tcp.Known[uint32](7)},
		},
	}, {
		name: "TIME_WAIT has no owner",
		msg: with(message(kernelTimeWait, "10.0.0.1:80", "10.0.0.2:5"), func(m *inetDiagMsg) {
			m.Timer, m.Expires = 3, 59_000
		}),
		want: tcp.Socket{
			State: tcp.TimeWait, Family: tcp.IPv4,
			Local: netip.MustParseAddrPort("10.0.0.1:80"), Peer: netip.MustParseAddrPort("10.0.0.2:5"),
			Timer: tcp.Timer{Kind: tcp.TimerTimeWait, Expires: 59 * time.Second},
		},
	}, {
		name: "a small orphan in FIN_WAIT2 has no owner",
		msg: with(message(kernelFinWait2, "10.0.0.1:80", "10.0.0.2:5"), func(m *inetDiagMsg) {
			m.Timer, m.Expires = 3, 59_000
		}),
		want: tcp.Socket{
			State: tcp.FinWait2, Family: tcp.IPv4,
			Local: netip.MustParseAddrPort("10.0.0.1:80"), Peer: netip.MustParseAddrPort("10.0.0.2:5"),
			Timer: tcp.Timer{Kind: tcp.TimerTimeWait, Expires: 59 * time.Second},
		},
	}, {
		name:       "a full FIN_WAIT2 has an owner",
		msg:        with(message(kernelFinWait2, "10.0.0.1:80", "10.0.0.2:5"), func(m *inetDiagMsg) { m.UID, m.Inode = 7, 8 }),
		attributes: shutdown,
		want: tcp.Socket{
			State: tcp.FinWait2, Family: tcp.IPv4,
			Local: netip.MustParseAddrPort("10.0.0.1:80"), Peer: netip.MustParseAddrPort("10.0.0.2:5"),
			Owner: tcp.Owner{UID: tcp.Known[uint32](7), Inode: 8},
		},
	}, {
		name:       "a closed socket that never had a peer is bound and inactive",
		msg:        message(kernelClose, "10.0.0.1:80", "0.0.0.0:0"),
		attributes: shutdown,
		want: tcp.Socket{
			State: tcp.BoundInactive, Family: tcp.IPv4,
			Local: netip.MustParseAddrPort("10.0.0.1:80"), Peer: netip.MustParseAddrPort("0.0.0.0:0"),
		},
	}, {
		name:       "a closed socket that had a peer is closed",
		msg:        message(kernelClose, "10.0.0.1:80", "10.0.0.2:5"),
		attributes: shutdown,
		want: tcp.Socket{
			State: tcp.Close, Family: tcp.IPv4,
			Local: netip.MustParseAddrPort("10.0.0.1:80"), Peer: netip.MustParseAddrPort("10.0.0.2:5"),
		},
	}, {
		name: "an overdue timer has no time left",
		msg: with(message(kernelEstablished, "10.0.0.1:80", "10.0.0.2:5"), func(m *inetDiagMsg) {
			m.Timer, m.Expires = 1, ^uint32(0)-3
		}),
		want: tcp.Socket{
			State: tcp.Established, Family: tcp.IPv4,
			Local: netip.MustParseAddrPort("10.0.0.1:80"), Peer: netip.MustParseAddrPort("10.0.0.2:5"),
			Timer: tcp.Timer{Kind: tcp.TimerOn},
		},
	}}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d := newDecoder(0, false)
			d.socket = tcp.Socket{RecvQueue: 9, SendQueue: 9, Interface: "left by the previous socket"}
			if err := d.decode(join(bytesOf(test.msg), test.attributes)); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, d.socket, compareSockets); diff != "" {
				t.Errorf("decoded socket (-want +got):\n%s", diff)
			}
		})
	}
}

// filled returns the structure whose bytes are 1, 2, 3, and so on. No two
// fields are equal, so the test sees a field that is read from the wrong
// offset.
func filled[T any]() T {
	var v T
	b := bytesOf(v)
	for i := range b {
		b[i] = byte(i + 1)
	}
	load(&v, b)
	return v
}

func TestDecodeAttributes(t *testing.T) {
	mem := filled[skMemInfo]()
	bbr := bbrInfo{BandwidthLow: 5, BandwidthHigh: 1, MinRTT: 180, PacingGain: 739, CwndGain: 512}
	attributes := join(
		attribute(attrShutdown, []byte{1}),
		attribute(attrTOS, []byte{0x10}),
		attribute(attrTClass, []byte{0x20}),
		attribute(attrSkV6Only, []byte{1}),
		attribute(attrMark, bytesOf(uint32(42))),
		attribute(attrSkMemInfo, bytesOf(mem)),
		attribute(attrMemInfo, bytesOf(filled[inetDiagMemInfo]())),
		attribute(attrCgroupID, bytesOf(uint64(1234))),
		attribute(attrSockOpt, []byte{1 | 1<<5, 1 << 2}),
		attribute(attrClassID, bytesOf(uint32(6))),
		attribute(attrProtocol, []byte{6}),
		attribute(attrCong, []byte("bbr\x00")),
		attribute(attrBBRInfo, bytesOf(bbr)),
		attribute(attrULPInfo|1<<15, join( // nested, with the flag NLA_F_NESTED
			attribute(attrULPInfoName, []byte("tls\x00")),
			attribute(attrULPInfoTLS, join(
				attribute(tlsVersion, bytesOf(uint16(0x303))),
				attribute(tlsCipher, bytesOf(uint16(51))),
				attribute(tlsSendConf, bytesOf(uint16(2))),
				attribute(tlsRecvConf, bytesOf(uint16(1))),
				attribute(tlsZeroCopy, nil),
				attribute(99, []byte("a later kernel")),
			)),
			attribute(attrULPInfoMPTCP, join(
				attribute(mptcpTokenRemote, bytesOf(uint32(1))), attribute(mptcpTokenLocal, bytesOf(uint32(2))),
				attribute(mptcpRelativeSeq, bytesOf(uint32(3))), attribute(mptcpMapSeq, bytesOf(uint64(4))),
				attribute(mptcpMapSubflowSeq, bytesOf(uint32(5))), attribute(mptcpSubflowOffset, bytesOf(uint32(6))),
				attribute(mptcpMapDataLength, bytesOf(uint16(7))), attribute(mptcpFlags, bytesOf(uint32(8))),
				attribute(mptcpRemoteID, []byte{9}), attribute(mptcpLocalID, []byte{10}),
			)),
		)),
		attribute(attrMD5Sig, join(
			bytesOf(md5Sig{Family: familyInet, PrefixLen: 24, KeyLen: 8, Addr: [16]byte{10, 0, 0, 0}}),
			bytesOf(md5Sig{}),
		)),
		attribute(77, []byte("a later kernel")),
	)
	d := newDecoder(tcp.DetailInfo|tcp.DetailMemory|tcp.DetailExtended, false)
	if err := d.decode(join(bytesOf(message(kernelEstablished, "10.0.0.1:80", "10.0.0.2:5")), attributes)); err != nil {
		t.Fatal(err)
	}
	memory := &tcp.Memory{
		RecvAlloc: mem.RecvAlloc, RecvBuffer: mem.RecvBuffer, SendAlloc: mem.SendAlloc, SendBuffer: mem.SendBuffer,
		ForwardAlloc: mem.ForwardAlloc, SendQueued: mem.SendQueued, OptionMemory: mem.OptionMemory, Backlog: mem.Backlog,
		Drops: tcp.Known(mem.Drops),
	}
	congestion := &tcp.Congestion{Algorithm: "bbr", BBR: tcp.Known(tcp.BBR{
		Bandwidth: 1<<32 + 5, MinRTT: 180 * time.Microsecond, PacingGain: 739, CwndGain: 512,
	})}
	extended := &tcp.Extended{
		Mark: tcp.Known[uint32](42), CgroupID: 1234, Shutdown: tcp.Known(tcp.ShutdownReceive),
		TOS: tcp.Known[uint8](0x10), TrafficClass: tcp.Known[uint8](0x20), ClassID: tcp.Known[uint32](6),
		V6Only: tcp.Known(true), Protocol: tcp.Known[uint8](6),
		Options: tcp.Known(tcp.OptionRecvErr | tcp.OptionTransparent | tcp.OptionDeferConnect),
		ULP:     "tls",
		TLS:     &tcp.TLS{Version: 0x303, Cipher: 51, SendConf: 2, RecvConf: 1, ZeroCopy: true},
		MPTCP: &tcp.MPTCP{Mapped: true, TokenRemote: 1, TokenLocal: 2, RelativeSeq: 3, MapSeq: 4, MapSubflowSeq: 5,
			SubflowOffset: 6, MapDataLength: 7, Flags: 8, RemoteID: 9, LocalID: 10},
		MD5Keys: []tcp.MD5Key{{Prefix: netip.MustParsePrefix("10.0.0.0/24"), Length: 8}},
	}
	for _, part := range []struct{ want, got any }{
		{memory, d.socket.Memory}, {congestion, d.socket.Congestion}, {extended, d.socket.Extended},
	} {
		if diff := cmp.Diff(part.want, part.got, compareSockets); diff != "" {
			t.Errorf("decoded %T (-want +got):\n%s", part.want, diff)
		}
	}

	// The next socket must not keep values of this one.
	if err := d.decode(bytesOf(message(kernelEstablished, "10.0.0.1:80", "10.0.0.2:5"))); err != nil {
		t.Fatal(err)
	}
	if s := d.socket; s.Memory != nil || s.Congestion != nil || s.Info != nil {
		t.Errorf("the next socket inherited memory %v, congestion %v, info %v", s.Memory, s.Congestion, s.Info)
	}
	if diff := cmp.Diff(&tcp.Extended{}, d.socket.Extended, compareSockets); diff != "" {
		t.Errorf("the next socket inherited (-want +got):\n%s", diff)
	}
}

// TestDecodeConnection decodes connections of multipath TCP whose structure ends
// where that of several kernels does, and a listener.
func TestDecodeConnection(t *testing.T) {
	raw := mptcpInfo{Subflows: 1, SubflowsMax: 2, Flags: mptcpFallback | mptcpRemoteKey, Token: 0xfadf5265, WriteSeq: 5, SndUna: 4, RcvNxt: 3,
		Retransmits: 6, BytesRetrans: 7, BytesSent: 8, BytesReceived: 9, BytesAcked: 10, SubflowsTotal: 2, LastDataSent: 11, LastDataRecv: 12, LastAckRecv: 13}
	first := tcp.Connection{Subflows: 1, SubflowsMax: 2, Fallback: true, RemoteKey: true, WriteSeq: 5, SendUnacked: 4, RecvNext: 3}
	counted := first
	counted.Retransmits, counted.RetransBytes, counted.SentBytes = tcp.Known[uint32](6), tcp.Known[uint64](7), tcp.Known[uint64](8)
	counted.ReceivedBytes, counted.AckedBytes = tcp.Known[uint64](9), tcp.Known[uint64](10)
	summed := counted
	summed.SubflowsTotal = tcp.Known[uint8](2)
	whole := summed
	whole.LastDataSent, whole.LastDataRecv, whole.LastAckRecv = tcp.Known(11*time.Millisecond), tcp.Known(12*time.Millisecond), tcp.Known(13*time.Millisecond)
	d := newDecoder(tcp.DetailInfo|tcp.DetailMemory, false)
	d.connections = true
	for _, test := range []struct {
		length int
		want   tcp.Connection
	}{{40, first}, {79, first}, {80, counted}, {81, summed}, {88, summed}, {96, whole}} {
		message := message(kernelEstablished, "10.0.0.1:80", "10.0.0.2:5")
		if err := d.decode(join(bytesOf(message), attribute(attrInfo, bytesOf(raw)[:test.length]))); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(&test.want, d.socket.Connection, compareSockets); diff != "" || d.socket.MPTCPToken != tcp.Known[uint32](0xfadf5265) || d.socket.Info != nil {
			t.Errorf("%d bytes: token %v, tcp_info %v (-want +got):\n%s", test.length, d.socket.MPTCPToken, d.socket.Info, diff)
		}
	}
	if err := d.decode(join(bytesOf(message(kernelListen, "10.0.0.1:80", "0.0.0.0:0")), attribute(attrInfo, make([]byte, 96)))); err != nil {
		t.Fatal(err)
	}
	if *d.socket.Connection != (tcp.Connection{Listener: true}) || d.socket.MPTCPToken.IsKnown() {
		t.Errorf("a listener: %+v, token %v", d.socket.Connection, d.socket.MPTCPToken)
	}
}

func TestDecodeOtherCongestion(t *testing.T) {
	d := newDecoder(tcp.DetailInfo, false)
	attributes := join(
		attribute(attrDCTCPInfo, bytesOf(dctcpInfo{Enabled: 1, CEState: 2, Alpha: 3, ABECN: 4, ABTot: 5})),
		attribute(attrVegasInfo, bytesOf(vegasInfo{Enabled: 1, RTTCount: 2, RTT: 3, MinRTT: 4})),
	)
	if err := d.decode(join(bytesOf(message(kernelEstablished, "10.0.0.1:80", "10.0.0.2:5")), attributes)); err != nil {
		t.Fatal(err)
	}
	want := &tcp.Congestion{
		DCTCP: tcp.Known(tcp.DCTCP{Enabled: true, CEState: 2, Alpha: 3, ECNBytes: 4, AllBytes: 5}),
		Vegas: tcp.Known(tcp.Vegas{Enabled: true, RTTCount: 2, RTT: 3 * time.Microsecond, MinRTT: 4 * time.Microsecond}),
	}
	if diff := cmp.Diff(want, d.socket.Congestion, compareSockets); diff != "" {
		t.Errorf("decoded congestion (-want +got):\n%s", diff)
	}
}

// A tcp_info may end at any byte: the fields after its end are absent, and the
// fields before it are the same as in a whole tcp_info.
func TestDecodeShortInfo(t *testing.T) {
	whole := bytesOf(filled[tcpInfo]())
	decodeInfo := func(n int) *tcp.Info {
		d := newDecoder(tcp.DetailInfo, false)
		payload := join(bytesOf(message(kernelEstablished, "10.0.0.1:80", "10.0.0.2:5")), attribute(attrInfo, whole[:n]))
		if err := d.decode(payload); err != nil {
			t.Fatalf("tcp_info of %d bytes: %v", n, err)
		}
		return d.socket.Info
	}
	established := func(info *tcp.Info) *tcp.Socket { return &tcp.Socket{State: tcp.Established, Info: info} }
	full := decodeInfo(len(whole))
	if got := len(whole); got < 280 {
		t.Fatalf("struct tcp_info is %d bytes long, want at least the 280 of Linux 6.18", got)
	}
	for n := range whole {
		short := decodeInfo(n)
		for i := range fields.All {
			f := &fields.All[i]
			if f.Get == nil || !strings.HasPrefix(f.Name, "tcp_info.") {
				continue
			}
			is, want := f.Get(established(short)), f.Get(established(full))
			if !want.Known {
				t.Fatalf("a whole tcp_info lacks %s", f.Name)
			}
			if is.Known && is != want {
				t.Errorf("tcp_info of %d bytes: %s is %d, want %d or unknown", n, f.Name, is.N, want.N)
			}
		}
	}
	if f := fields.Named("tcp_info.ca_state"); f.Get(established(decodeInfo(1))).Known || !f.Get(established(decodeInfo(2))).Known {
		t.Errorf("%s must be known once tcp_info has two bytes", f.Name)
	}
	// A later kernel sends more than the decoder knows.
	known := len(whole)
	whole = append(whole, make([]byte, 40)...)
	if got := decodeInfo(len(whole)); got.Len != known {
		t.Errorf("tcp_info of a later kernel: length %d, want %d", got.Len, known)
	}
}

func TestDecodeInfoBits(t *testing.T) {
	// Read as bit fields, the last four bytes are: mode 1, opt_seen 3, fail_mode 5, options2 0.
	raw := tcpInfo{WScale: 7 | 9<<4, Flags: 1 | 2<<1, AccECNFailMode: 1 | 3<<2 | 5<<4}
	if bigEndian {
		raw = tcpInfo{WScale: 7<<4 | 9, Flags: 1<<7 | 2<<5, AccECNFailMode: (1<<6 | 3<<4 | 5) << 8}
	}
	for _, asBits := range []bool{false, true} {
		d := newDecoder(tcp.DetailInfo, asBits)
		if err := d.decode(join(bytesOf(message(kernelEstablished, "10.0.0.1:80", "10.0.0.2:5")), attribute(attrInfo, bytesOf(raw)))); err != nil {
			t.Fatal(err)
		}
		got := d.socket.Info
		if got.SendWindowScale != 7 || got.RecvWindowScale != 9 || !got.DeliveryRateAppLimited || got.FastOpenClientFail != 2 {
			t.Errorf("bit fields: snd_wscale %d rcv_wscale %d app_limited %v fastopen %d, want 7 9 true 2",
				got.SendWindowScale, got.RecvWindowScale, got.DeliveryRateAppLimited, got.FastOpenClientFail)
		}
		wantFail, wantSeen := raw.AccECNFailMode, uint16(0)
		if asBits {
			wantFail, wantSeen = 5, 3
		}
		if got.AccECNFailMode != wantFail || got.AccECNOptSeen != wantSeen {
			t.Errorf("bits %v: accecn fail_mode %d opt_seen %d, want %d %d", asBits, got.AccECNFailMode, got.AccECNOptSeen, wantFail, wantSeen)
		}
	}
}

func TestDecodeErrors(t *testing.T) {
	base := bytesOf(message(kernelEstablished, "10.0.0.1:80", "10.0.0.2:5"))
	change := func(offset int, to byte) []byte {
		b := append([]byte(nil), base...)
		b[offset] = to
		return b
	}
	tests := []struct {
		name    string
		payload []byte
		want    string
	}{
		{"too short", base[:71], "inet_diag_msg at byte 0: 71 bytes are less than its 72"},
		{"family", change(0, 77), "idiag_family at byte 0: 77 is neither AF_INET nor AF_INET6"},
		{"state 0", change(1, 0), "idiag_state at byte 1: 0 is not a TCP state"},
		{"state 99", change(1, 99), "idiag_state at byte 1: 99 is not a TCP state"},
		{"attribute longer than the message", join(base, attribute(attrShutdown, []byte{0}), brokenAttribute(9)),
			"attribute at byte 80: its length does not fit the message"},
		{"attribute shorter than its header", join(base, brokenAttribute(3)),
			"attribute at byte 72: its length does not fit the message"},
		{"mark of two bytes", join(base, attribute(attrMark, []byte{1, 2})),
			"attribute 15 (MARK) at byte 76: 2 bytes are too few"},
		{"memory of seven numbers", join(base, attribute(attrSkMemInfo, make([]byte, 28))),
			"attribute 7 (SKMEMINFO) at byte 76: 28 bytes are too few"},
		{"half an MD5 key", join(base, attribute(attrMD5Sig, make([]byte, 150))),
			"attribute 18 (MD5SIG) at byte 76: 150 bytes are too few"},
		{"broken nest", join(base, attribute(attrULPInfo, brokenAttribute(200))),
			"attribute 19 (ULP_INFO) at byte 76: 4 bytes are too few"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := newDecoder(tcp.DetailInfo|tcp.DetailMemory|tcp.DetailExtended, false).decode(test.payload)
			var broken *MessageError
			if !errors.As(err, &broken) || err.Error() != test.want {
				t.Errorf("error %v, want %s", err, test.want)
			}
		})
	}
}

// The decoder does not read attributes that the request does not ask for, even
// broken ones, so they cost nothing.
func TestDecodeOnlyWhatIsAskedFor(t *testing.T) {
	payload := join(bytesOf(message(kernelEstablished, "10.0.0.1:80", "10.0.0.2:5")), brokenAttribute(3))
	if err := newDecoder(0, false).decode(payload); err != nil {
		t.Errorf("attributes that the request does not ask for: %v", err)
	}
}

func TestDecodeAllocatesNothing(t *testing.T) {
	payload := join(bytesOf(message(kernelEstablished, "10.0.0.1:80", "10.0.0.2:5")),
		attribute(attrShutdown, []byte{0}), attribute(attrInfo, bytesOf(filled[tcpInfo]())),
		attribute(attrCong, []byte("cubic\x00")), attribute(attrSkMemInfo, bytesOf(filled[skMemInfo]())),
		attribute(attrULPInfo, attribute(attrULPInfoName, []byte("tls\x00"))))
	for _, detail := range []tcp.Detail{0, tcp.DetailInfo | tcp.DetailMemory | tcp.DetailExtended} {
		d := newDecoder(detail, false)
		allocations := testing.AllocsPerRun(1000, func() {
			if err := d.decode(payload); err != nil {
				t.Fatal(err)
			}
		})
		if allocations != 0 {
			t.Errorf("detail %b: %v allocations a socket, want none", detail, allocations)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(join(bytesOf(message(kernelEstablished, "10.0.0.1:80", "10.0.0.2:5")),
		attribute(attrShutdown, []byte{0}), attribute(attrInfo, bytesOf(filled[tcpInfo]())),
		attribute(attrMD5Sig, make([]byte, 200)), attribute(attrBBRInfo, make([]byte, 20)),
		attribute(attrULPInfo, join(attribute(attrULPInfoName, []byte("tls\x00")), attribute(attrULPInfoTLS, attribute(tlsCipher, []byte{1, 2}))))))
	f.Add(bytesOf(message(kernelSynRecv, "[::1]:80", "[::2]:5")))
	f.Fuzz(func(t *testing.T, payload []byte) {
		base, all := newDecoder(0, false), newDecoder(tcp.DetailInfo|tcp.DetailMemory|tcp.DetailExtended, true)
		errBase, errAll := base.decode(payload), all.decode(payload)
		if errBase != nil && errAll == nil {
			t.Fatalf("decoding the base alone fails (%v), decoding all does not", errBase)
		}
		if errBase != nil {
			return
		}
		if s := base.socket; s.State == 0 || s.Family == 0 || !s.Local.Addr().IsValid() || !s.Peer.Addr().IsValid() {
			t.Fatalf("decoded %+v without an error", s)
		}
		if errAll == nil && all.socket.Clone().State != base.socket.State {
			t.Fatalf("the details change the state: %v and %v", all.socket.State, base.socket.State)
		}
	})
}
