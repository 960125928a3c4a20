//go:build !linux

package procnet

// TCPSockets returns nothing: only Linux names the protocol of a descriptor.
func (p *Proc) TCPSockets(pid, most int, mptcp bool) map[uint32]int { return nil }

// SocketInode reports false.
func (p *Proc) SocketInode(pid, fd int) (uint32, bool) { return 0, false }
