package explain

import (
	"strings"
	"testing"

	"tcpstate/lifecycle"
	"tcpstate/tcp"
)

// TestWaysTogether wants what differs in the other state alone said once, and
// no way left out: the list of CLOSE would else fill pages with resets.
func TestWaysTogether(t *testing.T) {
	list := []lifecycle.Transition{
		{From: tcp.Established, FromForm: lifecycle.Held, Event: lifecycle.EventReceiveRST, To: tcp.Close},
		{From: tcp.Established, FromForm: lifecycle.Held, Event: lifecycle.EventDestroy, To: tcp.Close},
		{From: tcp.FinWait1, FromForm: lifecycle.Held, Event: lifecycle.EventReceiveRST, To: tcp.Close},
		{From: tcp.FinWait1, FromForm: lifecycle.Orphan, Event: lifecycle.EventReceiveRST, To: tcp.Close},
		{From: tcp.Established, FromForm: lifecycle.Held, Event: lifecycle.EventReceiveRST, To: tcp.Close},
		{From: tcp.FinWait2, FromForm: lifecycle.Held, Event: lifecycle.EventReceiveRST, Sent: lifecycle.RST, To: tcp.Close},
		{From: lifecycle.NoSocket, Event: lifecycle.EventSocket, To: tcp.Close},
	}
	from := func(t *lifecycle.Transition) (tcp.State, lifecycle.Form) { return t.From, t.FromForm }
	for l, want := range map[Language][]string{
		English: {
			"ESTABLISHED, FIN_WAIT1 (held by a program): receive RST. (Linux)",
			"ESTABLISHED (held by a program): SOCK_DESTROY (ss -K). (Linux)",
			"FIN_WAIT1 (orphan): receive RST. (Linux)",
			"FIN_WAIT2 (held by a program): receive RST, sends RST. (Linux)",
			"no socket: socket(). (Linux)",
		},
		Chinese: {
			"ESTABLISHED、FIN_WAIT1（由程序持有）：收到 RST。（Linux）",
			"ESTABLISHED（由程序持有）：SOCK_DESTROY（ss -K）。（Linux）",
			"FIN_WAIT1（孤儿套接字）：收到 RST。（Linux）",
			"FIN_WAIT2（由程序持有）：收到 RST，发送 RST。（Linux）",
			"无套接字：socket()。（Linux）",
		},
	} {
		topic, err := Find("CLOSE")
		if err != nil {
			t.Fatal(err)
		}
		p, err := open(t, l).Page(topic, nil)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, item := range p.ways(list, from) {
			got = append(got, item.Text.String())
		}
		if g, w := strings.Join(got, "\n"), strings.Join(want, "\n"); g != w {
			t.Errorf("in %s the ways are\n%s\nwant\n%s", l, g, w)
		}
	}
}
