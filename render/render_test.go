package render

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/netip"
	"strings"
	"testing"
	"time"

	"tcpstate/tcp"
)

// write returns what the listing writes of the sockets.
func write(t *testing.T, l *Listing, sockets iter.Seq2[*tcp.Socket, error]) string {
	t.Helper()
	var b bytes.Buffer
	if err := l.Write(&b, sockets, nil); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func mustColumns(t *testing.T, names string) []*Column {
	t.Helper()
	list, err := ParseColumns(names)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func mustSort(t *testing.T, names string) []SortKey {
	t.Helper()
	keys, err := ParseSort(names)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func TestParseFormat(t *testing.T) {
	for f := Table; f <= Markdown; f++ {
		if got, err := ParseFormat(strings.ToUpper(f.String())); got != f || err != nil {
			t.Errorf("ParseFormat(%v) = %v, %v", f, got, err)
		}
	}
	_, err := ParseFormat("xml")
	var unknown *UnknownFormatError
	if !errors.As(err, &unknown) || err.Error() != `unknown format "xml"` {
		t.Fatalf("error %v", err)
	}
	if want := "the formats are table, json, ndjson, csv, markdown"; unknown.Hint() != want {
		t.Errorf("hint %q, want %q", unknown.Hint(), want)
	}
}

func TestTable(t *testing.T) {
	sockets := each(timeWait(), established(), listener())
	l := &Listing{Format: Table, Columns: DefaultColumns(Table, Sections{}), Header: true}
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
	l := &Listing{Format: Table, Columns: DefaultColumns(Table, Sections{Timers: true, Extended: true, Info: true, Memory: true})[5:], Header: true}
	want := `TIMER              AGE  USER  INODE  COOKIE    MARK  CGROUP  INTERFACE  CC     RTT  MIN-RTT    RTO  CWND   MSS  RETRANS  LOST   SENT  RECEIVED      RATE   IDLE  RMEM  RCVBUF   WMEM  SNDBUF  FWD  BACKLOG  DROPS
-                    -     0    411  0x1001       -       -  -          -        -        -      -     -     -        -     -      -         -         -      -     -       -      -       -    -        -      -
keepalive 1h59m  ~1.2s  1000    412  0x248c4d     -       -  -          -        -        -      -     -     -        -     -      -         -         -  3m20s     -       -      -       -    -        -      -
keepalive 1h59m   1.2s  1000    412  0x248c4d     7    4321  eth0       bbr  180us    170us  204ms    10  1448     4/12     3  123MB    98.7kB  12.5MB/s  3m20s    1B   131kB  2.3kB    87kB  4kB       4B      5
timewait 41.5s   18.5s     -      -  0x1002       -       -  -          -        -        -      -     -     -        -     -      -         -         -      -     -       -      -       -    -        -      -
`
	if got := write(t, l, each(listener(), established(), full(), timeWait())); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestPortsForPeople(t *testing.T) {
	s := func(local, peer string) *tcp.Socket {
		return &tcp.Socket{State: tcp.Close, Local: netip.MustParseAddrPort(local), Peer: netip.MustParseAddrPort(peer)}
	}
	sockets := each(s("0.0.0.0:0", "0.0.0.0:0"), s("10.0.0.1:0", "10.0.0.9:0"), s("[::]:80", "[::]:0"), s("10.0.0.1:10", "10.0.0.9:20"))
	l := &Listing{Format: Table, Columns: mustColumns(t, "local,peer")}
	want := "0.0.0.0:*    0.0.0.0:*\n10.0.0.1:0   10.0.0.9:*\n[::]:80      [::]:*\n10.0.0.1:10  10.0.0.9:20\n"
	if got := write(t, l, sockets); got != want {
		t.Errorf("table\n%swant\n%s", got, want)
	}
	l.Format = CSV
	want = "0.0.0.0:0,0.0.0.0:0\n10.0.0.1:0,10.0.0.9:0\n[::]:80,[::]:0\n10.0.0.1:10,10.0.0.9:20\n"
	if got := write(t, l, sockets); got != want {
		t.Errorf("CSV\n%swant\n%s", got, want)
	}
}

// TestDrawers holds the two drawers of tables to the same bytes.
func TestDrawers(t *testing.T) {
	wide, hostile, spaced := established(), established(), established()
	wide.Interface, hostile.Interface, spaced.Interface = "网卡0", "a\tb\x1b[31m\u202e|", " x  "
	sets := map[string][]*tcp.Socket{
		"none": nil, "one": {established()}, "several": {timeWait(), listener(), full(), established(), wide, hostile, spaced},
	}
	everything := Sections{Timers: true, Extended: true, Info: true, Memory: true}
	for name, sockets := range sets {
		for _, columns := range [][]*Column{
			DefaultColumns(Table, Sections{}), DefaultColumns(Table, everything), DefaultColumns(CSV, everything),
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
							t.Errorf("%s: %q ends in a space", name, line)
						}
					}
				}
			}
		}
	}
}

