package procnet

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"maps"
	"path"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"

	"tcpstate/tcp"
)

// OwnersQuery says which sockets to find holders of, and which details to read.
type OwnersQuery struct {
	// Inodes are the sockets in question, by the inodes of tcp.Owner. Nil
	// requests every socket that a process holds, TCP or not. An empty map
	// requests none, and then nothing is read, or only Also.
	Inodes map[uint32]struct{}

	// Whole requests all sockets of each process that holds one of Inodes. Also
	// requests all sockets of the processes with these ids.
	Whole bool
	Also  map[int]bool

	// First is for sockets that a program opens early, such as listeners. If it is
	// not 0, only so many descriptors of each process are read, and the others only
	// if one of Inodes has no holder among the first. So a further holder that opened
	// the socket late is not found. It has no effect without Inodes, or on Also.
	First int

	// Netns is a network namespace, as NetNamespace names it. Its processes are
	// read first. The others are read only if one of Inodes has no holder among
	// them. So a holder in another network namespace is not found if the socket
	// has one in this. "" means that all processes are read.
	Netns string

	// Details requests UID, Exe and Cmdline of each process that holds a
	// socket. The kernel reads Cmdline from the process's memory. If access to
	// that memory blocks (for example on a network file system that does not
	// answer), the reader waits, as ps(1) does.
	Details bool
}

// Process is a process that holds a socket. Its texts are the bytes from the
// kernel. A process can choose these texts itself, so they may contain control
// characters.
type Process struct {
	PID  int    // thread group id, in the pid namespace of the /proc that was read
	Name string // comm of its first thread: 15 bytes at most, may be empty
	Open int    // number of its open descriptors, for files of all kinds
	Cut  bool   // only the first OwnersQuery.First of them were read, so Open counts no more

	// Set with OwnersQuery.Details, if they could be read.
	UID     tcp.Optional[uint32] // effective user id, in the reader's user namespace
	Exe     string               // the file it runs, with " (deleted)" appended if the file was removed
	Cmdline []string             // its arguments; if the process wrote a title over them, the title is the first
}

// Holder is one descriptor of a process on a socket.
type Holder struct {
	*Process        // shared by all descriptors of the process
	FD       int32  // its descriptor number
	Inode    uint32 // of the socket
}

// Owners are the holders of sockets, and counts of what could not be read.
type Owners struct {
	holders []Holder // sorted by inode, pid, descriptor
	cut     []int    // processes of which only the first descriptors were read

	// Unreadable counts the processes whose descriptors this user may not read:
	// without CAP_SYS_PTRACE these are the processes of other users, including
	// kernel threads.
	Unreadable int

	// Vanished counts the processes that ended while they were read. They no
	// longer hold sockets. In a recorded /proc these are processes whose files
	// are missing.
	Vanished int

	// Hidden reports that /proc does not list all processes, because process 1
	// is missing: every pid namespace has one. The mount option hidepid=2 hides
	// processes from users without privileges.
	Hidden bool

	// Empty reports that the directory lists no process at all: it is not a /proc,
	// or none is mounted there.
	Empty bool
}

// Complete reports whether the descriptors of all processes in /proc were read. A
// /proc shows the processes of one pid namespace: see ShowsAllProcesses.
func (o *Owners) Complete() bool { return o.Unreadable == 0 && !o.Hidden }

// Add adds the holders that another search of the same /proc found: for other
// sockets, or among other processes.
func (o *Owners) Add(other *Owners) {
	o.holders = append(o.holders, other.holders...)
	o.cut = append(o.cut, other.cut...)
	slices.SortFunc(o.holders, byInode)
}

func byInode(a, b Holder) int {
	return cmp.Or(cmp.Compare(a.Inode, b.Inode), cmp.Compare(a.PID, b.PID), cmp.Compare(a.FD, b.FD))
}

// Of returns all holders of a socket, sorted by pid and descriptor. A socket
// has several holders after a fork, after a descriptor was passed over a
// UNIX-domain socket, and after a dup within a process. If the result is empty,
// no holder could be seen. The slice is part of o; do not change it.
func (o *Owners) Of(inode uint32) []Holder {
	from, found := slices.BinarySearchFunc(o.holders, inode, func(h Holder, inode uint32) int { return cmp.Compare(h.Inode, inode) })
	if !found {
		return nil
	}
	to := from + 1
	for to < len(o.holders) && o.holders[to].Inode == inode {
		to++
	}
	return o.holders[from:to:to]
}

