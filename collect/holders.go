package collect

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"

	"tcpstate/doctor"
	"tcpstate/procnet"
	"tcpstate/tcp"
)

// holders finds the processes of those sockets that findings are about, after all
// sockets have been read. It is the doctor.Owners of a Checkup.
//
// A process that has ended during the interval has closed its sockets, so the
// last reading has none of it. If it ends between that reading and the search, its
// sockets have no known process.
type holders struct {
	*Owners
	job      *job
	all      bool         // the search was for the sockets of all processes
	suspects map[int]bool // see Checkup.suspects
	cut      map[int]bool // the processes of which only the first descriptors were read
}

func newHolders(ctx context.Context, j *job) (*holders, error) {
	listeners, err := j.listeners(ctx)
	if err != nil {
		return nil, err
	}
	h := &holders{Owners: NewOwners(j.query), job: j}
	h.found, h.excused = &procnet.Owners{}, true
	h.SetListeners(listeners)
	return h, nil
}

// listenersFirst is among how many descriptors of a process a listener is looked
// for first. A server opens its listeners before it accepts connections, which may
// be some hundred thousand.
const listenersFirst = 1024

// infer sets the listener through which a socket without a file came in. Its
// processes are not known yet.
func (h *holders) infer(s *tcp.Socket) {
	if s.Owner.Inode == 0 && cameIn.Has(s.State) {
		s.Listener = h.Owners.infer(s)
	}
}

// searchAll finds the processes of all sockets.
func (h *holders) searchAll(ctx context.Context) error {
	h.all = true
	err := h.Owners.searchAll(ctx)
	h.SetListeners(h.listeners) // they now have processes
	return err
}

// search finds the processes of the wanted sockets. It reads the processes of the
// network namespace, and those of others only if a socket has no holder there. Of
// a process that holds a wanted socket, and of the others that are given, it
// finds all sockets.
func (h *holders) search(ctx context.Context, netns string, wanted *doctor.Wanted, others map[int]bool) error {
	for _, s := range wanted.Sockets {
		if s.Owner.Inode != 0 || !cameIn.Has(s.State) {
			continue
		}
		if at := h.listeners.of(s); at != nil {
			for _, inode := range at.inodes {
				wanted.Inodes[inode] = struct{}{}
			}
		}
	}
	if !h.all {
		q := procnet.OwnersQuery{Inodes: wanted.Inodes, Whole: true, Also: others, Netns: netns}
		if !wanted.Others {
			q.First = listenersFirst
		}
		err := h.keep(h.proc.Owners(ctx, q))
		if err != nil {
			return err
		}
		h.cut = make(map[int]bool)
		for _, p := range h.found.Processes() {
			if p.Cut {
				h.cut[p.PID] = true
			}
		}
	}
	if err := h.settle(ctx, h.job, wanted.Inodes); err != nil {
		return err
	}
	h.Owners.all, h.after = true, !h.all // what was not found was closed, or was hidden
	h.SetListeners(h.listeners)
	for inode := range wanted.Inodes {
		switch {
		case len(h.found.Of(inode)) > 0:
			h.known++
		case !h.count(inode):
			h.Owners.unknown++
		}
	}
	return nil
}

// Of returns the processes that hold a socket.
func (h *holders) Of(inode uint32) []tcp.Process { return h.of(inode) }

// Kernel reports whether the kernel itself serves a socket.
func (h *holders) Kernel(inode uint32) bool {
	return h.isOf(&tcp.Socket{Owner: tcp.Owner{Inode: inode}})
}

// Join sets the processes of a socket and those of its listener.
func (h *holders) Join(s *tcp.Socket) {
	h.Owners.Join(s)
	of := tcp.Socket{Processes: s.Processes}
	s.Processes = of.Clone().Processes // those of Owners are in memory that is used again
}

// Holdings yields the processes that were found, with the inodes of the sockets
// that each holds.
func (h *holders) Holdings() iter.Seq2[doctor.Process, []uint32] {
	return func(yield func(doctor.Process, []uint32) bool) {
		for p, inodes := range h.found.Sockets() {
			if !yield(doctor.Process{PID: p.PID, Name: p.Name}, inodes) {
				return
			}
		}
	}
}

// Cut reports whether only the first descriptors of a process were read.
func (h *holders) Cut(pid int) bool { return h.cut[pid] }

