package collect

import (
	"context"
	"fmt"

	"tcpstate/procnet"
	"tcpstate/tcp"
)

// owners joins sockets with the processes that hold them.
type owners struct {
	found *procnet.Owners
	space []tcp.Process // of the socket at hand, reused
	seen  int           // sockets whose processes were found
	not   int           // sockets with a file, of which none was
}

// findOwners reads, for the sockets of a query, who holds them. The sockets are
// listed for it once before, so that /proc is searched for them alone; of one
// that is opened between the two listings no process is found.
func findOwners(ctx context.Context, q Query, dial opener) (*owners, error) {
	q.Detail = 0
	listed, err := open(ctx, q, dial)
	if err != nil {
		return nil, err
	}
	inodes := make(map[uint32]struct{})
	for socket, err := range listed.Sockets() {
		if err != nil {
			return nil, err
		}
		if socket.Owner.Inode != 0 {
			inodes[socket.Owner.Inode] = struct{}{}
		}
	}
	found, err := procnet.Open(q.Proc).Owners(ctx, procnet.OwnersQuery{Inodes: inodes})
	if err != nil {
		return nil, err
	}
	return &owners{found: found}, nil
}

// join sets the processes of a socket, each with its lowest descriptor.
func (o *owners) join(socket *tcp.Socket) {
	if socket.Owner.Inode == 0 {
		return // no process has it
	}
	o.space = o.space[:0]
	for _, holder := range o.found.Of(socket.Owner.Inode) {
		if n := len(o.space); n > 0 && o.space[n-1].PID == holder.PID {
			continue
		}
		o.space = append(o.space, tcp.Process{PID: holder.PID, FD: int(holder.FD), Name: holder.Name})
	}
	if len(o.space) == 0 {
		o.not++
		return
	}
	o.seen++
	socket.Processes = o.space
}

// warning says of how many sockets the processes were not found, and why that
// may be, or nothing.
func (o *owners) warning() string {
	if o.not == 0 {
		return ""
	}
	text := fmt.Sprintf("the processes of %d of %d sockets are not known", o.not, o.not+o.seen)
	switch {
	case o.found.Hidden:
		text += ": not all processes are listed (see hidepid in proc(5))"
	case o.found.Unreadable == 1:
		text += ": one process may not be read by this user"
	case o.found.Unreadable > 0:
		text += fmt.Sprintf(": %d processes may not be read by this user", o.found.Unreadable)
	}
	return text
}