// Processes returns every process that holds one of the sockets, in no
// particular order.
func (o *Owners) Processes() []*Process {
	var list []*Process
	known := make(map[*Process]bool)
	var last *Process
	for i := range o.holders {
		if p := o.holders[i].Process; p != last && !known[p] {
			known[p] = true
			list = append(list, p)
		}
		last = o.holders[i].Process
	}
	return list
}

// Sockets returns the inodes of the sockets that each process holds, as far as
// the query requested them. An inode comes as often as the process has
// descriptors for it.
func (o *Owners) Sockets() map[*Process][]uint32 {
	of := make(map[*Process][]uint32)
	for i := range o.holders {
		h := &o.holders[i]
		of[h.Process] = append(of[h.Process], h.Inode)
	}
	return of
}

// Len returns the number of descriptors of sockets that were found.
func (o *Owners) Len() int { return len(o.holders) }

// Owners finds the processes that hold the sockets in question. A socket's
// inode is unique among all network namespaces, and any process in any of them
// may hold the socket. So Owners reads every descriptor of every visible
// process that the query does not exclude. Of a process that holds none of the
// sockets, it reads nothing else, or with Whole only the name.
//
// Any user may call it. The result has the processes that ptrace(2) allows this
// user to read (PTRACE_MODE_READ_FSCREDS, proc_pid_fd(5)). Processes that end
// during the search or may not be read are counted in the result; they are not
// an error. An error is the cause from ctx, or a *ReadError for a failure that
// a /proc should never have.
//
// The threads of a process share their descriptors, so Owners reads them once,
// from the first thread. If the first thread has ended before the others, it
// reads them from one of the others. Only in that case does it read the
// descriptors of a thread that stopped sharing them with unshare(CLONE_FILES).
// A socket that no process has open has no holder: a socket on its way through
// a UNIX-domain socket, or a socket of the kernel itself.
//
// The list does not show a single moment, but each entry was true at some
// moment: then the process with that name had that descriptor for that socket.
// If a process changes its name during every attempt to read it, it gets one of
// its names.
func (p *Proc) Owners(ctx context.Context, q OwnersQuery) (*Owners, error) {
	if q.Inodes != nil && len(q.Inodes) == 0 {
		if len(q.Also) == 0 {
			return &Owners{}, nil
		}
		found, err := p.search(ctx, q, slices.Sorted(maps.Keys(q.Also)))
		if err != nil {
			return nil, err
		}
		found.Hidden, found.Empty = false, false // of that nothing was read
		return found, nil
	}
	pids, err := p.processes()
	if err != nil {
		return nil, err
	}
	if q.Netns == "" || q.Inodes == nil {
		return p.searchFirst(ctx, q, pids)
	}
	inside, outside := p.divide(pids, q.Netns)
	found, err := p.searchFirst(ctx, q, inside)
	if err != nil {
		return nil, err
	}
	if len(outside) > 0 && !found.have(q.Inodes) {
		others, err := p.searchFirst(ctx, q, outside)
		if err != nil {
			return nil, err
		}
		found.Add(others)
		found.Unreadable += others.Unreadable
		found.Vanished += others.Vanished
	}
	found.Hidden, found.Empty = !slices.Contains(pids, 1), len(pids) == 0
	return found, nil
}

// divide separates the processes in a network namespace from the others. A
// process of which that is not known counts as one in the namespace.
func (p *Proc) divide(pids []int, netns string) (inside, outside []int) {
	for _, pid := range pids {
		if of, err := p.netnsOf(pid); err == nil && of != netns {
			outside = append(outside, pid)
		} else {
			inside = append(inside, pid)
		}
	}
	return inside, outside
}

// have reports whether each of the sockets has a holder.
func (o *Owners) have(inodes map[uint32]struct{}) bool {
	for inode := range inodes {
		if len(o.Of(inode)) == 0 {
			return false
		}
	}
	return true
}

