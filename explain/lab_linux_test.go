package explain

import (
	"strings"
	"testing"

	"tcpstate/internal/lab"
	"tcpstate/lifecycle"
	"tcpstate/sockdiag"
	"tcpstate/tcp"
	"tcpstate/wording"
)

// labConditions has the condition of each socket of the lab, by state and name.
// An entry without a name applies to all other sockets of the state.
var labConditions = map[string]Condition{
	"LISTEN": "listen-quiet", "LISTEN waiting connections": "listen-waiting",
	"SYN_SENT": "syn-sent-first", "SYN_RECV": "syn-recv-first",
	"ESTABLISHED":                     "established-idle",
	"ESTABLISHED waiting connections": "established-unaccepted",
	"ESTABLISHED unread data":         "established-unread",
	"ESTABLISHED unacknowledged data": "established-sending",
	"ESTABLISHED zero window":         "established-zero-window",
	"ESTABLISHED keepalive":           "established-keepalive",
	"FIN_WAIT1":                       "fin-wait1-orphan", "FIN_WAIT1 owned, fin unacknowledged": "fin-wait1-held",
	"FIN_WAIT2 owned, half-closed": "fin-wait2-held", "FIN_WAIT2 orphan, small": "fin-wait2-small", "FIN_WAIT2 orphan, full": "fin-wait2-orphan",
	"CLOSING": "closing-orphan", "TIME_WAIT": "time-wait",
	"CLOSE_WAIT fin unread": "close-wait-fin", "CLOSE_WAIT data and fin unread": "close-wait-data", "CLOSE_WAIT end of file read": "close-wait-leak",
	"LAST_ACK": "last-ack-orphan", "CLOSE": "close", "BOUND_INACTIVE": "bound-inactive",
}

// resentSince maps a condition to the condition that replaces it when the timer
// of the socket fires during the test.
var resentSince = map[Condition]Condition{
	"syn-sent-first": "syn-sent-resent", "syn-recv-first": "syn-recv-resent", "established-sending": "established-resending",
}

// TestExplainLabSockets explains real sockets in every state, one by one and
// all together.
func TestExplainLabSockets(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		made, err := l.States()
		if err != nil {
			t.Fatal(err)
		}
		names := map[string]string{}
		for _, s := range made {
			names[s.State.String()+" "+s.Local.String()+" "+s.Peer.String()] = s.Name
		}
		explainer := open(t, wording.English).SocketExplainer(lifecycle.DefaultSettings())
		dump, err := sockdiag.Open(t.Context(), sockdiag.Request{States: tcp.All, Families: []tcp.Family{tcp.IPv4, tcp.IPv6}, Detail: tcp.DetailInfo})
		if err != nil {
			t.Fatal(err)
		}
		defer dump.Close()
		seen := 0
		for s, err := range dump.Sockets() {
			if err != nil {
				t.Fatal(err)
			}
			name, ok := names[s.State.String()+" "+s.Local.String()+" "+s.Peer.String()]
			if !ok {
				continue // a link-local address, which the lab names with its zone
			}
			seen++
			want, ok := labConditions[s.State.String()+" "+name]
			if !ok {
				want = labConditions[s.State.String()]
			}
			if got := conditionOf(s); got != want && got != resentSince[want] {
				t.Errorf("%s (%s): %s, want %s", s.State, name, got, want)
			}
			explainer.Add(s)
		}
		if seen < len(labConditions) {
			t.Errorf("%d sockets were found of %d", seen, len(made))
		}
		explanation, err := explainer.Explain()
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		if err := explanation.WriteText(&b, Terminal{}); err != nil {
			t.Fatal(err)
		}
		checkLines(t, "the lab", b.String(), Terminal{})
		for s := range tcp.All.States() {
			if !strings.Contains(b.String(), "\n"+s.String()+" (") && !strings.HasPrefix(b.String(), s.String()+" (") {
				t.Errorf("there is no explanation of %s", s)
			}
		}
	})
}
