package lab

import (
	"os/exec"
	"syscall"

	"tcpstate/lab/ground"
	"tcpstate/tcp"
)

// Lab is a network namespace with a wire to peers that the lab itself simulates.
type Lab = ground.Lab

// Peer is the remote end of a connection, which a test controls segment by segment.
type Peer = ground.Peer

// Namespace is an additional network namespace, besides the lab's own.
type Namespace = ground.Namespace

// Socket is a socket that Lab.States has made.
type Socket = ground.Socket

// Entry is a socket as the kernel lists it.
type Entry = ground.Entry

// Counts are the numbers of sockets by family and state.
type Counts = ground.Counts

// HostLink is the name of the kernel's end of the wire.
const HostLink = ground.HostLink

// The addresses of the kernel's end.
var (
	Host4     = ground.Host4
	Host6     = ground.Host6
	HostLocal = ground.HostLocal
)

// Kernel lists sockets: see [ground.Kernel].
func Kernel(family tcp.Family, mask uint32) ([]Entry, error) { return ground.Kernel(family, mask) }

// Count counts all sockets by family and state.
func Count() (Counts, error) { return ground.Count() }

// Main runs body in a new network namespace: see [ground.Main].
func Main(body func(*Lab) (int, error)) (int, error) { return ground.Main(body) }

// Supervise runs cmd and returns its exit status: see [ground.Supervise].
func Supervise(cmd *exec.Cmd, denied syscall.Errno) (int, error) {
	return ground.Supervise(cmd, denied)
}

// RunWithoutDiag runs cmd where sock_diag is denied: see [ground.RunWithoutDiag].
func RunWithoutDiag(cmd *exec.Cmd, denied syscall.Errno) error {
	return ground.RunWithoutDiag(cmd, denied)
}

// RunAsOldLinux runs cmd so that uname(2) reports a release 2.6.
func RunAsOldLinux(cmd *exec.Cmd) error { return ground.RunAsOldLinux(cmd) }
