package render

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"iter"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"tcpstate/internal/lab"
	"tcpstate/tcp"
	"tcpstate/wording"
)

// write returns the output of the listing for the sockets.
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
	if want := "it can be table, json, ndjson, csv, markdown"; wording.Hint(err).String() != want {
		t.Errorf("hint %q, want %q", wording.Hint(err), want)
	}
}

func fullOfAll() []*tcp.Socket {
	dual := listener()
	dual.Extended = &tcp.Extended{V6Only: tcp.Known(false)}
	return []*tcp.Socket{full(), dual, timeWait()}
}

// TestTextFromOutside puts a hostile text into every field whose text comes
// from outside. No format may write characters that control a terminal, or
// break a record because of the text.
func TestTextFromOutside(t *testing.T) {
	for _, text := range append(hostileTexts, "x\x1b]0;title\x07,\"|\r\n", strings.Repeat("a", 64)+"\x1b\n") {
		s := full()
		s.Interface, s.Netns, s.Owner.User = text, text, text
		s.LocalName, s.PeerName = tcp.Name{Host: text, Service: text}, tcp.Name{Host: text, Service: text}
		s.Extended.Cgroup = tcp.Cgroup{Path: text, Unit: text, Container: text}
		s.Processes = []tcp.Process{{PID: 1, Name: text, User: text, Exe: text, Cmdline: []string{text, text}}}
		inferred := timeWait()
		inferred.Listener = &tcp.Listener{Local: s.Local, Processes: s.Processes}
		for f := Table; f <= Markdown; f++ {
			l := &Listing{Format: f, Columns: append(DefaultColumns(f, everySection, nil), mustColumns(t, "command,local.host,peer.service")...)}
			got := write(t, l, each(s, inferred))
			for line := range strings.Lines(got) {
				if i := strings.IndexFunc(strings.TrimSuffix(line, "\n"), func(r rune) bool { return !strconv.IsPrint(r) }); i >= 0 || !utf8.ValidString(line) {
					t.Errorf("%v of %q: %q", f, text, line)
				}
			}
			switch lines := strings.Count(got, "\n"); f {
			case JSON:
				if !json.Valid([]byte(got)) {
					t.Errorf("of %q: not valid JSON: %s", text, got)
				}
			case CSV:
				records, err := csv.NewReader(strings.NewReader(got)).ReadAll()
				if err != nil || len(records) != 2 {
					t.Errorf("of %q: %d records, error %v", text, len(records), err)
				}
			case Markdown:
				if lines != 4 {
					t.Errorf("of %q: %d lines of markdown", text, lines)
				}
			default:
				if lines != 2 {
					t.Errorf("%v of %q: %d lines", f, text, lines)
				}
			}
		}
	}
}

func TestShorten(t *testing.T) {
	const id = containerOfFull
	for text, want := range map[string]string{
		"": "", "nginx.service": "nginx.service", "web": "web", id: "9f86d081884c", "docker-" + id + ".scope": "docker-9f86d081884c*.scope",
		"libpod-payload-" + id: "libpod-payload-9f86d081884c*", id[1:]: id[1:], "a.service": "a.service", id + ".scope": "9f86d081884c*.scope",
	} {
		if got := string(shortenFrom([]byte(id+text), len(id))); got != id+want {
			t.Errorf("%q is shortened to %q, want %q", text, got[len(id):], want)
		}
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
			t.Error("the warnings were requested before the sockets were read")
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
	if diff := lab.DiffJSON([]byte(want), b.Bytes()); diff != "" {
		t.Errorf("the document differs %s", diff)
	}

	empty := write(t, &Listing{Format: JSON}, each())
	if want := `"missing":[],"sockets":[],"warnings":[]}` + "\n"; !strings.HasSuffix(empty, want) || !json.Valid([]byte(empty)) {
		t.Errorf("without sockets: %s", empty)
	}
}

func TestNDJSON(t *testing.T) {
	got := write(t, &Listing{Format: NDJSON}, each(timeWait(), listener()))
	want := string(appendSocket(nil, timeWait())) + "\n" + string(appendSocket(nil, listener())) + "\n"
	if diff := lab.DiffJSON([]byte(want), []byte(got)); diff != "" {
		t.Errorf("the lines differ %s", diff)
	}
}

// TestErrorOfSockets checks that all sockets before an error are written, and
// nothing after it.
func TestErrorOfSockets(t *testing.T) {
	broken := errors.New("broken message")
	sockets := func(yield func(*tcp.Socket, error) bool) {
		_ = yield(listener(), nil) && yield(nil, broken)
	}
	for f := Table; f <= Markdown; f++ {
		for _, sort := range []string{"", "local"} {
			l := &Listing{Format: f, Columns: DefaultColumns(f, Sections{}, nil)}
			if sort != "" {
				l.Sort = mustSort(t, sort)
			}
			var b bytes.Buffer
			warnings := func() []string { t.Error("the warnings were requested in spite of the error"); return nil }
			if err := l.Write(&b, sockets, warnings); err != broken {
				t.Errorf("%v: error %v, want %v", f, err, broken)
			}
			if !strings.Contains(b.String(), "LISTEN") {
				t.Errorf("%v: the socket before the error is not written: %q", f, b.String())
			}
			if f == JSON && json.Valid(b.Bytes()) {
				t.Errorf("the document looks complete: %s", b.String())
			}
		}
	}
}

// limitedWriter fails after it has written n bytes.
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
		l := &Listing{Format: f, Columns: DefaultColumns(f, Sections{}, nil)}
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
			t.Errorf("%v: %d sockets were read although nothing could be written", f, yielded)
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
