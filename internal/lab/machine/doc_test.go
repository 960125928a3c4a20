// Package machine holds package tcp's state machine, and its schedules, against
// the kernel: real sockets are driven along every transition that can be driven
// here. It has tests alone.
package machine
