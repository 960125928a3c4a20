package procnet

import (
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"

	"tcpstate/wording"
)

// directory is the directory of a /proc as a file system. It may be a directory that
// someone else made, so it reads regular files only, never waits for one, and reads no
// more of it than a /proc can have: a named pipe would wait for a writer, a device may
// act when it is opened, and a file may have no end.
type directory string

// filesIn returns the files of a directory.
func filesIn(dir string) fs.FS { return directory(dir) }

// The most that is read of a file. A small file is read at once, such as a setting or
// the command line of a process, which is at most a quarter of the stack's limit. A
// table on a disk is at most as long as it was when it was opened. procfs has tables of
// any length, because the kernel writes them.
const (
	maxSmall = 4 << 20
	maxTable = 512 << 20
)

var (
	errNotFile = error(wording.Fail("procnet.not-file"))
	errTooLong = error(wording.Fail("procnet.too-long"))
)

func (d directory) join(op, name string) (string, error) {
	if d == "" || !fs.ValidPath(name) {
		return "", &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	return string(d) + "/" + name, nil
}

// Open opens a directory, as an *os.File, or a regular file. Links are followed.
func (d directory) Open(name string) (fs.File, error) {
	full, err := d.join("open", name)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(full)
	switch {
	case err != nil:
		return nil, &fs.PathError{Op: "open", Path: name, Err: cause(err)}
	case info.IsDir():
		dir, err := openDirectory(full)
		if err != nil {
			return nil, &fs.PathError{Op: "open", Path: name, Err: cause(err)}
		}
		return dir, nil
	case !info.Mode().IsRegular():
		return nil, &fs.PathError{Op: "open", Path: name, Err: errNotFile}
	}
	f, err := openRegular(syscall.Open(full, readNow, 0))
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	f.info = info
	return f, nil
}

// readNow are the flags to open a file that is to be read without waiting.
const readNow = syscall.O_RDONLY | syscall.O_NONBLOCK | syscall.O_NOCTTY | syscall.O_CLOEXEC

// openDirectory opens a directory, and nothing else.
func openDirectory(full string) (*os.File, error) {
	return os.OpenFile(full, os.O_RDONLY|syscall.O_DIRECTORY, 0)
}

// openRegular returns the file of a descriptor that was opened with readNow. It closes
// the descriptor if it is not that of a regular file: the name may refer to another one
// than when it was examined.
func openRegular(fd int, err error) (*file, error) {
	if err != nil {
		return nil, err
	}
	var stat syscall.Stat_t
	err = syscall.Fstat(fd, &stat)
	if err == nil && stat.Mode&syscall.S_IFMT != syscall.S_IFREG {
		err = errNotFile
	}
	if err != nil {
		syscall.Close(fd)
		return nil, err
	}
	return &file{fd: fd, sized: stat.Size > 0, left: stat.Size}, nil
}

// file is a regular file that is open. Its reads do not wait: os.File would wait for a
// file of the kernel that has nothing to read yet, such as /proc/kmsg.
type file struct {
	fd    int
	info  fs.FileInfo
	sized bool  // it has a size, and no more is read; files of the kernel have none
	left  int64 // of a file with a size
	read  int64
}

func (f *file) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *file) Close() error               { return syscall.Close(f.fd) }

func (f *file) Read(b []byte) (int, error) {
	switch {
	case len(b) == 0:
		return 0, nil
	case f.sized && f.left == 0:
		return 0, io.EOF
	case f.read >= maxTable && !f.ofKernel():
		return 0, errTooLong
	case f.sized:
		b = b[:min(int64(len(b)), f.left)]
	}
	for {
		n, err := syscall.Read(f.fd, b)
		switch {
		case err == syscall.EINTR:
			continue
		case err != nil:
			return 0, err
		case n == 0:
			return 0, io.EOF
		}
		f.left, f.read = f.left-int64(n), f.read+int64(n)
		return n, nil
	}
}

// ofKernel reports whether the file is one of procfs. It is asked rarely.
func (f *file) ofKernel() bool {
	var stat syscall.Statfs_t
	return syscall.Fstatfs(f.fd, &stat) == nil && stat.Type == procMagic
}

// ReadFile reads a small file. The kernel writes a setting whole into one sufficient
// buffer, and may cut it for a second one.
func (d directory) ReadFile(name string) ([]byte, error) {
	opened, err := d.Open(name)
	if err != nil {
		return nil, err
	}
	defer opened.Close()
	f, ok := opened.(*file)
	if !ok {
		return nil, &fs.PathError{Op: "read", Path: name, Err: syscall.EISDIR}
	}
	text, err := f.all(4096)
	if err != nil {
		err = &fs.PathError{Op: "read", Path: name, Err: err}
	}
	return text, err
}

// all reads a small file, first into a buffer of the size.
func (f *file) all(size int) ([]byte, error) {
	text := make([]byte, 0, size)
	for {
		n, err := f.Read(text[len(text):cap(text)])
		text = text[:len(text)+n]
		switch {
		case err == io.EOF:
			return text, nil
		case err != nil:
			return nil, err
		case len(text) > maxSmall:
			return nil, errTooLong
		case len(text) == cap(text):
			text = slices.Grow(text, len(text))
		}
	}
}

// ReadDir returns the entries of a directory, sorted by name.
func (d directory) ReadDir(name string) ([]fs.DirEntry, error) {
	full, err := d.join("readdir", name)
	if err != nil {
		return nil, err
	}
	dir, err := openDirectory(full)
	if err != nil {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: cause(err)}
	}
	defer dir.Close()
	entries, err := dir.ReadDir(-1)
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, err
}

func (d directory) Stat(name string) (fs.FileInfo, error)  { return d.info("stat", name, os.Stat) }
func (d directory) Lstat(name string) (fs.FileInfo, error) { return d.info("lstat", name, os.Lstat) }

func (d directory) info(op, name string, of func(string) (fs.FileInfo, error)) (fs.FileInfo, error) {
	full, err := d.join(op, name)
	if err != nil {
		return nil, err
	}
	info, err := of(full)
	if err != nil {
		return nil, &fs.PathError{Op: op, Path: name, Err: cause(err)}
	}
	return info, nil
}

func (d directory) ReadLink(name string) (string, error) {
	full, err := d.join("readlink", name)
	if err != nil {
		return "", err
	}
	target, err := os.Readlink(full)
	if err != nil {
		err = &fs.PathError{Op: "readlink", Path: name, Err: cause(err)}
	}
	return target, err
}

// procMagic is the type of a real /proc (PROC_SUPER_MAGIC, include/uapi/linux/magic.h).
const procMagic = 0x9fa0

// isProc reports whether a directory is a real /proc of the kernel. Calls there
// never block for long, but calls on a network file system may.
func isProc(dir *os.File) bool {
	var stat syscall.Statfs_t
	return syscall.Fstatfs(int(dir.Fd()), &stat) == nil && stat.Type == procMagic
}

var _ interface {
	fs.ReadFileFS
	fs.ReadDirFS
	fs.ReadLinkFS
	fs.StatFS
} = directory("")
