package netns

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// nameDirs are where names are kept. ip-netns(8) uses the second, which nearly
// everywhere is the first by another name.
var nameDirs = [...]string{"/run/netns", "/var/run/netns"}

// ownFile stands for the namespace of the thread that opens it; /proc/self
// would be that of the first thread.
const ownFile = "/proc/thread-self/ns/net"

// maxFiles is how many files of a namespace are kept, so that it can be entered
// although the process with the lowest PID in it has ended meanwhile.
const maxFiles = 4

// Own returns the namespace of the calling thread, named after its process: the
// two differ within Do alone. Any user may ask.
func Own() (*Namespace, error) {
	id, err := identify(ownFile)
	if err != nil {
		return nil, &OpError{"looking at", ownFile, err}
	}
	return &Namespace{Name: "/proc/self/ns/net", ID: id, files: []string{ownFile}}, nil
}

// Find returns the namespace that spec names:
//
//   - with a slash in it, the path of a file that stands for a namespace: a
//     bind mount, or /proc/PID/ns/net;
//   - else a name in /run/netns, or where it has none such, in /var/run/netns;
//   - else, if it is a number, the namespace of the process with that id in the
//     /proc file system at proc. A name goes before a number, as it does in
//     "ip link set netns".
//
// The file is opened to see that it stands for a network namespace, which any
// user may do but for another user's process; entering it needs more. What does
// not exist is a *NotFoundError, all else an *OpError.
func Find(proc, spec string) (*Namespace, error) {
	for _, file := range candidates(proc, spec) {
		id, err := verify(file)
		switch {
		case isGone(err):
			continue
		case err != nil:
			return nil, &OpError{"opening", file, err}
		}
		name := file
		if slices.Contains(nameDirs[:], filepath.Dir(file)) {
			name = spec
		}
		return &Namespace{Name: name, ID: id, files: []string{file}}, nil
	}
	return nil, &NotFoundError{Spec: spec, Names: offers()}
}

