// Package netns finds the network namespaces of this host, gives each a name,
// and runs functions inside one (network_namespaces(7), ip-netns(8)).
//
// The kernel gives a namespace no name. "ip netns add" gives it one: a file in
// /run/netns on which the namespace is mounted. A namespace without such a file
// is named after a process in it, as /proc/PID/ns/net. [Namespace.Name] holds
// one of the two, and [Find] takes both, so a user can pass a printed name
// back.
//
// It needs Linux 4.11 (NS_GET_NSTYPE, ioctl_nsfs(2)). Elsewhere every function
// returns an error.
package netns

import (
	"errors"
	"io/fs"
	"strconv"
	"strings"

	"tcpstate/wording"
)

// Namespace is a network namespace that was found. It keeps no file open, so
// the namespace may end later. Do then returns an error with the cause ErrGone.
type Namespace struct {
	// Name is the name in /run/netns, the first in alphabetical order if there
	// are several. A namespace without a name there has a file as its name.
	// That is the path that was passed to Find, else /proc/1/ns/net if process
	// 1 is in the namespace, else /proc/self/ns/net for the caller's own
	// namespace, else /proc/PID/ns/net with the lowest PID of the processes in
	// it that this user may see. Name is data from outside: a file name may
	// hold any character.
	Name string

	// PID is the lowest id of the processes in it that this user may see. It is 0 if
	// the namespace has a name of its own, or if no process is known.
	PID int

	ID ID

	files []string // the files that refer to it, the best first; see maxFiles
}

// ID identifies a namespace while it exists. The kernel may give the number of
// a namespace that has ended to a new one.
type ID struct {
	Device uint64 // of the kernel's file system of namespaces
	Inode  uint64 // as in "net:[4026531840]", the target of the link /proc/PID/ns/net
}

// Listing is the result of All: the namespaces found, and the reasons why some
// may be missing.
type Listing struct {
	// Namespaces holds each namespace once: first the caller's own, then those
	// with a name, sorted by name, then the others, sorted by the lowest PID in
	// each.
	Namespaces []*Namespace

	// Unreadable counts the processes whose namespace this user may not see.
	// Without CAP_SYS_PTRACE these are the processes of other users, including
	// kernel threads (PTRACE_MODE_READ_FSCREDS, namespaces(7)).
	Unreadable int

	// Hidden is true if /proc does not list all processes. The sign of that is
	// that process 1 is missing, as with the mount option hidepid=2.
	Hidden bool

	// Failed has an *OpError for each file of /run/netns that is not a network
	// namespace or that this user may not open, and for the directory itself if
	// this user may not read it. An interrupted "ip netns" leaves files that
	// are not namespaces.
	Failed []error
}

// Causes in an *OpError.
var (
	// ErrGone is that a namespace has ended, or has lost the name or all the
	// processes that it was found by.
	ErrGone = error(wording.Fail("netns.gone"))

	// ErrNotNetwork is that a file stands for no network namespace.
	ErrNotNetwork = error(wording.Fail("netns.not-network"))
)

// OpError reports an operation on a namespace or its file that failed.
type OpError struct {
	Op   string // the key of what was being done: "netns.entering", "netns.opening"
	Name string // of the namespace, or of the file
	Err  error  // ErrGone, ErrNotNetwork, or the error of the kernel
}

func (e *OpError) Error() string { return e.Message().String() }

// Message returns the sentence.
func (e *OpError) Message() wording.Message {
	return wording.Say(e.Op, "name", e.Name, "cause", e.Err)
}

func (e *OpError) Unwrap() error { return e.Err }

// Hint names the missing privilege. It is empty if the cause is another one.
func (e *OpError) Hint() wording.Message {
	if !errors.Is(e.Err, fs.ErrPermission) {
		return wording.Message{}
	}
	return wording.Say("netns.privilege")
}

// NotFoundError reports that Find found no namespace for its argument.
type NotFoundError struct {
	Spec  string
	Names []string // the names in /run/netns that Find would accept, sorted
}

func (e *NotFoundError) Error() string { return e.Message().String() }

// Message returns the sentence.
func (e *NotFoundError) Message() wording.Message { return wording.Say("netns.none", "name", e.Spec) }

// Hint lists the names on this host, up to the first 20.
func (e *NotFoundError) Hint() wording.Message {
	const enough = 20
	if len(e.Names) == 0 {
		return wording.Say("netns.none.unnamed")
	}
	var shown []string
	for _, name := range e.Names[:min(len(e.Names), enough)] {
		if quoted := strconv.Quote(name); quoted != `"`+name+`"` || strings.ContainsAny(name, " ,;") {
			name = quoted
		}
		shown = append(shown, name)
	}
	if more := len(e.Names) - enough; more > 0 {
		return wording.Say("netns.none.more-names", "names", shown, "n", more)
	}
	return wording.Say("netns.none.names", "names", shown)
}
