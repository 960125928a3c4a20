package lifecycle

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"tcpstate/tcp"
)

// figure5 has the edges of RFC 9293 figure 5, with the transition of its note
// 2. CLOSED stands for any of its equivalents in Linux.
var figure5 = []struct {
	from  []tcp.State
	event Event
	sent  Control
	to    []tcp.State
}{
	{closed, EventListen, 0, []tcp.State{tcp.Listen}},                                 // passive OPEN
	{closed, EventConnect, SYN, []tcp.State{tcp.SynSent}},                             // active OPEN
	{[]tcp.State{tcp.Listen}, EventClose, 0, closed},                                  // CLOSE
	{[]tcp.State{tcp.Listen}, EventSend, SYN, []tcp.State{tcp.SynSent}},               // SEND
	{[]tcp.State{tcp.Listen}, EventReceiveSYN, SYN | ACK, []tcp.State{tcp.SynRecv}},   // rcv SYN
	{[]tcp.State{tcp.SynSent}, EventClose, 0, closed},                                 // CLOSE
	{[]tcp.State{tcp.SynSent}, EventReceiveSYN, SYN | ACK, []tcp.State{tcp.SynRecv}},  // rcv SYN
	{[]tcp.State{tcp.SynSent}, EventReceiveSYNACK, ACK, []tcp.State{tcp.Established}}, // rcv SYN,ACK
	{[]tcp.State{tcp.SynRecv}, EventReceiveACK, 0, []tcp.State{tcp.Established}},      // rcv ACK of SYN
	{[]tcp.State{tcp.SynRecv}, EventReceiveRST, 0, []tcp.State{tcp.Listen}},           // rcv RST (note 1)
	{[]tcp.State{tcp.SynRecv}, EventClose, FIN | ACK, []tcp.State{tcp.FinWait1}},      // CLOSE
	{[]tcp.State{tcp.Established}, EventClose, FIN | ACK, []tcp.State{tcp.FinWait1}},  // CLOSE
	{[]tcp.State{tcp.Established}, EventReceiveFIN, ACK, []tcp.State{tcp.CloseWait}},  // rcv FIN
	{[]tcp.State{tcp.FinWait1}, EventReceiveACKOfFIN, 0, []tcp.State{tcp.FinWait2}},   // rcv ACK of FIN
	{[]tcp.State{tcp.FinWait1}, EventReceiveFIN, ACK, []tcp.State{tcp.Closing}},       // rcv FIN
	{[]tcp.State{tcp.FinWait1}, EventReceiveFINACK, ACK, []tcp.State{tcp.TimeWait}},   // note 2
	{[]tcp.State{tcp.FinWait2}, EventReceiveFIN, ACK, []tcp.State{tcp.TimeWait}},      // rcv FIN
	{[]tcp.State{tcp.Closing}, EventReceiveACKOfFIN, 0, []tcp.State{tcp.TimeWait}},    // rcv ACK of FIN
	{[]tcp.State{tcp.TimeWait}, EventTimeWaitEnd, 0, closed},                          // Timeout=2MSL
	{[]tcp.State{tcp.CloseWait}, EventClose, FIN | ACK, []tcp.State{tcp.LastAck}},     // CLOSE
	{[]tcp.State{tcp.LastAck}, EventReceiveACKOfFIN, 0, closed},                       // rcv ACK of FIN
}

var closed = []tcp.State{NoSocket, tcp.Close, tcp.BoundInactive}

func TestFigure5(t *testing.T) {
	for _, edge := range figure5 {
		if !slices.ContainsFunc(Transitions(), func(tr Transition) bool {
			return slices.Contains(edge.from, tr.From) && tr.Event == edge.event && tr.Sent == edge.sent && slices.Contains(edge.to, tr.To) &&
				tr.Standing != LinuxOnly
		}) {
			t.Errorf("%v, %s, sends %q, to %v: not in the machine", edge.from, edge.event, edge.sent, edge.to)
		}
	}
}

