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

// nameDirs are the directories that hold the names. ip-netns(8) uses the
// second. On nearly every host /var/run is a link to /run, so both are the same
// directory.
var nameDirs = [...]string{"/run/netns", "/var/run/netns"}

// ownFile refers to the namespace of the thread that opens it. /proc/self would
// refer to that of the first thread.
const ownFile = "/proc/thread-self/ns/net"

// maxFiles is how many files are kept for one namespace. With more than one, Do
// can still enter the namespace after the process with the lowest PID has
// ended.
const maxFiles = 4

// Names returns the names that ip-netns(8) has given to namespaces, sorted. It does
// not check what they refer to.
func Names() []string {
	names := make(map[string]bool)
	for _, dir := range nameDirs {
		entries, _ := os.ReadDir(dir) // it does not exist before the first name is given
		for _, e := range entries {
			names[e.Name()] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// Own returns the namespace of the calling thread. Its name is that of the
// process, which is in the same namespace except inside Do. Any user may call
// Own.
func Own() (*Namespace, error) {
	id, err := identify(ownFile)
	if err != nil {
		return nil, &OpError{"netns.examining", ownFile, err}
	}
	return &Namespace{Name: "/proc/self/ns/net", ID: id, files: []string{ownFile}}, nil
}

// Find returns the namespace that spec names:
//
//   - if it has a slash, the path of a file that refers to a namespace: a bind
//     mount, or /proc/PID/ns/net. If there is no such file, and it begins with a
//     number, as in 812/nginx, the namespace of that process;
//   - else a name in /run/netns, or in /var/run/netns if the first has no such
//     name;
//   - else, if it is a number, the namespace of the process with that ID in the
//     /proc file system at proc. A name comes before a number, as in "ip link
//     set netns".
//
// Find opens the file to check that it refers to a network namespace. Any user
// may do so, except for the process of another user. Entering the namespace
// needs more privilege. The error is a *NotFoundError if the namespace does not
// exist, and an *OpError in all other cases.
func Find(proc, spec string) (*Namespace, error) {
	for _, file := range candidates(proc, spec) {
		id, err := verify(file)
		switch {
		case isGone(err):
			continue
		case err != nil:
			return nil, &OpError{"netns.opening", file, err}
		}
		name := file
		if slices.Contains(nameDirs[:], filepath.Dir(file)) {
			name = spec
		}
		return &Namespace{Name: name, PID: pidOf(proc, file), ID: id, files: []string{file}}, nil
	}
	return nil, &NotFoundError{Spec: spec, Names: offers()}
}

// offers returns the names that Find would accept. It ignores errors, because
// the caller already reports one.
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

// candidates returns the files that spec may mean, the preferred one first.
func candidates(proc, spec string) []string {
	var files []string
	switch {
	case spec == "", spec == ".", spec == "..":
		return nil
	case strings.Contains(spec, "/"):
		files = []string{spec}
		if pid, _, _ := strings.Cut(spec, "/"); pid != "" && strings.Trim(pid, "0123456789") == "" {
			files = append(files, processFile(proc, pid))
		}
		return files
	}
	for _, dir := range nameDirs {
		files = append(files, filepath.Join(dir, spec))
	}
	if strings.Trim(spec, "0123456789") == "" {
		files = append(files, processFile(proc, spec))
	}
	return files
}

// pidOf returns the id in the path of a process's namespace, or 0 if the path is
// another one.
func pidOf(proc, file string) int {
	dir := filepath.Dir(filepath.Dir(filepath.Clean(file)))
	pid, err := strconv.Atoi(filepath.Base(dir))
	if err != nil || processFile(proc, strconv.Itoa(pid)) != filepath.Clean(file) {
		return 0
	}
	return pid
}

func processFile(proc, pid string) string { return filepath.Join(proc, pid, "ns", "net") }

// All returns every namespace that has a name in /run/netns or a process in it,
// and the caller's own namespace. It reads the processes from the /proc file
// system at proc.
//
// All reads processes and not their threads. A thread that is in another
// namespace than its process is usually there only for a short time, as in Do,
// and a search of all threads would take much longer. All does not find a
// namespace that is kept alive only by an open file, a socket or a bind mount
// in another directory. Find takes the path of a bind mount in any directory.
//
// Any user may call All. The Listing says how many processes could not be read.
// A process that ends during the search is not an error, because it is no
// longer in a namespace.
func All(proc string) (*Listing, error) {
	own, err := Own()
	if err != nil {
		return nil, err
	}
	pids, err := processes(proc)
	if err != nil {
		return nil, err
	}
	s := &search{listing: &Listing{}, byID: make(map[ID]*Namespace), named: make(map[ID]bool)}
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
	named   map[ID]bool // those with a name of their own
}

// add adds a file that refers to a namespace. The first file of a namespace
// also sets its name.
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

// names adds the namespaces that have a name. If a name is in both directories,
// Find takes the file in /run/netns, so the other file gets its path as its
// name.
func (s *search) names() {
	fileOf := make(map[string]string)
	for i, dir := range nameDirs {
		if i > 0 && sameDir(dir, nameDirs[0]) {
			continue
		}
		names, err := namesIn(dir)
		if err != nil {
			s.listing.Failed = append(s.listing.Failed, &OpError{"netns.reading", dir, err})
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

// name adds the namespace to which a file in a directory of names refers.
func (s *search) name(name, file string) {
	id, err := verify(file)
	switch {
	case err == nil:
		s.add(id, name, file)
		s.named[id] = true
	case !isGone(err):
		s.listing.Failed = append(s.listing.Failed, &OpError{"netns.opening", file, err})
	}
}

// processes adds the namespaces of the given processes, whose PIDs are sorted.
// If a process ends while the kernel follows its link, the error is the same as
// for the process of another user (proc_ns_get_link, fs/proc/namespaces.c). So
// processes checks again whether the process exists before it counts it as
// unreadable.
func (s *search) processes(proc string, pids []int) {
	for _, pid := range pids {
		file := processFile(proc, strconv.Itoa(pid))
		id, err := identify(file)
		if err == nil {
			s.add(id, file, file)
			if n := s.byID[id]; n.PID == 0 && !s.named[id] {
				n.PID = pid
			}
			continue
		}
		if _, again := identify(filepath.Join(proc, strconv.Itoa(pid))); !isGone(err) && !isGone(again) {
			s.listing.Unreadable++
		}
	}
}

// processes returns the IDs of the processes that proc lists, sorted.
func processes(proc string) ([]int, error) {
	names, err := entries(proc)
	if err != nil {
		return nil, &OpError{"netns.reading", proc, err}
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

// namesIn returns the names in a directory of names, sorted. A missing
// directory has no names and is not an error.
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

// identify returns the ID of the namespace to which a file of /proc refers. It
// follows the link but does not open the namespace.
func identify(file string) (ID, error) {
	var stat unix.Stat_t
	if err := unix.Stat(file, &stat); err != nil {
		return ID{}, err
	}
	return idOf(&stat), nil
}

// verify returns the ID of the network namespace to which a file refers. The
// error is ErrNotNetwork if it refers to something else.
func verify(file string) (ID, error) {
	f, id, err := open(file)
	if err != nil {
		return ID{}, err
	}
	return id, f.Close()
}

// open opens a file that refers to a network namespace. If the file is a named
// pipe, open does not wait for a writer.
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

// isGone reports whether err means that the file or the process does not exist.
// A process that has ended but was not waited for has no namespace (netns_get,
// net/core/net_namespace.c). A process that ends while the kernel walks its
// directory gives ESRCH (proc_pid_permission, fs/proc/base.c).
func isGone(err error) bool { return errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH) }

// cause removes the operation and the file name from an error, since OpError
// has both.
func cause(err error) error {
	if pathError, ok := errors.AsType[*fs.PathError](err); ok {
		return pathError.Err
	}
	return err
}
