package procnet

import (
	"bytes"
	"encoding/binary"
	"io/fs"
	"os"
	"path"
	"strconv"
	"syscall"
	"unsafe"

	"tcpstate/tcp"
)

// openTree opens p for one worker.
func (p *Proc) openTree() (tree, error) {
	root, err := p.FS.Open(".")
	if err != nil {
		return nil, p.readError(".", err)
	}
	if file, ok := root.(*os.File); ok && isProc(file) {
		return &rawTree{proc: p, root: file}, nil
	}
	root.Close()
	return fsTree{p}, nil
}

// userOf returns the user id of a file of a real /proc.
func userOf(file fs.FileInfo) tcp.Optional[uint32] {
	if stat, ok := file.Sys().(*syscall.Stat_t); ok {
		return tcp.Known(stat.Uid)
	}
	return tcp.Optional[uint32]{}
}

// isLive reports whether p is a /proc that the kernel of this host makes.
func (p *Proc) isLive() bool {
	root, err := p.FS.Open(".")
	if err != nil {
		return false
	}
	defer root.Close()
	file, ok := root.(*os.File)
	return ok && isProc(file)
}

// rawTree reads a real /proc with plain system calls. It allocates nothing for
// a descriptor, because there may be millions.
type rawTree struct {
	proc    *Proc
	root    *os.File
	entries [32 << 10]byte
	target  [64]byte // target of a descriptor's link; longer than the target of any socket
}

func (t *rawTree) close() { t.root.Close() }

func (t *rawTree) sized() bool { return true }

func (t *rawTree) numbers(dir string) ([]int, error) {
	fd, err := t.openDir(dir)
	if err != nil {
		return nil, err
	}
	defer syscall.Close(fd)
	var numbers []int
	for {
		n, err := syscall.ReadDirent(fd, t.entries[:])
		if err != nil {
			return nil, t.proc.readError(dir, err)
		}
		if n <= 0 {
			return numbers, nil
		}
		for rest := t.entries[:n]; len(rest) > 0; {
			var name []byte
			name, rest = nextEntry(rest)
			if n, ok := parseNumber(string(name[:len(name)-1])); ok {
				numbers = append(numbers, n)
			}
		}
	}
}

func (t *rawTree) open(pid, tid int) (fdTable, error) {
	dir := tableDir(pid, tid)
	fd, err := t.openDir(dir)
	if err != nil {
		return nil, err
	}
	up := "../"
	if tid != pid {
		up = "../../../"
	}
	return &rawTable{tree: t, fd: fd, dir: strconv.Itoa(pid), fds: dir, up: up}, nil
}

func (t *rawTree) openDir(dir string) (int, error) {
	const flags = syscall.O_RDONLY | syscall.O_DIRECTORY | syscall.O_CLOEXEC
	fd, err := syscall.Openat(int(t.root.Fd()), dir, flags, 0)
	if err != nil {
		return 0, t.proc.readError(dir, err)
	}
	return fd, nil
}

// nextEntry returns the name in the first struct linux_dirent64 of
// getdents64(2), including the zero byte at its end, and the entries after it.
func nextEntry(entries []byte) (name, rest []byte) {
	const lengthAt, nameAt = 16, 19
	length := binary.NativeEndian.Uint16(entries[lengthAt:])
	name = entries[nameAt:length]
	return name[:bytes.IndexByte(name, 0)+1], entries[length:]
}

// rawTable is the descriptor table of a rawTree. All names are relative to the
// open directory of the descriptors. That directory belongs to the thread and
// not to its number (struct proc_inode, fs/proc/internal.h), and so do its
// parent directories.
type rawTable struct {
	tree *rawTree
	fd   int
	dir  string // directory of the process
	fds  string // directory of the descriptors
	up   string // relative path from fds to dir
}

func (t *rawTable) close() { syscall.Close(t.fd) }

func (t *rawTable) sockets(first int, visit func(fd int32, inode uint32) error) (seen int, err error) {
	for {
		n, err := syscall.ReadDirent(t.fd, t.tree.entries[:])
		if err != nil {
			return seen, t.tree.proc.readError(t.fds, err)
		}
		if n <= 0 {
			return seen, nil
		}
		for rest := t.tree.entries[:n]; len(rest) > 0; {
			var name []byte
			name, rest = nextEntry(rest)
			if name[0] == '.' {
				continue // the directory itself and its parent
			}
			if seen++; first > 0 && seen > first {
				return first, nil
			}
			inode, err := t.at(name)
			if err != nil {
				return seen, err
			}
			if inode == 0 {
				continue
			}
			if err := visit(descriptor(name), inode); err != nil {
				return seen, err
			}
		}
	}
}

// descriptor parses the number in the name of an entry. The kernel wrote the
// name, so it is valid.
func descriptor(name []byte) int32 {
	var fd int32
	for _, digit := range name[:len(name)-1] {
		fd = fd*10 + int32(digit-'0')
	}
	return fd
}

func (t *rawTable) socket(fd int32) (uint32, error) {
	return t.at(append(strconv.AppendInt(nil, int64(fd), 10), 0))
}

// at returns the inode of the socket that a link refers to. The name of the
// link ends with a zero byte. The kernel truncates a target that does not fit,
// and such a target is never a socket.
func (t *rawTable) at(name []byte) (uint32, error) {
	n, errno := readlinkat(t.fd, &name[0], t.tree.target[:])
	switch errno {
	case 0:
		return parseSocketLink(t.tree.target[:n]), nil
	case syscall.ENOENT:
		return 0, nil // it was closed after the directory was read
	case syscall.EACCES:
		// The kernel also returns EACCES for a thread that has just ended
		// (proc_pid_readlink, fs/proc/base.c).
		if _, err := t.read("comm"); err != nil {
			return 0, err
		}
	}
	return 0, t.tree.proc.readError(path.Join(t.fds, string(name[:len(name)-1])), errno)
}

// readlinkat calls readlinkat(2) with a name that ends with a zero byte. On
// /proc the call does not block, so readlinkat bypasses Go's scheduler. The
// scheduler would add a tenth to the time of the call.
func readlinkat(dir int, name *byte, target []byte) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall6(syscall.SYS_READLINKAT, uintptr(dir), uintptr(unsafe.Pointer(name)),
		uintptr(unsafe.Pointer(&target[0])), uintptr(len(target)), 0, 0)
	return int(n), errno
}

func (t *rawTable) path(name string) string { return t.tree.proc.path(path.Join(t.dir, name)) }

func (t *rawTable) read(name string) (string, error) {
	f, err := openRegular(syscall.Openat(t.fd, t.up+name, readNow, 0))
	if err != nil {
		return "", &ReadError{File: t.path(name), Err: err}
	}
	defer f.Close()
	text, err := f.all(512)
	if err != nil {
		return "", &ReadError{File: t.path(name), Err: err}
	}
	return string(text), nil
}

func (t *rawTable) link(name string) (string, error) {
	path := append([]byte(t.up+name), 0)
	target := make([]byte, 4096) // PATH_MAX: the kernel returns no longer path (do_proc_readlink, fs/proc/base.c)
	n, errno := readlinkat(t.fd, &path[0], target)
	if errno != 0 {
		return "", &ReadError{File: t.path(name), Err: errno}
	}
	return string(target[:n]), nil
}
