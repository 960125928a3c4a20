// Package ground makes real TCP sockets in every state, in a private network
// namespace: for tests, through package internal/lab, and for the command tcpstate
// lab --fill. [Main] runs a program in such a namespace.
//
// Every function checks with the kernel that the sockets exist, with a small
// sock_diag client of its own. It returns an error if there are fewer sockets
// than requested.
//
// It needs Linux, and either CAP_SYS_ADMIN and CAP_NET_ADMIN or the permission to
// create user namespaces. On other systems the package has only this comment,
// segments and plans.
package ground
