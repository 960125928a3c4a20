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

// netAdmin reports whether the process has CAP_NET_ADMIN in its own user
// namespace. The kernel asks for it in the one that owns the network namespace;
// the two differ only for a user namespace without a network namespace of its own.
func netAdmin() bool {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return false
	}
	return data[0].Effective&(1<<unix.CAP_NET_ADMIN) != 0
}
