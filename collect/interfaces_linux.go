package collect

import (
	"golang.org/x/sys/unix"
)

// interfaceNames remembers the names of network interfaces by their index.
type interfaceNames struct {
	within func(func() error) error // a network namespace; nil: that of the process
	names  map[uint32]string
}

// name returns the name of the interface with the given index in the network
// namespace, or "" if there is no such interface (any more). It uses an ioctl,
// netdevice(7), which works where netlink is forbidden.
func (n *interfaceNames) name(index uint32) string {
	if name, ok := n.names[index]; ok {
		return name
	}
	if n.names == nil {
		n.names = make(map[uint32]string)
	}
	n.names[index] = n.ask(index)
	return n.names[index]
}

func (n *interfaceNames) ask(index uint32) (name string) {
	if n.within == nil {
		return askInterfaceName(index)
	}
	err := n.within(func() error {
		name = askInterfaceName(index)
		return nil
	})
	if err != nil {
		return "" // the namespace has ended
	}
	return name
}

func askInterfaceName(index uint32) string {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return ""
	}
	defer unix.Close(fd)
	request, err := unix.NewIfreq("?") // the kernel writes the name
	if err != nil {
		return ""
	}
	request.SetUint32(index)
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFNAME, request); err != nil {
		return ""
	}
	return request.Name()
}
