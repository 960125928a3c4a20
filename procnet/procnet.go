// Package procnet reads what the kernel's /proc file system says of TCP: the
// sockets of net/tcp and net/tcp6, the settings under sys/net/ipv4 that their
// timers run by, and the processes that hold sockets (PID/fd). It is the second
// source of sockets, for where sock_diag
// (package sockdiag) is forbidden or where there is only a directory: another
// host's /proc mounted in a container, or a recorded one.
//
// The format is that of get_tcp4_sock, get_openreq4 and get_timewait4_sock in
// net/ipv4/tcp_ipv4.c, and of their twins in net/ipv6/tcp_ipv6.c; columns are
// explained in Documentation/networking/proc_net_tcp.rst. Any user may read it.
//
// /proc cannot tell everything. These stay unknown in every [tcp.Socket]:
//
//   - AcceptQueueMax: a listener's line has the length of its accept queue only.
//   - Cookie, Info, Congestion, Memory, Extended and the interface: there are no
//     columns for them, so a link-local address has no zone either.
//   - Sockets that are bound and neither listen nor connect
//     (tcp.BoundInactive): they are not listed at all.
//   - Owner of the kernel's small sockets: see tcp.Owner.
//
// What it tells, it tells less finely than sock_diag: timers in ticks of 10 ms.
// The resends of SYN_RECV are timeouts here and SYN-ACKs sent again there
// (num_timeout and num_retrans of struct request_sock, include/net/request_sock.h);
// they differ where a client repeats its SYN or a listener has TCP_DEFER_ACCEPT.
//
// Ages are not set here: lifecycle.Clocks.SetAge does that, with what Clocks returns.
package procnet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path"
	"path/filepath"

	"tcpstate/tcp"
	"tcpstate/text"
)

// Proc is a /proc file system: this host's, another one's mounted somewhere, a
// recorded directory, or a map of strings in a test.
type Proc struct {
	FS fs.FS

	// NetDir is the directory of the network namespace, relative to FS: "net"
	// for that of this process, "1/net" for that of process 1.
	NetDir string

	// Dir is where FS is mounted. Errors put it before the names of files.
	Dir string
}

// Open returns the /proc at dir. Nothing is read yet, so a dir that is not
// there shows as an error of the methods.
//
// In /proc, net is a link to self/net, and self is whoever reads: right for
// /proc itself, wrong for another host's, which is asked for the namespace of
// its process 1. A recorded directory need not have one; its net is then a
// directory, and is taken.
func Open(dir string) *Proc {
	p := &Proc{FS: os.DirFS(dir), NetDir: "net", Dir: dir}
	if filepath.Clean(dir) != "/proc" && asksForInit(p.FS) {
		p.NetDir = "1/net"
	}
	return p
}

// asksForInit reports whether net is not to be trusted or 1/net is there. With
// the mount option hidepid process 1 may be hidden: then 1/net is still the one
// to ask for, and the error is better than another host's sockets.
func asksForInit(fsys fs.FS) bool {
	if _, err := fs.Stat(fsys, "1/net"); !errors.Is(err, fs.ErrNotExist) {
		return true
	}
	link, err := fs.Lstat(fsys, "net")
	return err == nil && link.Mode().Type() == fs.ModeSymlink
}

// Sockets yields the TCP sockets of the given families, in that order, as they
// are read. The Socket is reused: it is valid until the next one. There is at
// most one error, a *ReadError, and it comes last. A loop that ends early
// closes the file.
//
// The kernel's list is not one moment's: sockets come and go while it is read.
// It holds its place by position, so under churn a socket may be listed twice
// or missed (tcp_seek_last_pos, net/ipv4/tcp_ipv4.c).
//
// A kernel without IPv6 has no net/tcp6: it has no such sockets, which is no
// error.
func (p *Proc) Sockets(families []tcp.Family) iter.Seq2[*tcp.Socket, error] {
	return func(yield func(*tcp.Socket, error) bool) {
		for _, family := range families {
			if !p.familySockets(family, yield) {
				return
			}
		}
	}
}

// familySockets yields the sockets of one family and reports whether to go on.
func (p *Proc) familySockets(family tcp.Family, yield func(*tcp.Socket, error) bool) bool {
	name := path.Join(p.NetDir, "tcp")
	if family == tcp.IPv6 {
		name = path.Join(p.NetDir, "tcp6")
	}
	file, err := p.FS.Open(name)
	if family == tcp.IPv6 && errors.Is(err, fs.ErrNotExist) {
		// Only where net/tcp is there does the lack of net/tcp6 say anything.
		if _, err4 := fs.Stat(p.FS, path.Join(p.NetDir, "tcp")); err4 == nil {
			return true
		}
	}
	if err != nil {
		yield(nil, &ReadError{File: p.path(name), Err: cause(err)})
		return false
	}
	defer file.Close()

	for s, err := range parseSockets(file, family, binary.NativeEndian) {
		if err != nil {
			err.File = p.path(name)
			yield(nil, err)
			return false
		}
		if !yield(s, nil) {
			return false
		}
	}
	return true
}

// path returns the name under which people find the file.
func (p *Proc) path(name string) string { return path.Join(p.Dir, name) }

// ReadError says which file, and where in it, could not be read or understood.
type ReadError struct {
	File string // with Proc.Dir before it
	Line int    // from 1, the header; 0 where it is the file as a whole
	Err  error  // a *ValueError, or what the file system said
}

func (e *ReadError) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("reading %s: %v", e.File, e.Err)
	}
	return fmt.Sprintf("reading %s: line %d: %v", e.File, e.Line, e.Err)
}

func (e *ReadError) Unwrap() error { return e.Err }

// ValueError is a text that the kernel does not write at its place.
type ValueError struct {
	What    string // the place, such as "local address"
	Text    string // what stood there
	Problem string // what is wrong with it
}

func (e *ValueError) Error() string {
	return fmt.Sprintf("%s %s: %s", e.What, quote(e.Text), e.Problem)
}

// quote quotes a value, or its beginning: the kernel's lines are 150 bytes for
// IPv4 and fewer than 300 for IPv6.
func quote(value string) string { return text.Quote(value, 300) }

// cause strips the operation and the name from an error of a file system,
// since ReadError says both.
func cause(err error) error {
	if pathError, ok := errors.AsType[*fs.PathError](err); ok {
		return pathError.Err
	}
	return err
}
