package tcp

// The kernel's numbers for the states (include/net/tcp_states.h). sock_diag and
// /proc/net/tcp use them, and so does the state mask of a request, as bits.
const (
	kernelEstablished   = 1
	kernelSynSent       = 2
	kernelSynRecv       = 3
	kernelFinWait1      = 4
	kernelFinWait2      = 5
	kernelTimeWait      = 6
	kernelClose         = 7
	kernelCloseWait     = 8
	kernelLastAck       = 9
	kernelListen        = 10
	kernelClosing       = 11
	kernelNewSynRecv    = 12 // request sockets; shown as 3
	kernelBoundInactive = 13 // from 6.8; shown as 7
)

var fromKernel = [...]State{
	kernelEstablished: Established,
	kernelSynSent:     SynSent,
	kernelSynRecv:     SynRecv,
	kernelFinWait1:    FinWait1,
	kernelFinWait2:    FinWait2,
	kernelTimeWait:    TimeWait,
	kernelClose:       Close,
	kernelCloseWait:   CloseWait,
	kernelLastAck:     LastAck,
	kernelListen:      Listen,
	kernelClosing:     Closing,
	kernelNewSynRecv:  SynRecv,

	kernelBoundInactive: BoundInactive,
}

// kernelBits holds, for each state, the bits of a state mask that select it.
// Either of two bits selects a request socket, and the kernel finds a closed
// socket that still holds its port only in the walk for bound inactive sockets.
var kernelBits = [NumStates + 1]uint32{
	Listen:        1 << kernelListen,
	SynSent:       1 << kernelSynSent,
	SynRecv:       1<<kernelSynRecv | 1<<kernelNewSynRecv,
	Established:   1 << kernelEstablished,
	FinWait1:      1 << kernelFinWait1,
	FinWait2:      1 << kernelFinWait2,
	Closing:       1 << kernelClosing,
	TimeWait:      1 << kernelTimeWait,
	CloseWait:     1 << kernelCloseWait,
	LastAck:       1 << kernelLastAck,
	Close:         1<<kernelClose | 1<<kernelBoundInactive,
	BoundInactive: 1<<kernelClose | 1<<kernelBoundInactive,
}

// StateFromKernel returns the state with the kernel's number n and whether
// there is one.
func StateFromKernel(n uint8) (State, bool) {
	if int(n) >= len(fromKernel) || fromKernel[n] == 0 {
		return 0, false
	}
	return fromKernel[n], true
}

// KernelMask returns the mask of bits 1<<number with which the kernel lists at
// least the states of the set. The kernel may also list other states, which the
// caller must leave out. For All every bit is set, so that the states of future
// kernels are included.
func (set StateSet) KernelMask() uint32 {
	if set == All {
		return ^uint32(0)
	}
	var mask uint32
	for s := range set.States() {
		mask |= kernelBits[s]
	}
	return mask
}
