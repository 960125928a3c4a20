// Package machine compares the state machine and the schedules of package
// lifecycle with the kernel: it drives real sockets along every transition that
// can be driven here. It has only tests.
package machine
