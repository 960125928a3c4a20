package procnet

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strconv"
)

// fsTree reads any file system, such as a recorded /proc or a map of strings.
type fsTree struct{ proc *Proc }

func (t fsTree) close() {}

func (t fsTree) sized() bool { return false }

func (t fsTree) numbers(dir string) ([]int, error) {
	entries, err := fs.ReadDir(t.proc.FS, dir)
	if err != nil {
		return nil, t.proc.readError(dir, err)
	}
	var numbers []int
	for _, entry := range entries {
		if n, ok := parseNumber(entry.Name()); ok {
			numbers = append(numbers, n)
		}
	}
	return numbers, nil
}

func (t fsTree) open(pid, tid int) (fdTable, error) {
	fds := tableDir(pid, tid)
	numbers, err := t.numbers(fds)
	if err != nil {
		return nil, err
	}
	return &fsTable{proc: t.proc, dir: strconv.Itoa(pid), fds: fds, numbers: numbers}, nil
}

// fsTable is the descriptor table of an fsTree.
type fsTable struct {
	proc    *Proc
	dir     string // directory of the process
	fds     string // directory of the descriptors
	numbers []int
}

func (t *fsTable) close() {}

func (t *fsTable) sockets(first int, visit func(fd int32, inode uint32) error) (int, error) {
	if first > 0 && first < len(t.numbers) {
		slices.Sort(t.numbers)
		t.numbers = t.numbers[:first]
	}
	for _, fd := range t.numbers {
		inode, err := t.socket(int32(fd))
		if err != nil {
			return len(t.numbers), err
		}
		if inode == 0 {
			continue
		}
		if err := visit(int32(fd), inode); err != nil {
			return len(t.numbers), err
		}
	}
	return len(t.numbers), nil
}

func (t *fsTable) socket(fd int32) (uint32, error) {
	name := path.Join(t.fds, strconv.Itoa(int(fd)))
	link, err := fs.ReadLink(t.proc.FS, name)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil // it was closed after the directory was read
	}
	if err != nil {
		return 0, t.proc.readError(name, err)
	}
	return parseSocketLink([]byte(link)), nil
}

func (t *fsTable) path(name string) string { return t.proc.path(path.Join(t.dir, name)) }

func (t *fsTable) read(name string) (string, error) {
	name = path.Join(t.dir, name)
	text, err := fs.ReadFile(t.proc.FS, name)
	if err != nil {
		return "", t.proc.readError(name, err)
	}
	return string(text), nil
}

func (t *fsTable) link(name string) (string, error) {
	name = path.Join(t.dir, name)
	link, err := fs.ReadLink(t.proc.FS, name)
	if err != nil {
		return "", t.proc.readError(name, err)
	}
	return link, nil
}

// tableDir returns the directory of a thread's descriptors.
func tableDir(pid, tid int) string {
	if pid == tid {
		return path.Join(strconv.Itoa(pid), "fd")
	}
	return path.Join(strconv.Itoa(pid), "task", strconv.Itoa(tid), "fd")
}

// parseNumber parses the name of a process, thread or descriptor: a number
// below 2^31 as the kernel writes it.
func parseNumber(name string) (int, bool) {
	n, err := strconv.ParseUint(name, 10, 31)
	return int(n), err == nil && strconv.Itoa(int(n)) == name
}

func (p *Proc) readError(name string, err error) error {
	return &ReadError{File: p.path(name), Err: cause(err)}
}
