package watch

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"tcpstate/collect"
	"tcpstate/internal/lab"
	"tcpstate/render"
	"tcpstate/tcp"
	"tcpstate/wording"
)

// proc is a /proc of another host. Tests change it while time passes.
type proc struct {
	t   *testing.T
	dir string
}

func newProc(t *testing.T) *proc {
	p := &proc{t, t.TempDir()}
	p.set()
	return p
}

// line is a connection from 10.0.0.9:port to 10.0.0.1:80 in the format of
// /proc/net/tcp. The state is the kernel's number in hexadecimal.
type line struct {
	port  int
	state string
}

// set replaces the connections by these.
func (p *proc) set(lines ...line) {
	p.t.Helper()
	var b bytes.Buffer
	fmt.Fprintln(&b, "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode")
	for i, l := range lines {
		fmt.Fprintf(&b, "%4d: 0100000A:0050 0900000A:%04X %s 00000000:00000000 00:00000000 00000000     0        0 0 1 0000000000000000 20 4 30 10 -1\n", i, l.port, l.state)
	}
	name := filepath.Join(p.dir, "net", "tcp")
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(name+".new", b.Bytes(), 0o644); err != nil {
		p.t.Fatal(err)
	}
	if err := os.Rename(name+".new", name); err != nil {
		p.t.Fatal(err)
	}
}

// stream returns a stream of it, with one second between ticks.
func (p *proc) stream() *Stream {
	columns, err := render.ParseColumns("local,peer")
	if err != nil {
		p.t.Fatal(err)
	}
	return &Stream{
		Feed:     &Session{Query: collect.Query{Proc: p.dir, States: tcp.All, Families: []tcp.Family{tcp.IPv4}}, Now: time.Now},
		Now:      time.Now,
		Format:   LineFormat{Columns: columns},
		Interval: time.Second,
	}
}

// during calls each function at its time, between two ticks of a stream.
func during(things map[time.Duration]func()) {
	for at, thing := range things {
		time.AfterFunc(at, thing)
	}
}

const (
	kernelEstab    = "01"
	kernelSynRecv  = "03"
	kernelTimeWait = "06"
)

