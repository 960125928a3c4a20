package sockdiag

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"syscall"
	"testing"

	"tcpstate/tcp"
)

// fakeKernel answers dumps with the datagrams and errors of a test.
type fakeKernel struct {
	answers map[tcp.Family][]answer
	dialErr []error // errors of the first, second, ... socket
	dials   int
	open    int // sockets not closed
}

// answer is a datagram, or the error that receiving returns.
type answer struct {
	datagram []byte
	err      error
}

const testSequence = 7

type fakeConn struct {
	kernel  *fakeKernel
	answers []answer
}

func (k *fakeKernel) dial(family tcp.Family, _ Request) (conn, error) {
	k.dials++
	if k.dials <= len(k.dialErr) && k.dialErr[k.dials-1] != nil {
		return nil, k.dialErr[k.dials-1]
	}
	k.open++
	return &fakeConn{k, k.answers[family]}, nil
}

func (c *fakeConn) sequence() uint32 { return testSequence }
func (c *fakeConn) close()           { c.kernel.open-- }

func (c *fakeConn) receive(b []byte) (int, error) {
	if len(c.answers) == 0 {
		return 0, errors.New("nothing more to receive")
	}
	next := c.answers[0]
	c.answers = c.answers[1:]
	return copy(b, next.datagram), next.err
}

// sockets returns a datagram of established sockets with these local ports.
func sockets(family tcp.Family, flags uint16, ports ...int) []byte {
	address := map[tcp.Family]string{tcp.IPv4: "10.0.0.1", tcp.IPv6: "[fd00::1]"}[family]
	var b []byte
	for _, port := range ports {
		msg := message(kernelEstablished, fmt.Sprintf("%s:%d", address, port), address+":1")
		b = append(b, netlinkMessage(sockDiagByFamily, flags, testSequence, bytesOf(msg))...)
	}
	return b
}

// done returns the message that ends a dump.
func done(code int32) []byte { return netlinkMessage(nlmsgDone, 0, testSequence, errno(code)) }

// read returns the local ports of the sockets that a dump yields, and its error.
func read(d *Dump) (ports []int, err error) {
	for socket, socketErr := range d.Sockets() {
		if socketErr != nil {
			err = socketErr
			continue
		}
		if err != nil {
			panic("a socket after the error")
		}
		ports = append(ports, int(socket.Local.Port()))
	}
	return ports, err
}

// One pass returns both families if the kernel knows the older request.
func TestDumpOfBothFamilies(t *testing.T) {
	both := []tcp.Family{tcp.IPv4, tcp.IPv6}
	answers := func(family tcp.Family, ports ...int) []answer {
		return []answer{{datagram: join(sockets(family, 0, ports...), done(0))}}
	}
	kernel := &fakeKernel{answers: map[tcp.Family][]answer{
		bothFamilies: {{datagram: join(sockets(tcp.IPv6, 0, 6), sockets(tcp.IPv4, 0, 4), sockets(tcp.IPv6, 0, 7))}, {datagram: done(0)}},
		tcp.IPv4:     answers(tcp.IPv4, 1), tcp.IPv6: answers(tcp.IPv6, 2),
	}}
	for _, test := range []struct {
		name     string
		families []tcp.Family
		dialErr  []error
		want     []int
		dials    int
	}{
		{"one pass", both, nil, []int{6, 4, 7}, 1},
		{"a kernel without the older request", both, []error{syscall.EINVAL}, []int{1, 2}, 3},
		{"one family", []tcp.Family{tcp.IPv6}, nil, []int{2}, 1},
	} {
		kernel.dialErr, kernel.dials = test.dialErr, 0
		d, err := open(t.Context(), Request{Families: test.families}, kernel.dial, false)
		if err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		if ports, err := read(d); err != nil || !slices.Equal(ports, test.want) || kernel.dials != test.dials {
			t.Errorf("%s: ports %v in %d dumps, error %v, want %v in %d", test.name, ports, kernel.dials, err, test.want, test.dials)
		}
		if kernel.open != 0 {
			t.Errorf("%s: %d sockets were left open", test.name, kernel.open)
		}
	}
}

