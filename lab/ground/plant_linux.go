package ground

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"tcpstate/tcp"
)

// A planted socket is one end of a connection whose other end never existed.
// TCP_REPAIR (not in tcp(7); see net/ipv4/tcp.c and criu.org/TCP_connection)
// lets connect() succeed without a handshake. By default the sequence numbers
// of both sides then begin at 0. One hand-made segment and one or two system
// calls then bring the socket to the wanted state. This is several times faster
// than a handshake, and there is no second socket.

// recipe says how to bring a planted socket from ESTABLISHED to a state.
type recipe struct {
	halfClose bool   // shutdown(SHUT_WR): sends the FIN
	reply     Flags  // flags of the segment that the peer then sends; 0: none
	acks      uint32 // how many of our sequence numbers that segment acknowledges
	reached   uint8  // the kernel's number of the state that the descriptor then shows
	close     bool   // close(2) at the end; the socket stays without a descriptor
}

// The recipes by kind. The numbers of states are those of
// include/net/tcp_states.h. A descriptor shows 7, CLOSE, after a small socket
// has replaced it for TIME_WAIT.
var recipes = map[string]recipe{
	"closewait": {reply: FIN | ACK, reached: 8},
	"lastack":   {reply: FIN | ACK, reached: 8, close: true},
	"finwait1":  {reached: 1, close: true},
	"closing":   {halfClose: true, reply: FIN | ACK, reached: 11, close: true},
	"finwait2":  {halfClose: true, reply: ACK, acks: 1, reached: 5, close: true},
	"timewait":  {halfClose: true, reply: FIN | ACK, acks: 1, reached: 7, close: true},
}

// planter plants sockets, one batch after another.
type planter struct {
	*sender
	recipe recipe
	window []byte // struct tcp_repair_window
}

func newPlanter(kind string) (*planter, error) {
	s, err := openSender()
	if err != nil {
		return nil, err
	}
	// The window that the peer of a planted socket has granted. Without it the
	// kernel assumes a window of 0 and would not even send a FIN. The fields
	// are snd_wl1, snd_wnd, max_window, rcv_wnd, rcv_wup
	// (include/uapi/linux/tcp.h).
	window := make([]byte, 0, 20)
	for _, v := range []uint32{0, 65535, 65535, 65535, 0} {
		window = binary.NativeEndian.AppendUint32(window, v)
	}
	return &planter{sender: s, recipe: recipes[kind], window: window}, nil
}

// plant plants a socket connected to each peer and returns the descriptors that
// the caller must keep.
func (p *planter) plant(peers []netip.AddrPort) ([]int, error) {
	fds := make([]int, 0, len(peers))
	locals := make([]netip.AddrPort, 0, len(peers))
	for _, peer := range peers {
		fd, local, err := p.connect(peer)
		if err != nil {
			return nil, errors.Join(err, closeAll(fds))
		}
		fds, locals = append(fds, fd), append(locals, local)
		if err := p.reply(local, peer); err != nil {
			return nil, errors.Join(err, closeAll(fds))
		}
	}
	for i, fd := range fds {
		if err := p.await(fd, locals[i], peers[i]); err != nil {
			return nil, errors.Join(err, closeAll(fds))
		}
	}
	if p.recipe.close {
		return nil, closeAll(fds)
	}
	return fds, nil
}

// connect returns a planted socket, half-closed if the recipe says so.
func (p *planter) connect(peer netip.AddrPort) (int, netip.AddrPort, error) {
	fd, err := newSocket(peer.Addr())
	if err != nil {
		return -1, peer, err
	}
	local, err := p.repair(fd, peer)
	if err == nil && p.recipe.halfClose {
		err = unix.Shutdown(fd, unix.SHUT_WR)
	}
	if err != nil {
		unix.Close(fd)
		return -1, peer, fmt.Errorf("planting a socket connected to %s: %w", peer, err)
	}
	return fd, local, nil
}

// tcpRepairWindow is TCP_REPAIR_WINDOW (include/uapi/linux/tcp.h).
const tcpRepairWindow = 29

func (p *planter) repair(fd int, peer netip.AddrPort) (local netip.AddrPort, err error) {
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_REPAIR, 1); err != nil {
		return local, os.NewSyscallError("setsockopt TCP_REPAIR", err)
	}
	if err := unix.Connect(fd, sockaddr(peer)); err != nil {
		return local, os.NewSyscallError("connect", err)
	}
	if err := unix.SetsockoptString(fd, unix.IPPROTO_TCP, tcpRepairWindow, string(p.window)); err != nil {
		return local, os.NewSyscallError("setsockopt TCP_REPAIR_WINDOW", err)
	}
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_REPAIR, unix.TCP_REPAIR_OFF_NO_WP); err != nil {
		return local, os.NewSyscallError("setsockopt TCP_REPAIR", err)
	}
	return localAddr(fd)
}

// reply sends the peer's segment.
func (p *planter) reply(local, peer netip.AddrPort) error {
	if p.recipe.reply == 0 {
		return nil
	}
	return p.send(&Segment{
		Src: peer, Dst: local, Flags: p.recipe.reply, Ack: p.recipe.acks, Window: 0xffff,
	})
}

// await waits until the socket shows the state that follows the reply. It sends
// the reply again from time to time, because a full backlog of the kernel may
// have dropped it.
func (p *planter) await(fd int, local, peer netip.AddrPort) error {
	deadline := time.Now().Add(Patience)
	for tries := 1; ; tries++ {
		state, err := stateNumber(fd)
		if err != nil {
			return err
		}
		if state == p.recipe.reached {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("planting a socket connected to %s: its state is the kernel's number %d, not %d", peer, state, p.recipe.reached)
		}
		if tries%1000 == 0 {
			if err := p.reply(local, peer); err != nil {
				return err
			}
		}
		runtime.Gosched()
	}
}

// stateNumber returns the kernel's number of the socket's state: the first byte
// of tcp_info.
func stateNumber(fd int) (uint8, error) {
	var info [1]byte
	if err := getsockopt(fd, unix.IPPROTO_TCP, unix.TCP_INFO, info[:]); err != nil {
		return 0, os.NewSyscallError("getsockopt TCP_INFO", err)
	}
	return info[0], nil
}

// fillPeer returns the address of the i-th peer of Fill in a family.
func fillPeer(family tcp.Family, i uint32) netip.AddrPort {
	i++
	port := uint16(1024 + i%60000)
	if family == tcp.IPv4 {
		a := fill4.Addr().As4()
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{a[0], byte(i >> 16), byte(i >> 8), byte(i)}), port)
	}
	a := fill6.Addr().As16()
	binary.BigEndian.PutUint32(a[12:], i)
	return netip.AddrPortFrom(netip.AddrFrom16(a), port)
}

func closeAll(fds []int) error {
	var errs []error
	for _, fd := range fds {
		errs = append(errs, os.NewSyscallError("close", unix.Close(fd)))
	}
	return errors.Join(errs...)
}
