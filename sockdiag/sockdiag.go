// Package sockdiag reads the kernel's table of TCP sockets over the netlink
// protocol NETLINK_SOCK_DIAG (sock_diag(7)).
//
// A dump asks for one address family or for both, with a mask of states and a
// choice of attributes, and the kernel answers with a stream of buffers of a
// few hundred sockets each. While one buffer of them is decoded, the
// kernel fills the next: a dump costs about what the slower of the two costs.
//
// Any user may read the sockets of the network namespace it is in. Only marks
// and the places of MD5 keys need CAP_NET_ADMIN in the user namespace that
// owns the network namespace; without it they are absent.
//
// The kernel's structures are declared in kernel.go and attributes.go, each
// with the header it comes from. Nothing outside this package sees them.
package sockdiag

import (
	"fmt"

	"tcpstate/tcp"
)

// Request says which sockets are wanted, and how much of each.
type Request struct {
	Families []tcp.Family // of both, the sockets come mixed
	States   tcp.StateSet
	Detail   tcp.Detail

	// Bytecode is a program that the kernel runs on every socket, to pass over
	// those that are not wanted (INET_DIAG_REQ_BYTECODE). Empty passes all. A
	// kernel that does not know one of its instructions answers EINVAL.
	Bytecode []byte

	// Within runs a function in the network namespace whose sockets are wanted,
	// as netns.Namespace.Do does. Nil is the namespace of the process.
	Within func(func() error) error
}

// OpError is the failure of one step in talking to the kernel.
type OpError struct {
	Op  string // what was being done, such as "receiving ipv4 sockets"
	Err error  // most often a syscall.Errno
}

func (e *OpError) Error() string { return fmt.Sprintf("sock_diag: %s: %v", e.Op, e.Err) }

func (e *OpError) Unwrap() error { return e.Err }

// MessageError is a message of the kernel that cannot be what its header says.
type MessageError struct {
	Offset int    // in bytes, within the message or the buffer of messages
	What   string // the part that stands there, such as "attribute 2 (INET_DIAG_INFO)"
	Reason string // why it cannot be
}

func (e *MessageError) Error() string {
	return fmt.Sprintf("%s at byte %d: %s", e.What, e.Offset, e.Reason)
}
