package collect

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"tcpstate/procnet"
	"tcpstate/tcp"
	"tcpstate/wording"
)

// Owners knows which processes hold sockets, and through which listener a
// connection came in that no process holds.
//
// A listing uses it once, while the sockets pass. Code that follows sockets keeps
// it up to date from reading to reading: Begin, See for each socket, Recheck,
// Search. It then searches /proc only for new sockets, and for sockets of which a
// holder has ended or runs another program now. It does not notice a descriptor
// that was passed to another process while its first holder still runs: only a
// search for all sockets in all processes would show it. It keeps about 200 bytes
// for a socket that one process holds.
type Owners struct {
	proc      *procnet.Proc
	details   bool       // also the user, file and arguments of each process
	users     *userNames // nil: the user names of the processes are not needed
	listeners *Listeners
	inferred  map[*listener]*tcp.Listener // what sockets get, one for each listener

	// found is the result of the last search of /proc: for all sockets if all is
	// set, else for those that were wanted.
	found *procnet.Owners
	all   bool

	// failed is why the last search found nothing, where it could not be made: there
	// is no /proc, or too few descriptors are free. The sockets then have no known
	// processes. It is an error only if the filter depends on them.
	failed error
	judges bool

	// A listing joins each socket with what is in found, in memory that is reused
	// for each socket.
	space          []tcp.Process
	fds            []int
	known, unknown int  // sockets with a file, with and without a known process
	excused        bool // no warning about sockets that were opened after the search
	after          bool // the sockets were read before the search
	unowned

	// Code that follows sockets keeps what was found for each.
	held      map[uint32]*holding // by inode; nil: nothing is kept
	wanted    map[uint32]struct{} // inodes to search for
	searching map[uint32]struct{} // inodes for which a search runs
	names     map[int]string      // of the processes that were found, by process id
	tick      uint32
	seen      int // inodes seen in this tick, among held
}

// holding is the processes that hold a socket, none if this user can see none.
type holding struct {
	processes []tcp.Process
	seen      uint32 // the tick
	searches  int    // that found no process; the second is for a socket that was there all along
}

// NewOwners returns the owners of a query's sockets. None is known yet.
func NewOwners(q Query) *Owners {
	if q.Proc == "" {
		q.Proc = DefaultProc
	}
	o := &Owners{proc: procnet.Open(q.Proc), details: q.Detail.Has(tcp.DetailCommands), judges: q.Filter != nil && q.judgesOwners()}
	if o.details && q.ofThisHost() {
		o.users = &userNames{}
	}
	return o
}

// SetListeners sets the listeners from which Join infers through which one a
// connection came in. It forgets what was inferred before.
func (o *Owners) SetListeners(l *Listeners) {
	o.listeners = l
	o.inferred = make(map[*listener]*tcp.Listener)
}

// Begin begins a tick. It forgets the sockets that were not seen in the last tick.
// Their owners were still needed then, for the events that report them as closed.
func (o *Owners) Begin() {
	if o.held == nil {
		o.held, o.wanted, o.names = make(map[uint32]*holding), make(map[uint32]struct{}), make(map[int]string)
	}
	if o.seen < len(o.held) {
		for inode, h := range o.held {
			if h.seen != o.tick {
				delete(o.held, inode)
			}
		}
	}
	o.tick++
	o.seen = 0
}

// See notes a socket's inode and reports whether its holders are known.
func (o *Owners) See(inode uint32) bool {
	h := o.held[inode]
	if h == nil {
		if _, runs := o.searching[inode]; !runs {
			o.wanted[inode] = struct{}{}
		}
		return false
	}
	if h.searches == 1 { // it was not there only for a moment
		o.wanted[inode] = struct{}{}
	}
	if h.seen != o.tick {
		h.seen = o.tick
		o.seen++
	}
	return true
}

// Recheck marks the sockets for a new search whose holders ended or changed.
func (o *Owners) Recheck() {
	changed := false
	for pid, name := range o.names {
		text, err := fs.ReadFile(o.proc.FS, strconv.Itoa(pid)+"/comm")
		if err != nil || strings.TrimSuffix(string(text), "\n") != name {
			delete(o.names, pid)
			changed = true
		}
	}
	if !changed {
		return
	}
	for inode, h := range o.held {
		if h.seen == o.tick && slices.ContainsFunc(h.processes, func(p tcp.Process) bool { return o.names[p.PID] != p.Name }) {
			o.wanted[inode] = struct{}{}
		}
	}
}

