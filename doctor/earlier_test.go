package doctor

import (
	"runtime"
	"testing"

	"tcpstate/tcp"
)

func TestEarlierKnowsSocketsByCookie(t *testing.T) {
	e := &Earlier{}
	s := &tcp.Socket{State: tcp.CloseWait, Cookie: 7, RecvQueue: 3, SendQueue: 4,
		Info: &tcp.Info{AckedBytes: 5, RetransBytes: 6}, Memory: &tcp.Memory{Drops: tcp.Known[uint32](8)}}
	e.Add(s)
	e.Add(&tcp.Socket{State: tcp.Listen, Cookie: 9, AcceptQueue: 2})
	if p, known := e.Of(s); !known || p != (Past{State: tcp.CloseWait, RecvQueue: 3, SendQueue: 4, AckedBytes: 5, RetransBytes: 6, Drops: 8}) {
		t.Errorf("the socket was %+v, known: %v", p, known)
	}
	if p, _ := e.Of(&tcp.Socket{Cookie: 9}); p.State != tcp.Listen || p.RecvQueue != 2 {
		t.Errorf("the listener was %+v", p)
	}
	if p, known := e.Of(&tcp.Socket{Cookie: 10}); !known || p != (Past{}) {
		t.Errorf("a socket that was opened since was %+v, known: %v", p, known)
	}
	if _, known := e.Of(&tcp.Socket{}); known {
		t.Error("a socket without a cookie is known")
	}
	e.Partial()
	if _, known := e.Of(&tcp.Socket{Cookie: 10}); known {
		t.Error("a socket is taken for new, though not all were read")
	}
	if _, known := e.Of(s); !known {
		t.Error("a socket that was read is forgotten")
	}
	var none *Earlier
	if _, known := none.Of(s); known {
		t.Error("without a first reading a socket is known")
	}
}

// TestEarlierIsBounded adds far more sockets than are kept, of each kind.
func TestEarlierIsBounded(t *testing.T) {
	e := &Earlier{}
	before := heap()
	states := [...]tcp.State{tcp.Established, tcp.CloseWait, tcp.SynRecv}
	full := [3]int{}
	for i := range 1_200_000 {
		if !e.Add(&tcp.Socket{State: states[i%3], Cookie: tcp.Cookie(i + 1)}) {
			full[i%3]++
		}
	}
	grown := heap() - before
	if grown > 16<<20 {
		t.Errorf("a first reading of a million sockets takes %d bytes, more than 16 MiB", grown)
	}
	if want := 400_000 - maxEarlier; full != [3]int{want, want, want} {
		t.Errorf("%d were not kept, want %d of each", full, want)
	}
	if _, known := e.Of(&tcp.Socket{Cookie: 5_000_000}); known {
		t.Error("a socket is taken for new, though not all were kept")
	}
	runtime.KeepAlive(e)
}

// TestEarlierReadsOn wants a reading to go on while one of the kinds in its set of
// states has room, and to keep only a sample of very many ESTABLISHED sockets.
func TestEarlierReadsOn(t *testing.T) {
	for _, state := range []tcp.State{tcp.CloseWait, tcp.SynRecv} {
		e := &Earlier{}
		for i := range 2 * maxEarlier {
			if !e.Add(&tcp.Socket{State: state, Cookie: tcp.Cookie(i + 1)}) {
				t.Fatalf("it stops after %d sockets in %v", i, state)
			}
		}
	}
	for established, want := range map[int64]int{maxEarlier: maxEarlier, maxEarlier + 1: maxSample} {
		e := &Earlier{}
		e.Crowded(established)
		kept := 0
		for e.Add(&tcp.Socket{State: tcp.Established, Cookie: tcp.Cookie(kept + 1)}) {
			kept++
		}
		if kept != want {
			t.Errorf("of %d sockets it keeps %d, want %d", established, kept, want)
		}
	}
}
