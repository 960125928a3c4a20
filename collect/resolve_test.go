package collect

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"tcpstate/tcp"
)

// testResolver returns a resolver that uses the function for lookups.
func testResolver(t *testing.T, lookUp func(context.Context, netip.Addr) (string, error)) *resolver {
	r := newResolver()
	r.services = openServices(t.TempDir() + "/gone")
	r.lookUp = lookUp
	return r
}

// hang is a name server that does not answer.
func hang(ctx context.Context) (string, error) {
	<-ctx.Done()
	return "", fmt.Errorf("lookup: %w", errors.New("i/o timeout"))
}

// peers yields a socket for each peer, all from one Socket, as a source does.
func peers(n int, peer func(i int) netip.Addr) iter.Seq2[*tcp.Socket, error] {
	return func(yield func(*tcp.Socket, error) bool) {
		var place tcp.Socket
		for i := range n {
			place = tcp.Socket{RecvQueue: uint32(i), Local: netip.MustParseAddrPort("10.0.0.1:443"), Peer: netip.AddrPortFrom(peer(i), 51000)}
			if !yield(&place, nil) {
				return
			}
		}
	}
}

func nth(i int) netip.Addr {
	return netip.AddrFrom4([4]byte{192, byte(i >> 16), byte(i >> 8), byte(i)})
}

func TestResolve(t *testing.T) {
	asked := map[string]int{}
	done := make(chan string, 100)
	r := testResolver(t, func(_ context.Context, addr netip.Addr) (string, error) {
		done <- addr.String()
		switch addr.String() {
		case "10.0.0.1":
			return "web1.example", nil
		case "10.0.0.9":
			return "", errors.New("server misbehaving")
		case "fe80::2":
			return "link", nil
		}
		return "", nil
	})
	var lines []string
	for s, err := range r.resolve(t.Context(), func(yield func(*tcp.Socket, error) bool) {
		var place tcp.Socket
		for _, ends := range []string{
			"0.0.0.0:80 0.0.0.0:0", "10.0.0.1:80 10.0.0.9:51000", "10.0.0.1:80 10.0.0.9:443",
			"[::]:443 [::]:0", "[::ffff:10.0.0.1]:443 [::ffff:10.0.0.8]:22", "[fe80::2%eth0]:25 [fe80::2%eth1]:54321",
		} {
			local, peer, _ := strings.Cut(ends, " ")
			place = tcp.Socket{Local: netip.MustParseAddrPort(local), Peer: netip.MustParseAddrPort(peer)}
			if !yield(&place, nil) {
				return
			}
		}
	}) {
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, fmt.Sprintf("%v %v %s:%s %s:%s", s.Local, s.Peer, s.LocalName.Host, s.LocalName.Service, s.PeerName.Host, s.PeerName.Service))
	}
	close(done)
	for addr := range done {
		asked[addr]++
	}
	want := []string{
		"0.0.0.0:80 0.0.0.0:0 :http :",
		"10.0.0.1:80 10.0.0.9:51000 web1.example:http :",
		"10.0.0.1:80 10.0.0.9:443 web1.example:http :https",
		"[::]:443 [::]:0 :https :",
		"[::ffff:10.0.0.1]:443 [::ffff:10.0.0.8]:22 web1.example:https :ssh",
		"[fe80::2%eth0]:25 [fe80::2%eth1]:54321 link:smtp link:",
	}
	if !slices.Equal(lines, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(lines, "\n"), strings.Join(want, "\n"))
	}
	if len(asked) != 4 || asked["10.0.0.1"] != 1 || asked["10.0.0.9"] != 1 || asked["10.0.0.8"] != 1 || asked["fe80::2"] != 1 {
		t.Errorf("looked up %v, want each host once", asked)
	}
	if got := r.warnings().Texts(); !slices.Equal(got, []string{"the names of 1 of 4 hosts could not be looked up: server misbehaving"}) {
		t.Errorf("warnings %q", got)
	}
}