// TestLongTable crosses the number of rows at which the drawer changes.
func TestLongTable(t *testing.T) {
	l := &Listing{Format: Table, Columns: DefaultColumns(Table, Sections{}), Header: true}
	for _, n := range []int{drawnByLibrary, drawnByLibrary + 1} {
		lines := strings.Split(write(t, l, repeat(n, established())), "\n")
		if len(lines) != n+2 || lines[n+1] != "" {
			t.Errorf("%d rows make %d lines", n, len(lines)-1)
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

func TestJSONDocument(t *testing.T) {
	l := &Listing{Format: JSON, Meta: Meta{
		TakenAt: time.Date(2026, 1, 2, 4, 4, 5, 6000, time.FixedZone("", 3600)), Host: "web\x1b1", Source: "procfs", Missing: []string{"cookie"},
	}}
	var b bytes.Buffer
	read := false
	sockets := func(yield func(*tcp.Socket, error) bool) {
		_ = yield(listener(), nil) && yield(timeWait(), nil)
		read = true
	}
	err := l.Write(&b, sockets, func() []string {
		if !read {
			t.Error("warnings were asked for before the sockets were read")
		}
		return []string{"<half> of it"}
	})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"schema":"tcpstate/v1","kind":"sockets","taken_at":"2026-01-02T03:04:05.000006Z","host":"web\u001b1","source":"procfs","missing":["cookie"],"sockets":[
` + string(appendSocket(nil, listener())) + ",\n" + string(appendSocket(nil, timeWait())) + `
],"warnings":["<half> of it"]}
`
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}

	empty := write(t, &Listing{Format: JSON}, each())
	if want := `"missing":[],"sockets":[],"warnings":[]}` + "\n"; !strings.HasSuffix(empty, want) || !json.Valid([]byte(empty)) {
		t.Errorf("of no sockets: %s", empty)
	}
}

func TestNDJSON(t *testing.T) {
	got := write(t, &Listing{Format: NDJSON}, each(timeWait(), listener()))
	want := string(appendSocket(nil, timeWait())) + "\n" + string(appendSocket(nil, listener())) + "\n"
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// TestErrorOfSockets sees that what was read is written, and no more.
func TestErrorOfSockets(t *testing.T) {
	broken := errors.New("broken message")
	sockets := func(yield func(*tcp.Socket, error) bool) {
		_ = yield(listener(), nil) && yield(nil, broken)
	}
	for f := Table; f <= Markdown; f++ {
		for _, sort := range []string{"", "local"} {
			l := &Listing{Format: f, Columns: DefaultColumns(f, Sections{})}
			if sort != "" {
				l.Sort = mustSort(t, sort)
			}
			var b bytes.Buffer
			warnings := func() []string { t.Error("warnings were asked for"); return nil }
			if err := l.Write(&b, sockets, warnings); err != broken {
				t.Errorf("%v: error %v, want %v", f, err, broken)
			}
			if !strings.Contains(b.String(), "LISTEN") {
				t.Errorf("%v: what was read is not written: %q", f, b.String())
			}
			if f == JSON && json.Valid(b.Bytes()) {
				t.Errorf("the document looks whole: %s", b.String())
			}
		}
	}
}

// limitedWriter fails once it has taken n bytes.
type limitedWriter struct{ n int }

var errFull = errors.New("no space left")

func (w *limitedWriter) Write(b []byte) (int, error) {
	if w.n -= len(b); w.n < 0 {
		return 0, errFull
	}
	return len(b), nil
}

func TestErrorOfWriter(t *testing.T) {
	for f := Table; f <= Markdown; f++ {
		l := &Listing{Format: f, Columns: DefaultColumns(f, Sections{})}
		if err := l.Write(&limitedWriter{}, repeat(10, established()), nil); err != errFull {
			t.Errorf("%v: error %v, want %v", f, err, errFull)
		}
		yielded := 0
		sockets := func(yield func(*tcp.Socket, error) bool) {
			for range 100_000 {
				yielded++
				if !yield(established(), nil) {
					return
				}
			}
		}
		if err := l.Write(&limitedWriter{n: flushAt}, sockets, nil); err != errFull {
			t.Errorf("%v: error %v, want %v", f, err, errFull)
		}
		if !f.forPeople() && yielded > 10_000 {
			t.Errorf("%v: %d sockets were read though nothing could be written", f, yielded)
		}
	}
}

func TestLimit(t *testing.T) {
	many := func(read *int) iter.Seq2[*tcp.Socket, error] {
		return func(yield func(*tcp.Socket, error) bool) {
			for i := range 5000 {
				s := established()
				s.State = []tcp.State{tcp.TimeWait, tcp.Listen, tcp.Established}[i%3]
				s.RecvQueue, s.AcceptQueue = uint32(i), uint32(i)
				*read++
				if !yield(s, nil) {
					return
				}
			}
		}
	}
	for _, test := range []struct {
		format     Format
		sort, want string
		read       int
	}{
		{CSV, "", "TIME_WAIT,0 LISTEN,1 ESTABLISHED,2 TIME_WAIT,3", 4},
		{CSV, "-recv_q", "LISTEN,4999 TIME_WAIT,4998 ESTABLISHED,4997 LISTEN,4996", 5000},
		{CSV, "state", "LISTEN,1 LISTEN,4 LISTEN,7 LISTEN,10", 5000},
		{Table, "", "LISTEN  1 LISTEN  4 LISTEN  7 LISTEN  10", 5000},
		{Table, "-state,-recv_q", "TIME_WAIT  4998 TIME_WAIT  4995 TIME_WAIT  4992 TIME_WAIT  4989", 5000},
	} {
		l := &Listing{Format: test.format, Columns: mustColumns(t, "state,recv_q"), Limit: 4}
		if test.sort != "" {
			l.Sort = mustSort(t, test.sort)
		}
		read := 0
		got := strings.Join(strings.Fields(write(t, l, many(&read))), " ")
		if got != strings.Join(strings.Fields(test.want), " ") {
			t.Errorf("%v by %q: %s, want %s", test.format, test.sort, got, test.want)
		}
		if read != test.read {
			t.Errorf("%v by %q: %d sockets were read, want %d", test.format, test.sort, read, test.read)
		}
	}
}

// TestTableMemory pins what a row of a table costs, less its own text.
func TestTableMemory(t *testing.T) {
	l := &Listing{Format: Table, Columns: DefaultColumns(Table, Sections{})}
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
		t.Errorf("a row of %d bytes takes %d", row, perRow)
	}
}

func BenchmarkTable(b *testing.B) {
	l := &Listing{Format: Table, Columns: DefaultColumns(Table, Sections{}), Header: true}
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
