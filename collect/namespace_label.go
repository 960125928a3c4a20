package collect

import (
	"io/fs"
	"strconv"
	"strings"

	"tcpstate/netns"
	"tcpstate/procnet"
)

// labelDigits is how many digits of the id of a container are in a label, as in
// docker ps.
const labelDigits = 12

// namespaceLabel returns how people see a network namespace without a name: by the
// process through which it was found, and the container of that process, as in
// 812/nginx or 812/nginx@3f2a91b0c4d5. netns.Find takes such a label. It returns ""
// if the namespace has a name, or if the process is not known.
func namespaceLabel(dir string, space *netns.Namespace) string {
	if space == nil || space.PID == 0 {
		return ""
	}
	proc, pid := procnet.Open(dir).FS, strconv.Itoa(space.PID)
	comm, err := fs.ReadFile(proc, pid+"/comm")
	if err != nil {
		return ""
	}
	label := pid + "/" + strings.TrimSuffix(string(comm), "\n")
	groups, err := fs.ReadFile(proc, pid+"/cgroup")
	if err != nil {
		return label
	}
	if id := containerOf(string(groups)); id != "" {
		label += "@" + id
	}
	return label
}

// containerOf returns the container that /proc/PID/cgroup shows (cgroups(7)), or "".
// An id is shortened.
func containerOf(groups string) string {
	for line := range strings.Lines(groups) {
		_, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		_, path, _ := strings.Cut(rest, ":")
		id := cgroupAt(path).Container
		if hexID(id) == id && len(id) > labelDigits {
			id = id[:labelDigits]
		}
		if id != "" {
			return id
		}
	}
	return ""
}
