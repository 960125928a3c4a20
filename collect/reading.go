package collect

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"net/netip"
	"syscall"

	"tcpstate/fields"
	"tcpstate/filter"
	"tcpstate/lifecycle"
	"tcpstate/netns"
	"tcpstate/procnet"
	"tcpstate/sockdiag"
	"tcpstate/tcp"
)

// reading is the table of one network namespace, as it is being read.
type reading struct {
	query     Query
	space     *netns.Namespace // nil: that of the process
	source    Source
	abilities sockdiag.Abilities
	proc      *procnet.Proc
	clocks    lifecycle.Clocks
	missing   []string
	noMarks   bool // the kernel has refused this process a program that asks for marks

	dump       dump // where source is SockDiag
	interfaces interfaceNames

	warn func(format string, args ...any)
}

// dump is what a reading needs of a *sockdiag.Dump.
type dump interface {
	Sockets() iter.Seq2[*tcp.Socket, error]
	Interrupted() bool
	Close()
}

// read begins to read the table of a namespace.
func (s *Snapshot) read(space *netns.Namespace) (*reading, error) {
	r := &reading{query: s.query, space: space, source: s.query.Source, proc: procOf(s.query.Proc, space), warn: s.warn}
	if space != nil {
		r.interfaces.within = space.Do
	}
	err := r.within(func() error {
		r.abilities = sockdiag.ProbeAbilities()
		return nil
	})
	switch {
	case err != nil:
		return nil, err
	case r.source == ProcFS:
		err = r.openProc()
	default:
		err = r.openSockDiag(s.ctx, s.dial)
	}
	if err != nil {
		return nil, err
	}
	r.missing = fields.Missing(r.knows())
	if err := r.canJudge(); err != nil {
		r.close()
		return nil, err
	}
	r.readClocks()
	return r, nil
}

// procOf returns the /proc at dir as it is seen in a namespace.
func procOf(dir string, space *netns.Namespace) *procnet.Proc {
	p := procnet.Open(dir)
	if space != nil {
		p.FS, p.NetDir = insideFS{p.FS, space.Do}, "thread-self/net"
	}
	return p
}

// within runs f in the namespace.
func (r *reading) within(f func() error) error {
	if r.space == nil {
		return f()
	}
	return r.space.Do(f)
}

// insideFS opens files in a network namespace: those of /proc that are of a
// namespace are of that in which they were opened.
type insideFS struct {
	fs.FS
	within func(func() error) error
}

func (i insideFS) Open(name string) (file fs.File, err error) {
	err = i.within(func() error {
		file, err = i.FS.Open(name)
		return err
	})
	return file, err
}

// ReadFile reads a file whole. A setting below /proc/sys must be read at once:
// from its second byte on there is nothing (do_proc_dointvec, kernel/sysctl.c),
// and what fs.ReadFile makes of Open begins with a single byte.
func (i insideFS) ReadFile(name string) (text []byte, err error) {
	err = i.within(func() error {
		text, err = fs.ReadFile(i.FS, name)
		return err
	})
	return text, err
}

// openSockDiag begins the dump, or makes the reading one of /proc where the
// choice was left to it.
func (r *reading) openSockDiag(ctx context.Context, open opener) error {
	dump, err := r.dumpFiltered(ctx, open)
	var wrong *filter.Error
	switch {
	case err == nil:
		r.source, r.dump = SockDiag, dump
		return nil
	case r.source == SockDiag, errors.As(err, &wrong):
		return err
	}
	if procErr := r.openProc(); procErr != nil {
		return fmt.Errorf("%w; and %w", err, procErr)
	}
	r.source = ProcFS
	r.warn("%v; reading /proc/net/tcp instead, which knows less of each socket and may list one twice or miss one while it changes", err)
	return nil
}

