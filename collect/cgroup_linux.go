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

// cgroupNames remembers what the ids of cgroups stand for. It looks at no
// directory before it is asked, and then at all: an id does not tell where it
// is, and open_by_handle_at(2), which would, is for root alone.
//
// A path is the one below the mount of cgroup v2. Where only a part of the tree
// is mounted, that is not the path from the root of all cgroups; it is the one
// that cgroupID takes, and ss(8) shows.
type cgroupNames struct {
	mount string // where to look; "": where cgroup v2 is mounted
	known map[uint64]tcp.Cgroup
	walks int
}

// cgroupWalks is how often the tree is read: once, and once more for the
// cgroups that were made since. Whatever is not found then is gone, or outside
// of what is mounted here.
const cgroupWalks = 2

// of returns what the cgroup with the id is called, nothing where that is not
// known. Id 0 stands for no cgroup.
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
		c.known[id] = group // it costs no second walk
	}
	return group
}

// walk remembers the cgroup with the path and those below it. A directory that
// is gone, or may not be read, is passed over.
//
// The inode of a directory is its cgroup's id, on systems whose inode numbers
// have 64 bits (kernfs_id_ino in include/linux/kernfs.h). Its links are two and
// one for each directory in it (kernfs_refresh_inode in fs/kernfs/inode.c): most
// cgroups hold none, and need not be read.
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

// cgroupID returns the id of the cgroup with the given path, as it is or below
// the mount of cgroup v2: the handle of its directory, which is what the kernel
// names cgroups by (cgroup_id in include/linux/cgroup.h).
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

// cgroupMount returns where cgroup v2 is mounted, "" where it is not: on
// /sys/fs/cgroup, or on /sys/fs/cgroup/unified where cgroup v1 is in use too, or
// wherever a container has it.
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
	return "" // all are hidden below later mounts
}

// parseCgroupMounts returns where mountinfo, as proc_pid_mountinfo(5) has it,
// says that cgroup v2 is mounted: what shows most of the tree first. Lines that
// it cannot read tell of no mount.
func parseCgroupMounts(mountinfo io.Reader) []string {
	type mount struct {
		at    string
		depth int // of its root in the tree, less than 0 above the reader's own root
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

// cgroupDepth returns how deep in the tree the root of a mount lies. It is given
// as seen from the reader's cgroup namespace: /.. is one above its root, which
// is there to see where the host's tree was mounted into a container
// (cgroup_namespaces(7)).
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

// unescapeMount turns the \040 that mountinfo has for a space back, and likewise
// tab, newline and backslash (mangle in fs/proc_namespace.c).
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
