// Package procnet reads what the kernel's /proc file system reports about TCP:
// the sockets in net/tcp and net/tcp6, the settings in sys/net/ipv4 that
// control their timers, and the processes that hold sockets (PID/fd). It is the
// second source of sockets. It serves where sock_diag (package sockdiag) is
// forbidden, and where there is only a directory: another host's /proc mounted
// in a container, or a recorded one.
//
// The functions get_tcp4_sock, get_openreq4 and get_timewait4_sock in
// net/ipv4/tcp_ipv4.c define the format, with their counterparts in
// net/ipv6/tcp_ipv6.c. Documentation/networking/proc_net_tcp.rst explains the
// columns. Any user may read the files.
//
// /proc does not report everything. These values stay unknown in every
// [tcp.Socket]:
//
//   - AcceptQueueMax: a listener's line has only the present length of the
//     accept queue.
//   - Cookie, Congestion, Memory, Extended and the interface: they have no
//     columns. Without the interface, a link-local address has no zone.
//   - All fields of Info but RTO, in steps of 10 ms, SendCwnd and SendSSThresh.
//   - Sockets that are bound and neither listen nor connect
//     (tcp.BoundInactive): they have no line at all.
//   - The Owner of the kernel's small sockets: see tcp.Owner.
//
// Its values are less exact than those of sock_diag: timers have a resolution
// of 10 ms. The resend count of a SYN_RECV counts timeouts here, but repeated
// SYN-ACKs in sock_diag (num_timeout and num_retrans of struct request_sock,
// include/net/request_sock.h). The two differ where a client repeats its SYN or
// a listener has TCP_DEFER_ACCEPT.
//
// This package does not set ages. lifecycle.Clocks.SetAge does, with the result
// of [Proc.Clocks].
package procnet

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"path"
	"path/filepath"

	"tcpstate/tcp"
	"tcpstate/text"
	"tcpstate/wording"
)

// Proc is a /proc file system: that of this host, that of another host mounted
// here, a recorded directory, or a map of strings in a test.
type Proc struct {
	FS fs.FS

	// NetDir is the directory of the network namespace, relative to FS: "net"
	// for the namespace of this process, "1/net" for that of process 1.
	NetDir string

	// Dir is the directory where FS is mounted. Errors put it before the names
	// of files.
	Dir string

	// Order is the byte order of the host that wrote the tables of sockets. Nil is
	// that of this machine.
	Order binary.ByteOrder
}

// Open returns the /proc file system at dir. It reads nothing yet, so a missing
// dir causes an error of the methods and not of Open.
//
// In /proc, net is a link to self/net, and self is the process that reads. That
// is right for /proc itself and wrong for the /proc of another host, where Open
// uses the namespace of process 1. A recorded directory may have a directory
// net and no process 1. Open then uses net.
func Open(dir string) *Proc {
	p := &Proc{FS: filesIn(dir), NetDir: "net", Dir: dir}
	if filepath.Clean(dir) != "/proc" && usesInit(p.FS) {
		p.NetDir = "1/net"
	}
	return p
}

// usesInit reports whether 1/net must be read: because it exists, or because
// net is a link and so shows the namespace of the reader. The mount option
// hidepid may hide process 1. Reading 1/net then gives an error, which is
// better than the sockets of the wrong host.
func usesInit(fsys fs.FS) bool {
	if _, err := fs.Stat(fsys, "1/net"); !errors.Is(err, fs.ErrNotExist) {
		return true
	}
	link, err := fs.Lstat(fsys, "net")
	return err == nil && link.Mode().Type() == fs.ModeSymlink
}

// Sockets yields the TCP sockets of the given families, in that order, while it
// reads them. The Socket is reused: it is valid until the next one. An error is a
// *ReadError, about a line or about a whole file. The sockets of the lines and of
// the file after it follow. Sockets closes the file when the loop ends, even early.
//
// The kernel's list does not show one moment: sockets open and close while it
// is read. The kernel remembers its place in the list as a position, so a
// socket may then be listed twice or missed (tcp_seek_last_pos,
// net/ipv4/tcp_ipv4.c).
//
// A kernel without IPv6 has no file net/tcp6. It has no IPv6 sockets, so this
// is not an error. It has no net/if_inet6 either: where that exists, net/tcp6
// is missing.
func (p *Proc) Sockets(families []tcp.Family) iter.Seq2[*tcp.Socket, error] {
	return func(yield func(*tcp.Socket, error) bool) {
		for _, family := range families {
			if !p.familySockets(family, yield) {
				return
			}
		}
	}
}

