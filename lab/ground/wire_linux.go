package ground

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"sync"

	"golang.org/x/sys/unix"

	"tcpstate/lab/segment"
)

// wire is the lab's end of the veth pair: two packet sockets (packet(7)).
type wire struct {
	in   *os.File
	done chan struct{} // closed when the receiving goroutine has ended

	mu    sync.Mutex
	out   *sender
	peers map[netip.AddrPort]*Peer // by address
}

// openWire opens the wire and starts to receive.
func openWire() (*wire, error) {
	out, err := openSender()
	if err != nil {
		return nil, err
	}
	in, err := openReceiver()
	if err != nil {
		return nil, err
	}
	w := &wire{out: out, in: in, peers: map[netip.AddrPort]*Peer{}, done: make(chan struct{})}
	go w.receive()
	return w, nil
}

// close ends the receiving goroutine and closes the sockets.
func (w *wire) close() error {
	err := w.in.Close()
	<-w.done
	return errors.Join(err, w.out.close())
}

// send sends one segment.
func (w *wire) send(s *Segment) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.out.send(s)
}

// receive passes every segment that the kernel sends to its peer. It drops
// segments for addresses without a peer, so such an address is a silent peer.
func (w *wire) receive() {
	defer close(w.done)
	buffer := make([]byte, 1<<16)
	for {
		n, err := w.in.Read(buffer)
		if errors.Is(err, os.ErrClosed) {
			return
		}
		if err != nil {
			continue // ENETDOWN while the link goes down; the next read reports a closed socket
		}
		got, err := segment.ParsePacket(buffer[:n])
		if err != nil {
			continue // not TCP: the kernel's neighbour and multicast packets
		}
		w.mu.Lock()
		peer := w.peers[got.Dst]
		w.mu.Unlock()
		if peer != nil {
			got.Options, got.Payload = slices.Clone(got.Options), slices.Clone(got.Payload)
			peer.deliver(got)
		}
	}
}

// openReceiver opens a packet socket that receives what the kernel sends.
func openReceiver() (*os.File, error) {
	index, _, err := wireLinks()
	if err != nil {
		return nil, err
	}
	all := htons(unix.ETH_P_ALL)
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("opening the wire: %w", err)
	}
	err = unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1)
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: all, Ifindex: index})
	}
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("opening the wire: %w", err)
	}
	return os.NewFile(uintptr(fd), "wire"), nil
}

// sender puts segments on the wire. Only one goroutine may use it at a time. A
// goroutine that sends many segments has its own sender.
type sender struct {
	fd   int
	mac  [12]byte // destination and source of its frames
	buff []byte
}

// openSender opens a packet socket that only sends. The socket bypasses the
// queueing discipline, which would drop everything until its link event
// arrives.
func openSender() (*sender, error) {
	index, mac, err := wireLinks()
	if err != nil {
		return nil, err
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("opening the wire: %w", err)
	}
	err = unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_QDISC_BYPASS, 1)
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrLinklayer{Ifindex: index})
	}
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("opening the wire: %w", err)
	}
	return &sender{fd: fd, mac: mac}, nil
}

// send sends one segment.
func (s *sender) send(sent *Segment) error {
	etherType := uint16(unix.ETH_P_IPV6)
	if sent.Src.Addr().Is4() {
		etherType = unix.ETH_P_IP
	}
	frame := append(s.buff[:0], s.mac[:]...)
	frame = append(frame, byte(etherType>>8), byte(etherType))
	frame, err := sent.AppendPacket(frame)
	if err != nil {
		return err
	}
	s.buff = frame
	for {
		_, err := unix.Write(s.fd, frame)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.ENOBUFS): // the kernel's backlog is full: try again
			runtime.Gosched()
		default:
			return fmt.Errorf("sending segment %s: %w", sent, err)
		}
	}
}

func (s *sender) close() error { return unix.Close(s.fd) }

// wireLinks returns the index of the lab's end, and the destination and source
// addresses of a frame from the lab's end to the kernel's end.
func wireLinks() (index int, mac [12]byte, err error) {
	host, err := net.InterfaceByName(HostLink)
	if err != nil {
		return 0, mac, fmt.Errorf("opening the wire: %w", err)
	}
	peer, err := net.InterfaceByName(peerLink)
	if err != nil {
		return 0, mac, fmt.Errorf("opening the wire: %w", err)
	}
	copy(mac[:6], host.HardwareAddr)
	copy(mac[6:], peer.HardwareAddr)
	return peer.Index, mac, nil
}

func htons(v uint16) uint16 { return v<<8 | v>>8 }
