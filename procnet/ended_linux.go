package procnet

import (
	"os"
	"path"
	"strconv"
	"strings"
	"syscall"
)

// TCPSockets returns the TCP sockets among the descriptors of a process: by
// inode, one descriptor of each. It looks at no more than most descriptors. With
// mptcp it includes sockets that a Multipath TCP listener accepted. Their clients
// mostly speak plain TCP, and then they are sockets of TCP. The kernel names the
// protocol in the attribute system.sockprotoname (sockfs_xattr_get in
// net/socket.c), also of a socket that no table lists any more. A process that
// may not be read has none. Recorded files have no such attribute.
func (p *Proc) TCPSockets(pid, most int, mptcp bool) map[uint32]int {
	dir, err := openDirectory(p.path(path.Join(strconv.Itoa(pid), "fd")))
	if err != nil {
		return nil
	}
	defer dir.Close()
	names, err := dir.Readdirnames(most)
	if err != nil {
		return nil
	}
	found := make(map[uint32]int)
	for _, name := range names {
		fd, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		inode, ok := p.SocketInode(pid, fd)
		if !ok {
			continue
		}
		protocol := make([]byte, 32)
		n, err := syscall.Getxattr(p.descriptor(pid, fd), "system.sockprotoname", protocol)
		if err != nil {
			continue
		}
		switch strings.TrimRight(string(protocol[:n]), "\x00") {
		case "TCP", "TCPv6":
			found[inode] = fd
		case "MPTCP", "MPTCPv6":
			if mptcp {
				found[inode] = fd
			}
		}
	}
	return found
}

// SocketInode returns the inode of the socket that a descriptor of a process
// refers to. It reports false if it refers to no socket, or is closed.
func (p *Proc) SocketInode(pid, fd int) (uint32, bool) {
	target, err := os.Readlink(p.descriptor(pid, fd))
	if err != nil {
		return 0, false
	}
	number, ok := strings.CutPrefix(strings.TrimSuffix(target, "]"), "socket:[")
	if !ok {
		return 0, false
	}
	inode, err := strconv.ParseUint(number, 10, 64)
	return uint32(inode), err == nil
}

func (p *Proc) descriptor(pid, fd int) string {
	return p.path(path.Join(strconv.Itoa(pid), "fd", strconv.Itoa(fd)))
}
