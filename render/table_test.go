package render

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"net/netip"
	"strings"
	"testing"

	"tcpstate/tcp"
	"tcpstate/text"
)

func TestTable(t *testing.T) {
	sockets := each(timeWait(), established(), listener())
	l := &Listing{Format: Table, Columns: DefaultColumns(Table, Sections{}, nil), Header: true}
	want := `STATE        RECV-Q  SEND-Q  LOCAL               PEER
LISTEN            3    4096  [::]:443            [::]:*
ESTABLISHED       0    1448  10.0.0.1:443        10.0.0.9:51000
TIME_WAIT         0       0  [fe80::1%eth0]:443  [fe80::2%eth0]:51001
`
	if got := write(t, l, sockets); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	l.Header = false
	if got := write(t, l, each()); got != "" {
		t.Errorf("no sockets, no header: %q", got)
	}
	l.Header = true
	if got, want := write(t, l, each()), "STATE  RECV-Q  SEND-Q  LOCAL  PEER\n"; got != want {
		t.Errorf("no sockets: %q, want %q", got, want)
	}
}

func TestTableSections(t *testing.T) {
	l := &Listing{Format: Table, Columns: DefaultColumns(Table, Sections{Timers: true, Extended: true, Info: true, Memory: true}, nil)[5:], Header: true}
	want := `TIMER              AGE  USER      INODE  COOKIE    MARK  INTERFACE  ACCEPTS  MPTCP    UNIT                        CONTAINER     CC     RTT  MIN-RTT    RTO  CWND   MSS  RETRANS  LOST   SENT  RECEIVED      RATE   IDLE  RMEM  RCVBUF   WMEM  SNDBUF  FWD  BACKLOG  DROPS  CGROUP
-                    -  0           411  0x1001       -  -          -        -        -                           -             -        -        -      -     -     -        -     -      -         -         -      -     -       -      -       -    -        -      -  -
keepalive 1h59m  ~1.2s  1000        412  0x248c4d     -  -          -        -        -                           -             -        -        -      -     -     -        -     -      -         -         -  3m20s     -       -      -       -    -        -      -  -
keepalive 1h59m   1.2s  www-data    412  0x248c4d     7  eth0       -        subflow  docker-9f86d081884c*.scope  9f86d081884c  bbr  180us    170us  204ms    10  1448     4/12     3  123MB    98.7kB  12.5MB/s  3m20s    1B   131kB  2.3kB    87kB  4kB       4B      5  /system.slice/docker-` + containerOfFull + `.scope
timewait 41.5s   18.5s  -             -  0x1002       -  -          -        -        -                           -             -        -        -      -     -     -        -     -      -         -         -      -     -       -      -       -    -        -      -  -
`
	if got := write(t, l, each(listener(), established(), full(), timeWait())); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// TestSparse checks that a table has only those rare columns that at least one
// socket has a value for.
func TestSparse(t *testing.T) {
	inUnit := established()
	inUnit.Extended = &tcp.Extended{Cgroup: tcp.Cgroup{Path: "/system.slice/a.service", Unit: "a.service"}}
	l := &Listing{Format: Table, Columns: DefaultColumns(Table, Sections{Extended: true}, nil)[3:], Header: true, Sparse: true}
	want := `LOCAL         PEER            USER  INODE  COOKIE    UNIT       CGROUP
[::]:443      [::]:*          0       411  0x1001    -          -
10.0.0.1:443  10.0.0.9:51000  1000    412  0x248c4d  a.service  /system.slice/a.service
`
	if got := write(t, l, each(inUnit, listener())); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	short := "LOCAL     PEER    USER  INODE  COOKIE\n[::]:443  [::]:*  0       411  0x1001\n"
	if got := write(t, l, each(listener())); got != short {
		t.Errorf("got\n%swant\n%s", got, short)
	}
	long := strings.Split(write(t, l, repeat(drawnByLibrary+1, listener())), "\n")
	if got := long[0] + "\n" + long[1] + "\n"; got != short || len(long) != drawnByLibrary+3 {
		t.Errorf("a long table starts with\n%s", got)
	}
	if got, want := len(l.Columns), len(DefaultColumns(Table, Sections{Extended: true}, nil))-3; got != want {
		t.Errorf("the listing afterwards has %d columns, want %d", got, want)
	}
	all := *l
	all.Columns, all.Sparse = mustColumns(t, "state,user,mark"), false
	if got, want := write(t, &all, each(timeWait())), "STATE      USER  MARK\nTIME_WAIT  -        -\n"; got != want {
		t.Errorf("named columns: %q, want %q", got, want)
	}
	full := &Listing{Format: Table, Columns: DefaultColumns(Table, everySection, nil), Header: true}
	whole := write(t, full, each(fullOfAll()...))
	full.Sparse = true
	if got := write(t, full, each(fullOfAll()...)); got != whole {
		t.Errorf("without an empty column\n%s\nwant\n%s", got, whole)
	}
}

// TestNamesInTables checks that tables and Markdown show known names instead of
// numbers, and that CSV keeps the numbers.
func TestNamesInTables(t *testing.T) {
	s := func(local, peer string, localName, peerName tcp.Name) *tcp.Socket {
		return &tcp.Socket{State: tcp.Close, Local: netip.MustParseAddrPort(local), Peer: netip.MustParseAddrPort(peer), LocalName: localName, PeerName: peerName}
	}
	sockets := each(
		s("10.0.0.1:443", "10.0.0.9:51000", tcp.Name{Host: "web1", Service: "https"}, tcp.Name{Host: "client.example"}),
		s("10.0.0.1:443", "[2001:db8::1]:80", tcp.Name{Service: "https"}, tcp.Name{Service: "http"}),
		s("[::]:22", "[::]:0", tcp.Name{Service: "ssh"}, tcp.Name{}),
		s("[fe80::1%eth0]:22", "[::ffff:10.0.0.9]:7", tcp.Name{Host: "link", Service: "ssh"}, tcp.Name{Service: "echo"}),
		s("0.0.0.0:0", "10.0.0.9:0", tcp.Name{}, tcp.Name{Host: "client"}),
		s("10.0.0.1:1", "10.0.0.9:2", tcp.Name{Host: "a\x1b[31m\tb"}, tcp.Name{Service: "\n"}),
	)
	l := &Listing{Format: Table, Columns: mustColumns(t, "local,peer")}
	want := `web1:https        client.example:51000
10.0.0.1:https    [2001:db8::1]:http
[::]:ssh          [::]:*
link:ssh          [::ffff:10.0.0.9]:echo
0.0.0.0:*         client:*
a\x1b[31m\x09b:1  10.0.0.9:\x0a
`
	if got := write(t, l, sockets); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	l.Format = Markdown
	if got := write(t, l, sockets); !strings.Contains(got, "\n| web1:https | client.example:51000 |\n") {
		t.Errorf("markdown\n%s", got)
	}
	l.Format = CSV
	if got := write(t, l, sockets); !strings.HasPrefix(got, "10.0.0.1:443,10.0.0.9:51000\n10.0.0.1:443,[2001:db8::1]:80\n") {
		t.Errorf("CSV\n%s", got)
	}
}

// TestListenerOfSocketWithoutProcess checks that an inferred listener is shown
// in parentheses, and dim if there are colours.
func TestListenerOfSocketWithoutProcess(t *testing.T) {
	inferred, alone, owned := timeWait(), timeWait(), timeWait()
	inferred.Listener = &tcp.Listener{Local: netip.MustParseAddrPort("[::]:443"), Processes: full().Processes}
	alone.Listener = &tcp.Listener{Local: netip.MustParseAddrPort("0.0.0.0:443")}
	owned.Listener, owned.Processes = inferred.Listener, full().Processes[1:2]
	for _, test := range []struct {
		format  Format
		columns string
		color   bool
		want    string
	}{
		{Table, "process", false, "(812/nginx 813/php-fpm +1)\n(0.0.0.0:443)\n813/php-fpm\n-\n"},
		{Table, "process", true, "\x1b[2m(812/nginx 813/php-fpm +1)\x1b[0m\n\x1b[2m(0.0.0.0:443)\x1b[0m\n813/php-fpm\n-\n"},
		{Markdown, "process", false, "| PROCESS |\n| :-- |\n| (812/nginx 813/php-fpm +1) |\n| (0.0.0.0:443) |\n| 813/php-fpm |\n| - |\n"},
		{Table, "listener,listener.port,listener.processes", false, "[::]:443     443  812/nginx 813/php-fpm +1\n0.0.0.0:443  443  -\n[::]:443     443  812/nginx 813/php-fpm +1\n-              -  -\n"},
		{CSV, "processes,listener,listener.address,listener.port,listener.processes", false,
			",[::]:443,::,443,812/nginx 813/php-fpm 814/nginx\n,0.0.0.0:443,0.0.0.0,443,\n813/php-fpm,[::]:443,::,443,812/nginx 813/php-fpm 814/nginx\n,,,,\n"},
		{CSV, "process", false, "\n\n813/php-fpm\n\n"},
	} {
		l := &Listing{Format: test.format, Columns: mustColumns(t, test.columns), Color: test.color}
		if got := write(t, l, each(inferred, alone, owned, timeWait())); got != test.want {
			t.Errorf("%v %s: got\n%q\nwant\n%q", test.format, test.columns, got, test.want)
		}
	}
}

// TestDrawers checks that the two drawers of tables write the same bytes.
func TestDrawers(t *testing.T) {
	wide, hostile, spaced := established(), established(), established()
	wide.Interface, hostile.Interface, spaced.Interface = "网卡0", "a\tb\x1b[31m\u202e|", " x  "
	sets := map[string][]*tcp.Socket{
		"none": nil, "one": {established()}, "several": {timeWait(), listener(), full(), established(), wide, hostile, spaced},
	}
	everything := everySection
	for name, sockets := range sets {
		for _, columns := range [][]*Column{
			DefaultColumns(Table, Sections{}, nil), DefaultColumns(Table, everything, nil), DefaultColumns(CSV, everything, nil),
			mustColumns(t, "interface"), mustColumns(t, "tcp_info.rtt_us"), mustColumns(t, "recv_q,state,interface"), mustColumns(t, "state,state"),
		} {
			for _, header := range []bool{false, true} {
				for _, color := range []bool{false, true} {
					l := &Listing{Format: Table, Columns: columns, Header: header, Color: color}
					kept, err := l.collect(each(sockets...), byState)
					if err != nil {
						t.Fatal(err)
					}
					library, own := &output{}, &output{w: &bytes.Buffer{}}
					if err := errors.Join(l.drawByLibrary(library, kept.sorted()), l.layOut(own, kept.sorted())); err != nil {
						t.Fatal(err)
					}
					if !bytes.Equal(library.buf, own.buf) {
						t.Errorf("%s, header %v, color %v:\nlibrary\n%q\nown\n%q", name, header, color, library.buf, own.buf)
					}
					for line := range strings.Lines(string(own.buf)) {
						if strings.HasSuffix(line, " \n") {
							t.Errorf("%s: %q ends with a space", name, line)
						}
					}
				}
			}
		}
	}
}

// TestLongTable has just as many rows as the first drawer draws, and one more.
func TestLongTable(t *testing.T) {
	l := &Listing{Format: Table, Columns: DefaultColumns(Table, Sections{}, nil), Header: true}
	for _, n := range []int{drawnByLibrary, drawnByLibrary + 1} {
		lines := strings.Split(write(t, l, repeat(n, established())), "\n")
		if len(lines) != n+2 || lines[n+1] != "" {
			t.Errorf("%d rows have %d lines", n, len(lines)-1)
		}
		if want := "ESTABLISHED       0    1448  10.0.0.1:443  10.0.0.9:51000"; lines[n] != want {
			t.Errorf("%d rows: the last is %q, want %q", n, lines[n], want)
		}
	}
}

// repeat yields the socket n times.
func repeat(n int, s *tcp.Socket) iter.Seq2[*tcp.Socket, error] {
	return func(yield func(*tcp.Socket, error) bool) {
		for range n {
			if !yield(s, nil) {
				return
			}
		}
	}
}

func TestColor(t *testing.T) {
	l := &Listing{Format: Table, Columns: mustColumns(t, "state,send_q"), Header: true, Color: true}
	want := "\x1b[1mSTATE\x1b[0m        \x1b[1mSEND-Q\x1b[0m\n" +
		"\x1b[36mLISTEN\x1b[0m         4096\n" +
		"\x1b[32mESTABLISHED\x1b[0m    1448\n" +
		"\x1b[2mTIME_WAIT\x1b[0m         0\n"
	if got := write(t, l, each(listener(), established(), timeWait())); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	for s := range tcp.All.States() {
		if stateColors[s] == "" {
			t.Errorf("%v has no colour", s)
		}
	}
}

func TestMarkdown(t *testing.T) {
	s := established()
	s.Interface = "a|b\\c\n"
	l := &Listing{Format: Markdown, Columns: mustColumns(t, "state,send_q,interface")}
	want := "| STATE | SEND-Q | INTERFACE |\n| :-- | --: | :-- |\n| LISTEN | 4096 | - |\n| ESTABLISHED | 1448 | a\\|b\\\\c\\\\x0a |\n"
	if got := write(t, l, each(s, listener())); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// TestTableMemory limits the memory that a row of a table takes in addition to
// its own text.
func TestTableMemory(t *testing.T) {
	l := &Listing{Format: Table, Columns: DefaultColumns(Table, Sections{}, nil)}
	const n = 100_000
	kept, err := l.collect(repeat(n, established()), byState)
	if err != nil {
		t.Fatal(err)
	}
	bytes := 16 * cap(kept.order)
	for _, chunk := range kept.chunks {
		bytes += cap(chunk)
	}
	row := len(l.appendRow(nil, established()))
	if perRow := bytes / n; perRow > row+40 {
		t.Errorf("a row of %d bytes takes %d bytes of memory", row, perRow)
	}
}

func BenchmarkTable(b *testing.B) {
	l := &Listing{Format: Table, Columns: DefaultColumns(Table, Sections{}, nil), Header: true}
	for _, n := range []int{drawnByLibrary, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				if err := l.Write(&limitedWriter{n: 1 << 40}, repeat(n, established()), nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func TestAppendState(t *testing.T) {
	if got := string(AppendState(nil, tcp.CloseWait, false)); got != "CLOSE_WAIT" {
		t.Errorf("%q", got)
	}
	if got := string(AppendState(nil, tcp.CloseWait, true)); got != text.Red.Paint("CLOSE_WAIT") {
		t.Errorf("%q", got)
	}
}
