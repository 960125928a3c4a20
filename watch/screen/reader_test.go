package screen

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	tea "charm.land/bubbletea/v2"

	"tcpstate/collect"
	"tcpstate/tcp"
	"tcpstate/watch"
)

// TestFirstReadingFails checks that the screen ends if the first reading fails,
// and that it shows the errors of later readings with the data from before.
func TestFirstReadingFails(t *testing.T) {
	d := drive(t, func(s *Screen) { s.Session.Query.Proc = filepath.Join(s.Session.Query.Proc, "none") }, someSockets()...)
	if !errors.Is(d.m.failure, os.ErrNotExist) || d.last != (tea.QuitMsg{}) {
		t.Errorf("ended with %v, %#v", d.m.failure, d.last)
	}
	d = drive(t, nil, someSockets()...)
	if err := os.Remove(filepath.Join(d.dir, "net/tcp")); err != nil {
		t.Fatal(err)
	}
	d.now = d.now.Add(time.Second)
	d.send(d.r.next(t.Context()))
	if d.m.failure != nil {
		t.Errorf("ended with %v", d.m.failure)
	}
	d.wants("no such file")
}

// TestReaderIntervals checks that the reader reads at each interval, answers
// requests between two readings, and does not read while paused.
func TestReaderIntervals(t *testing.T) {
	d := drive(t, nil, someSockets()...) // only its files are used
	synctest.Test(t, func(t *testing.T) {
		s := &Screen{Session: &watch.Session{Now: time.Now, Query: collect.Query{Source: collect.ProcFS, Proc: d.dir, States: tcp.All,
			Families: []tcp.Family{tcp.IPv4, tcp.IPv6}}}, Interval: time.Second}
		r := newReader(s)
		w := firstRequest(s)
		frames := make(chan *frame, 100)
		go r.run(t.Context(), func(f *frame) { frames <- f })
		began := time.Now()
		count := func(after time.Duration) (readings, all int) {
			time.Sleep(after)
			synctest.Wait()
			seen := map[time.Time]bool{}
			for all = len(frames); len(frames) > 0; {
				if f := <-frames; f.at.After(began) {
					seen[f.at] = true
				}
			}
			return len(seen), all
		}
		if readings, _ := count(3500 * time.Millisecond); readings != 3 {
			t.Errorf("%d readings in 3.5 s after the first", readings)
		}
		began = time.Now()
		w.serial, w.sort = 2, socketOrders[1]
		r.ask(w)
		if readings, all := count(0); readings != 0 || all != 1 {
			t.Errorf("%d readings and %d frames for another order", readings, all)
		}
		w.serial, w.paused = 3, true
		r.ask(w)
		if readings, all := count(time.Minute); readings != 0 || all != 1 {
			t.Errorf("%d readings and %d frames while paused", readings, all)
		}
		w.serial, w.paused, w.interval = 4, false, 100*time.Millisecond
		r.ask(w)
		if readings, _ := count(time.Second - time.Millisecond); readings != 10 {
			t.Errorf("%d readings at an interval of 100 ms", readings)
		}
		old := w
		old.serial = 1
		r.ask(old)
		if r.latest().serial != 4 {
			t.Error("an old request has replaced a new one")
		}
	})
}

func TestIntervalAndPause(t *testing.T) {
	d := drive(t, nil, someSockets()...)
	d.press("+")
	d.wants("every 500ms")
	for range 10 {
		d.press("+")
	}
	d.wants("every 100ms")
	for range 20 {
		d.press("-")
	}
	d.wants("every 1m")
	d.press("p")
	d.wants("paused")
	at := d.m.frame.at
	d.refresh(laterSockets()...)
	if d.m.frame.at != at {
		t.Error("the reader read while paused")
	}
	d.press("s")
	d.wants("sort recv-q down")
	d.press("p")
	d.wants("20 SYN_RECV"[3:], "every 1m")
	if d.m.frame.at == at {
		t.Error("the reader does not continue")
	}
}

func TestSparkline(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, test := range []struct {
		name    string
		counts  []int
		columns int
		want    string
	}{
		{"nothing", nil, 4, ""},
		{"zero", []int{0, 0}, 4, "  __"},
		{"constant", []int{5, 5, 5}, 4, " ..."},
		{"constant and many", []int{500, 500, 500}, 4, " ..."},
		{"rising", []int{0, 1, 2, 3, 4, 5, 6, 7}, 8, "_.-=+*%#"},
		{"close together", []int{1000, 1001, 1000}, 3, "###"},
		{"two readings in a column", []int{0, 0, 0, 0, 8, 0}, 4, "__#_"},
	} {
		var history []sample
		for i, n := range test.counts {
			s := sample{at: at.Add(time.Duration(i) * time.Second)}
			s.counts[tcp.Established] = n
			history = appendSample(history, s)
		}
		got := sparkline(history, tcp.Established, time.Second, test.columns, asciiBlocks)
		if got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
	var history []sample
	for i := range 5000 {
		history = appendSample(history, sample{at: at.Add(time.Duration(i) * 100 * time.Millisecond)})
	}
	if len(history) > maxSamples {
		t.Errorf("%d samples are kept", len(history))
	}
}
