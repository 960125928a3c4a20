package procnet

import (
	"os"
	"syscall"
	"testing"
)

// TestTCPSockets opens a socket of each of several protocols.
func TestTCPSockets(t *testing.T) {
	const mptcp = 262 // IPPROTO_MPTCP, include/uapi/linux/in.h
	open := func(domain, kind, protocol int) (fd int, inode uint32) {
		fd, err := syscall.Socket(domain, kind|syscall.SOCK_CLOEXEC, protocol)
		if err != nil {
			t.Fatalf("a socket of protocol %d: %v", protocol, err)
		}
		t.Cleanup(func() { syscall.Close(fd) })
		var stat syscall.Stat_t
		if err := syscall.Fstat(fd, &stat); err != nil {
			t.Fatal(err)
		}
		return fd, uint32(stat.Ino)
	}
	p, pid := Open("/proc"), os.Getpid()
	four, of4 := open(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	six, of6 := open(syscall.AF_INET6, syscall.SOCK_STREAM, 0)
	_, udp := open(syscall.AF_INET, syscall.SOCK_DGRAM, 0)
	_, unix := open(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	found := p.TCPSockets(pid, 1<<16, false)
	for inode, want := range map[uint32]int{of4: four, of6: six} {
		if fd, ok := found[inode]; !ok || fd != want {
			t.Errorf("a TCP socket at descriptor %d is found at %d, %v", want, fd, ok)
		}
	}
	for _, inode := range []uint32{udp, unix} {
		if fd, ok := found[inode]; ok {
			t.Errorf("descriptor %d is no TCP socket", fd)
		}
	}
	if inode, ok := p.SocketInode(pid, four); !ok || inode != of4 {
		t.Errorf("descriptor %d is the socket %d, %v, want %d", four, inode, ok, of4)
	}
	if _, ok := p.SocketInode(pid, 1<<20); ok {
		t.Error("a closed descriptor is a socket")
	}
	if found := p.TCPSockets(1<<30, 1<<16, true); len(found) != 0 {
		t.Errorf("a process that does not exist has %v", found)
	}
	if found := p.TCPSockets(pid, 1, true); len(found) > 1 {
		t.Errorf("of one descriptor it finds %v", found)
	}
	if fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, mptcp); err != nil {
		return // a kernel without Multipath TCP
	} else {
		syscall.Close(fd)
	}
	multi, inode := open(syscall.AF_INET, syscall.SOCK_STREAM, mptcp)
	if _, ok := p.TCPSockets(pid, 1<<16, false)[inode]; ok {
		t.Error("a Multipath TCP socket is found without being asked for")
	}
	if fd := p.TCPSockets(pid, 1<<16, true)[inode]; fd != multi {
		t.Errorf("the Multipath TCP socket at descriptor %d is found at %d", multi, fd)
	}
}
