package render

import (
	"strings"
	"testing"

	"tcpstate/text"
)

// TestFolded checks that the details of a socket are in lines below it if the table
// is wider than the screen, each at the same place below every socket. A detail that
// is not known leaves its place empty, and a column that does not fit the row is a
// detail too.
func TestFolded(t *testing.T) {
	sections := Sections{Processes: true, Info: true}
	l := &Listing{Format: Table, Columns: DefaultColumns(Table, sections, nil), Header: true, Width: 80, Head: sections.Head(nil)}
	sockets := each(listener(), established(), full(), timeWait())
	want := `STATE        RECV-Q  SEND-Q  LOCAL               PEER
LISTEN            3    4096  [::]:443            [::]:*
ESTABLISHED       0    1448  10.0.0.1:443        10.0.0.9:51000
                                    idle 3m20s
ESTABLISHED       0    1448  web1.example:https  client.example:unlikely
    process 812/nginx 813/php-fpm +1  cc bbr  rtt 180us  min-rtt 170us
    rto 204ms  cwnd 10  mss 1448  retrans 4/12  lost 3  sent 123MB
    received 98.7kB  rate 12.5MB/s  idle 3m20s
TIME_WAIT         0       0  [fe80::1%eth0]:443  [fe80::2%eth0]:51001
`
	if got := write(t, l, sockets); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}

	l.Header, l.Width = false, 110
	want = `LISTEN       3  4096  [::]:443            [::]:*                   -
ESTABLISHED  0  1448  10.0.0.1:443        10.0.0.9:51000           -
                                    idle 3m20s
ESTABLISHED  0  1448  web1.example:https  client.example:unlikely  812/nginx 813/php-fpm +1
    cc bbr  rtt 180us  min-rtt 170us  rto 204ms  cwnd 10  mss 1448  retrans 4/12  lost 3  sent 123MB
    received 98.7kB  rate 12.5MB/s  idle 3m20s
TIME_WAIT    0     0  [fe80::1%eth0]:443  [fe80::2%eth0]:51001     -
`
	if got := write(t, l, sockets); got != want {
		t.Errorf("110 columns: got\n%swant\n%s", got, want)
	}

	for _, width := range []int{0, 500} {
		l.Width = width
		if got := write(t, l, sockets); strings.Count(got, "\n") != 4 {
			t.Errorf("a table in %d columns has lines below its rows:\n%s", width, got)
		}
	}
	l.Width, l.Color = 80, true
	if got := write(t, l, each(full())); !strings.Contains(got, string(text.AppendPainted(nil, text.Dim, "rtt"))+" 180us") {
		t.Errorf("the name of a detail has no colour:\n%s", got)
	}
	l.Width = 1
	if got := write(t, l, each(full())); !strings.Contains(got, "client.example:unlikely\n    ") {
		t.Errorf("one column: the ends are not in the row:\n%s", got)
	}
}