func TestStreamReportsWhatHappens(t *testing.T) {
	tests := []struct {
		name   string
		format func(*LineFormat)
		want   string
	}{
		{"for people", func(*LineFormat) {}, `00:00:00.000 = 1:  SYN_RECV 1
00:00:01.000 > SYN_RECV>ESTABLISHED    10.0.0.1:80            10.0.0.9:5000
00:00:01.000 + SYN_RECV                10.0.0.1:80            10.0.0.9:5001
00:00:01.000 = 2:  SYN_RECV 1  ESTABLISHED 1
00:00:02.000 - ESTABLISHED             10.0.0.1:80            10.0.0.9:5000
00:00:02.000 = 1:  SYN_RECV 1
00:00:02.500 = 1:  SYN_RECV 1
`},
		{"for people, in colour", func(f *LineFormat) { f.Color = true }, "00:00:00.000 = 1:  \x1b[33mSYN_RECV\x1b[0m 1\n" +
			"00:00:01.000 > \x1b[33mSYN_RECV\x1b[0m>\x1b[32mESTABLISHED\x1b[0m    10.0.0.1:80            10.0.0.9:5000\n" +
			"00:00:01.000 + \x1b[33mSYN_RECV\x1b[0m                10.0.0.1:80            10.0.0.9:5001\n" +
			"00:00:01.000 = 2:  \x1b[33mSYN_RECV\x1b[0m 1  \x1b[32mESTABLISHED\x1b[0m 1\n" +
			"00:00:02.000 - \x1b[32mESTABLISHED\x1b[0m             10.0.0.1:80            10.0.0.9:5000\n" +
			"00:00:02.000 = 1:  \x1b[33mSYN_RECV\x1b[0m 1\n" +
			"00:00:02.500 = 1:  \x1b[33mSYN_RECV\x1b[0m 1\n"},
		{"JSON", func(f *LineFormat) { f.JSON = true }, `{"event":"tick","at":"2000-01-01T00:00:00Z","total":1,"states":{"SYN_RECV":1},"missing":["close","bound_inactive"]}
{"event":"state","at":"2000-01-01T00:00:01Z","from":"SYN_RECV","to":"ESTABLISHED","socket":{"state":"ESTABLISHED","family":"ipv4","local":{"address":"10.0.0.1","port":80},"peer":{"address":"10.0.0.9","port":5000},"recv_q_bytes":0,"send_q_bytes":0,"timer":{"kind":"off"}}}
{"event":"opened","at":"2000-01-01T00:00:01Z","to":"SYN_RECV","socket":{"state":"SYN_RECV","family":"ipv4","local":{"address":"10.0.0.1","port":80},"peer":{"address":"10.0.0.9","port":5001},"recv_q_bytes":0,"send_q_bytes":0,"timer":{"kind":"off"}}}
{"event":"tick","at":"2000-01-01T00:00:01Z","total":2,"states":{"SYN_RECV":1,"ESTABLISHED":1},"missing":["close","bound_inactive"]}
{"event":"closed","at":"2000-01-01T00:00:02Z","from":"ESTABLISHED","socket":{"state":"ESTABLISHED","family":"ipv4","local":{"address":"10.0.0.1","port":80},"peer":{"address":"10.0.0.9","port":5000},"recv_q_bytes":0,"send_q_bytes":0,"timer":{"kind":"off"}}}
{"event":"tick","at":"2000-01-01T00:00:02Z","total":1,"states":{"SYN_RECV":1},"missing":["close","bound_inactive"]}
{"event":"tick","at":"2000-01-01T00:00:02.5Z","total":1,"states":{"SYN_RECV":1},"missing":["close","bound_inactive"]}
`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newProc(t)
				p.set(line{5000, kernelSynRecv})
				s := p.stream()
				s.Feed.(*Session).Now = func() time.Time { return time.Now().UTC() }
				s.For = 2500 * time.Millisecond
				test.format(&s.Format)
				during(map[time.Duration]func(){
					500 * time.Millisecond:  func() { p.set(line{5000, kernelEstab}, line{5001, kernelSynRecv}) },
					1500 * time.Millisecond: func() { p.set(line{5001, kernelSynRecv}) },
				})
				var b bytes.Buffer
				outcome, err := s.Run(t.Context(), &b)
				if err != nil || outcome != (Outcome{Total: 1}) {
					t.Errorf("%+v, %v", outcome, err)
				}
				if got := withoutZeros(b.String()); got != test.want {
					t.Errorf("the lines differ %s", lab.DiffJSON([]byte(test.want), []byte(got)))
				}
			})
		})
	}
}

// withoutZeros removes the states with a count of zero from ticks in JSON.
func withoutZeros(text string) string {
	for s := range tcp.All.States() {
		text = strings.ReplaceAll(text, `"`+s.String()+`":0,`, "")
		text = strings.ReplaceAll(text, `,"`+s.String()+`":0}`, "}")
	}
	return text
}

