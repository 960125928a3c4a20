package collect

import (
	"context"

	"tcpstate/procnet"
	"tcpstate/tcp"
)

// unowned is why a search did not find the processes of sockets that have a file.
type unowned struct {
	gone   map[uint32]struct{} // inodes of sockets that were closed before or during the search
	kernel map[uint32]struct{} // inodes of sockets that the kernel itself serves

	// How many sockets of the listing are among these.
	closed, served int
}

// isOf reports whether the kernel itself serves the socket.
func (u *unowned) isOf(socket *tcp.Socket) bool {
	_, served := u.kernel[socket.Owner.Inode]
	return served
}

// count counts a socket without a known process. It reports false if the reason is
// not known.
func (u *unowned) count(inode uint32) bool {
	if _, served := u.kernel[inode]; served {
		u.served++
		return true
	}
	if _, gone := u.gone[inode]; gone {
		u.closed++
		return true
	}
	return false
}

// settle finds out why no process was found for some of the sockets, which were
// read before the search: it reads the table again. A socket that is no longer
// there was closed meanwhile, so nothing was hidden from the search.
//
// If nothing was hidden, a socket that is still there may have been passed from a
// process that had not been read yet to one that had been, as a server does that
// forks for each connection. So the search is repeated for these few. What it does
// not find either, and what is in the table once more, no process holds: the kernel
// serves it itself, as nfsd and ksmbd do. An exception that cannot be seen here is
// a socket that only an io_uring, a thread with descriptors of its own or a message
// on its way between processes refers to.
func (o *Owners) settle(ctx context.Context, j *job, read map[uint32]struct{}) error {
	lost := make(map[uint32]struct{})
	for inode := range read {
		if inode != 0 && len(o.found.Of(inode)) == 0 {
			lost[inode] = struct{}{}
		}
	}
	if len(lost) == 0 || len(lost) > windowLen {
		return nil
	}
	standing, err := j.standing(ctx, lost)
	if err != nil {
		return ctx.Err() // the reason then stays unknown
	}
	o.gone = lost
	for inode := range standing {
		delete(o.gone, inode)
	}
	if all, _ := o.proc.ShowsAllProcesses(); !all || len(standing) == 0 || !o.found.Complete() {
		return nil
	}
	again, err := o.proc.Owners(ctx, procnet.OwnersQuery{Inodes: standing, Details: o.details})
	if err != nil {
		return err
	}
	o.found.Add(again)
	for inode := range standing {
		if len(again.Of(inode)) > 0 {
			delete(standing, inode)
		}
	}
	if len(standing) == 0 || !again.Complete() {
		return nil
	}
	if o.kernel, err = j.standing(ctx, standing); err != nil {
		return ctx.Err()
	}
	for inode := range standing {
		if _, still := o.kernel[inode]; !still {
			o.gone[inode] = struct{}{}
		}
	}
	return nil
}

// standing returns which of the sockets are still in the table of one of the job's
// network namespaces.
func (j *job) standing(ctx context.Context, inodes map[uint32]struct{}) (map[uint32]struct{}, error) {
	other, err := j.again(Query{Source: j.query.Source, Proc: j.query.Proc, Netns: j.query.Netns,
		States: withFile, Families: []tcp.Family{tcp.IPv4, tcp.IPv6}})
	if err != nil {
		return nil, err
	}
	s, err := other.open(ctx)
	if err != nil {
		return nil, err
	}
	standing := make(map[uint32]struct{})
	for socket, err := range s.listed() {
		if err != nil {
			return nil, err
		}
		if _, wanted := inodes[socket.Owner.Inode]; wanted {
			standing[socket.Owner.Inode] = struct{}{}
		}
	}
	return standing, nil
}

// withFile are the states in which a socket may have a file.
var withFile = tcp.All &^ tcp.Set(tcp.TimeWait, tcp.SynRecv)
