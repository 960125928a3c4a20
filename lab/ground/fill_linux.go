package ground

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"sync"

	"golang.org/x/sys/unix"

	"tcpstate/tcp"
)

// Fill makes the sockets that the words of a plan describe, such as "est=1000"
// or "timewait6=50": see Plan. They last until the lab closes or a timer of the
// kernel ends them. Fill returns an error if the kernel does not list that many
// more sockets of each kind at the end.
func (l *Lab) Fill(words ...string) error {
	plan, err := ParsePlan(words...)
	if err != nil {
		return fmt.Errorf("filling the lab: %w", err)
	}
	return l.FillPlan(plan.Fill)
}

// FillPlan is Fill for a parsed plan.
func (l *Lab) FillPlan(wants []Want) error {
	if len(wants) == 0 {
		return nil
	}
	before, err := Count()
	if err != nil {
		return fmt.Errorf("filling the lab: %w", err)
	}
	if err := l.makeRoom(); err != nil {
		return fmt.Errorf("filling the lab: %w", err)
	}
	var held []job
	for _, want := range wants {
		if kind, _ := kindOf(want.Kind); kind.Held {
			held = append(held, l.jobs(want)...)
		}
	}
	if err := l.hold(held); err != nil {
		return fmt.Errorf("filling the lab: %w", err)
	}
	for _, want := range wants {
		if kind, _ := kindOf(want.Kind); kind.Held {
			continue
		}
		if err := l.fillUnheld(want); err != nil {
			return fmt.Errorf("filling the lab with %d %s of %s: %w", want.N, want.Kind, want.Family, err)
		}
	}
	return CheckFill(before, wants)
}

// makeRoom raises the limits of the namespace so that it can hold many sockets,
// and lets half-open connections last for some minutes.
func (l *Lab) makeRoom() error {
	for name, value := range map[string]int{
		"net.ipv4.tcp_max_tw_buckets": 2 * maxWant,
		"net.core.somaxconn":          4 * maxWant, // the backlog of the listener that is flooded
		"net.ipv4.tcp_synack_retries": 9,
	} {
		if err := setSysctl(name, value); err != nil {
			return err
		}
	}
	return nil
}

// CheckFill returns an error unless the kernel lists all the wanted sockets.
func CheckFill(before Counts, wants []Want) error {
	after, err := Count()
	if err != nil {
		return fmt.Errorf("filling the lab: %w", err)
	}
	asked := Counts{tcp.IPv4: {}, tcp.IPv6: {}}
	for _, want := range wants {
		kind, _ := kindOf(want.Kind)
		asked[want.Family][kind.State] += want.N
	}
	var errs []error
	for _, family := range []tcp.Family{tcp.IPv4, tcp.IPv6} {
		for state, n := range asked[family] {
			if made := after[family][state] - before[family][state]; made < n {
				errs = append(errs, fmt.Errorf("filling the lab: asked for %d %s sockets in %s, there are %d", n, family, state, made))
			}
		}
	}
	return errors.Join(errs...)
}

// take reserves n peers of Fill and returns the number of the first.
func (l *Lab) take(family tcp.Family, n int) uint32 {
	return l.next[family-tcp.IPv4].Add(uint32(n)) - uint32(n)
}

// fillUnheld makes sockets that need no descriptor, with one goroutine for each
// processor.
func (l *Lab) fillUnheld(want Want) error {
	if want.Kind == "synrecv" {
		return l.flood(want)
	}
	workers := runtime.GOMAXPROCS(0)
	errs := make([]error, workers)
	var group sync.WaitGroup
	for w := range workers {
		share := want.N*(w+1)/workers - want.N*w/workers
		first := l.take(want.Family, share)
		group.Go(func() {
			fds, err := plantAll(want.Kind, want.Family, first, share)
			l.keep(fds...)
			errs[w] = err
		})
	}
	group.Wait()
	return errors.Join(errs...)
}

// plantAll plants n sockets. They are connected to n peers, beginning with the
// peer number first.
func plantAll(kind string, family tcp.Family, first uint32, n int) ([]int, error) {
	p, err := newPlanter(kind)
	if err != nil {
		return nil, err
	}
	defer p.close()
	var fds []int
	const batch = 64
	peers := make([]netip.AddrPort, 0, batch)
	for i := range n {
		peers = append(peers, fillPeer(family, first+uint32(i)))
		if len(peers) < batch && i < n-1 {
			continue
		}
		kept, err := p.plant(peers)
		if err != nil {
			return fds, err
		}
		fds, peers = append(fds, kept...), peers[:0]
	}
	return fds, nil
}

// floodBacklog is much larger than the number of half-open connections, because
// the kernel drops old requests early if the backlog is more than half full
// (reqsk_timer_handler, net/ipv4/inet_connection_sock.c).
const floodBacklog = 4 * maxWant

// flood sends SYNs to a listener until the kernel holds the wanted number of
// half-open connections. If a full backlog of the device dropped some, flood
// sends SYNs from new addresses, because a repeated SYN from the same address
// would count as a resend.
func (l *Lab) flood(want Want) error {
	host := Host4
	if want.Family == tcp.IPv6 {
		host = Host6
	}
	listener, at, err := Listening(netip.AddrPortFrom(host, 0), floodBacklog)
	if err != nil {
		return err
	}
	l.keep(listener)
	missing := want.N
	for range 20 {
		if err := l.Flood(at, missing); err != nil {
			return err
		}
		there, err := countAt(want.Family, at)
		if err != nil {
			return err
		}
		if missing = want.N - there; missing <= 0 {
			return nil
		}
	}
	return fmt.Errorf("%d are missing after 20 rounds", missing)
}

