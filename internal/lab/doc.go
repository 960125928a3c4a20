// Package lab makes real TCP sockets in every state, in a private network
// namespace, for tests and benchmarks. The sockets are those of package lab/ground,
// which does not import package testing, so the program can use it too.
//
// [Run] gives a test its own namespace. It runs the test binary again in new
// namespaces, and in there the same call runs the body. [Main] does the same
// for a whole program. Inside, three functions make sockets:
//
//   - [Lab.States] makes at least one socket of each state, with ordinary
//     system calls and with hand-made segments, and describes each;
//   - [Lab.Fill] makes many sockets, as the words of a [Plan] say;
//   - [Lab.Peer] adds a remote peer that a test controls segment by segment.
//
// [Lab.Namespace] adds further network namespaces, with names in /run/netns, and
// an [Actor] is a further process, which holds sockets under a name. [Await] waits
// for what the kernel does in its own time, and [Sample] says how many inputs a
// test takes.
//
// Every function checks with the kernel that the sockets exist, with a small
// sock_diag client of its own. It returns an error if there are fewer sockets
// than requested.
//
// The lab needs Linux, and either CAP_SYS_ADMIN and CAP_NET_ADMIN or the
// permission to create user namespaces. On other systems the package has only
// this comment, segments and plans.
package lab
