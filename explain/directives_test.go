package explain

import (
	"strings"
	"testing"

	"tcpstate/lifecycle"
	"tcpstate/tcp"
	"tcpstate/wording"
)

// TestTransitionItems checks that transitions that differ only in the other
// state share one item, and that none is missing. Otherwise the list of CLOSE
// would fill pages with resets.
func TestTransitionItems(t *testing.T) {
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
	for l, want := range map[wording.Language][]string{
		wording.English: {
			"ESTABLISHED, FIN_WAIT1 (held by a program): receive RST. (Linux)",
			"ESTABLISHED (held by a program): SOCK_DESTROY (ss -K). (Linux)",
			"FIN_WAIT1 (orphan): receive RST. (Linux)",
			"FIN_WAIT2 (held by a program): receive RST, sends RST. (Linux)",
			"no socket: socket(). (Linux)",
		},
		wording.Chinese: {
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
		for _, item := range p.transitionItems(list, from) {
			got = append(got, item.Text.String())
		}
		if g, w := strings.Join(got, "\n"), strings.Join(want, "\n"); g != w {
			t.Errorf("in %s the items are\n%s\nwant\n%s", l, g, w)
		}
	}
}

// TestLive checks what a page says about a host, and without one.
func TestLive(t *testing.T) {
	topic, _ := Find("TIME_WAIT")
	host := busyHost()
	host.Settings.TWReuse = tcp.Known(1)
	for _, row := range []struct {
		host  *Host
		wants []string
	}{
		{nil, []string{"No host was examined.", "With the kernel's defaults:", "net.ipv4.tcp_tw_reuse 2 net"}},
		{host, []string{
			"8 of 78 sockets are in TIME_WAIT.", "The oldest: at least 3 h 5 s, [fd00:1:2:3:4:5:6:7]:65535",
			"By peer sockets 203.0.113.7:443 4000", "others 12", "TcpExt.ListenOverflows 12345678901234",
			"On this host:", "net.ipv4.tcp_tw_reuse 1 2", "net.ipv4.tcp_tw_reuse = 1 (default 2)", "Not every process",
		}},
	} {
		p, err := open(t, wording.English).Page(topic, row.host)
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		if err := p.WriteText(&b, Terminal{}); err != nil {
			t.Fatal(err)
		}
		text := strings.Join(strings.Fields(b.String()), " ")
		for _, want := range row.wants {
			if !strings.Contains(text, want) {
				t.Errorf("the page does not say %q", want)
			}
		}
	}
}
