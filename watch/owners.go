package watch

import (
	"cmp"
	"context"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"tcpstate/collect"
	"tcpstate/procnet"
	"tcpstate/tcp"
)

// owners remembers which processes hold the sockets that are followed. /proc is
// searched for sockets that are new, and for those of which a holder has ended
// or has become another program, and for these alone. A descriptor that is
// passed on while its first holder lives on is not noticed: nothing tells of it
// but a search for all sockets in all processes.
//
// It holds about 160 bytes for a socket that one process has.
type owners struct {
	proc    *procnet.Proc
	details bool // the user, file and arguments of each process too

	held   map[uint32]*holding // by inode
	wanted map[uint32]struct{} // inodes to be searched for
	names  map[int]string      // of the processes that were found, by their ids
	tick   uint32
	found  int // inodes seen in this tick, among held

	last *procnet.Owners // of the last search, for what stood in its way
}

// holding is who holds a socket. None is no process that may be seen.
type holding struct {
	processes []tcp.Process
	seen      uint32 // the tick
}

func newOwners(proc *procnet.Proc, details bool) *owners {
	return &owners{proc: proc, details: details,
		held: make(map[uint32]*holding), wanted: make(map[uint32]struct{}), names: make(map[int]string)}
}

// begin begins a tick. What was not seen in the last one is forgotten only now:
// it was told of once more, as closed.
func (o *owners) begin() {
	if o.found < len(o.held) {
		for inode, h := range o.held {
			if h.seen != o.tick {
				delete(o.held, inode)
			}
		}
	}
	o.tick++
	o.found = 0
}

// see takes note of a socket's inode and reports whether its holders are known.
func (o *owners) see(inode uint32) bool {
	h := o.held[inode]
	if h == nil {
		o.wanted[inode] = struct{}{}
		return false
	}
	if h.seen != o.tick {
		h.seen = o.tick
		o.found++
	}
	return true
}

// of returns the processes that hold a socket. The slice is not to be changed.
func (o *owners) of(inode uint32) []tcp.Process {
	if h := o.held[inode]; h != nil {
		return h.processes
	}
	return nil
}

// ofAll returns the processes that hold any of the sockets, by their ids.
func (o *owners) ofAll(inodes []uint32) (list []tcp.Process) {
	for _, inode := range inodes {
		for _, p := range o.of(inode) {
			if !slices.ContainsFunc(list, func(q tcp.Process) bool { return q.PID == p.PID }) {
				list = append(list, p)
			}
		}
	}
	slices.SortFunc(list, func(a, b tcp.Process) int { return cmp.Compare(a.PID, b.PID) })
	return list
}

// recheck wants anew the sockets whose holders are not what they were.
func (o *owners) recheck() {
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

// search looks for the holders of the sockets that are wanted, if there are any.
func (o *owners) search(ctx context.Context) (err error) {
	if len(o.wanted) == 0 {
		return nil
	}
	o.last, err = o.proc.Owners(ctx, procnet.OwnersQuery{Inodes: o.wanted, Details: o.details})
	if err != nil {
		return err
	}
	for inode := range o.wanted {
		h := o.held[inode]
		if h == nil {
			h = &holding{}
			o.held[inode] = h
		}
		if h.seen != o.tick {
			h.seen = o.tick
			o.found++
		}
		h.processes = o.holders(inode)
	}
	clear(o.wanted)
	return nil
}

// holders returns the processes that the last search found, each once, with its
// lowest descriptor.
func (o *owners) holders(inode uint32) (list []tcp.Process) {
	for _, holder := range o.last.Of(inode) {
		if n := len(list); n > 0 && list[n-1].PID == holder.PID {
			continue
		}
		list = append(list, tcp.Process{PID: holder.PID, FD: int(holder.FD), Name: holder.Name,
			UID: holder.UID, Exe: holder.Exe, Cmdline: holder.Cmdline})
		o.names[holder.PID] = holder.Name
	}
	return list
}

// warnings says of how many sockets the processes are not known, and why that
// may be.
func (o *owners) warnings() (list collect.Warnings) {
	unknown := 0
	for _, h := range o.held {
		if len(h.processes) == 0 {
			unknown++
		}
	}
	if unknown == 0 || o.last == nil {
		return nil
	}
	return collect.Warnings{collect.OwnersNotFound(unknown, len(o.held), o.last)}
}