// TestTransitions checks each transition against the rules for all transitions.
func TestTransitions(t *testing.T) {
	keys := map[string]bool{}
	section := regexp.MustCompile(`^RFC [0-9]+( [0-9]+(\.[0-9]+)*)?(, RFC [0-9]+)?$`)
	source := regexp.MustCompile(`^net/ipv4/[a-z_0-9]+\.c: [a-z_0-9]+$`)
	for _, tr := range Transitions() {
		key := tr.Key()
		if keys[key] {
			t.Errorf("%s: is in the table twice", key)
		}
		keys[key] = true
		if (tr.RFC == "") != (tr.Standing == LinuxOnly) || tr.RFC != "" && !section.MatchString(tr.RFC) {
			t.Errorf("%s: standing %s does not fit section %q", key, tr.Standing, tr.RFC)
		}
		if !source.MatchString(tr.Source) {
			t.Errorf("%s: source %q", key, tr.Source)
		}
		if tr.Linux != "" && !strings.HasSuffix(tr.Linux, ".") {
			t.Errorf("%s: %q is not a sentence", key, tr.Linux)
		}
		for _, end := range []struct {
			state tcp.State
			form  Form
		}{{tr.From, tr.FromForm}, {tr.To, tr.ToForm}} {
			if end.form != AnyForm && !forms[end.state][end.form] {
				t.Errorf("%s: %s is never %s", key, end.state, end.form)
			}
		}
	}
}

// forms lists the forms that a socket can have in each state.
var forms = map[tcp.State]map[Form]bool{
	tcp.Listen: {Held: true}, tcp.SynSent: {Held: true}, tcp.SynRecv: {Request: true, Held: true}, tcp.Established: {Held: true},
	tcp.FinWait1: {Held: true, Orphan: true}, tcp.FinWait2: {Held: true, Orphan: true, Small: true}, tcp.Closing: {Held: true, Orphan: true},
	tcp.TimeWait: {Small: true}, tcp.CloseWait: {Held: true}, tcp.LastAck: {Held: true, Orphan: true}, tcp.Close: {Held: true}, tcp.BoundInactive: {Held: true},
}

// TestReachable walks through Linux's machine from the state without a socket,
// form by form. The walk must enter every form of every state, and every state
// must have an exit.
func TestReachable(t *testing.T) {
	type node struct {
		state tcp.State
		form  Form
	}
	seen := map[node]bool{}
	var walk func(node)
	walk = func(n node) {
		if seen[n] {
			return
		}
		seen[n] = true
		for _, tr := range Transitions() {
			if tr.From != n.state || tr.FromForm != AnyForm && tr.FromForm != n.form || tr.Standing == RFCOnly {
				continue
			}
			form := tr.ToForm
			if form == AnyForm {
				form = n.form
			}
			if tr.To == NoSocket {
				form = AnyForm
			}
			walk(node{tr.To, form})
		}
	}
	walk(node{NoSocket, AnyForm})
	for s := range tcp.All.States() {
		for form := range forms[s] {
			if !seen[node{s, form}] {
				t.Errorf("%s with form %s is never reached", s, form)
			}
		}
		if len(Entered(s)) == 0 || len(Left(s)) == 0 {
			t.Errorf("%s has %d entries and %d exits", s, len(Entered(s)), len(Left(s)))
		}
	}
	for n := range seen {
		if n.state != NoSocket && !forms[n.state][n.form] {
			t.Errorf("%s is reached with form %s", n.state, n.form)
		}
	}
}

func TestEvents(t *testing.T) {
	used, ids, texts := map[Event]bool{}, map[string]bool{}, map[string]bool{}
	for _, tr := range Transitions() {
		used[tr.Event] = true
	}
	for e := range Event(NumEvents) {
		if e.ID() == "" || e.String() == "" || ids[e.ID()] || texts[e.String()] {
			t.Errorf("event %d, %q: id or text %q is empty or used twice", e, e.ID(), e)
		}
		ids[e.ID()], texts[e.String()] = true, true
		if !used[e] {
			t.Errorf("%s: no transition has this event", e.ID())
		}
	}
}

func TestMachineTexts(t *testing.T) {
	find := func(key string) Transition {
		for _, tr := range Transitions() {
			if tr.Key() == key {
				return tr
			}
		}
		t.Fatalf("no transition %q", key)
		return Transition{}
	}
	tr := find("LISTEN.held/receive-syn/SYN_RECV.request")
	if tr.Sent.String() != "SYN,ACK" || tr.ToForm.String() != "request" || tr.Role.String() != "passive opener" || tr.Event.Kind().String() != "segment" {
		t.Errorf("got %+v", tr)
	}
	if tr := find("TIME_WAIT.small/time-wait-end/NONE"); tr.Sent.String() != "" || tr.Event.Kind() != ByTimer || tr.Standing.String() != "both" {
		t.Errorf("got %+v", tr)
	}
	if n := len(Within(tcp.TimeWait)); n != 1 {
		t.Errorf("%d transitions stay in TIME_WAIT, want one, for the peer's repeated FIN", n)
	}
}
