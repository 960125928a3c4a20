package explain

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
	"time"

	"tcpstate/lifecycle"
	"tcpstate/tcp"
	"tcpstate/wording"
)

// explained has a socket of each condition, and what its explanation must say.
// Inode 0 means that no program holds the socket.
var explained = []struct {
	condition Condition
	socket    tcp.Socket
	says      []string // texts that the explanation must have
	not       []string
}{
	{"listen-quiet", tcp.Socket{State: tcp.Listen, AcceptQueueMax: tcp.Known[uint32](8)}, []string{"fast enough"}, []string{"timer", "resent"}},
	{"listen-waiting", tcp.Socket{State: tcp.Listen, AcceptQueue: 3, AcceptQueueMax: tcp.Known[uint32](8)}, []string{"3 connections", "the maximum is 8"}, nil},
	{"listen-waiting", tcp.Socket{State: tcp.Listen, AcceptQueue: 3}, []string{"3 connections"}, []string{"maximum is"}},
	{"listen-waiting", tcp.Socket{State: tcp.Listen, AcceptQueue: 1}, []string{"1 connection has"}, []string{"1 connections"}},
	{"listen-full", tcp.Socket{State: tcp.Listen, AcceptQueue: 9, AcceptQueueMax: tcp.Known[uint32](8)}, []string{"9 wait, the maximum is 8"}, []string{"reset"}},

	{"syn-sent-first", on(tcp.SynSent, 1, 0, 800*time.Millisecond, 1), []string{"in 800 ms", "Resends left: 10.", "in about 130 s", "ETIMEDOUT"}, []string{"bytes"}},
	{"syn-sent-resent", on(tcp.SynSent, 1, 10, 30*time.Second, 1), []string{"Resends so far: 10", "Resends left: none.", "in about 30 s"}, nil},
	{"syn-recv-first", on(tcp.SynRecv, 0, 0, 400*time.Millisecond, 0), []string{"SYN-ACK is resent in 400 ms", "Resends left: 5.", "in about 62 s"}, nil},
	{"syn-recv-resent", on(tcp.SynRecv, 0, 5, 10*time.Second, 0), []string{"resends: 5", "Resends left: none.", "in about 10 s"}, nil},
	{"syn-recv-full", on(tcp.SynRecv, 7, 0, time.Second, 0), []string{"Fast Open"}, nil},

	{"established-idle", tcp.Socket{State: tcp.Established, Owner: tcp.Owner{Inode: 7}}, []string{"no timer at all", "will not end it by itself"}, nil},
	{"established-keepalive", with(tcp.Established, 7, tcp.TimerKeepalive, 0, 2*time.Hour), []string{"probe is sent in 2 h", "Probes left: 9.", "2 h 11 min 15 s"}, nil},
	{"established-probing", with(tcp.Established, 7, tcp.TimerKeepalive, 3, 75*time.Second), []string{"not answered 3 keepalive probes", "gives up in about 525 s"}, nil},
	{"established-sending", on(tcp.Established, 7, 0, 200*time.Millisecond, 900), []string{"900 bytes", "Resends left: 16.", "ETIMEDOUT"}, []string{"lost"}},
	{"established-resending", on(tcp.Established, 7, 4, 3*time.Second, 900), []string{"in a row: 4.", "900 bytes of data"}, nil},
	{"established-zero-window", tcp.Socket{State: tcp.Established, SendQueue: 50, Owner: tcp.Owner{Inode: 7},
		Timer: tcp.Timer{Kind: tcp.TimerPersist, Expires: time.Second}}, []string{"50 bytes wait here", "probe of the zero window is sent in 1 s"}, nil},
	{"established-unread", tcp.Socket{State: tcp.Established, RecvQueue: 12, Owner: tcp.Owner{Inode: 7}}, []string{"not read: 12"}, []string{"Bytes not read here"}},
	{"established-unaccepted", tcp.Socket{State: tcp.Established, RecvQueue: 12}, []string{"accept()"}, nil},

	{"fin-wait1-orphan", on(tcp.FinWait1, 0, 2, time.Second, 1), []string{"Resends left: 7."}, []string{"bytes of data", "ETIMEDOUT"}},
	{"fin-wait1-held", on(tcp.FinWait1, 7, 2, time.Second, 101), []string{"shutdown()", "100 bytes of data"}, nil},
	{"fin-wait1-zero-window", with(tcp.FinWait1, 0, tcp.TimerPersist, 0, time.Second), []string{"window is zero"}, nil},
	{"fin-wait2-held", tcp.Socket{State: tcp.FinWait2, Owner: tcp.Owner{Inode: 7}}, []string{"No clock runs"}, []string{"removes it"}},
	{"fin-wait2-small", with(tcp.FinWait2, 0, tcp.TimerTimeWait, 0, 41*time.Second), []string{"net.ipv4.tcp_fin_timeout = 60", "removes it in 41 s"}, nil},
	{"fin-wait2-orphan", with(tcp.FinWait2, 0, tcp.TimerKeepalive, 0, 50*time.Second), []string{"first half", "in 50 s"}, nil},
	{"closing-orphan", tcp.Socket{State: tcp.Closing, RecvQueue: 1, SendQueue: 1,
		Timer: tcp.Timer{Kind: tcp.TimerOn, Expires: time.Second}}, []string{"crossed"}, []string{"not read", "bytes"}},
	{"closing-held", on(tcp.Closing, 7, 0, time.Second, 1), []string{"still holds"}, nil},
	{"time-wait", with(tcp.TimeWait, 0, tcp.TimerTimeWait, 0, 12*time.Second), []string{"removes it in 12 s"}, []string{"about"}},

	{"close-wait-leak", tcp.Socket{State: tcp.CloseWait, Owner: tcp.Owner{Inode: 7}}, []string{"Recv-Q is 0", "leak", "will not end it"}, nil},
	{"close-wait-fin", tcp.Socket{State: tcp.CloseWait, RecvQueue: 1, Owner: tcp.Owner{Inode: 7}}, []string{"Recv-Q is 1"}, []string{"leak"}},
	{"close-wait-data", tcp.Socket{State: tcp.CloseWait, RecvQueue: 9, Owner: tcp.Owner{Inode: 7}}, []string{"8 bytes"}, []string{"leak", "9 bytes"}},
	{"close-wait-unaccepted", tcp.Socket{State: tcp.CloseWait, RecvQueue: 1}, []string{"accept()"}, nil},
	{"mptcp-open", mptcp(tcp.Established, 7, 0), []string{"All data that has arrived is read"}, []string{"timer", "keepalive probe"}},
	{"mptcp-unread", mptcp(tcp.Established, 7, 1344), []string{"has not read"}, []string{"1344", "1343"}},
	{"mptcp-unaccepted", mptcp(tcp.Established, 0, 0), []string{"accept()"}, nil},
	{"mptcp-fin-wait1", mptcp(tcp.FinWait1, 7, 0), []string{"not acknowledged"}, nil},
	{"mptcp-fin-wait2", mptcp(tcp.FinWait2, 7, 0), []string{"may still send"}, []string{"No clock runs"}},
	{"mptcp-closing", mptcp(tcp.Closing, 7, 0), []string{"at the same time"}, nil},
	{"mptcp-close-wait-read", mptcp(tcp.CloseWait, 7, 0), []string{"must call close()"}, nil},
	{"mptcp-close-wait-data", mptcp(tcp.CloseWait, 7, 1344), []string{"read to the end"}, []string{"1344", "1343", "leaks"}},
	{"mptcp-close-wait-unaccepted", mptcp(tcp.CloseWait, 0, 1344), []string{"accept()"}, nil},
	{"mptcp-last-ack", mptcp(tcp.LastAck, 7, 0), []string{"the peer first"}, nil},
	{"last-ack-orphan", on(tcp.LastAck, 0, 0, time.Second, 1), []string{"peer first"}, nil},
	{"last-ack-held", on(tcp.LastAck, 7, 0, time.Second, 1), []string{"shutdown()"}, nil},
	{"last-ack-zero-window", with(tcp.LastAck, 0, tcp.TimerPersist, 0, time.Second), []string{"window is zero"}, nil},
	{"close", tcp.Socket{State: tcp.Close, Owner: tcp.Owner{Inode: 7}}, []string{"must call close()"}, nil},
	{"bound-inactive", tcp.Socket{State: tcp.BoundInactive, Owner: tcp.Owner{Inode: 7}}, []string{"bind()"}, nil},
}