// familySockets yields the sockets of one family and reports whether to
// continue.
func (p *Proc) familySockets(family tcp.Family, yield func(*tcp.Socket, error) bool) bool {
	name := path.Join(p.NetDir, "tcp")
	if family == tcp.IPv6 {
		name = path.Join(p.NetDir, "tcp6")
	}
	file, err := p.FS.Open(name)
	if family == tcp.IPv6 && errors.Is(err, fs.ErrNotExist) {
		// The missing net/tcp6 means "no IPv6" only if net/tcp exists, and no other file of IPv6.
		_, err4 := fs.Stat(p.FS, path.Join(p.NetDir, "tcp"))
		_, err6 := fs.Stat(p.FS, path.Join(p.NetDir, "if_inet6"))
		if err4 == nil && errors.Is(err6, fs.ErrNotExist) {
			return true
		}
	}
	if err != nil {
		return yield(nil, &ReadError{File: p.path(name), Err: cause(err)})
	}
	defer file.Close()

	var order binary.ByteOrder = binary.NativeEndian
	if p.Order != nil {
		order = p.Order
	}
	for s, err := range parseSockets(file, family, order) {
		if err != nil {
			err.File = p.path(name)
			if !yield(nil, err) {
				return false
			}
			continue
		}
		if !yield(s, nil) {
			return false
		}
	}
	return true
}

// CheckTables returns nil if at least one of the files of the families can be read
// and begins as it must; else the error about the first.
func (p *Proc) CheckTables(families []tcp.Family) error {
	var first error
	for _, family := range families {
		if _, err := fs.Stat(p.FS, path.Join(p.NetDir, "tcp6")); family == tcp.IPv6 && len(families) > 1 && errors.Is(err, fs.ErrNotExist) {
			continue // proves nothing about the other
		}
		var err error
		p.familySockets(family, func(_ *tcp.Socket, e error) bool {
			err = e
			return false
		})
		wrong, _ := errors.AsType[*ReadError](err)
		if wrong == nil || wrong.Line > 1 {
			return nil
		}
		first = cmp.Or(first, err)
	}
	return first
}

// path returns the path of the file for messages.
func (p *Proc) path(name string) string { return path.Join(p.Dir, name) }

// ReadError reports the file, and the line in it, that could not be read or
// parsed.
type ReadError struct {
	File string // with Proc.Dir before it
	Line int    // the header is line 1; 0 means the file as a whole
	Err  error  // a *ValueError, or the error of the file system
	More bool   // only this line could not be read
}

func (e *ReadError) Error() string { return e.Message().String() }

// Message returns the sentence.
func (e *ReadError) Message() wording.Message {
	if e.Line == 0 {
		return wording.Say("procnet.reading", "file", e.File, "cause", e.Err)
	}
	return wording.Say("procnet.reading-line", "file", e.File, "line", e.Line, "cause", e.Err)
}

func (e *ReadError) Unwrap() error { return e.Err }

// ValueError reports a text that the kernel would not write at this place.
type ValueError struct {
	What    string // the place, such as "local address"
	Text    string // the text found there
	Problem string // what is wrong with it
}

func (e *ValueError) Error() string {
	return fmt.Sprintf("%s %s: %s", e.What, quote(e.Text), e.Problem)
}

// quote quotes a value, or its first 100 bytes. The kernel's lines are longer, but
// what is wrong in them is quoted by itself.
func quote(value string) string { return text.Quote(value, 100) }

// cause removes the operation and the file name from an error, since ReadError
// has both.
func cause(err error) error {
	if pathError, ok := errors.AsType[*fs.PathError](err); ok {
		return pathError.Err
	}
	return err
}