// searchFirst reads processes, and reads those again of which it has read the
// first descriptors only, if a socket has no holder.
func (p *Proc) searchFirst(ctx context.Context, q OwnersQuery, pids []int) (*Owners, error) {
	found, err := p.search(ctx, q, pids)
	if err != nil || len(found.cut) == 0 || found.have(q.Inodes) {
		return found, err
	}
	q.First = 0
	again, err := p.search(ctx, q, found.cut)
	if err != nil {
		return nil, err
	}
	found.holders = slices.DeleteFunc(found.holders, func(h Holder) bool { return h.Cut })
	found.cut = nil
	found.Add(again)
	return found, nil
}

// search reads processes with as many workers as there are processors.
func (p *Proc) search(ctx context.Context, q OwnersQuery, pids []int) (*Owners, error) {
	o, err := p.owners(ctx, q, pids, runtime.GOMAXPROCS(0))
	if errors.Is(err, syscall.EMFILE) {
		// Each worker has up to three files open. One may still have enough.
		return p.owners(ctx, q, pids, 1)
	}
	return o, err
}

// owners divides the processes among workers.
func (p *Proc) owners(ctx context.Context, q OwnersQuery, pids []int, workers int) (*Owners, error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	scans := make([]scan, min(workers, len(pids)))
	var taken atomic.Int64
	var group sync.WaitGroup
	for i := range scans {
		scans[i].query = q
		group.Go(func() {
			if err := scans[i].run(ctx, p, pids, &taken); err != nil {
				stop(err)
			}
		})
	}
	group.Wait()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}

	o := &Owners{Hidden: !slices.Contains(pids, 1), Empty: len(pids) == 0}
	for i := range scans {
		o.holders = append(o.holders, scans[i].holders...)
		o.cut = append(o.cut, scans[i].cut...)
		o.Unreadable += scans[i].unreadable
		o.Vanished += scans[i].vanished
	}
	slices.SortFunc(o.holders, byInode)
	return o, nil
}

// ShowsAllProcesses reports whether /proc is that of the first pid namespace of its
// host, which has the processes of all others too. The namespace is that of process
// 1, whose link only a privileged user may read; its inode is constant
// (PROC_PID_INIT_INO in include/linux/proc_ns.h). known is false if the link cannot
// be read, as in a recorded /proc.
func (p *Proc) ShowsAllProcesses() (all, known bool) {
	link, err := fs.ReadLink(p.FS, "1/ns/pid")
	return link == "pid:[4026531836]", err == nil
}

// processes returns the ids of all processes in the list.
func (p *Proc) processes() ([]int, error) {
	t, err := p.openTree()
	if err != nil {
		return nil, err
	}
	defer t.close()
	return t.numbers(".")
}

// tree reads a /proc for one worker. There are two implementations: fsTree
// reads any fs.FS; rawTree, on Linux, reads a real /proc and is faster. Errors
// are *ReadError.
type tree interface {
	// numbers returns the entries of a directory that are numbers.
	numbers(dir string) ([]int, error)

	// open opens the descriptors of a thread. One table is open at a time.
	open(pid, tid int) (fdTable, error)

	// sized reports whether the size of a directory PID/fd can be the number of
	// descriptors (proc_fd_getattr in fs/proc/fd.c). A recorded directory has the
	// size that its file system gives it.
	sized() bool

	close()
}

// fdTable is the open descriptors of a thread, and the files of its process. On
// a real /proc it refers to the thread itself and not to its number: after the
// thread has ended every call fails, even if a new thread has the same number.
type fdTable interface {
	// sockets calls visit for each descriptor of a socket until visit fails, among
	// the first so many descriptors; 0 means all. It returns the number of these
	// descriptors, of sockets or not.
	sockets(first int, visit func(fd int32, inode uint32) error) (int, error)

	// socket returns the inode of the socket that a descriptor refers to, or 0
	// if the descriptor is closed or refers to something else.
	socket(fd int32) (uint32, error)

	// read returns the content of a file in the process's directory. link
	// returns the target of a symbolic link there.
	read(name string) (string, error)
	link(name string) (string, error)

	// path returns the full path of a file of the process, for messages.
	path(name string) string

	close()
}

