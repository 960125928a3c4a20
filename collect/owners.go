package collect

import (
	"cmp"
	"context"
	"slices"

	"tcpstate/procnet"
	"tcpstate/tcp"
)

// owners joins sockets with the processes that hold them, or with the listener
// that they came in by where no process does.
type owners struct {
	found     *procnet.Owners
	listeners *Listeners
	users     *userNames // where the names of the processes' users are wanted

	inferred map[*listener]*tcp.Listener // what sockets get, each made once
	space    []tcp.Process               // of the socket at hand, reused

	asked map[uint32]struct{} // the inodes that were looked for; nil: all

	seen int // sockets whose processes were found
	not  int // sockets that were looked for and have a file, of which none was
	late int // sockets that were opened after /proc had been searched

	excused bool // what is late is no matter for a warning
}

// findOwners reads, for the sockets of a query, who holds them. The sockets are
// listed for it once before, so that /proc is searched for them alone; of one
// that is opened between the two listings no process is found.
func findOwners(ctx context.Context, q Query, dial opener) (*owners, error) {
	o := &owners{inferred: make(map[*listener]*tcp.Listener), asked: make(map[uint32]struct{})}
	details := q.Detail.Has(tcp.DetailCommands)
	if details && q.ofThisHost() {
		o.users = &userNames{}
	}
	q.Detail, q.Filter = 0, q.Filter.WithoutProcesses()
	listed, err := open(ctx, q, dial)
	if err != nil {
		return nil, err
	}
	ownerless := false
	for socket, err := range listed.Sockets() {
		if err != nil {
			return nil, err
		}
		if inode := socket.Owner.Inode; inode != 0 {
			o.asked[inode] = struct{}{}
		} else {
			ownerless = ownerless || cameIn.Has(socket.State)
		}
	}
	if ownerless {
		if o.listeners, err = findListeners(ctx, q, dial); err != nil {
			return nil, err
		}
		for _, listener := range o.listeners.at {
			for _, inode := range listener.inodes {
				o.asked[inode] = struct{}{}
			}
		}
	}
	o.found, err = procnet.Open(q.Proc).Owners(ctx, procnet.OwnersQuery{Inodes: o.asked, Details: details})
	if err != nil {
		return nil, err
	}
	return o, nil
}

// findAllOwners reads who holds any socket at all. It lists no sockets before, but
// searches /proc for more than may be needed.
func findAllOwners(ctx context.Context, q Query, dial opener) (*owners, error) {
	o := &owners{inferred: make(map[*listener]*tcp.Listener)}
	var err error
	if o.listeners, err = findListeners(ctx, q, dial); err != nil {
		return nil, err
	}
	o.found, err = procnet.Open(q.Proc).Owners(ctx, procnet.OwnersQuery{})
	return o, err
}

// cameIn are the states of connections, which may have come in by a listener.
// A SYN_SENT is on its way out.
const cameIn = tcp.Synchronized

// join sets the processes of a socket, each with its lowest descriptor. One
// without a file has none: its listener is inferred.
func (o *owners) join(socket *tcp.Socket) {
	if socket.Owner.Inode == 0 {
		o.infer(socket)
		return
	}
	o.space = o.appendHolders(o.space[:0], socket.Owner.Inode)
	if len(o.space) > 0 {
		o.seen++
		socket.Processes = o.space
	} else if o.isLate(socket.Owner.Inode) {
		o.late++
	} else {
		o.not++
	}
}

// isLate reports whether a socket whose process was not found has been opened
// since. Where all were looked for, it may have been only if nothing was hidden.
func (o *owners) isLate(inode uint32) bool {
	if o.asked == nil {
		return o.found.Unreadable == 0 && !o.found.Hidden
	}
	_, asked := o.asked[inode]
	return !asked
}

// infer sets the listener that a connection came in by, with the processes of
// all the sockets that listen there.
func (o *owners) infer(socket *tcp.Socket) {
	if o.listeners == nil || !cameIn.Has(socket.State) {
		return
	}
	at := o.listeners.of(socket)
	if at == nil {
		return
	}
	if o.inferred[at] == nil {
		o.inferred[at] = &tcp.Listener{Local: at.local, Processes: o.holdersOf(at)}
	}
	socket.Listener = o.inferred[at]
}

// holdersOf returns the processes that hold a listener, by their ids: the kernel
// lists the sockets that share a place in the order of its table.
func (o *owners) holdersOf(at *listener) (list []tcp.Process) {
	for _, inode := range at.inodes {
		list = o.appendHolders(list, inode)
	}
	slices.SortFunc(list, func(a, b tcp.Process) int { return cmp.Compare(a.PID, b.PID) })
	return list
}

// appendHolders appends the processes that hold a socket and are not in the
// list yet.
func (o *owners) appendHolders(list []tcp.Process, inode uint32) []tcp.Process {
	before := len(list)
	for _, holder := range o.found.Of(inode) {
		if n := len(list); n > before && list[n-1].PID == holder.PID || contains(list[:before], holder.PID) {
			continue
		}
		p := tcp.Process{PID: holder.PID, FD: int(holder.FD), Name: holder.Name,
			UID: holder.UID, Exe: holder.Exe, Cmdline: holder.Cmdline}
		if uid, known := p.UID.Get(); known && o.users != nil {
			p.User = o.users.name(uid)
		}
		list = append(list, p)
	}
	return list
}

func contains(list []tcp.Process, pid int) bool {
	for i := range list {
		if list[i].PID == pid {
			return true
		}
	}
	return false
}

// warnings says of how many sockets the processes were not found, and why that
// may be.
func (o *owners) warnings() (list Warnings) {
	if o.not > 0 {
		list.Add(OwnersNotFound(o.not, o.not+o.seen, o.found))
	}
	if o.late > 0 && !o.excused {
		list = append(list, ownersUnknown(o.late, o.late+o.seen, "they were opened while they were looked for"))
	}
	return list
}