// Search finds the holders of the sockets that are wanted, if there are any.
func (o *Owners) Search(ctx context.Context) error {
	search := o.BeginSearch()
	if search == nil {
		return nil
	}
	search.Run(ctx)
	return o.EndSearch(search)
}

// Search is a search of /proc for the holders of sockets.
type Search struct {
	owners *Owners
	wanted map[uint32]struct{}
	found  *procnet.Owners
	err    error
}

// BeginSearch returns a search for the holders of the sockets that are wanted, or
// nil if none is wanted. The caller runs it, and passes it to EndSearch. In
// between it may run in another goroutine, while this one reads the sockets again:
// other sockets may then be wanted, for the next search.
func (o *Owners) BeginSearch() *Search {
	if len(o.wanted) == 0 {
		return nil
	}
	s := &Search{owners: o, wanted: o.wanted}
	o.wanted, o.searching = make(map[uint32]struct{}), o.wanted
	return s
}

// Run reads /proc. It changes nothing but the search.
func (s *Search) Run(ctx context.Context) {
	s.found, s.err = s.owners.proc.Owners(ctx, procnet.OwnersQuery{Inodes: s.wanted, Details: s.owners.details})
}

// EndSearch keeps what a search has found. After an error the sockets are wanted
// again.
func (o *Owners) EndSearch(s *Search) error {
	o.searching = nil
	clear(o.inferred) // which has the processes of listeners
	if err := o.keep(s.found, s.err); err != nil {
		maps.Copy(o.wanted, s.wanted)
		return err
	}
	for inode := range s.wanted {
		h := o.held[inode]
		if h == nil {
			h = &holding{}
			o.held[inode] = h
		}
		if h.seen != o.tick {
			h.seen = o.tick
			o.seen++
		}
		if h.processes, _ = o.appendHolders(nil, nil, inode); len(h.processes) == 0 {
			h.searches++
		} else {
			h.searches = 0
		}
		for _, p := range h.processes {
			o.names[p.PID] = p.Name
		}
	}
	return nil
}

// Knows reports whether the holders of a socket, or the listener through which it
// came in, have been searched for. If they are still unknown then, they cannot be
// known.
func (o *Owners) Knows(socket *tcp.Socket) bool {
	if socket.Owner.Inode != 0 {
		return o.held[socket.Owner.Inode] != nil
	}
	if !cameIn.Has(socket.State) {
		return true
	}
	if o.listeners == nil {
		return false
	}
	at := o.listeners.of(socket)
	return at == nil || !slices.ContainsFunc(at.inodes, func(inode uint32) bool { return o.held[inode] == nil })
}

// Join sets the processes of a socket, or, if it has no file, the listener through
// which it came in. The caller must not change them. The processes are valid until
// the next call.
func (o *Owners) Join(socket *tcp.Socket) {
	socket.Processes, socket.Listener = nil, nil
	if socket.Owner.Inode != 0 {
		socket.Processes = o.of(socket.Owner.Inode)
		socket.Owner.Kernel = o.isOf(socket)
	} else if cameIn.Has(socket.State) {
		socket.Listener = o.infer(socket)
	}
}

// cameIn are the states of connections that may have come in through a listener.
// A SYN_SENT goes out.
const cameIn = tcp.Synchronized

// Warnings reports for how many sockets the processes are not known, and the
// probable reason. Code that follows sockets gets no warning about a socket that
// came in the last tick: it may have been closed before the search. The first tick is
// different, because nothing was there before it.
func (o *Owners) Warnings() (list Warnings) {
	known, unknown, served := o.known, o.unknown, o.served
	first := o.tick == 1 && o.failed == nil && o.found != nil && !o.found.Complete()
	for _, h := range o.held {
		switch {
		case len(h.processes) > 0:
			known++
		case h.searches > 1 || o.failed != nil || first:
			unknown++
		}
	}
	if all, _ := o.proc.ShowsAllProcesses(); all && o.held != nil && o.failed == nil && o.found != nil && o.found.Complete() {
		unknown, served = 0, unknown // they were there before and after a search of all processes
	}
	all := known + unknown + o.closed + served
	if served > 0 {
		list.Add(ownersKernel(served))
	}
	if o.closed > 0 && !o.excused {
		list.Add(ownersClosed(o.closed, all))
	}
	if unknown == 0 || o.found == nil {
		return list
	}
	reason := obstacleOf(o.found)
	switch late := o.late(); {
	case late > 0 && o.excused:
		return list
	case late > 0:
		reason = openedSince()
	case o.failed != nil:
		reason = wording.Say("collect.error", "cause", o.failed)
	case o.after && !reason.IsZero():
		if o.gone == nil { // there were too many to read the table again
			reason = wording.Say("collect.reason.or-closed", "reason", reason)
		}
	case o.all && !reason.IsZero():
		reason = wording.Say("collect.reason.or-since", "reason", reason)
	case first:
		reason = wording.Say("collect.reason.or-closed", "reason", reason)
	case reason.IsZero():
		if all, known := o.proc.ShowsAllProcesses(); known && !all {
			reason = wording.Say("collect.reason.namespace")
		}
	}
	list.Add(ownersUnknown(unknown, all, reason))
	return list
}