// on returns a socket whose retransmission timer runs.
func on(s tcp.State, inode uint32, resent uint8, fires time.Duration, unsent uint32) tcp.Socket {
	socket := with(s, inode, tcp.TimerOn, resent, fires)
	socket.SendQueue = unsent
	return socket
}

// mptcp returns a connection of multipath TCP.
func mptcp(s tcp.State, inode, queue uint32) tcp.Socket {
	return tcp.Socket{State: s, RecvQueue: queue, Owner: tcp.Owner{Inode: inode}, Connection: &tcp.Connection{}, MPTCPToken: tcp.Known[uint32](1)}
}

func with(s tcp.State, inode uint32, timer tcp.TimerKind, unanswered uint8, fires time.Duration) tcp.Socket {
	return tcp.Socket{State: s, Owner: tcp.Owner{Inode: inode}, Timer: tcp.Timer{Kind: timer, Retransmits: unanswered, Expires: fires}}
}

func TestExplanations(t *testing.T) {
	seen := map[Condition]bool{}
	for _, row := range explained {
		seen[row.condition] = true
		row.socket.Local = netip.MustParseAddrPort("10.0.0.1:443")
		row.socket.Peer = netip.MustParseAddrPort("10.0.0.9:51000")
		text := explainText(t, wording.English, &row.socket)
		if got := conditionOf(&row.socket); got != row.condition {
			t.Errorf("%s: condition %s, want %s", row.socket.State, got, row.condition)
		}
		for _, want := range row.says {
			if !strings.Contains(text, want) {
				t.Errorf("%s: the explanation does not say %q:\n%s", row.condition, want, text)
			}
		}
		for _, wrong := range row.not {
			if strings.Contains(text, wrong) {
				t.Errorf("%s: the explanation says %q:\n%s", row.condition, wrong, text)
			}
		}
	}
	for _, c := range conditions {
		if !seen[c.is] {
			t.Errorf("no socket of this test is in the condition %s", c.is)
		}
	}
}

