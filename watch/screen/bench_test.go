package screen

import (
	"encoding/binary"
	"fmt"
	"iter"
	"net/netip"
	"runtime"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"tcpstate/tcp"
	"tcpstate/watch"
)

// many yields n sockets. With each tick some of them change their state, and as
// many are replaced by others.
func many(n, changes, tick int) iter.Seq2[*tcp.Socket, error] {
	return func(yield func(*tcp.Socket, error) bool) {
		var s tcp.Socket
		for i := range n {
			serial, state := i, tcp.Established
			switch turn := (i + n - tick*changes%n) % n; {
			case turn < changes/2:
				state = tcp.TimeWait
			case turn < changes:
				serial += n * (1 + tick)
			}
			var host [4]byte
			binary.BigEndian.PutUint32(host[:], 10<<24|uint32(serial>>4))
			s.Reset()
			s.State, s.Family, s.Cookie = state, tcp.IPv4, tcp.Cookie(serial+1)
			s.Local = netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, 1}), 443)
			s.Peer = netip.AddrPortFrom(netip.AddrFrom4(host), uint16(1024+serial))
			s.Owner.Inode, s.RecvQueue = uint32(serial+1), uint32(serial%1000)
			if !yield(&s, nil) {
				return
			}
		}
	}
}

// BenchmarkFrame makes frames of 300,000 sockets of which 2,000 change with
// each tick. It runs at least 500 ticks, and reports the memory per socket
// after 10 ticks and at the end. The time does not include the reading of the
// sockets.
func BenchmarkFrame(b *testing.B) {
	for _, w := range []request{{sort: socketOrders[0]}, {sort: socketOrders[4]}, {group: byHost, sort: groupOrders[0]}, {focus: tcp.Established, sort: socketOrders[0]}} {
		b.Run(fmt.Sprintf("%s/%s/focus=%d", w.group, w.sort.by, w.focus), func(b *testing.B) {
			const sockets, changes = 300_000, 2_000
			start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
			w.height, w.interval = 50, time.Second
			r := &reader{session: &watch.Session{Now: func() time.Time { return start }}, serving: w}
			ticks := 0
			tick := func() {
				at := start.Add(time.Duration(ticks) * time.Second)
				t, err := r.session.Follow(at, many(sockets, changes, ticks), func(*tcp.Socket) bool { return true })
				if err != nil {
					b.Fatal(err)
				}
				ticks++
				r.tick, r.previousAt, r.readAt, r.listedAt = t, r.readAt, at, at
				r.groups, r.last = r.last, r.groups
				r.history = appendSample(r.history, sample{at, t.Counts})
			}
			var f *frame
			round := func() {
				r.selectItems(b.Context())
				f = r.frame(b.Context())
			}
			for range 10 {
				tick()
				round()
			}
			early := heap()
			for b.Loop() {
				b.StopTimer()
				tick()
				b.StartTimer()
				round()
			}
			for ticks < 500 {
				tick()
				round()
			}
			b.ReportMetric(float64(early)/sockets, "B/socket-early")
			b.ReportMetric(float64(heap())/sockets, "B/socket-late")
			runtime.KeepAlive(f)
			runtime.KeepAlive(r)
		})
	}
}

// BenchmarkKey handles a key and draws the screen, with a frame of 300,000
// sockets.
func BenchmarkKey(b *testing.B) {
	r := &reader{session: &watch.Session{Now: time.Now}, serving: request{height: 50, interval: time.Second}}
	t, err := r.session.Follow(time.Now(), many(300_000, 0, 0), func(*tcp.Socket) bool { return true })
	if err != nil {
		b.Fatal(err)
	}
	r.tick = t
	r.selectItems(b.Context())
	m := newModel(&Screen{Session: r.session}, func(request) {})
	m.frame, m.width, m.height = r.frame(b.Context()), 200, 60
	keys := []tea.KeyPressMsg{{Code: tea.KeyDown}, {Code: tea.KeyPgDown}, {Code: tea.KeyUp}, {Code: tea.KeyPgUp}}
	i := 0
	for b.Loop() {
		next, _ := m.Update(keys[i%len(keys)])
		m = next.(model)
		if m.View().Content == "" {
			b.Fatal("the screen is empty")
		}
		i++
	}
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
