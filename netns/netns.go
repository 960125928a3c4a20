// Package netns finds the network namespaces of this host, names them, and runs
// work inside one (network_namespaces(7), ip-netns(8)).
//
// A namespace has no name of its own. People give it one with "ip netns add":
// a file in /run/netns on which the namespace is mounted. One without such a
// file is known by a process that lives in it, as /proc/PID/ns/net. Either is
// what [Namespace.Name] holds and what [Find] takes, so a name that was printed
// can be asked for.
//
// It needs Linux 4.11 (NS_GET_NSTYPE, ioctl_nsfs(2)). Elsewhere every function
// returns an error.
package netns

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
)

// Namespace is a network namespace that was found. It holds nothing open: the
// namespace may end meanwhile, and Do then says so.
type Namespace struct {
	// Name is its name in /run/netns, the first by the alphabet where it has
	// several. Else it is the file that stands for it: the one that was asked
	// for, or /proc/PID/ns/net of process 1 if that lives in it, else
	// /proc/self/ns/net for the reader's own, else of the lowest PID of the
	// processes in it that this user may look at. It is data from outside: the
	// name of a file may hold any character.
	Name string

	ID ID

	files []string // that stand for it, the best first; see maxFiles
}

// ID tells namespaces apart while they live. The kernel gives the number of one
// that has ended to another.
type ID struct {
	Device uint64 // of the kernel's file system of namespaces
	Inode  uint64 // as in "net:[4026531840]", which readlink says of /proc/PID/ns/net
}

// Listing is what All has found, and what stood in the way of finding more.
type Listing struct {
	// Namespaces holds each once: the reader's own, then those with a name by
	// their names, then the others by the lowest PID in them.
	Namespaces []*Namespace

	// Unreadable counts the processes whose namespace this user may not see:
	// those of other users without CAP_SYS_PTRACE, kernel threads among them
	// (PTRACE_MODE_READ_FSCREDS, namespaces(7)).
	Unreadable int

	// Hidden says that not even all processes are listed, for process 1 is not:
	// the mount option hidepid=2 of /proc.
	Hidden bool

	// Failed has an *OpError for each file of /run/netns that is no network
	// namespace, as an interrupted "ip netns" leaves them, or may not be
	// opened, and for the directory where that may not be read.
	Failed []error
}

// Causes within an *OpError.
var (
	// ErrGone is that a namespace has ended, or has lost the name or all the
	// processes that it was found by.
	ErrGone = errors.New("it is gone")

	// ErrNotNetwork is that a file stands for no network namespace.
	ErrNotNetwork = errors.New("it is not a network namespace")
)

// OpError is what could not be done with a namespace or its file.
type OpError struct {
	Op   string // "entering network namespace", "opening"
	Name string // of the namespace, or of the file
	Err  error  // ErrGone, ErrNotNetwork, or what the kernel said
}

func (e *OpError) Error() string { return fmt.Sprintf("%s %q: %v", e.Op, e.Name, e.Err) }

func (e *OpError) Unwrap() error { return e.Err }

// Hint says which privilege was lacking, if one was.
func (e *OpError) Hint() string {
	if !errors.Is(e.Err, fs.ErrPermission) {
		return ""
	}
	return "run as root: entering another network namespace needs CAP_SYS_ADMIN, and finding that of another user's process needs CAP_SYS_PTRACE"
}

// NotFoundError is that nothing is what Find was asked for.
type NotFoundError struct {
	Spec  string
	Names []string // in /run/netns, of those that would be found, sorted
}

func (e *NotFoundError) Error() string { return fmt.Sprintf("no network namespace %q", e.Spec) }

// Hint lists the names that there are, or the first of them.
func (e *NotFoundError) Hint() string {
	const enough = 20
	if len(e.Names) == 0 {
		return "no network namespace has a name here (in /run/netns); the path of one or the id of a process in it will do"
	}
	var shown []string
	for _, name := range e.Names[:min(len(e.Names), enough)] {
		if quoted := strconv.Quote(name); quoted != `"`+name+`"` || strings.ContainsAny(name, " ,;") {
			name = quoted
		}
		shown = append(shown, name)
	}
	list := strings.Join(shown, ", ")
	if more := len(e.Names) - enough; more > 0 {
		list += fmt.Sprintf(" and %d more", more)
	}
	return "the names here are " + list + "; the path of a network namespace or the id of a process in it will do too"
}
