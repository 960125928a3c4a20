package sockdiag

import "golang.org/x/sys/unix"

// runningRelease returns the release of the running kernel, such as 6.18.44.
func runningRelease() release {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return release{}
	}
	return parseRelease(unix.ByteSliceToString(name.Release[:]))
}

// netAdmin reports whether the process has CAP_NET_ADMIN where the kernel asks
// for it: in the user namespace that owns its network namespace
// (netlink_net_capable in net/netlink/af_netlink.c). Where /proc does not tell
// who that is, the process's own user namespace is taken for it. Asked is the
// calling thread, which may have entered another network namespace.
func netAdmin() bool {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return false
	}
	return data[0].Effective&(1<<unix.CAP_NET_ADMIN) != 0 && ownsNetwork()
}

// ownsNetwork reports whether the owner of the network namespace is the
// process's user namespace or one below it (ioctl_ns(2)).
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
	return false // EPERM: it is above, and out of sight
}