// TestResolvePatience has some hosts, or all, that do not answer.
func TestResolvePatience(t *testing.T) {
	const window = resolveWindow
	for _, test := range []struct {
		name    string
		sockets int
		hangs   func(i int) bool
		waits   time.Duration
		named   int
		warning string
	}{
		{"all answer", 1000, func(int) bool { return false }, 160 * time.Millisecond, 1000, ""},
		{"one does not answer", 40, func(i int) bool { return i == 7 }, 3 * time.Second, 39, "the names of 1 of 41 hosts were not found within 3s"},
		{"those of the first of several windows do not answer", 2*window + 100, func(i int) bool { return i < 64 }, 1500*time.Millisecond + (window+100+31)/64*10*time.Millisecond, 100 + window,
			fmt.Sprintf("the names of %d of %d hosts were not found within 3s", window, 2*window+101)},
		{"none answers", 8*window + 1, func(int) bool { return true }, 2950 * time.Millisecond, 0,
			fmt.Sprintf("the names of %d of %d hosts were not found within 3s", 8*window+1, 8*window+2)},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var now, most atomic.Int32
				local := netip.MustParseAddr("10.0.0.1")
				r := testResolver(t, func(ctx context.Context, addr netip.Addr) (string, error) {
					n := now.Add(1)
					defer now.Add(-1)
					most.Store(max(most.Load(), n))
					if addr == local {
						return "web1", nil
					}
					b := addr.As4()
					if test.hangs(int(b[1])<<16 | int(b[2])<<8 | int(b[3])) {
						return hang(ctx)
					}
					time.Sleep(10 * time.Millisecond)
					return "host" + addr.String(), nil
				})
				begun, next, named := time.Now(), uint32(0), 0
				for s, err := range r.resolve(t.Context(), peers(test.sockets, nth)) {
					if err != nil || s.RecvQueue != next || s.LocalName.Host != "web1" || s.LocalName.Service != "https" {
						t.Fatalf("socket %d is %+v, error %v", next, s, err)
					}
					next++
					if s.PeerName.Host != "" {
						if s.PeerName.Host != "host"+s.Peer.Addr().String() {
							t.Fatalf("%v has the name %q", s.Peer, s.PeerName.Host)
						}
						named++
					}
				}
				if waited := time.Since(begun); waited > resolvePatience || waited.Round(50*time.Millisecond) != test.waits.Round(50*time.Millisecond) {
					t.Errorf("waited %v, want %v", waited, test.waits)
				}
				if int(next) != test.sockets || named != test.named {
					t.Errorf("%d sockets, %d named, want %d and %d", next, named, test.sockets, test.named)
				}
				if got := strings.Join(r.warnings().Texts(), "; "); got != test.warning {
					t.Errorf("warnings %q, want %q", got, test.warning)
				}
				if most.Load() > resolveAtOnce {
					t.Errorf("%d lookups at once", most.Load())
				}
			})
		})
	}
}

// TestResolveHoldsLittle checks that at most one window is read ahead, that
// nothing is read ahead when no patience is left, and that the number of
// remembered hosts is limited.
func TestResolveHoldsLittle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := testResolver(t, func(ctx context.Context, _ netip.Addr) (string, error) { return hang(ctx) })
		read, ahead, last := 0, 0, 0
		counted := func(yield func(*tcp.Socket, error) bool) {
			for s, err := range peers(resolveHosts+5, nth) {
				read++
				if !yield(s, err) {
					return
				}
			}
		}
		yielded := 0
		for range r.resolve(t.Context(), counted) {
			last = read - yielded
			ahead = max(ahead, last)
			yielded++
		}
		if ahead != resolveWindow || last != 1 || yielded != resolveHosts+5 {
			t.Errorf("%d sockets yielded, at most %d ahead, at last %d", yielded, ahead, last)
		}
		if len(r.hosts) != resolveHosts {
			t.Errorf("%d hosts are remembered, want %d", len(r.hosts), resolveHosts)
		}
		if got := r.warnings().Texts(); len(got) != 2 || got[1] != "the names of hosts beyond the first 65536 were not looked up" {
			t.Errorf("warnings %q", got)
		}
	})
}

func TestResolveEnds(t *testing.T) {
	answer := func(context.Context, netip.Addr) (string, error) { return "a", nil }
	for range testResolver(t, answer).resolve(t.Context(), peers(10, nth)) {
		break
	}
	for _, patience := range []time.Duration{resolvePatience, 0} {
		r := testResolver(t, answer)
		r.patience = patience
		broken := errors.New("broken message")
		var got []string
		for s, err := range r.resolve(t.Context(), func(yield func(*tcp.Socket, error) bool) {
			for s := range peers(2, nth) {
				if !yield(s, nil) {
					return
				}
			}
			yield(nil, broken)
		}) {
			if err != nil {
				got = append(got, err.Error())
			} else {
				got = append(got, fmt.Sprint(s.RecvQueue))
			}
		}
		if want := []string{"0", "1", "broken message"}; !slices.Equal(got, want) {
			t.Errorf("patience %v: %q, want %q", patience, got, want)
		}
		for range r.resolve(t.Context(), peers(3*resolveWindow, nth)) {
			break
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := testResolver(t, func(ctx context.Context, _ netip.Addr) (string, error) { return hang(ctx) })
	n := 0
	for range r.resolve(ctx, peers(100, nth)) {
		n++
	}
	if n != 100 {
		t.Errorf("%d sockets after the context ended, want 100", n)
	}
}

// TestLookUpHost uses this host's own resolver. An address without a name is
// not an error.
func TestLookUpHost(t *testing.T) {
	name, err := lookUpHost(t.Context(), netip.MustParseAddr("127.0.0.1"))
	if err != nil || strings.HasSuffix(name, ".") {
		t.Errorf("127.0.0.1 is %q, error %v", name, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if name, err := lookUpHost(ctx, netip.MustParseAddr("192.0.2.1")); err == nil {
		t.Errorf("192.0.2.1 is %q after the context ended", name)
	}
}

func TestUserNames(t *testing.T) {
	var names userNames
	for range 2 {
		if got := names.name(0); got != "root" {
			t.Errorf("user 0 is %q", got)
		}
		if got := names.name(4_000_000_000); got != "" {
			t.Errorf("a user that does not exist is %q", got)
		}
	}
	if len(names.names) != 2 {
		t.Errorf("%d users are remembered", len(names.names))
	}
}