// offers returns the names that would be found. What stands in the way of
// finding some is not worth a second error.
func offers() []string {
	var names []string
	for _, dir := range nameDirs {
		files, _ := namesIn(dir)
		for _, name := range files {
			if _, err := verify(filepath.Join(dir, name)); err == nil {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// candidates returns the files that spec may mean, the first to be preferred.
func candidates(proc, spec string) []string {
	var files []string
	switch {
	case spec == "", spec == ".", spec == "..":
		return nil
	case strings.Contains(spec, "/"):
		return []string{spec}
	}
	for _, dir := range nameDirs {
		files = append(files, filepath.Join(dir, spec))
	}
	if strings.Trim(spec, "0123456789") == "" {
		files = append(files, processFile(proc, spec))
	}
	return files
}

func processFile(proc, pid string) string { return filepath.Join(proc, pid, "ns", "net") }

// All returns every namespace that has a name in /run/netns or a process in it,
// with its own and those processes read from the /proc file system at proc.
//
// Processes are looked at, not their threads: a thread in another namespace
// than its process is on an errand there, as in Do, and finding it would make
// the search as long as the host has threads. A namespace that only an open
// file, a socket or a bind mount elsewhere keeps alive is not found either;
// Find takes the path of a bind mount anywhere.
//
// Any user may ask, and is told how much could not be seen. Processes that end
// meanwhile are no error: they are in no namespace any more.
func All(proc string) (*Listing, error) {
	own, err := Own()
	if err != nil {
		return nil, err
	}
	pids, err := processes(proc)
	if err != nil {
		return nil, err
	}
	s := &search{listing: &Listing{}, byID: make(map[ID]*Namespace)}
	s.names()
	if first := processFile(proc, "1"); slices.Contains(pids, 1) {
		if id, err := identify(first); err == nil && id == own.ID {
			own.Name = first
		}
	}
	s.add(own.ID, own.Name, ownFile)
	s.processes(proc, pids)
	l := s.listing
	l.Hidden = !slices.Contains(pids, 1)
	at := slices.Index(l.Namespaces, s.byID[own.ID])
	l.Namespaces = slices.Insert(slices.Delete(l.Namespaces, at, at+1), 0, s.byID[own.ID])
	return l, nil
}

// search is the work of All.
type search struct {
	listing *Listing
	byID    map[ID]*Namespace
}

// add adds a file that stands for a namespace, under the name that it has if
// this is the first such file.
func (s *search) add(id ID, name, file string) {
	n := s.byID[id]
	if n == nil {
		n = &Namespace{Name: name, ID: id}
		s.byID[id] = n
		s.listing.Namespaces = append(s.listing.Namespaces, n)
	}
	if len(n.files) < maxFiles {
		n.files = append(n.files, file)
	}
}

// names adds the namespaces that have a name. Where one of /var/run/netns is
// also in /run/netns, it is the latter that Find takes.
func (s *search) names() {
	fileOf := make(map[string]string)
	for i, dir := range nameDirs {
		if i > 0 && sameDir(dir, nameDirs[0]) {
			continue
		}
		names, err := namesIn(dir)
		if err != nil {
			s.listing.Failed = append(s.listing.Failed, &OpError{"reading", dir, err})
		}
		for _, name := range names {
			if fileOf[name] == "" {
				fileOf[name] = filepath.Join(dir, name)
			} else {
				s.name(filepath.Join(dir, name), filepath.Join(dir, name))
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(fileOf)) {
		s.name(name, fileOf[name])
	}
}

// name adds the namespace that has a name, if it is one.
func (s *search) name(name, file string) {
	id, err := verify(file)
	switch {
	case err == nil:
		s.add(id, name, file)
	case !isGone(err):
		s.listing.Failed = append(s.listing.Failed, &OpError{"opening", file, err})
	}
}

// processes adds the namespaces of processes, which are sorted. One that ends
// just as its link is followed seems to be another user's (proc_ns_get_link,
// fs/proc/namespaces.c), so it is looked for again.
func (s *search) processes(proc string, pids []int) {
	for _, pid := range pids {
		file := processFile(proc, strconv.Itoa(pid))
		id, err := identify(file)
		if err == nil {
			s.add(id, file, file)
			continue
		}
		if _, again := identify(filepath.Join(proc, strconv.Itoa(pid))); !isGone(err) && !isGone(again) {
			s.listing.Unreadable++
		}
	}
}

// processes returns the ids of the processes that are listed, sorted.
func processes(proc string) ([]int, error) {
	names, err := entries(proc)
	if err != nil {
		return nil, &OpError{"reading", proc, err}
	}
	var pids []int
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	return pids, nil
}

// namesIn returns the names in a directory of names, sorted. A host without
// such a directory has none.
func namesIn(dir string) ([]string, error) {
	names, err := entries(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	slices.Sort(names)
	return names, err
}

// entries returns the names in a directory.
func entries(dir string) ([]string, error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, cause(err)
	}
	defer d.Close()
	names, err := d.Readdirnames(-1)
	return names, cause(err)
}

func sameDir(a, b string) bool {
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(infoA, infoB)
}

// identify returns which namespace a file of /proc stands for: what it leads to,
// which is not opened.
func identify(file string) (ID, error) {
	var stat unix.Stat_t
	if err := unix.Stat(file, &stat); err != nil {
		return ID{}, err
	}
	return idOf(&stat), nil
}

// verify returns which network namespace a file stands for, if it does for one.
func verify(file string) (ID, error) {
	f, id, err := open(file)
	if err != nil {
		return ID{}, err
	}
	return id, f.Close()
}

// open opens a file that stands for a network namespace. It does not wait for
// somebody to write if it is a pipe.
func open(file string) (*os.File, ID, error) {
	f, err := os.OpenFile(file, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, ID{}, cause(err)
	}
	if kind, err := unix.IoctlRetInt(int(f.Fd()), unix.NS_GET_NSTYPE); err != nil || kind != unix.CLONE_NEWNET {
		f.Close()
		return nil, ID{}, ErrNotNetwork
	}
	var stat unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &stat); err != nil {
		f.Close()
		return nil, ID{}, err
	}
	return f, idOf(&stat), nil
}

func idOf(stat *unix.Stat_t) ID { return ID{Device: uint64(stat.Dev), Inode: stat.Ino} }

// isGone reports whether err is that there is no such file or process. One that
// has ended and is not yet waited for has no namespace (netns_get,
// net/core/net_namespace.c); one that ends while its directory is walked through
// is no such process (proc_pid_permission, fs/proc/base.c).
func isGone(err error) bool { return errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH) }

// cause strips the operation and the name from an error of a file, since
// OpError says both.
func cause(err error) error {
	if pathError, ok := errors.AsType[*fs.PathError](err); ok {
		return pathError.Err
	}
	return err
}
