// Package sockdiag reads the kernel's table of TCP sockets over the netlink
// protocol NETLINK_SOCK_DIAG (sock_diag(7)).
//
// A request asks for one address family or for both, with a mask of states and
// a choice of attributes. The kernel answers with a stream of buffers of a few
// hundred sockets each. The kernel fills the next buffer while this package
// decodes the one before, so a dump takes about as long as the slower of the
// two.
//
// Any user may read the sockets of its own network namespace. Only marks and
// the list of MD5 keys need CAP_NET_ADMIN, in the user namespace that owns the
// network namespace. Without it they are absent.
//
// The files kernel.go and attributes.go declare the kernel's structures, and
// name the header file of each. No other package sees them.
package sockdiag

import (
	"errors"
	"fmt"
	"syscall"

	"tcpstate/tcp"
	"tcpstate/wording"
)

// Request says which sockets to list, and which details of each.
type Request struct {
	Families []tcp.Family // with both, the sockets come in mixed order
	States   tcp.StateSet
	Detail   tcp.Detail

	// Connections requests the connections and listeners of multipath TCP in
	// place of the sockets of TCP. They have a Connection, and no Info, Congestion
	// and Memory. A kernel that cannot list them answers ENOENT.
	Connections bool

	// Bytecode is a program that the kernel runs on every socket, to leave out
	// those that are not wanted (INET_DIAG_REQ_BYTECODE). An empty program
	// leaves out none. A kernel that does not know one of the instructions
	// answers EINVAL.
	Bytecode []byte

	// Within runs a function in the network namespace whose sockets are wanted,
	// as netns.Namespace.Do does. Nil means the namespace of the process.
	Within func(func() error) error
}

// OpError reports that one step of the exchange with the kernel failed.
type OpError struct {
	Op  wording.Message // the step, such as "receiving ipv4 sockets"
	Err error           // usually a syscall.Errno
}

func (e *OpError) Error() string { return e.Message().String() }

// Message returns the sentence.
func (e *OpError) Message() wording.Message {
	return wording.Say("sockdiag.error", "step", e.Op, "cause", e.Err)
}

func (e *OpError) Unwrap() error { return e.Err }

// Hint returns what helps against the error: the kernel answers ENOENT if it has no
// handler for TCP (inet_diag_lock_handler, net/ipv4/inet_diag.c), because the module
// tcp_diag is not loaded and could not be loaded for this request.
func (e *OpError) Hint() wording.Message {
	if errors.Is(e.Err, syscall.ENOENT) {
		return wording.Say("sockdiag.no-module")
	}
	return wording.Message{}
}

// MessageError reports a message of the kernel whose content contradicts its
// header.
type MessageError struct {
	Offset int    // in bytes, within the message or the buffer of messages
	What   string // the part at that offset, such as "attribute 2 (INET_DIAG_INFO)"
	Reason string // what is wrong with it
}

func (e *MessageError) Error() string {
	return fmt.Sprintf("%s at byte %d: %s", e.What, e.Offset, e.Reason)
}