// This kernel does not answer the older request, so each family is requested
// separately.
func TestDump(t *testing.T) {
	const v4, v6 = tcp.IPv4, tcp.IPv6
	one := func(parts ...[]byte) answer { return answer{datagram: join(parts...)} }
	end := map[tcp.Family][]answer{v4: {one(done(0))}, v6: {one(done(0))}}
	tests := []struct {
		name        string
		answers     map[tcp.Family][]answer
		want        []int
		wantErr     string // of the iteration
		wantOpenErr string
		interrupted bool
	}{
		{name: "no sockets", answers: end},
		{name: "both families", want: []int{1, 2, 3, 4, 5},
			answers: map[tcp.Family][]answer{v4: {one(sockets(v4, 0, 1, 2)), one(sockets(v4, 0, 3)), one(done(0))},
				v6: {one(sockets(v6, 0, 4, 5), done(0))}}},
		{name: "an interrupted dump", want: []int{1, 2}, interrupted: true,
			answers: map[tcp.Family][]answer{v4: {one(sockets(v4, nlmFlagDumpInterrupted, 1, 2)), one(done(0))}, v6: end[v6]}},
		{name: "a kernel without tcp_diag",
			answers:     map[tcp.Family][]answer{v4: {one(netlinkMessage(nlmsgError, 0, testSequence, errno(int32(syscall.ENOENT))))}},
			wantOpenErr: "sock_diag: receiving ipv4 sockets: no such file or directory"},
		{name: "a dump that the kernel aborts", want: []int{1},
			answers: map[tcp.Family][]answer{v4: {one(sockets(v4, 0, 1)), one(done(int32(syscall.EMSGSIZE)))}},
			wantErr: "sock_diag: receiving ipv4 sockets: message too long"},
		{name: "a dump without an end", want: []int{1},
			answers: map[tcp.Family][]answer{v4: {one(sockets(v4, 0, 1))}},
			wantErr: "sock_diag: receiving ipv4 sockets: nothing more to receive"},
		{name: "no buffer space in the middle", want: []int{1},
			answers: map[tcp.Family][]answer{v4: {one(sockets(v4, 0, 1)), {err: syscall.ENOBUFS}}},
			wantErr: "sock_diag: receiving ipv4 sockets: no buffer space available"},
		{name: "an error of the second family", want: []int{1},
			answers: map[tcp.Family][]answer{v4: {one(sockets(v4, 0, 1), done(0))},
				v6: {one(netlinkMessage(nlmsgError, 0, testSequence, errno(int32(syscall.EPERM))))}},
			wantErr: "sock_diag: receiving ipv6 sockets: operation not permitted"},
		{name: "half a header", want: []int{1},
			answers: map[tcp.Family][]answer{v4: {one(sockets(v4, 0, 1), done(0)[:10])}},
			wantErr: "sock_diag: receiving ipv4 sockets: nlmsghdr at byte 88: only 10 bytes are left"},
		{name: "a length past the end", want: []int{1},
			answers: map[tcp.Family][]answer{v4: {one(sockets(v4, 0, 1, 2)[:170])}},
			wantErr: "sock_diag: receiving ipv4 sockets: nlmsghdr at byte 88: length 88 does not fit the 82 bytes received"},
		{name: "an answer to another request", want: nil,
			answers:     map[tcp.Family][]answer{v4: {one(netlinkMessage(nlmsgDone, 0, 8, errno(0)))}},
			wantOpenErr: "sock_diag: receiving ipv4 sockets: nlmsghdr at byte 0: answers request 8, not 7"},
		{name: "a message of another type", want: nil,
			answers:     map[tcp.Family][]answer{v4: {one(netlinkMessage(99, 0, testSequence, nil))}},
			wantOpenErr: "sock_diag: receiving ipv4 sockets: nlmsghdr at byte 0: type 99 is not expected"},
		{name: "a broken socket", want: []int{1},
			answers: map[tcp.Family][]answer{v4: {one(sockets(v4, 0, 1), netlinkMessage(sockDiagByFamily, 0, testSequence, make([]byte, 40)))}},
			wantErr: "sock_diag: reading ipv4 sockets: inet_diag_msg at byte 0: 40 bytes are less than its 72"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			kernel := &fakeKernel{answers: test.answers}
			d, err := open(t.Context(), Request{Families: []tcp.Family{v4, v6}}, kernel.dial, false)
			if test.wantOpenErr != "" {
				if err == nil || err.Error() != test.wantOpenErr {
					t.Errorf("open: error %v, want %s", err, test.wantOpenErr)
				}
			} else if err != nil {
				t.Fatal(err)
			} else {
				got, err := read(d)
				if !slices.Equal(got, test.want) {
					t.Errorf("ports %v, want %v", got, test.want)
				}
				if fmt.Sprint(err) != cmp.Or(test.wantErr, "<nil>") {
					t.Errorf("error %v, want %s", err, cmp.Or(test.wantErr, "none"))
				}
				if d.Interrupted() != test.interrupted {
					t.Errorf("interrupted %v, want %v", d.Interrupted(), test.interrupted)
				}
			}
			if kernel.open != 0 {
				t.Errorf("%d sockets were left open", kernel.open)
			}
		})
	}
}