// TestStreamEnds runs streams to their ends, and checks when they end.
func TestStreamEnds(t *testing.T) {
	second := time.Second
	condition := func(text string) Condition {
		c, err := ParseCondition(text)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	for _, test := range []struct {
		name    string
		change  func(*Stream)
		outcome Outcome
		after   time.Duration
		ticks   int
	}{
		{"after ticks", func(s *Stream) { s.Ticks = 3 }, Outcome{Total: 1}, 2 * second, 3},
		{"after one tick", func(s *Stream) { s.Ticks = 1 }, Outcome{}, 0, 1},
		{"after its time", func(s *Stream) { s.For = 3 * second }, Outcome{Total: 2}, 3 * second, 4},
		{"after less than an interval", func(s *Stream) { s.For = second / 4 }, Outcome{}, second / 4, 2},
		{"after whichever comes first", func(s *Stream) { s.For, s.Ticks = 3*second, 2 }, Outcome{Total: 1}, second, 2},
		{"at once, because its condition holds", func(s *Stream) { s.Until = condition("=0") }, Outcome{Held: true}, 0, 1},
		{"when its condition holds", func(s *Stream) { s.Until = condition(">1") }, Outcome{Held: true, Total: 2}, 3 * second, 4},
		{"when its condition has held long enough", func(s *Stream) { s.Until, s.UntilFor = condition("=1"), second }, Outcome{Held: true, Total: 1}, 2 * second, 3},
		{"after its time, if the condition has not held long enough", func(s *Stream) { s.Until, s.UntilFor, s.For = condition("=1"), 2*second, 4*second },
			Outcome{Total: 2}, 4 * second, 5},
		{"after ticks, if the condition has never held", func(s *Stream) { s.Until, s.Ticks = condition(">9"), 2 }, Outcome{Total: 1}, second, 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newProc(t)
				s := p.stream()
				s.Format.JSON = true
				test.change(s)
				during(map[time.Duration]func(){
					second * 6 / 10:  func() { p.set(line{5000, kernelEstab}) },
					second * 26 / 10: func() { p.set(line{5000, kernelEstab}, line{5001, kernelEstab}) },
				})
				began := time.Now()
				var b bytes.Buffer
				outcome, err := s.Run(t.Context(), &b)
				if took := time.Since(began); err != nil || outcome != test.outcome || took != test.after {
					t.Errorf("%+v, %v after %v, want %+v after %v", outcome, err, took, test.outcome, test.after)
				}
				if n := strings.Count(b.String(), `"event":"tick"`); n != test.ticks {
					t.Errorf("%d ticks, want %d", n, test.ticks)
				}
			})
		})
	}
}

func TestSilentStreamWritesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newProc(t).stream()
		s.Silent, s.Ticks = true, 3
		var b bytes.Buffer
		if outcome, err := s.Run(t.Context(), &b); err != nil || b.Len() > 0 || outcome.Total != 0 {
			t.Errorf("%+v, %v, wrote %q", outcome, err, b.String())
		}
	})
}

// brokenPipe accepts this many writes.
type brokenPipe int

func (b *brokenPipe) Write(p []byte) (int, error) {
	if *b--; *b < 0 {
		return 0, syscall.EPIPE
	}
	return len(p), nil
}

func TestAReaderThatClosesEndsTheStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pipe := brokenPipe(2)
		began := time.Now()
		_, err := newProc(t).stream().Run(t.Context(), &pipe)
		if took := time.Since(began); !errors.Is(err, syscall.EPIPE) || took != 2*time.Second {
			t.Errorf("%v after %v", err, took)
		}
	})
}

func TestStreamEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithTimeout(t.Context(), 5*time.Second/2)
		defer stop()
		read, write := io.Pipe() // nobody reads from it
		defer read.Close()
		began := time.Now()
		_, err := newProc(t).stream().Run(ctx, write)
		if took := time.Since(began); !errors.Is(err, context.DeadlineExceeded) || took != 5*time.Second/2 {
			t.Errorf("%v after %v", err, took)
		}
	})
}

// TestStreamEndsWhileItWaits ends the context while the stream waits for its
// reader.
func TestStreamEndsWhileItWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const end = 1700 * time.Millisecond
		ctx, stop := context.WithTimeout(t.Context(), end)
		defer stop()
		p := newProc(t)
		s := p.stream()
		s.Format.JSON = true
		during(map[time.Duration]func(){time.Second / 2: func() { p.set(crowdOf(10_000, kernelEstab)...) }})
		read, write := io.Pipe() // nobody reads from it
		defer read.Close()
		began := time.Now()
		_, err := s.Run(ctx, write)
		if took := time.Since(began); !errors.Is(err, context.DeadlineExceeded) || took != end {
			t.Errorf("%v after %v", err, took)
		}
	})
}