// late returns how many sockets were opened after all of /proc was searched, or
// are held by no process. If nothing was hidden from the search, there is no other
// reason for an unknown process.
func (o *Owners) late() int {
	if o.all && o.failed == nil && o.found.Complete() {
		return o.unknown
	}
	return 0
}

// windowLen is how many sockets of a listing wait for a search for their inodes. If
// there are more, the search is for all sockets.
const windowLen = 4096

// joined yields the sockets of a job, in their order, with their processes or
// listeners. The first sockets wait until /proc has been searched, so that no list
// of the sockets is needed before. The listeners are read when the first connection
// comes that no process holds.
func (o *Owners) joined(ctx context.Context, j *job, sockets iter.Seq2[*tcp.Socket, error]) iter.Seq2[*tcp.Socket, error] {
	return func(yield func(*tcp.Socket, error) bool) {
		w := window{owners: o, job: j}
		for socket, err := range sockets {
			if err == nil && o.found == nil {
				if w.add(socket); len(w.sockets) < windowLen {
					continue
				}
				if !w.release(ctx, o.searchAll, yield) {
					return
				}
				continue
			}
			if o.found == nil && !w.release(ctx, w.search, yield) {
				return
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if !w.pass(ctx, socket, yield) {
				return
			}
		}
		if o.found == nil {
			w.release(ctx, w.search, yield)
		}
	}
}

// window is the sockets of a listing that wait for their processes.
type window struct {
	owners  *Owners
	job     *job
	sockets []*tcp.Socket
}

func (w *window) add(socket *tcp.Socket) { w.sockets = append(w.sockets, socket.Clone()) }

// search searches /proc for the holders of the sockets that wait, and of the
// listeners through which they may have come in.
func (w *window) search(ctx context.Context) error {
	wanted := make(map[uint32]struct{})
	for _, socket := range w.sockets {
		if err := w.prepare(ctx, socket); err != nil {
			return err
		}
		if inode := socket.Owner.Inode; inode != 0 {
			wanted[inode] = struct{}{}
		}
	}
	w.owners.listeners.addInodes(wanted)
	return w.owners.searchFor(ctx, wanted)
}

// settle finds out why sockets that wait have no known process.
func (w *window) settle(ctx context.Context) error {
	read := make(map[uint32]struct{})
	for _, socket := range w.sockets {
		read[socket.Owner.Inode] = struct{}{}
	}
	return w.owners.settle(ctx, w.job, read)
}

// prepare reads the listeners if this socket is the first that needs them.
func (w *window) prepare(ctx context.Context, socket *tcp.Socket) error {
	if w.owners.listeners != nil || socket.Owner.Inode != 0 || !cameIn.Has(socket.State) {
		return nil
	}
	listeners, err := w.job.listeners(ctx)
	if err == nil {
		w.owners.SetListeners(listeners)
	}
	return err
}

// release yields the sockets that wait, after a search.
func (w *window) release(ctx context.Context, search func(context.Context) error, yield func(*tcp.Socket, error) bool) bool {
	err := search(ctx)
	if err == nil {
		err = w.settle(ctx)
	}
	if err != nil {
		yield(nil, err)
		return false
	}
	for _, socket := range w.sockets {
		if !w.pass(ctx, socket, yield) {
			return false
		}
	}
	w.sockets = nil
	return true
}

// pass yields a socket with its processes or its listener.
func (w *window) pass(ctx context.Context, socket *tcp.Socket, yield func(*tcp.Socket, error) bool) bool {
	if err := w.prepare(ctx, socket); err != nil {
		yield(nil, err)
		return false
	}
	w.owners.Join(socket)
	if socket.Owner.Inode != 0 {
		switch {
		case len(socket.Processes) > 0:
			w.owners.known++
		case !w.owners.count(socket.Owner.Inode):
			w.owners.unknown++
		}
	}
	return yield(socket, nil)
}

// searchAll searches /proc for the holders of all sockets.
func (o *Owners) searchAll(ctx context.Context) error {
	o.all = true
	return o.searchFor(ctx, nil)
}

// searchFor searches /proc for the holders of the sockets with these inodes. Nil
// means all sockets.
func (o *Owners) searchFor(ctx context.Context, inodes map[uint32]struct{}) error {
	return o.keep(o.proc.Owners(ctx, procnet.OwnersQuery{Inodes: inodes, Details: o.details}))
}

// keep stores the result of a search of /proc.
func (o *Owners) keep(found *procnet.Owners, err error) error {
	if err == nil && found.Empty {
		err = wording.Fail("collect.error.no-processes", "proc", o.proc.Dir)
	}
	switch {
	case err == nil:
		o.found, o.failed = found, nil
	case o.judges || !searchImpossible(err, found):
		return err
	default:
		o.found, o.failed = &procnet.Owners{}, err
	}
	return nil
}

// searchImpossible reports whether no search of /proc can be made: it is not there,
// or too few descriptors are free.
func searchImpossible(err error, found *procnet.Owners) bool {
	return found != nil || errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}

// of returns the processes that hold a socket.
func (o *Owners) of(inode uint32) []tcp.Process {
	if o.held != nil {
		if h := o.held[inode]; h != nil {
			return h.processes
		}
		return nil
	}
	if o.found == nil {
		return nil
	}
	o.space, o.fds = o.appendHolders(o.space[:0], o.fds[:0], inode)
	return o.space
}

// appendHolders appends to list the processes that hold a socket, as the last search
// found them, and to fds their descriptors, in ascending order.
func (o *Owners) appendHolders(list []tcp.Process, fds []int, inode uint32) ([]tcp.Process, []int) {
	first := len(list)
	for _, holder := range o.found.Of(inode) {
		fds = append(fds, int(holder.FD))
		if n := len(list); n > first && list[n-1].PID == holder.PID {
			p := &list[n-1]
			p.FDs = fds[len(fds)-len(p.FDs)-1 : len(fds) : len(fds)]
			continue
		}
		p := tcp.Process{PID: holder.PID, FD: int(holder.FD), FDs: fds[len(fds)-1 : len(fds) : len(fds)], Name: holder.Name,
			UID: holder.UID, Exe: holder.Exe, Cmdline: holder.Cmdline}
		if uid, known := p.UID.Get(); known && o.users != nil {
			p.User = o.users.name(uid)
		}
		list = append(list, p)
	}
	return list, fds
}

// infer returns the listener through which a connection came in, with the
// processes of all the sockets that listen there, nil if there is none.
func (o *Owners) infer(socket *tcp.Socket) *tcp.Listener {
	if o.listeners == nil {
		return nil
	}
	at := o.listeners.of(socket)
	if at == nil {
		return nil
	}
	if o.inferred[at] == nil {
		o.inferred[at] = &tcp.Listener{Local: at.local, Processes: o.holdersOf(at)}
	}
	return o.inferred[at]
}

// holdersOf returns the processes that hold a listener, in the order of their ids,
// because the kernel lists sockets that share a place in the order of its table. A
// process that holds several of them comes once, with the descriptors of all.
func (o *Owners) holdersOf(at *listener) (list []tcp.Process) {
	for _, inode := range at.inodes {
		for _, p := range o.of(inode) {
			i := slices.IndexFunc(list, func(q tcp.Process) bool { return q.PID == p.PID })
			if i < 0 {
				i, list = len(list), append(list, p)
				list[i].FDs = nil // those of p are in memory that is used again
			}
			list[i].FDs = append(list[i].FDs, p.FDs...)
		}
	}
	for i := range list {
		slices.Sort(list[i].FDs)
		list[i].FD = list[i].FDs[0]
	}
	slices.SortFunc(list, func(a, b tcp.Process) int { return cmp.Compare(a.PID, b.PID) })
	return list
}