// Flood sends n SYNs to a listener, each from a different address, and does not
// check what happens to them.
func (l *Lab) Flood(to netip.AddrPort, n int) error {
	family := tcp.IPv6
	if to.Addr().Is4() {
		family = tcp.IPv4
	}
	workers := runtime.GOMAXPROCS(0)
	errs := make([]error, workers)
	var group sync.WaitGroup
	for w := range workers {
		share := n*(w+1)/workers - n*w/workers
		first := l.take(family, share)
		group.Go(func() { errs[w] = sendSYNs(family, to, first, share) })
	}
	group.Wait()
	return errors.Join(errs...)
}

func sendSYNs(family tcp.Family, to netip.AddrPort, first uint32, n int) error {
	s, err := openSender()
	if err != nil {
		return err
	}
	defer s.close()
	syn := Segment{Dst: to, Flags: SYN, Window: 0xffff, Options: []byte{2, 4, 0x05, 0xb4}} // MSS 1460
	for i := range uint32(n) {
		syn.Src, syn.Seq = fillPeer(family, first+i), first+i
		if err := s.send(&syn); err != nil {
			return err
		}
	}
	return nil
}

// countAt counts the half-open connections of a listener.
func countAt(family tcp.Family, at netip.AddrPort) (int, error) {
	n := 0
	port := at.Port()
	err := dump(family, tcp.Set(tcp.SynRecv).KernelMask(), func(msg []byte) {
		if uint16(msg[4])<<8|uint16(msg[5]) == port {
			n++
		}
	})
	return n, err
}

// makeHeld makes the sockets of a job in this process and returns their
// descriptors.
func makeHeld(j job) ([]int, error) {
	switch j.Kind {
	case "est":
		return makePairs(j)
	case "listen", "bound":
		return makeBound(j)
	case "synsent":
		var fds []int
		for i := range j.N {
			fd, err := connecting(fillPeer(j.Family, j.First+uint32(i)))
			if err != nil {
				return fds, err
			}
			fds = append(fds, fd)
		}
		return fds, nil
	}
	return plantAll(j.Kind, j.Family, j.First, j.N)
}

// makePairs makes connections over the loopback and closes their listeners at
// the end. Each listener takes only a few thousand connections, so that there
// are enough ports for the connecting ends.
func makePairs(j job) ([]int, error) {
	var fds []int
	for left := j.N / 2; left > 0; {
		n := min(left, 4000)
		host := loopback(j.Family, j.First+uint32(left))
		if j.Family == tcp.IPv6 {
			host = netip.IPv6Loopback()
		}
		listener, at, err := Listening(netip.AddrPortFrom(host, 0), 16)
		if err != nil {
			return fds, err
		}
		for range n {
			client, err := connected(at)
			if err != nil {
				return fds, errors.Join(err, unix.Close(listener))
			}
			fds = append(fds, client)
			server, err := accept(listener)
			if err != nil {
				return fds, errors.Join(err, unix.Close(listener))
			}
			fds = append(fds, server)
		}
		if err := unix.Close(listener); err != nil {
			return fds, err
		}
		left -= n
	}
	return fds, nil
}

// makeBound makes sockets that are bound or listen. It varies ports and
// addresses, because the kernel walks all the sockets that are bound to one
// port.
func makeBound(j job) ([]int, error) {
	var fds []int
	for i := range uint32(j.N) {
		n := j.First + i
		local := netip.AddrPortFrom(loopback(j.Family, n/20000), uint16(5000+n%20000))
		fd, err := newSocket(local.Addr())
		if err != nil {
			return fds, err
		}
		fds = append(fds, fd)
		if j.Family == tcp.IPv6 { // for IPv6, unlike IPv4, a local route is not enough to bind to an address
			if err := unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_FREEBIND, 1); err != nil {
				return fds, os.NewSyscallError("setsockopt IPV6_FREEBIND", err)
			}
		}
		if err := unix.Bind(fd, sockaddr(local)); err != nil {
			return fds, fmt.Errorf("bind %s: %w", local, err)
		}
		if j.Kind == "listen" {
			if err := unix.Listen(fd, 128); err != nil {
				return fds, fmt.Errorf("listen %s: %w", local, err)
			}
		}
	}
	return fds, nil
}

// loopback returns the i-th local address of a family. It never returns the
// usual loopback address.
func loopback(family tcp.Family, i uint32) netip.Addr {
	i++
	if family == tcp.IPv4 {
		return netip.AddrFrom4([4]byte{127, byte(1 + i>>16), byte(i >> 8), byte(i)})
	}
	a := anyIP6.Addr().As16()
	a[13], a[14], a[15] = byte(i>>16), byte(i>>8), byte(i)
	return netip.AddrFrom16(a)
}

// jobs divides the wanted sockets into jobs that one process can hold.
func (l *Lab) jobs(want Want) []job {
	var jobs []job
	for n := range slices.Values(shares(want.N)) {
		jobs = append(jobs, job{Kind: want.Kind, Family: want.Family, First: l.take(want.Family, n), N: n})
	}
	return jobs
}