// TestStreamReportsErrors removes the table between two readings.
func TestStreamReportsErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProc(t)
		s := p.stream()
		s.Format.JSON = true
		during(map[time.Duration]func(){time.Second / 2: func() { os.RemoveAll(p.dir) }})
		var b bytes.Buffer
		_, err := s.Run(t.Context(), &b)
		if ticks := strings.Count(b.String(), `"event":"tick"`); err == nil || ticks != 1 || strings.Contains(b.String(), `"opened"`) {
			t.Errorf("%v, %d ticks in %q", err, ticks, b.String())
		}
	})
}

// TestStreamEndsAtADamagedTable has a line that cannot be read. What was read is
// reported, but not counted, and no socket looks closed.
func TestStreamEndsAtADamagedTable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProc(t)
		p.set(line{5000, kernelSynRecv}, line{5001, kernelSynRecv})
		s := p.stream()
		s.Format.JSON, s.Ticks = true, 3
		during(map[time.Duration]func(){time.Second / 2: func() { p.set(line{5000, kernelEstab}, line{5001, "nonsense"}) }})
		var b bytes.Buffer
		_, err := s.Run(t.Context(), &b)
		ticks, events := strings.Count(b.String(), `"event":"tick"`), strings.Count(b.String(), `"event":"state"`)
		if err == nil || ticks != 1 || events != 1 || strings.Contains(b.String(), `"closed"`) {
			t.Errorf("%v, %d ticks and %d events in %q", err, ticks, events, b.String())
		}
	})
}

// crowdOf returns n connections.
func crowdOf(n int, state string) (lines []line) {
	for i := range n {
		lines = append(lines, line{1024 + i, state})
	}
	return lines
}

// TestASlowReader has a reader that sleeps while thousands of sockets change,
// and then reads everything. The stream may be delayed by at most one interval
// in each tick. Every event must arrive or be counted as lost.
func TestASlowReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const connections, ticks, asleep = 3000, 12, 5500 * time.Millisecond
		p := newProc(t)
		s := p.stream()
		s.Ticks = ticks
		s.Format.JSON = true
		p.set(crowdOf(connections, kernelEstab)...)
		var took []time.Time
		s.Warn = func(collect.Warnings) { took = append(took, time.Now()) }
		changes := map[time.Duration]func(){}
		for i := range 2 * ticks { // everything changes between two ticks
			state := []string{kernelTimeWait, kernelEstab}[i%2]
			changes[time.Duration(i)*time.Second+time.Second/2] = func() { p.set(crowdOf(connections, state)...) }
		}
		during(changes)
		read, write := io.Pipe()
		lines := make(chan []byte, 1)
		go func() {
			time.Sleep(asleep)
			all, _ := io.ReadAll(read)
			lines <- all
		}()
		outcome, err := s.Run(t.Context(), write)
		write.Close()
		if err != nil {
			t.Fatal(err)
		}
		for i := 1; i < len(took); i++ {
			if between := took[i].Sub(took[i-1]); between > 2*s.Interval {
				t.Errorf("tick %d is %v after the one before", i, between)
			}
		}
		got, said := lost{}, lost{}
		for text := range bytes.Lines(<-lines) {
			var e struct {
				Event         string
				Events, Ticks int
			}
			if err := json.Unmarshal(text, &e); err != nil {
				t.Fatalf("%v in %q", err, text)
			}
			switch e.Event {
			case "tick":
				got.ticks++
			case "dropped":
				said.add(lost{e.Events, e.Ticks})
			default:
				got.events++
			}
		}
		if said.events == 0 || got.events == 0 || said != (lost{outcome.LostEvents, outcome.LostTicks}) {
			t.Errorf("%d events arrived, the stream reports %+v as lost, the outcome %+v", got.events, said, outcome)
		}
		// A TIME_WAIT does not open again, so the change back is a close and an
		// open.
		const events = connections * (ticks/2 + 2*(ticks/2-1))
		if got.ticks+said.ticks != ticks || got.events+said.events != events {
			t.Errorf("%+v arrived and %+v were lost, of %d events and %d ticks", got, said, events, ticks)
		}
	})
}

