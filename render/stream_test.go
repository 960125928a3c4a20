package render

import (
	"testing"

	"tcpstate/internal/lab"
	"tcpstate/tcp"
	"tcpstate/text"
)

func TestAppendStatesHasEveryState(t *testing.T) {
	var counts tcp.Counts
	for i := range counts {
		counts[i] = i * i
	}
	const want = `{"LISTEN":1,"SYN_SENT":4,"SYN_RECV":9,"ESTABLISHED":16,"FIN_WAIT1":25,"FIN_WAIT2":36,"CLOSING":49,` +
		`"TIME_WAIT":64,"CLOSE_WAIT":81,"LAST_ACK":100,"CLOSE":121,"BOUND_INACTIVE":144}`
	if diff := lab.DiffJSON([]byte(want), AppendStates(nil, &counts)); diff != "" {
		t.Errorf("the states differ %s", diff)
	}
}

func TestAppendStateColoursWhereAsked(t *testing.T) {
	if got := string(AppendState(nil, tcp.CloseWait, false)); got != "CLOSE_WAIT" {
		t.Errorf("%q", got)
	}
	if got := string(AppendState(nil, tcp.CloseWait, true)); got != text.Red.Paint("CLOSE_WAIT") {
		t.Errorf("%q", got)
	}
}
