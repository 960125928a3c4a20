package ground

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"tcpstate/lab/private"
)

// netnsDir is the directory in which ip-netns(8) keeps the names of network
// namespaces.
const netnsDir = "/run/netns"

// Namespace is an additional network namespace, besides the lab's own.
type Namespace struct {
	Name  string
	Path  string // the path of its file in /run/netns
	Inode uint64 // its number, as in net:[4026531840]
	lab   *Lab
}

// Namespace makes a network namespace and gives it a name in /run/netns, as "ip
// netns add" does. It has only a loopback device, which is up. The name is not
// visible outside the lab: with the first namespace, the lab mounts an empty
// file system on its /run. The namespace ends with the lab's processes, or when
// its name is unmounted and nothing is left in it.
func (l *Lab) Namespace(name string) (*Namespace, error) {
	n := &Namespace{Name: name, Path: filepath.Join(netnsDir, name), lab: l}
	if !isFileName(name) {
		return nil, fmt.Errorf("making namespace %q: not a valid file name", name)
	}
	if err := l.makeNetnsDir(); err != nil {
		return nil, fmt.Errorf("making namespace %q: %w", name, err)
	}
	if err := n.make(); err != nil {
		return nil, fmt.Errorf("making namespace %q: %w", name, err)
	}
	return n, nil
}

// makeNetnsDir makes /run/netns in a new file system on /run. In the host's
// /run an unprivileged user may not create it, and root should not leave a
// directory behind. Mounts of the lab do not appear on the host, and later
// mounts of the host do not appear in the lab (mount_namespaces(7)).
func (l *Lab) makeNetnsDir() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ownRun {
		return nil
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return os.NewSyscallError("mount /", err)
	}
	if err := unix.Mount("tmpfs", "/run", "tmpfs", 0, "mode=755"); err != nil {
		return os.NewSyscallError("mount /run", err)
	}
	l.ownRun = true
	return os.Mkdir(netnsDir, 0o755)
}

// make makes the namespace and mounts it on the file with its name.
func (n *Namespace) make() error {
	file, err := os.OpenFile(n.Path, os.O_CREATE|os.O_EXCL, 0o444)
	if err != nil {
		return err
	}
	file.Close()
	return private.InThread(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return os.NewSyscallError("unshare", err)
		}
		if err := unix.Mount("/proc/thread-self/ns/net", n.Path, "", unix.MS_BIND, ""); err != nil {
			return os.NewSyscallError("mount "+n.Path, err)
		}
		var stat unix.Stat_t
		if err := unix.Stat(n.Path, &stat); err != nil {
			return os.NewSyscallError("stat "+n.Path, err)
		}
		n.Inode = stat.Ino
		lo, err := netlink.LinkByName("lo")
		if err != nil {
			return fmt.Errorf("finding lo: %w", err)
		}
		return netlink.LinkSetUp(lo)
	})
}

// Do runs f in a thread that has entered the namespace and that ends when f
// ends. Sockets that f opens stay in the namespace, and commands that it starts
// run there. Goroutines that it starts do not.
func (n *Namespace) Do(f func() error) error {
	return private.InThread(func() error {
		fd, err := unix.Open(n.Path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("opening %s: %w", n.Path, err)
		}
		err = unix.Setns(fd, unix.CLONE_NEWNET)
		unix.Close(fd)
		if err != nil {
			return fmt.Errorf("entering %s: %w", n.Path, err)
		}
		return f()
	})
}

// Listen opens a listener in the namespace and returns its address. With port 0
// the kernel chooses the port. The listener stays open until the lab is closed.
func (n *Namespace) Listen(local netip.AddrPort) (netip.AddrPort, error) {
	err := n.Do(func() error {
		fd, at, err := Listening(local, 16)
		if err != nil {
			return err
		}
		n.lab.keep(fd)
		local = at
		return nil
	})
	return local, err
}
