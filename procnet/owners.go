package procnet

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"path"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"

	"tcpstate/tcp"
)

// OwnersQuery says whose holders are wanted, and how much of each.
type OwnersQuery struct {
	// Inodes are the sockets in question, named as in tcp.Owner. Nil asks for
	// every socket that a process holds, be it of TCP or not. An empty map asks
	// for none, and then nothing is read.
	Inodes map[uint32]struct{}

	// Details asks for UID, Exe and Cmdline of each process that holds one.
	// The kernel reads Cmdline out of the process's memory, so a process whose
	// memory hangs (on a dead network file system, for one) makes the reader
	// wait, as it does ps(1).
	Details bool
}

// Process is a process that holds a socket. Its texts are the bytes that the
// kernel gives: a process chooses them itself, control characters included.
type Process struct {
	PID  int    // the thread group's, as seen from the pid namespace of the /proc that was read
	Name string // comm of its first thread: 15 bytes at most, may be empty
	Open int    // descriptors that it has open, of files of all kinds

	// With OwnersQuery.Details, where they could be read.
	UID     tcp.Optional[uint32] // effective user id, as seen from the reader's user namespace
	Exe     string               // the file it runs, with " (deleted)" after it where that is gone
	Cmdline []string             // its arguments; a process that wrote a title over them has it as the first
}

// Holder is one descriptor of a process on a socket.
type Holder struct {
	*Process        // one for all that the process holds
	FD       int32  // its number
	Inode    uint32 // of the socket
}

// Owners are the holders of sockets, and what stood in the way of finding all.
type Owners struct {
	holders []Holder // sorted by inode, pid, descriptor

	// Unreadable counts the processes whose descriptors this user may not see:
	// those of other users without CAP_SYS_PTRACE, kernel threads among them.
	Unreadable int

	// Vanished counts the processes that ended while they were read. They held
	// nothing any more; in a recorded /proc they lack files.
	Vanished int

	// Hidden says that not even all processes are listed, for process 1 is not:
	// every pid namespace has one. The mount option hidepid=2 does that to
	// users without privileges.
	Hidden bool
}

// Of returns the holders of a socket by pid and descriptor, all of them: after
// a fork, after a descriptor was passed over a UNIX-domain socket, and after a
// dup within a process there are several. None is no holder that could be
// seen. The slice is a part of o and not to be changed.
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

// Processes returns every process that holds one of the sockets, in no order.
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

// Len returns how many descriptors on sockets were found.
func (o *Owners) Len() int { return len(o.holders) }

// Owners finds the processes that hold the sockets in question. A socket's
// inode is unique among all network namespaces, and any process of any of them
// may hold it, so every descriptor of every process that can be seen is looked
// at; but of a process that holds none of the sockets, nothing else is read.
//
// Any user may ask, and is told of the processes that ptrace(2) would let them
// read (PTRACE_MODE_READ_FSCREDS, proc_pid_fd(5)). Processes that end meanwhile
// or may not be read are counted in the result and are no error. An error is
// what ctx says, or a *ReadError for what no /proc should do.
//
// The threads of a process share its descriptors, which are therefore read
// once, of the first thread; where that has ended before the others, of one of
// them. A thread that parted from the others with unshare(CLONE_FILES) is
// looked at in that case only. A socket that nobody has open is held by no
// process: one on its way through a UNIX-domain socket, or the kernel's own.
//
// The list is not one moment's, but each entry was true at one: at that moment
// the process of that name had that descriptor on that socket. A process that
// never keeps a name for as long as it is read is given one of its names.
func (p *Proc) Owners(ctx context.Context, q OwnersQuery) (*Owners, error) {
	if q.Inodes != nil && len(q.Inodes) == 0 {
		return &Owners{}, nil
	}
	pids, err := p.processes()
	if err != nil {
		return nil, err
	}
	return p.owners(ctx, q, pids, runtime.GOMAXPROCS(0))
}

// owners shares the processes among workers.
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

	o := &Owners{Hidden: !slices.Contains(pids, 1)}
	for i := range scans {
		o.holders = append(o.holders, scans[i].holders...)
		o.Unreadable += scans[i].unreadable
		o.Vanished += scans[i].vanished
	}
	slices.SortFunc(o.holders, func(a, b Holder) int {
		return cmp.Or(cmp.Compare(a.Inode, b.Inode), cmp.Compare(a.PID, b.PID), cmp.Compare(a.FD, b.FD))
	})
	return o, nil
}

// processes returns the ids of all processes that are listed.
func (p *Proc) processes() ([]int, error) {
	t, err := p.openTree()
	if err != nil {
		return nil, err
	}
	defer t.close()
	return t.numbers(".")
}

// tree is a /proc as one worker reads it. There are two: fsTree reads any
// fs.FS, and rawTree, on Linux, what is really a /proc, faster. Errors are
// *ReadError.
type tree interface {
	// numbers returns the entries of a directory that are numbers.
	numbers(dir string) ([]int, error)

	// open opens the descriptors of a thread. One table is open at a time.
	open(pid, tid int) (fdTable, error)

	close()
}

// fdTable is the descriptors of a thread, and the files beside them. On a real
// /proc it is bound to the thread itself and not to its number: once that is
// gone everything fails, even if a new one has been given the number.
type fdTable interface {
	// sockets calls visit for each descriptor on a socket until it fails, and
	// returns how many descriptors there are, be they on sockets or not.
	sockets(visit func(fd int32, inode uint32) error) (int, error)

	// socket returns the inode of the socket that a descriptor is on, 0 where
	// it is closed or on something else.
	socket(fd int32) (uint32, error)

	// read and link return a file of the process's directory, whole, and
	// where a symbolic link leads.
	read(name string) (string, error)
	link(name string) (string, error)

	// path returns the name under which people find a file of the process.
	path(name string) string

	close()
}

// scan is the work of one worker.
type scan struct {
	query                OwnersQuery
	tree                 tree
	holders              []Holder
	unreadable, vanished int
}

// run reads one process after the other of those that no worker has taken.
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

// attempts is how often a process is read that changes its name meanwhile: it
// executes another program, a thing that few do twice in a row.
const attempts = 4

// process adds what a process holds. If it did not keep its name throughout,
// another program may have run when a descriptor was seen than when the name
// was read, and all is read again.
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

// threads reads the descriptors of a process's first thread. One that has ended
// before the others has none, and to users without privileges seems to be
// another user's (task_dump_owner, fs/proc/base.c); then those of the next
// thread that has any are read. settled is as of thread.
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

// thread adds what a thread holds of the sockets in question. It returns the
// number of all its descriptors, and whether the process bore one name from
// before the first socket was found until after the last.
//
// That makes a second look at every descriptor needless: what was seen between
// two equal names was seen of the process of that name. Only the first one was
// seen before its process was known, and is looked at again.
func (s *scan) thread(ctx context.Context, pid, tid int) (seen int, settled bool, err error) {
	t, err := s.tree.open(pid, tid)
	if err != nil {
		return 0, false, err
	}
	defer t.close()
	var process *Process
	seen, err = t.sockets(func(fd int32, inode uint32) error {
		if s.query.Inodes != nil {
			if _, wanted := s.query.Inodes[inode]; !wanted {
				return nil
			}
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
			return ctx.Err() // a process may hold a million
		}
		return nil
	})
	if err != nil || process == nil {
		return seen, true, err
	}
	process.Open = seen
	name, err := readName(t)
	return seen, name == process.Name, err
}
