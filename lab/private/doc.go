// Package private runs a program again in private network and user namespaces,
// and supervises it. The command tcpstate lab and the lab of the tests use it. It
// needs Linux, and the permission to create namespaces.
package private