// dumpFiltered begins a dump that passes over what the kernel can tell is not
// wanted. A kernel that does not know an instruction of the program refuses all
// of it: it is then given one of the oldest instructions, and at last none.
func (r *reading) dumpFiltered(ctx context.Context, open opener) (*sockdiag.Dump, error) {
	var err error
	tries := capabilities(r.abilities)
	if r.query.Everything {
		tries = []filter.Capabilities{0}
	}
	for _, known := range tries {
		program, compileErr := r.query.Filter.Compile(known)
		if compileErr != nil {
			return nil, cmp.Or(err, compileErr)
		}
		var dump *sockdiag.Dump
		dump, err = open(ctx, sockdiag.Request{
			Families: r.query.Families,
			States:   r.query.listed(),
			Detail:   r.query.Detail | r.query.Filter.Needs(),
			Bytecode: program.Bytes(),
			Within:   r.within,
		})
		if err == nil || program.Empty() {
			return dump, err
		}
		r.noMarks = r.noMarks || known&filter.Mark != 0 && errors.Is(err, syscall.EPERM)
	}
	return nil, err
}

// canJudge refuses a filter that looks at something that the source does not
// tell: it would select nothing, as if there were no such sockets.
func (r *reading) canJudge() error {
	if r.source == ProcFS {
		if _, err := r.query.Filter.Compile(0); err != nil {
			return err // it needs the kernel to run a program
		}
	}
	return r.query.Filter.Unknown(r.source.String(), fields.MissingIn(r.knows(), r.query.States))
}

// openProc looks whether there is a table of sockets at all. It is read later,
// when nothing more can be said before what is written of it.
func (r *reading) openProc() error {
	for _, err := range r.proc.Sockets([]tcp.Family{tcp.IPv4}) {
		return err
	}
	return nil
}

// readClocks reads the settings that ages are worked out from. Without them
// the ages that depend on them stay unknown, which is said to those who asked
// for ages. A live /proc of another host cannot tell them: below sys/net it
// answers for whoever reads.
func (r *reading) readClocks() {
	clocks, err := r.proc.Clocks()
	if r.space == nil && r.proc.NetDir != "net" {
		clocks, err = lifecycle.Clocks{}, fmt.Errorf("%s does not tell the settings of its own network namespace", r.query.Proc)
	}
	if err != nil && r.query.Detail.Has(tcp.DetailAge) {
		r.warn("%v; the ages of SYN_SENT and FIN_WAIT2 are not known", err)
	}
	r.clocks = clocks
}

func (r *reading) close() {
	if r.dump != nil {
		r.dump.Close()
	}
}

// interrupted reports, once the sockets have been read, whether the kernel says
// that they changed meanwhile.
func (r *reading) interrupted() bool { return r.dump != nil && r.dump.Interrupted() }

// sockets yields the sockets of the states that were asked for, each with all
// that can be worked out of it.
func (r *reading) sockets() iter.Seq2[*tcp.Socket, error] {
	return func(yield func(*tcp.Socket, error) bool) {
		for socket, err := range r.raw() {
			switch {
			case r.query.Netns == AllNamespaces && errors.Is(err, netns.ErrGone):
				return // with all that was in it
			case err != nil:
				yield(nil, err)
				return
			}
			if !r.query.listed().Has(socket.State) {
				continue // the kernel may bring more than was asked for
			}
			r.complete(socket)
			if !yield(socket, nil) {
				return
			}
		}
	}
}

// raw yields what the source brings.
func (r *reading) raw() iter.Seq2[*tcp.Socket, error] {
	if r.source == SockDiag {
		return r.dump.Sockets()
	}
	return r.proc.Sockets(r.query.Families)
}

// complete adds what can be worked out of a socket.
func (r *reading) complete(socket *tcp.Socket) {
	r.clocks.SetAge(socket)
	if r.space != nil {
		socket.Netns = r.space.Name
	}
	if socket.InterfaceIndex != 0 {
		socket.Interface = r.interfaces.name(socket.InterfaceIndex)
		socket.Local = withZone(socket.Local, socket.Interface)
		socket.Peer = withZone(socket.Peer, socket.Interface)
	}
}

// withZone gives an IPv6 link-local address, which means nothing without its
// link, the name of that link.
func withZone(a netip.AddrPort, zone string) netip.AddrPort {
	if zone == "" || !a.Addr().IsLinkLocalUnicast() || !a.Addr().Is6() || a.Addr().Is4In6() {
		return a
	}
	return netip.AddrPortFrom(a.Addr().WithZone(zone), a.Port())
}
