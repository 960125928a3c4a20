package procnet

import (
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// ProcessNames returns the names of the processes that this user can see, by their
// ids. A name is that of the first thread, at most 15 bytes, and may hold any
// characters. The result is empty if the directory cannot be read.
func (p *Proc) ProcessNames() map[int]string {
	pids, err := p.processes()
	if err != nil {
		return nil
	}
	names := make(map[int]string, len(pids))
	for _, pid := range pids {
		comm, err := fs.ReadFile(p.FS, path.Join(strconv.Itoa(pid), "comm"))
		if err == nil {
			names[pid] = strings.TrimSuffix(string(comm), "\n")
		}
	}
	return names
}

// Runs reports whether this user sees a process with the name.
func (p *Proc) Runs(name string) bool {
	for _, running := range p.ProcessNames() {
		if running == name {
			return true
		}
	}
	return false
}
