package procnet

import (
	"cmp"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strconv"

	"tcpstate/tcp"
)

// NetNamespace returns the network namespace whose sockets Sockets yields, as
// the links PID/ns/net name it: net:[4026531840]. It returns "" if that is not
// known, as in a recorded directory.
func (p *Proc) NetNamespace() string {
	of := path.Dir(p.NetDir)
	if of == "." {
		of = "thread-self" // the namespace of the thread that reads net
	}
	name, err := fs.ReadLink(p.FS, path.Join(of, "ns/net"))
	if err != nil {
		return ""
	}
	return name
}

// netnsOf returns the network namespace of a process. The error has the cause
// fs.ErrPermission for a process that ptrace(2) does not allow this user to
// read, and fs.ErrNotExist in a recorded directory without such links.
func (p *Proc) netnsOf(pid int) (string, error) {
	return fs.ReadLink(p.FS, path.Join(strconv.Itoa(pid), "ns/net"))
}

// Load is how many descriptors a process has open, for files of all kinds.
type Load struct {
	PID, Open int
	// UID is its effective user id, or 0 if it does not allow itself to be read
	// (PR_SET_DUMPABLE in prctl(2)). A recorded directory does not tell it.
	UID tcp.Optional[uint32]
}

// Loads returns the loads of the processes in a network namespace, the highest
// first. If netns is "", it returns those of all processes. It reads no
// descriptor: Linux tells how many there are from 6.2 on, and before that the
// entries of a directory are counted. It leaves out processes that end while it
// reads. unreadable are those that ptrace(2) does not allow this user to read, of
// whatever namespace. The error is a *ReadError for the list of processes.
func (p *Proc) Loads(netns string) (loads, unreadable []Load, err error) {
	pids, err := p.processes()
	if err != nil {
		return nil, nil, err
	}
	t, err := p.openTree()
	if err != nil {
		return nil, nil, err
	}
	defer t.close()
	for _, pid := range pids {
		of, err := p.netnsOf(pid)
		if err == nil && netns != "" && of != netns {
			continue
		}
		closed := errors.Is(err, fs.ErrPermission)
		switch load, err := p.load(t, pid); {
		case closed:
			unreadable = append(unreadable, load)
		case err == nil && load.Open > 0:
			loads = append(loads, load)
		}
	}
	slices.SortStableFunc(loads, func(a, b Load) int { return cmp.Compare(b.Open, a.Open) })
	return loads, unreadable, nil
}

// Descriptors returns how many descriptors a process has open, as Loads does. The
// error is that of the file system.
func (p *Proc) Descriptors(pid int) (int, error) {
	t, err := p.openTree()
	if err != nil {
		return 0, err
	}
	defer t.close()
	load, err := p.load(t, pid)
	return load.Open, err
}

func (p *Proc) load(t tree, pid int) (Load, error) {
	load, dir := Load{PID: pid}, tableDir(pid, pid)
	if t.sized() {
		stat, err := fs.Stat(p.FS, dir)
		if err != nil {
			return load, err
		}
		load.UID, load.Open = userOf(stat), int(stat.Size())
	}
	if load.Open == 0 {
		entries, err := fs.ReadDir(p.FS, dir)
		if err != nil {
			return load, err
		}
		load.Open = len(entries)
	}
	return load, nil
}
