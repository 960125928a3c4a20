package watch

import (
	"encoding/binary"
	"iter"
	"net/netip"
	"runtime"
	"testing"
	"time"
	"unsafe"

	"tcpstate/tcp"
)

// crowd makes many sockets, some of which change in each tick. Half of the
// changes are changes of state; the other half close a socket and open another.
// It keeps little of each socket, as a source does, because the memory of the
// follower is measured.
type crowd struct {
	members []member
	cookies bool
	serial  uint32
	next    int // index of the next one to change
}

type member struct {
	serial uint32
	state  tcp.State
}

func newCrowd(n int, cookies bool) *crowd {
	c := &crowd{members: make([]member, n), cookies: cookies}
	for i := range c.members {
		c.members[i] = c.another()
	}
	return c
}

func (c *crowd) another() member {
	c.serial++
	return member{c.serial, estab}
}

// change changes n sockets, one after the other, and begins again at the end of
// the crowd.
func (c *crowd) change(n int) {
	for i := range n {
		m := &c.members[c.next]
		c.next = (c.next + 7919) % len(c.members)
		if i%2 == 0 {
			m.state = estab + timeWait - m.state
		} else {
			*m = c.another()
		}
	}
}

// all yields the sockets in one Socket that is reused.
func (c *crowd) all() iter.Seq2[*tcp.Socket, error] {
	local := netip.MustParseAddrPort("10.0.0.1:80")
	return func(yield func(*tcp.Socket, error) bool) {
		var s tcp.Socket
		for _, m := range c.members {
			var host [4]byte
			binary.BigEndian.PutUint32(host[:], 10<<24|m.serial>>12)
			s.Reset()
			s.State, s.Family, s.Local = m.state, tcp.IPv4, local
			s.Peer = netip.AddrPortFrom(netip.AddrFrom4(host), uint16(1024+m.serial&0xfff))
			s.Owner = tcp.Owner{Inode: m.serial, UID: tcp.Known[uint32](0)}
			if c.cookies {
				s.Cookie = tcp.Cookie(m.serial)
			}
			if !yield(&s, nil) {
				return
			}
		}
	}
}

// BenchmarkFollow follows 300,000 sockets, 2,000 of which change in each tick,
// for at least 500 ticks. It reports how much the follower holds at the end,
// and how much it held after 10 ticks.
func BenchmarkFollow(b *testing.B) {
	for _, source := range []struct {
		name    string
		cookies bool
	}{{"cookies", true}, {"addresses", false}} {
		b.Run(source.name, func(b *testing.B) {
			const sockets, changes, settled = 300_000, 2_000, 10
			c := newCrowd(sockets, source.cookies)
			empty := heap()
			var f Follower
			tick := func() {
				c.change(changes)
				if _, err := f.Follow(start.Add(time.Duration(f.ticks)*time.Second), c.all(), all); err != nil {
					b.Fatal(err)
				}
			}
			for range settled {
				tick()
			}
			early := heap() - empty
			b.ReportAllocs()
			for b.Loop() {
				tick()
			}
			for f.ticks < 500 {
				tick()
			}
			late := heap() - empty
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/sockets, "ns/socket")
			b.ReportMetric(float64(early)/sockets, "B/socket-early")
			b.ReportMetric(float64(late)/sockets, "B/socket-late")
			runtime.KeepAlive(&f)
			runtime.KeepAlive(c)
		})
	}
	b.Logf("a row has %d bytes", unsafe.Sizeof(Row{}))
}

// heap returns how many bytes are in use.
func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestAnUnchangedSocketCostsNoMemory checks that a tick allocates nothing for
// sockets that have not changed.
func TestAnUnchangedSocketCostsNoMemory(t *testing.T) {
	for _, cookies := range []bool{true, false} {
		c := newCrowd(5_000, cookies)
		var f Follower
		got := testing.AllocsPerRun(5, func() {
			if _, err := f.Follow(start, c.all(), all); err != nil {
				t.Fatal(err)
			}
		})
		if got > 10 {
			t.Errorf("with cookies %v: %v allocations for %d sockets", cookies, got, len(c.members))
		}
	}
}