// explainText returns the explanation of sockets as one line of text.
func explainText(t *testing.T, l wording.Language, sockets ...*tcp.Socket) string {
	t.Helper()
	book, err := Open(l)
	if err != nil {
		t.Fatal(err)
	}
	explainer := book.SocketExplainer(lifecycle.DefaultSettings())
	for _, s := range sockets {
		explainer.Add(s)
	}
	explanation, err := explainer.Explain()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := explanation.WriteText(&b, Terminal{}); err != nil {
		t.Fatal(err)
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

func TestExplanationOfMany(t *testing.T) {
	var sockets []*tcp.Socket
	for i := range 5 {
		s := with(tcp.TimeWait, 0, tcp.TimerTimeWait, 0, time.Duration(10+i)*time.Second)
		s.Local, s.Peer = netip.MustParseAddrPort("10.0.0.1:443"), netip.AddrPortFrom(netip.MustParseAddr("10.0.0.9"), uint16(5000+i))
		sockets = append(sockets, &s)
	}
	leak := tcp.Socket{State: tcp.CloseWait, Local: sockets[0].Local, Peer: sockets[0].Peer,
		Owner: tcp.Owner{Inode: 4}, Processes: []tcp.Process{{PID: 12, Name: "a`b**\x1b[1m"}}}
	for pid := range 5 {
		leak.Processes = append(leak.Processes, tcp.Process{PID: 20 + pid, Name: "worker"})
	}
	sockets[0].Listener = &tcp.Listener{Local: sockets[0].Local, Processes: []tcp.Process{{PID: 9, Name: "nginx"}}}
	text := explainText(t, wording.English, append(sockets, &leak)...)
	for _, want := range []string{
		"TIME_WAIT (5)", "10.0.0.1:443 > 10.0.0.9:5002 and 2 more", "removes it in 10 s to 14 s",
		"Came in through the listener 10.0.0.1:443 nginx[9], inferred",
		"CLOSE_WAIT (1)", "Held by a`b**" + `\x1b[1m[12], worker[20], worker[21] and 3 more.`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the explanation does not say %q:\n%s", want, text)
		}
	}
}

// TestExplanationOfAge checks that an age that is not exact is called a bound,
// or in FIN_WAIT2 an estimate.
func TestExplanationOfAge(t *testing.T) {
	for _, row := range []struct {
		state tcp.State
		ages  string // of the sockets that are explained together: exact, about, least
		want  map[wording.Language]string
	}{
		{tcp.TimeWait, "exact exact", map[wording.Language]string{wording.English: "In this state for 90 s.", wording.Chinese: "处于此状态已 90 秒。"}},
		{tcp.SynRecv, "least", map[wording.Language]string{wording.English: "In this state for at least 90 s.", wording.Chinese: "处于此状态至少已 90 秒。"}},
		{tcp.SynSent, "exact about", map[wording.Language]string{wording.English: "In this state for about 90 s.", wording.Chinese: "处于此状态大约已 90 秒。"}},
		{tcp.FinWait2, "least", map[wording.Language]string{wording.English: "In this state for at least 90 s.", wording.Chinese: "处于此状态至少已 90 秒。"}},
		{tcp.FinWait2, "about", map[wording.Language]string{wording.English: "In this state for about 90 s.", wording.Chinese: "处于此状态大约已 90 秒。"}},
	} {
		for l, want := range row.want {
			explainer := open(t, l).SocketExplainer(lifecycle.DefaultSettings())
			for age := range strings.FieldsSeq(row.ages) {
				s := with(row.state, 0, tcp.TimerTimeWait, 0, time.Second)
				s.Age, s.AgeExact, s.AgeAtLeast = tcp.Known(90*time.Second), age == "exact", age == "least"
				explainer.Add(&s)
			}
			all, err := explainer.Explain()
			if err != nil {
				t.Fatal(err)
			}
			var text strings.Builder
			if err := all.WriteText(&text, Terminal{Width: 300}); err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(text.String(), want) {
				t.Errorf("the explanation of %v does not say %q:\n%s", row.state, want, &text)
			}
		}
	}
}

// TestExplanationOfDualStack explains listeners on [::] with and without IPV6_V6ONLY,
// and of which it is not known.
func TestExplanationOfDualStack(t *testing.T) {
	const off, on, unknown = 0, 1, 2
	for _, row := range []struct {
		only []int
		want map[wording.Language]string
	}{
		{[]int{off}, map[wording.Language]string{wording.English: "It also takes IPv4 connections: ", wording.Chinese: "也接受 IPv4 连接。"}},
		{[]int{on}, map[wording.Language]string{wording.English: "It takes only IPv6 connections", wording.Chinese: "只接受 IPv6 连接"}},
		{[]int{unknown}, map[wording.Language]string{wording.English: "It may also take IPv4 connections", wording.Chinese: "它可能也接受"}},
		{[]int{off, off, on}, map[wording.Language]string{wording.English: "2 of them on [::] also take IPv4", wording.Chinese: "其中 2 个位于"}},
		{[]int{on, on, off}, map[wording.Language]string{wording.English: "2 of them on [::] take only IPv6", wording.Chinese: "其中 2 个位于"}},
		{[]int{unknown, unknown}, map[wording.Language]string{wording.English: "2 of them on [::] may also take IPv4", wording.Chinese: "其中 2 个位于"}},
	} {
		for l, want := range row.want {
			explainer := open(t, l).SocketExplainer(lifecycle.DefaultSettings())
			for _, only := range row.only {
				s := with(tcp.Listen, 0, tcp.TimerOff, 0, 0)
				s.Family, s.Local = tcp.IPv6, netip.MustParseAddrPort("[::]:443")
				if s.Extended = new(tcp.Extended); only != unknown {
					s.Extended.V6Only = tcp.Known(only == on)
				}
				explainer.Add(&s)
			}
			all, err := explainer.Explain()
			if err != nil {
				t.Fatal(err)
			}
			var text strings.Builder
			if err := all.WriteText(&text, Terminal{Width: 300}); err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(text.String(), want) {
				t.Errorf("the explanation of %v does not say %q:\n%s", row.only, want, &text)
			}
		}
	}
}

// TestExplanationsInEveryLanguage writes every explanation in each language and
// format.
func TestExplanationsInEveryLanguage(t *testing.T) {
	for _, l := range wording.Languages() {
		for _, many := range []bool{false, true} {
			explainer := open(t, l).SocketExplainer(lifecycle.DefaultSettings())
			for i := range explained {
				s := explained[i].socket
				s.Local, s.Peer = netip.MustParseAddrPort("[fd00:1:2:3:4:5:6:7]:443"), netip.MustParseAddrPort("[fd00:1:2:3:4:5:6:8]:51000")
				s.Processes = []tcp.Process{{PID: 812, Name: "a`|**\x1b[2J"}}
				s.Age = tcp.Known(90 * time.Minute)
				explainer.Add(&s)
				if many {
					s.Timer.Expires += 3 * time.Second
					s.RecvQueue, s.SendQueue = 2*s.RecvQueue, 2*s.SendQueue
					explainer.Add(&s)
				}
			}
			all, err := explainer.Explain()
			if err != nil {
				t.Fatal(err)
			}
			var text, markdown, document strings.Builder
			for _, err := range []error{
				all.WriteText(&text, Terminal{Width: 80}), all.WriteMarkdown(&markdown), all.WriteJSON(&document, Envelope{}),
			} {
				if err != nil {
					t.Fatal(err)
				}
			}
			checkLines(t, "the explanations in "+l.String(), text.String(), Terminal{Width: 80})
			var doc struct{ Stories []map[string]any }
			if err := json.Unmarshal([]byte(document.String()), &doc); err != nil {
				t.Fatal(err)
			}
			if len(doc.Stories) != len(all.Groups) || len(all.Groups) < len(conditions) {
				t.Errorf("%d explanations of %d groups", len(doc.Stories), len(all.Groups))
			}
			if strings.Contains(document.String()+markdown.String(), "\x1b") {
				t.Error("a name is not escaped for the terminal")
			}
		}
	}
}
