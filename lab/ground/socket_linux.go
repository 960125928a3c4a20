package ground

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// newSocket returns a TCP socket of the family of addr.
func newSocket(addr netip.Addr) (int, error) {
	af := unix.AF_INET6
	if addr.Is4() {
		af = unix.AF_INET
	}
	fd, err := unix.Socket(af, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, unix.IPPROTO_TCP)
	return fd, os.NewSyscallError("socket", err)
}

// bound returns a socket bound to local. With port 0 the kernel chooses the
// port.
func bound(local netip.AddrPort) (int, error) {
	fd, err := newSocket(local.Addr())
	if err != nil {
		return -1, err
	}
	if err := unix.Bind(fd, sockaddr(local)); err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("bind %s: %w", local, err)
	}
	return fd, nil
}

// Listening returns a listener at local and its address, in which the port is
// the real one.
func Listening(local netip.AddrPort, backlog int) (int, netip.AddrPort, error) {
	fd, err := bound(local)
	if err != nil {
		return -1, local, err
	}
	if err := unix.Listen(fd, backlog); err != nil {
		unix.Close(fd)
		return -1, local, fmt.Errorf("listen %s: %w", local, err)
	}
	name, err := localAddr(fd)
	return fd, name, err
}

// connected returns a socket that is connected to peer.
func connected(peer netip.AddrPort) (int, error) {
	fd, err := newSocket(peer.Addr())
	if err != nil {
		return -1, err
	}
	if err := unix.Connect(fd, sockaddr(peer)); err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("connect %s: %w", peer, err)
	}
	return fd, nil
}

// connecting returns a socket that has started to connect to peer.
func connecting(peer netip.AddrPort) (int, error) {
	fd, err := newSocket(peer.Addr())
	if err != nil {
		return -1, err
	}
	return fd, beginConnect(fd, peer)
}

func beginConnect(fd int, peer netip.AddrPort) error {
	if err := unix.SetNonblock(fd, true); err != nil {
		return err
	}
	if err := unix.Connect(fd, sockaddr(peer)); err != unix.EINPROGRESS {
		return fmt.Errorf("connect %s: %w, not EINPROGRESS", peer, err)
	}
	return nil
}

func accept(listener int) (int, error) {
	for {
		fd, _, err := unix.Accept4(listener, unix.SOCK_CLOEXEC)
		if err != unix.EINTR {
			return fd, os.NewSyscallError("accept4", err)
		}
	}
}

// localAddr returns the socket's own address, without a zone.
func localAddr(fd int) (netip.AddrPort, error) {
	sa, err := unix.Getsockname(fd)
	if err != nil {
		return netip.AddrPort{}, os.NewSyscallError("getsockname", err)
	}
	return fromSockaddr(sa)
}

func fromSockaddr(sa unix.Sockaddr) (netip.AddrPort, error) {
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port)), nil
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(sa.Addr), uint16(sa.Port)), nil
	}
	return netip.AddrPort{}, fmt.Errorf("a socket address of type %T", sa)
}

// sockaddr returns the address for a system call. An unknown zone becomes 0,
// which the system call then rejects.
func sockaddr(a netip.AddrPort) unix.Sockaddr {
	if a.Addr().Is4() {
		return &unix.SockaddrInet4{Addr: a.Addr().As4(), Port: int(a.Port())}
	}
	sa := &unix.SockaddrInet6{Addr: a.Addr().As16(), Port: int(a.Port())}
	if zone := a.Addr().Zone(); zone != "" {
		if link, err := net.InterfaceByName(zone); err == nil {
			sa.ZoneId = uint32(link.Index)
		}
	}
	return sa
}

// inodeOf returns the number of the socket's inode, from fstat(2).
func inodeOf(fd int) (uint32, error) {
	var stat unix.Stat_t
	err := unix.Fstat(fd, &stat)
	return uint32(stat.Ino), os.NewSyscallError("fstat", err)
}

// getsockopt is getsockopt(2), for options for which package unix has no
// function.
func getsockopt(fd, level, name int, value []byte) error {
	size := uint32(len(value))
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), uintptr(level), uintptr(name),
		uintptr(unsafe.Pointer(&value[0])), uintptr(unsafe.Pointer(&size)), 0)
	if errno != 0 {
		return errno
	}
	return nil
}