// If the kernel has no memory for buffers, open repeats the request, because no
// socket has been listed yet.
func TestOpenRetriesWithoutBufferSpace(t *testing.T) {
	noBuffers := &OpError{requesting(tcp.IPv4), syscall.ENOBUFS}
	kernel := &fakeKernel{
		dialErr: []error{noBuffers, noBuffers},
		answers: map[tcp.Family][]answer{tcp.IPv4: {{datagram: join(sockets(tcp.IPv4, 0, 1), done(0))}}},
	}
	d, err := open(t.Context(), Request{Families: []tcp.Family{tcp.IPv4}}, kernel.dial, false)
	if err != nil {
		t.Fatal(err)
	}
	if ports, err := read(d); err != nil || !slices.Equal(ports, []int{1}) {
		t.Errorf("ports %v, error %v, want [1] and none", ports, err)
	}

	kernel = &fakeKernel{dialErr: []error{noBuffers, noBuffers, noBuffers, noBuffers}}
	if _, err := open(t.Context(), Request{Families: []tcp.Family{tcp.IPv4}}, kernel.dial, false); !errors.Is(err, syscall.ENOBUFS) || kernel.dials != 3 {
		t.Errorf("after %d tries: error %v, want ENOBUFS after 3", kernel.dials, err)
	}
}

// The dump has many buffers, and the reader stops before the last: no socket
// stays open.
func TestDumpStopsEarly(t *testing.T) {
	var answers []answer
	for i := range 100 {
		answers = append(answers, answer{datagram: sockets(tcp.IPv4, 0, i*2+1, i*2+2)})
	}
	for _, stopAfter := range []int{1, 2, 3, 150} {
		kernel := &fakeKernel{answers: map[tcp.Family][]answer{tcp.IPv4: append(slices.Clone(answers), answer{datagram: done(0)})}}
		d, err := open(t.Context(), Request{Families: []tcp.Family{tcp.IPv4}}, kernel.dial, false)
		if err != nil {
			t.Fatal(err)
		}
		seen := 0
		for socket, err := range d.Sockets() {
			if err != nil {
				t.Fatal(err)
			}
			if seen++; int(socket.Local.Port()) != seen {
				t.Fatalf("socket %d has port %d", seen, socket.Local.Port())
			}
			if seen == stopAfter {
				break
			}
		}
		if kernel.open != 0 {
			t.Errorf("stopped after %d: %d sockets were left open", stopAfter, kernel.open)
		}
	}
}

func TestDumpEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	endless := &fakeKernel{answers: map[tcp.Family][]answer{tcp.IPv4: nil}}
	for range 1000 {
		endless.answers[tcp.IPv4] = append(endless.answers[tcp.IPv4], answer{datagram: sockets(tcp.IPv4, 0, 1)})
	}
	d, err := open(ctx, Request{Families: []tcp.Family{tcp.IPv4}}, endless.dial, false)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := read(d); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
}

func TestOpenWithoutFamilies(t *testing.T) {
	if _, err := Open(t.Context(), Request{}); err == nil {
		t.Error("no error for a request without families")
	}
}

func TestExtensions(t *testing.T) {
	// The bits are those of the source of ss(8): INFO 1<<1, VEGASINFO 1<<2, CONG 1<<3, TOS 1<<4, TCLASS 1<<5, SKMEMINFO 1<<6.
	tests := map[tcp.Detail]uint8{
		0:                                  0,
		tcp.DetailInfo:                     0b0000_1110,
		tcp.DetailAge:                      0b0000_0010,
		tcp.DetailMemory:                   0b0100_0000,
		tcp.DetailExtended:                 0b0011_0010,
		tcp.DetailInfo | tcp.DetailMemory:  0b0100_1110,
		tcp.DetailAge | tcp.DetailExtended: 0b0011_0010,
	}
	for detail, want := range tests {
		if got := extensions(Request{Detail: detail}); got != want {
			t.Errorf("extensions(%04b) = %08b, want %08b", detail, got, want)
		}
	}
}

func TestReleases(t *testing.T) {
	tests := []struct {
		text         string
		major, minor int
		want         bool
	}{
		{"6.18.44-fc-v657", 6, 8, true}, {"6.8.0", 6, 8, true}, {"6.7.9", 6, 8, false}, {"5.15.0-91-generic", 6, 8, false},
		{"7.0.3", 7, 0, true}, {"6.18.44", 7, 0, false}, {"10.1", 7, 0, true}, {"", 1, 0, false}, {"none", 1, 0, false},
	}
	for _, test := range tests {
		if got := parseRelease(test.text).from(test.major, test.minor); got != test.want {
			t.Errorf("release %q from %d.%d: %v, want %v", test.text, test.major, test.minor, got, test.want)
		}
	}
}

func FuzzParsePacket(f *testing.F) {
	f.Add(join(sockets(tcp.IPv4, 0, 1, 2), done(0)))
	f.Add(netlinkMessage(nlmsgError, 0, testSequence, errno(1)))
	f.Add(append(netlinkMessage(sockDiagByFamily, 0, testSequence, make([]byte, 71)), 0)) // one byte aligns it
	f.Fuzz(func(t *testing.T, b []byte) {
		p := parsePacket(b, testSequence)
		// parsePacket must return whole messages only, or decodeAll would panic.
		d := &Dump{decoder: newDecoder(0, false)}
		d.decodeAll(p, func(*tcp.Socket, error) bool { return true })
		if align(len(p.messages)) < len(b) && !p.done && p.err == nil { // padding after the last message does not count
			t.Fatalf("%d of %d bytes are neither sockets nor an end nor an error", len(b)-len(p.messages), len(b))
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	payload := join(bytesOf(message(kernelEstablished, "10.0.0.1:80", "10.0.0.2:5")), attribute(attrShutdown, []byte{0}),
		attribute(attrInfo, bytesOf(filled[tcpInfo]())), attribute(attrCong, []byte("cubic\x00")))
	for name, detail := range map[string]tcp.Detail{"base": 0, "info": tcp.DetailInfo} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			d := newDecoder(detail, false)
			for b.Loop() {
				if err := d.decode(payload); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