// scan is the state of one worker.
type scan struct {
	query                OwnersQuery
	tree                 tree
	holders              []Holder
	cut                  []int
	unreadable, vanished int
}

// run reads processes that no other worker has taken, one after the other.
func (s *scan) run(ctx context.Context, p *Proc, pids []int, taken *atomic.Int64) (err error) {
	if s.tree, err = p.openTree(); err != nil {
		return err
	}
	defer s.tree.close()
	for {
		i := int(taken.Add(1)) - 1
		if i >= len(pids) {
			return nil
		}
		if err := s.process(ctx, pids[i]); err != nil {
			return err
		}
	}
}

// attempts is how often a process is read if its name changes while it is read.
// The name changes when the process executes another program, which few
// processes do twice in a row.
const attempts = 4

// process adds the sockets that a process holds. If the name changed while the
// process was read, the process may have run another program when a descriptor
// was read than when the name was read. Then process reads everything again.
func (s *scan) process(ctx context.Context, pid int) error {
	before := len(s.holders)
	for range attempts {
		if err := ctx.Err(); err != nil {
			return err
		}
		s.holders = s.holders[:before]
		settled, err := s.threads(ctx, pid)
		switch {
		case isGone(err):
			s.vanished++
		case errors.Is(err, fs.ErrPermission):
			s.unreadable++
		case err != nil:
			return err
		case !settled:
			continue
		default:
			return nil
		}
		s.holders = s.holders[:before]
		return nil
	}
	return nil
}

// threads reads the descriptors of a process's first thread. If that thread has
// ended before the others, it has no descriptors, and for users without
// privileges it seems to belong to another user (task_dump_owner,
// fs/proc/base.c). Then threads reads the descriptors of the next thread that
// has any. settled is the same as for thread.
func (s *scan) threads(ctx context.Context, pid int) (settled bool, err error) {
	seen, settled, first := s.thread(ctx, pid, pid)
	if seen > 0 || first != nil && !errors.Is(first, fs.ErrPermission) {
		return settled, first
	}
	tids, err := s.tree.numbers(path.Join(strconv.Itoa(pid), "task"))
	if err != nil {
		return false, err
	}
	for _, tid := range tids {
		if tid == pid {
			continue
		}
		seen, settled, err = s.thread(ctx, pid, tid)
		if seen > 0 || err != nil && !isGone(err) {
			return settled, err
		}
	}
	return true, first
}

// thread adds the sockets in question that a thread holds. It returns the
// number of all descriptors of the thread, and whether the process had the same
// name from before the first socket was found until after the last.
//
// If the name is the same before and after, thread does not need to read each
// descriptor twice: everything between the two readings belongs to the process
// with that name. Only the first descriptor was read before the name, so it is
// read again.
func (s *scan) thread(ctx context.Context, pid, tid int) (seen int, settled bool, err error) {
	t, err := s.tree.open(pid, tid)
	if err != nil {
		return 0, false, err
	}
	defer t.close()
	var process *Process
	before, also := len(s.holders), s.query.Also[pid]
	inQuestion := s.query.Inodes == nil || also
	first := s.query.First
	if inQuestion {
		first = 0
	}
	seen, err = t.sockets(first, func(fd int32, inode uint32) error {
		if s.query.Inodes != nil {
			_, wanted := s.query.Inodes[inode]
			if !wanted && !s.query.Whole && !also {
				return nil
			}
			inQuestion = inQuestion || wanted
		}
		if process == nil {
			if process, err = describe(t, pid, s.query.Details); err != nil {
				return err
			}
			if again, err := t.socket(fd); err != nil || again != inode {
				return err
			}
		}
		s.holders = append(s.holders, Holder{Process: process, FD: fd, Inode: inode})
		if len(s.holders)%4096 == 0 {
			return ctx.Err() // a process may hold a million sockets
		}
		return nil
	})
	cut := first > 0 && seen >= first
	if cut && err == nil && !slices.Contains(s.cut, pid) {
		s.cut = append(s.cut, pid)
	}
	if err != nil || process == nil {
		return seen, true, err
	}
	if !inQuestion {
		s.holders = s.holders[:before]
		return seen, true, nil
	}
	process.Open, process.Cut = seen, cut
	name, err := readName(t)
	return seen, name == process.Name, err
}
