package collect

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"io"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"tcpstate/tcp"
)

// cgroupNames remembers the paths of cgroups by their ids. It reads no
// directory before it is asked for an id. Then it reads the whole tree: an id
// does not show where its cgroup is, and open_by_handle_at(2), which would, is
// for root only.
//
// A path is relative to the mount point of cgroup v2. If only a part of the
// tree is mounted, this is not the path from the root of all cgroups. It is the
// path that cgroupID takes and that ss(8) shows.
type cgroupNames struct {
	mount string // the tree to read; "": where cgroup v2 is mounted
	known map[uint64]tcp.Cgroup
	walks int
}

// cgroupWalks is how often the tree is read: once, and once more for cgroups
// that were created after that. A cgroup that is still not found no longer
// exists, or is outside the part of the tree that is mounted here.
const cgroupWalks = 2

// of returns the cgroup with the id, or the zero value if it is not known. Id 0
// means no cgroup.
func (c *cgroupNames) of(id uint64) tcp.Cgroup {
	if id == 0 {
		return tcp.Cgroup{}
	}
	group, known := c.known[id]
	if known || c.walks == cgroupWalks {
		return group
	}
	c.walks++
	if c.known == nil {
		c.known = make(map[uint64]tcp.Cgroup)
	}
	if c.mount == "" {
		c.mount = cgroupMount()
	}
	if c.mount != "" {
		c.walk("/")
	}
	group, known = c.known[id]
	if !known {
		c.known[id] = group // so that the same id causes no second walk
	}
	return group
}

// walk remembers the cgroup with the path and those below it. It skips a
// directory that no longer exists or that this user may not read.
//
// The inode of a directory is the id of its cgroup, on systems whose inode
// numbers have 64 bits (kernfs_id_ino in include/linux/kernfs.h). A directory
// has two links, and one more for each directory in it (kernfs_refresh_inode in
// fs/kernfs/inode.c). Most cgroups have no directories in them, and need not be
// read.
func (c *cgroupNames) walk(name string) {
	directory := path.Join(c.mount, name)
	var stat syscall.Stat_t
	if err := syscall.Lstat(directory, &stat); err != nil {
		return
	}
	c.known[stat.Ino] = cgroupAt(name)
	if stat.Nlink == 2 {
		return
	}
	entries, err := os.ReadDir(directory)
	if err != nil {
		return
	}
	for _, entry := range entries {
		if entry.IsDir() {
			c.walk(path.Join(name, entry.Name()))
		}
	}
}

// cgroupID returns the id of the cgroup with the given path. The path is tried
// as it is, and then below the mount point of cgroup v2. The id is the handle
// of the directory, by which the kernel identifies cgroups (cgroup_id in
// include/linux/cgroup.h).
func cgroupID(name string) (uint64, bool) {
	if id, ok := handleOf(name); ok {
		return id, true
	}
	mount := cgroupMount()
	if mount == "" {
		return 0, false
	}
	return handleOf(path.Join(mount, name))
}

func handleOf(directory string) (uint64, bool) {
	if !isCgroup(directory) {
		return 0, false
	}
	handle, _, err := unix.NameToHandleAt(unix.AT_FDCWD, directory, 0)
	if err != nil || handle.Size() != 8 {
		return 0, false
	}
	return binary.NativeEndian.Uint64(handle.Bytes()), true
}

func isCgroup(directory string) bool {
	var fs unix.Statfs_t
	return unix.Statfs(directory, &fs) == nil && fs.Type == unix.CGROUP2_SUPER_MAGIC
}

// cgroupMount returns the directory where cgroup v2 is mounted, or "" if it is
// not mounted. It is /sys/fs/cgroup, or /sys/fs/cgroup/unified if cgroup v1 is
// in use too, or another directory in some containers.
func cgroupMount() string {
	file, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return ""
	}
	defer file.Close()
	mounts := parseCgroupMounts(file)
	if i := slices.IndexFunc(mounts, isCgroup); i >= 0 {
		return mounts[i]
	}
	return "" // later mounts hide all of them
}

// parseCgroupMounts returns the directories where cgroup v2 is mounted
// according to mountinfo, in the format of proc_pid_mountinfo(5). The mount
// that shows most of the tree comes first. Lines that cannot be parsed are
// skipped.
func parseCgroupMounts(mountinfo io.Reader) []string {
	type mount struct {
		at    string
		depth int // of its root in the tree; below 0 if that is above the reader's own root
	}
	var mounts []mount
	lines := bufio.NewScanner(mountinfo)
	for lines.Scan() {
		own, fs, _ := strings.Cut(lines.Text(), " - ")
		fields := strings.Fields(own) // id, parent, device, root, mount point, options
		if len(fields) < 6 || !strings.HasPrefix(fs, "cgroup2 ") {
			continue
		}
		mounts = append(mounts, mount{unescapeMount(fields[4]), cgroupDepth(fields[3])})
	}
	slices.SortStableFunc(mounts, func(a, b mount) int { return cmp.Compare(a.depth, b.depth) })
	list := make([]string, 0, len(mounts))
	for _, m := range mounts {
		list = append(list, m.at)
	}
	return list
}

// cgroupDepth returns the depth of the root of a mount in the tree. The root is
// given relative to the reader's cgroup namespace: /.. is one level above the
// root of that namespace. Such a path appears when the host's tree was mounted
// into a container (cgroup_namespaces(7)).
func cgroupDepth(root string) (depth int) {
	for name := range strings.SplitSeq(root, "/") {
		switch name {
		case "":
		case "..":
			depth--
		default:
			depth++
		}
	}
	return depth
}

// unescapeMount replaces the escapes of mountinfo, such as \040 for a space, by
// the characters: space, tab, newline and backslash (mangle in
// fs/proc_namespace.c).
func unescapeMount(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+4 <= len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b = append(b, byte(n))
				i += 3
				continue
			}
		}
		b = append(b, s[i])
	}
	return string(b)
}
