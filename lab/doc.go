// Package lab plays scenes of TCP with real sockets, for learners: two hosts in
// private network namespaces, and a wire between them that this package is.
//
// A [Scene] is a script: system calls of the two hosts, and what the wire does
// with their segments. [Play] plays it and yields a [Step] for everything that
// happened: a system call, a change of state, a segment, a timer, a counter. The
// steps of a run are values, so a run can be drawn ([Drawing]), written as JSON
// ([Lines]) or compared with another run.
//
// States and timers are read from the kernel by sock_diag, and counters from
// /proc/net of each namespace. Segments are those that the wire carries. Nothing
// is made up: a step is what the kernel did.
//
// The hosts need Linux, and CAP_SYS_ADMIN and CAP_NET_ADMIN in their user
// namespace. [Enter] runs the program again in a user namespace where it has them.
package lab
