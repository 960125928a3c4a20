package collect

import (
	"encoding/binary"
	"path"

	"golang.org/x/sys/unix"
)

// cgroupMount is where systemd and ss(8) expect cgroup v2.
const cgroupMount = "/sys/fs/cgroup"

// cgroupID returns the id of the cgroup with the given path, as it is or below
// cgroupMount: the handle of its directory in cgroup v2, which is what the
// kernel names cgroups by (cgroup_id in include/linux/cgroup.h).
func cgroupID(name string) (uint64, bool) {
	if id, ok := handleOf(name); ok {
		return id, true
	}
	return handleOf(path.Join(cgroupMount, name))
}

func handleOf(directory string) (uint64, bool) {
	var fs unix.Statfs_t
	if err := unix.Statfs(directory, &fs); err != nil || fs.Type != unix.CGROUP2_SUPER_MAGIC {
		return 0, false
	}
	handle, _, err := unix.NameToHandleAt(unix.AT_FDCWD, directory, 0)
	if err != nil || handle.Size() != 8 {
		return 0, false
	}
	return binary.NativeEndian.Uint64(handle.Bytes()), true
}