// attribute finds the processes that the findings are about, and adds them to the
// observation.
func (c *Checkup) attribute() error {
	o, h := c.Observation, c.holders
	wanted := o.Wanted(doctor.Rules())
	netns := c.proc.NetNamespace()
	if space := c.job.spaces[0]; space != nil {
		netns = fmt.Sprintf("net:[%d]", space.ID.Inode)
	}
	suspects, listed := c.suspects(netns)
	if c.readings == Once || !listed { // the overview shows the listeners; without a list of processes a search says why
		o.Survey.WantListeners(wanted)
	}
	h.suspects = suspects
	if err := h.search(c.ctx, netns, wanted, suspects); err != nil {
		return err
	}
	o.Attribute(wanted, h)
	o.Survey.Excuse(h.late() + h.closed)
	c.warnings.Add(h.Warnings()...)
	return nil
}

// descriptorsTried is how many descriptors are read to find out whether this user
// may read any process that holds one of the sockets.
const descriptorsTried = 4096

// suspects returns the processes of the network namespace that may be a finding
// whatever their sockets are: their descriptors are nearly used up, or they may
// hold sockets that no table lists. It reads no descriptor. If other processes may
// hold the sockets that this user may not read, it also returns some of those that
// this user may read. listed is false if there is no list of processes.
func (c *Checkup) suspects(netns string) (pids map[int]bool, listed bool) {
	o, proc := c.Observation, c.holders.proc
	loads, unreadable, err := proc.Loads(netns)
	if err != nil || len(loads)+len(unreadable) == 0 {
		return nil, false
	}
	o.LimitsRead = !c.mayBeOf(unreadable, loads)
	ended := 0
	if o.Unlisted == 0 {
		if n, known := c.proc.UnlistedSockets(); !known || o.MayHoldEnded(0, int(n)) {
			ended = holdersRead
		}
	}
	pids = make(map[int]bool)
	for i, l := range loads {
		soft, err := proc.OpenFilesLimit(l.PID)
		if err == nil && o.NearLimit(l.Open, soft) || i < ended && o.MayHoldEnded(l.PID, l.Open) {
			pids[l.PID] = true
		}
	}
	if !o.LimitsRead { // the limits of one holder at least must be read: see doctor.NeedLimits
		tried := 0
		for _, l := range slices.Backward(loads) {
			if tried += l.Open; tried > descriptorsTried {
				break
			}
			pids[l.PID] = true
		}
	}
	return pids, true
}

// otherSuspects returns the suspects that are not among the processes with the most
// sockets. A suspect that holds none of the sockets is one of them only if it holds
// TCP sockets that no table lists: a client may have leaked all of its sockets, and
// then it has used up its descriptors for nothing that a list shows.
func (c *Checkup) otherSuspects(proc *procnet.Proc) (list []doctor.Process) {
	if c.holders == nil {
		return nil
	}
	o := c.Observation
	first := make(map[int]bool)
	for _, p := range o.Survey.Holders(holdersRead) {
		first[p.PID] = true
	}
	for _, p := range c.holders.found.Processes() {
		if !c.holders.suspects[p.PID] || first[p.PID] {
			continue
		}
		first[p.PID] = true
		if o.Survey.Holds(p.PID) || c.selectsAll() && o.MayHoldEnded(p.PID, len(proc.TCPSockets(p.PID, descriptorsTried, false))) {
			list = append(list, doctor.Process{PID: p.PID, Name: p.Name})
		}
	}
	slices.SortFunc(list, func(a, b doctor.Process) int { return cmp.Compare(a.PID, b.PID) })
	return list
}

// selectsAll reports whether the query selects all sockets, so that a socket that
// the survey has not seen is in no table.
func (c *Checkup) selectsAll() bool {
	q := c.job.query
	return q.States == tcp.All && len(q.Families) != 1 && q.Filter.String() == ""
}

// mayBeOf reports whether some of the sockets may be held by processes that this
// user may not read. That is so for the sockets of a user who has such processes,
// or no other ones.
func (c *Checkup) mayBeOf(unreadable, readable []procnet.Load) bool {
	has := func(uid uint32) func(procnet.Load) bool {
		return func(l procnet.Load) bool { return l.UID == tcp.Known(uid) }
	}
	for uid := range c.Observation.Survey.Users() {
		if len(unreadable) > 0 && (slices.ContainsFunc(unreadable, has(uid)) || !slices.ContainsFunc(readable, has(uid))) {
			return true
		}
	}
	return false
}