// TestAQuickReaderMissesNothing writes more in one tick than the stream can
// keep.
func TestAQuickReaderMissesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const connections = 20_000
		p := newProc(t)
		s := p.stream()
		s.Ticks, s.Format.JSON = 2, true
		during(map[time.Duration]func(){time.Second / 2: func() { p.set(crowdOf(connections, kernelEstab)...) }})
		read, write := io.Pipe()
		count := make(chan int, 1)
		go func() {
			all, _ := io.ReadAll(read)
			count <- bytes.Count(all, []byte(`"event":"opened"`))
		}()
		outcome, err := s.Run(t.Context(), write)
		write.Close()
		if n := <-count; err != nil || outcome.LostEvents+outcome.LostTicks != 0 || n != connections {
			t.Errorf("%d events arrived, %+v, %v", n, outcome, err)
		}
	})
}

// report is a feed of events as the kernel or a recording would report them.
type report struct {
	ticks  []Tick
	events [][]tcp.Event
	next   int
}

func (r *report) Tick(context.Context) (*Tick, error) {
	r.next++
	return &r.ticks[r.next-1], nil
}

func (r *report) Events() iter.Seq[*tcp.Event] {
	return func(yield func(*tcp.Event) bool) {
		for _, e := range r.events[r.next-1] {
			if !yield(&e) {
				return
			}
		}
	}
}

func (r *report) Warnings() collect.Warnings {
	return collect.Warnings{{Code: "of-the-test", Text: wording.Message{Key: "reported"}}}
}

// TestAStreamOfAnotherFeed writes events that do not come from two readings,
// each with its own time, with and without names.
func TestAStreamOfAnotherFeed(t *testing.T) {
	noon := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	socket := conn(timeWait, 1, 5000, 0)
	const want = `12:00:00.000 = 0
12:00:00.250 + SYN_RECV                10.0.0.1:80            10.0.0.9:5000
12:00:00.251 > SYN_RECV>ESTABLISHED    10.0.0.1:80            10.0.0.9:5000
12:00:01.000 = 1:  TIME_WAIT 1
`
	for _, named := range []bool{false, true} {
		r := &report{ticks: []Tick{{At: noon}, {At: noon.Add(time.Second)}}, events: [][]tcp.Event{nil, {
			{Kind: tcp.Opened, To: synRecv, At: noon.Add(250 * time.Millisecond), Socket: &socket},
			{Kind: tcp.Changed, From: synRecv, To: estab, At: noon.Add(251 * time.Millisecond), Socket: &socket},
		}}}
		r.ticks[1].Counts.Add(timeWait)
		columns, err := render.ParseColumns("local,peer")
		if err != nil {
			t.Fatal(err)
		}
		s := &Stream{Feed: r, Now: time.Now, Format: LineFormat{Columns: columns}, Interval: time.Millisecond, Ticks: 2}
		if named {
			s.Names = collect.NewNaming()
		}
		var warned []string
		s.Warn = func(w collect.Warnings) { warned = w.Texts() }
		var b bytes.Buffer
		if _, err = s.Run(t.Context(), &b); err != nil {
			t.Fatal(err)
		}
		if got := b.String(); !named && got != want || strings.Count(got, "\n") != strings.Count(want, "\n") {
			t.Errorf("names %v: got\n%s\nwant\n%s", named, got, want)
		}
		if len(warned) == 0 || warned[0] != "reported" {
			t.Errorf("warnings %q", warned)
		}
	}
}
