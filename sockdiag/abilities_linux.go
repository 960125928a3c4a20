package sockdiag

import "golang.org/x/sys/unix"

// runningRelease returns the release of the running kernel, or the zero release
// where it is unknown.
func runningRelease() release {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return release{}
	}
	return parseRelease(unix.ByteSliceToString(name.Release[:]))
}

// netAdmin reports whether the calling thread has CAP_NET_ADMIN where the
// kernel requires it: in the user namespace that owns the thread's network
// namespace (netlink_net_capable in net/netlink/af_netlink.c). If /proc does
// not show the owner, netAdmin assumes that it is the process's own user
// namespace. It checks the calling thread because that may have entered another
// network namespace.
func netAdmin() bool {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return false
	}
	return data[0].Effective&(1<<unix.CAP_NET_ADMIN) != 0 && ownsNetwork()
}

// ownsNetwork reports whether the network namespace belongs to the process's
// user namespace or to one below it (ioctl_ns(2)).
func ownsNetwork() bool {
	var own unix.Stat_t
	network, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil || unix.Stat("/proc/self/ns/user", &own) != nil {
		return true
	}
	defer unix.Close(network)
	owner, err := unix.IoctlRetInt(network, unix.NS_GET_USERNS)
	for err == nil {
		var stat unix.Stat_t
		if err := unix.Fstat(owner, &stat); err != nil {
			unix.Close(owner)
			return false
		}
		if stat.Ino == own.Ino && stat.Dev == own.Dev {
			unix.Close(owner)
			return true
		}
		var parent int
		parent, err = unix.IoctlRetInt(owner, unix.NS_GET_PARENT)
		unix.Close(owner)
		owner = parent
	}
	return false // EPERM: the owner is above the process's namespace, so the process may not see it
}
