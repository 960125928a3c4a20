package collect

import (
	"tcpstate/doctor"
	"tcpstate/procnet"
	"tcpstate/tcp"
)

// descriptorsRead is at how many descriptors of all processes a search for ended
// connections looks.
const descriptorsRead = 8192

// readEnded counts, for the processes that may have some, the TCP sockets that a
// process has open and that no table lists, because the connection has ended. A
// socket counts if it was open before the table was read and is still open after
// it. The table is read again for that, and only if there is something to look
// for. A source that does not list all states proves nothing: a socket that is not
// in its table may only be bound.
func (c *Checkup) readEnded() error {
	o := c.Observation
	if o.Unlisted != 0 {
		return nil
	}
	// A real Multipath TCP connection is in no table of TCP sockets.
	mptcp := o.After["MPTcpExt.MPCapableSYNRX"] == 0 && o.After["MPTcpExt.MPCapableSYNTX"] == 0
	proc := procnet.Open(c.job.query.Proc)
	type descriptor struct{ process, fd int } // process: index into o.Limits
	open := make(map[uint32]descriptor)
	for i, left := 0, descriptorsRead; i < len(o.Limits) && left > 0; i++ {
		l := o.Limits[i]
		if !o.MayHoldEnded(l.PID, l.Open) {
			continue
		}
		sockets := proc.TCPSockets(l.PID, left, mptcp)
		left -= min(left, l.Open)
		if !o.MayHoldEnded(l.PID, len(sockets)) {
			continue
		}
		for inode, fd := range sockets {
			open[inode] = descriptor{i, fd}
		}
	}
	if len(open) == 0 {
		return nil
	}
	q := c.job.query
	q.States, q.Families, q.Filter, q.Detail = tcp.All, []tcp.Family{tcp.IPv4, tcp.IPv6}, nil, 0
	j, err := c.job.again(q)
	if err != nil {
		return err
	}
	listed := func(j *job) error {
		s, err := j.open(c.ctx)
		if err != nil {
			return err
		}
		for socket, err := range s.Sockets() {
			if err != nil {
				return err
			}
			delete(open, socket.Owner.Inode)
		}
		return nil
	}
	if err := listed(j); err != nil {
		return err
	}
	if !o.MayHoldEnded(0, len(open)) {
		return nil
	}
	// A process may hold sockets of other network namespaces. If these cannot be
	// read, nothing is known of the sockets.
	q.Netns = AllNamespaces
	everywhere, err := newJob(q)
	if err == nil {
		err = listed(everywhere)
	}
	if err != nil {
		return c.ctx.Err()
	}
	ended := make([]int, len(o.Limits))
	for inode, d := range open {
		if now, ok := proc.SocketInode(o.Limits[d.process].PID, d.fd); ok && now == inode {
			ended[d.process]++
		}
	}
	for i, n := range ended {
		if n > 0 {
			o.Ended = append(o.Ended, doctor.Ended{Process: o.Limits[i].Process, Sockets: n, Open: o.Limits[i].Open})
		}
	}
	return nil
}
