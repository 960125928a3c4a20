// Package lab makes real TCP sockets in every state, in a private network
// namespace, for tests and benchmarks.
//
// [Run] gives a test a namespace of its own: it runs the test binary again in
// new namespaces, where the same call finds itself inside and runs the body.
// [Main] does the same for a whole program. Inside, three things make sockets:
//
//   - [Lab.States] makes at least one socket of each state, by hand and by real
//     programs' means, and describes each;
//   - [Lab.Fill] makes many, as the words of a [Plan] ask;
//   - [Lab.Peer] is the far end of a connection, played segment by segment.
//
// [Lab.Namespace] adds further network namespaces, with names in /run/netns.
//
// Nothing is reported that the kernel has not confirmed: every function asks
// it, over a small sock_diag request of the lab's own, and returns an error
// where fewer sockets are there than were asked for.
//
// The lab needs Linux, and either CAP_SYS_ADMIN and CAP_NET_ADMIN or the
// permission to make user namespaces. Elsewhere the package is only this page,
// segments and plans.
package lab
