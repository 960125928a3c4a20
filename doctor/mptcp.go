package doctor

import "tcpstate/tcp"

// This file examines connections of multipath TCP. Their subflows are examined as
// sockets of TCP: whether a path works, and who listens. What a program does with
// its connection shows only the connection, which has a state and queues of its own.

// addMPTCP examines a connection. Its RecvQueue is the memory that unread data
// takes, which is 0 only if there is none. It does not count the end of file.
func (v *Survey) addMPTCP(s *tcp.Socket) {
	switch s.State {
	case tcp.CloseWait:
		v.sumUp(byMPTCPEnded, s)
	case tcp.Established:
		if s.Owner.Inode == 0 {
			return
		}
		if s.RecvQueue > 0 && int64(s.RecvQueue) >= v.thresholds.number(appBytes) {
			v.sumUp(byMPTCPUnread, s)
		}
		v.addSilentMPTCP(s)
	}
}

func (v *Survey) sumMPTCPEnded(g *group, s *tcp.Socket) {
	kind := closeWaitAllRead
	if s.RecvQueue > 0 {
		kind = closeWaitData
	}
	g.kinds[kind]++
	g.add(s, s.Age, v.thresholds.span(closeWaitAge), 0)
}

func (v *Survey) sumMPTCPUnread(g *group, s *tcp.Socket) {
	g.add(s, s.Connection.LastDataRecv, v.thresholds.span(appAge), s.RecvQueue)
}

// addQuietSubflow notes that a subflow has no keepalive.
func (v *Survey) addQuietSubflow(s *tcp.Socket) {
	if v.quietSubflows == nil {
		v.quietSubflows = make(map[uint32]struct{})
	}
	if len(v.quietSubflows) < maxQuietSubflows {
		v.quietSubflows[s.MPTCPToken.Or(0)] = struct{}{}
	}
}

// maxQuietSubflows is of how many connections it is noted that they have no
// keepalive.
const maxQuietSubflows = 1 << 16

// addSilentMPTCP examines a connection without keepalive that is idle, as addSilent
// does.
func (v *Survey) addSilentMPTCP(s *tcp.Socket) {
	idle, known := s.Idle.Get()
	if _, quiet := v.quietSubflows[s.MPTCPToken.Or(0)]; !quiet || !known {
		return
	}
	if quiet := min(idle, s.Connection.LastAckRecv.Or(0)); quiet >= v.thresholds.span(halfOpenIdle) {
		v.suspects.addStanding(s, quiet, 0)
	} else if idle >= v.thresholds.span(keepaliveIdle) {
		v.sumUp(bySilent, s)
	}
}

// listing is the command that lists the sockets of a finding.
func listing(mptcp bool) string {
	if mptcp {
		return "ls --mptcp"
	}
	return "ls"
}
