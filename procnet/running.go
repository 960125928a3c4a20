package procnet

import (
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// Runs reports whether a process has the name: that of its first thread, as the
// kernel stores it, at most 15 bytes. It does not see processes that hidepid hides
// (proc(5)), and it sees none if the directory cannot be read.
func (p *Proc) Runs(name string) bool {
	pids, err := p.processes()
	if err != nil {
		return false
	}
	for _, pid := range pids {
		comm, err := fs.ReadFile(p.FS, path.Join(strconv.Itoa(pid), "comm"))
		if err == nil && strings.TrimSuffix(string(comm), "\n") == name {
			return true
		}
	}
	return false
}
