// Package collect is the one pipeline between the kernel and those who show
// sockets: it chooses the source, asks it for no more than is wanted, checks
// again what it brings, adds what can be worked out, and says what is missing.
package collect

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"net/netip"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"tcpstate/filter"
	"tcpstate/procnet"
	"tcpstate/sockdiag"
	"tcpstate/tcp"
)

// Source is where sockets are read from.
type Source uint8

// The sources.
const (
	Auto     Source = iota // SockDiag, else ProcFS
	SockDiag               // NETLINK_SOCK_DIAG
	ProcFS                 // /proc/net/tcp and tcp6
)

var sourceNames = [...]string{"auto", "sock_diag", "procfs"}

// String returns auto, sock_diag or procfs.
func (s Source) String() string { return sourceNames[s] }

// ParseSource returns the source with the given name.
func ParseSource(name string) (Source, error) {
	if i := slices.Index(sourceNames[:], name); i >= 0 {
		return Source(i), nil
	}
	return 0, &unknownSourceError{name}
}

type unknownSourceError struct{ name string }

func (e *unknownSourceError) Error() string { return fmt.Sprintf("unknown source %q", e.name) }
func (e *unknownSourceError) Hint() string  { return "the sources are auto, sock_diag, procfs" }

// DefaultProc is where /proc is mounted on every Linux host.
const DefaultProc = "/proc"

// Query says which sockets are wanted, how much of each, and from where.
type Query struct {
	Source   Source
	Proc     string // directory of the /proc to read; empty is DefaultProc
	States   tcp.StateSet
	Families []tcp.Family
	Filter   *filter.Filter // nil: everything
	Detail   tcp.Detail     // what is wanted of each socket
}

// Snapshot is a reading of the table that has begun.
type Snapshot struct {
	source   Source
	query    Query
	clocks   tcp.Clocks
	missing  []string
	warnings []string
	noMarks  bool // the kernel has refused this process a program that asks for marks

	dump dump // where source is SockDiag
	proc *procnet.Proc

	owners     *owners // where processes are wanted
	interfaces interfaceNames
}

// dump is what a snapshot needs of a *sockdiag.Dump.
type dump interface {
	Sockets() iter.Seq2[*tcp.Socket, error]
	Interrupted() bool
	Close()
}

// Open chooses the source and begins to read it. Source Auto takes sock_diag
// where it works, else /proc with a warning that says why. Another /proc than
// this host's is read from its files alone, for sock_diag knows only the
// namespace of the process. Close must be called, or Sockets ranged over.
func Open(ctx context.Context, q Query) (*Snapshot, error) {
	return open(ctx, q, sockdiag.Open)
}

// opener begins a dump, as sockdiag.Open does. Tests put older kernels here.
type opener func(context.Context, sockdiag.Request) (*sockdiag.Dump, error)

func open(ctx context.Context, q Query, dial opener) (*Snapshot, error) {
	if q.Proc == "" {
		q.Proc = DefaultProc
	}
	if q.Filter == nil {
		everything, err := filter.Parse(nil, filter.Names{})
		if err != nil {
			return nil, err
		}
		q.Filter = everything
	}
	q.narrow()
	s := &Snapshot{source: q.Source, query: q, proc: procnet.Open(q.Proc)}
	if s.source == Auto && filepath.Clean(q.Proc) != DefaultProc {
		s.source = ProcFS
	}
	var err error
	if q.Detail.Has(tcp.DetailProcesses) {
		if s.owners, err = findOwners(ctx, q, dial); err != nil {
			return nil, err
		}
	}
	if s.source == ProcFS {
		err = s.openProc()
	} else {
		err = s.openSockDiag(ctx, dial)
	}
	if err != nil {
		return nil, err
	}
	s.missing = s.cannotKnow()
	if err := s.canJudge(); err != nil {
		s.Close()
		return nil, err
	}
	s.readClocks()
	return s, nil
}

// narrow leaves those of the states and families of which the filter can select
// a socket. Where none are left, no state is asked for.
func (q *Query) narrow() {
	q.States &= q.Filter.States()
	common := slices.DeleteFunc(slices.Clone(q.Families), func(f tcp.Family) bool {
		return !slices.Contains(q.Filter.Families(), f)
	})
	if len(common) == 0 {
		q.States = 0
		return
	}
	q.Families = common
}

// openSockDiag begins the dump, or makes the snapshot one of /proc where the
// choice was left to it.
func (s *Snapshot) openSockDiag(ctx context.Context, open opener) error {
	dump, err := s.dumpFiltered(ctx, open)
	var wrong *filter.Error
	switch {
	case err == nil:
		s.source, s.dump = SockDiag, dump
		return nil
	case s.source == SockDiag, errors.As(err, &wrong):
		return err
	}
	if procErr := s.openProc(); procErr != nil {
		return fmt.Errorf("%w; and %w", err, procErr)
	}
	s.source = ProcFS
	s.warn("%v; reading /proc/net/tcp instead, which knows less of each socket and may list one twice or miss one while it changes", err)
	return nil
}

// dumpFiltered begins a dump that passes over what the kernel can tell is not
// wanted. A kernel that does not know an instruction of the program refuses all
// of it: it is then given one of the oldest instructions, and at last none.
func (s *Snapshot) dumpFiltered(ctx context.Context, open opener) (*sockdiag.Dump, error) {
	var err error
	for _, known := range capabilities() {
		program, compileErr := s.query.Filter.Compile(known)
		if compileErr != nil {
			return nil, cmp.Or(err, compileErr)
		}
		var dump *sockdiag.Dump
		dump, err = open(ctx, sockdiag.Request{
			Families: s.query.Families,
			States:   s.query.States,
			Detail:   s.query.Detail | s.query.Filter.Needs(),
			Bytecode: program.Bytes(),
		})
		if err == nil || program.Empty() {
			return dump, err
		}
		s.noMarks = s.noMarks || known&filter.Mark != 0 && errors.Is(err, syscall.EPERM)
	}
	return nil, err
}

// canJudge refuses a filter that looks at something that the source does not
// tell: it would select nothing, as if there were no such sockets.
func (s *Snapshot) canJudge() error {
	unknown := s.missing
	if s.source == ProcFS {
		if _, err := s.query.Filter.Compile(0); err != nil {
			return err // it needs the kernel to run a program
		}
		if s.query.Filter.Needs().Has(tcp.DetailAge) && s.query.States&agedByInfo != 0 {
			unknown = append(slices.Clone(unknown), "age_ms")
		}
	}
	return s.query.Filter.Unknown(s.source.String(), unknown)
}

// agedByInfo are the states whose age tcp_info tells, and nothing else does
// (tcp.Clocks.SetAge).
const agedByInfo tcp.StateSet = 1<<tcp.Established | 1<<tcp.CloseWait

// openProc looks whether there is a table of sockets at all. It is read later,
// when nothing more can be said before what is written of it.
func (s *Snapshot) openProc() error {
	for _, err := range s.proc.Sockets([]tcp.Family{tcp.IPv4}) {
		return err
	}
	return nil
}

// readClocks reads the settings that ages are worked out from. Without them
// the ages that depend on them stay unknown, which is said to those who asked
// for ages. A live /proc of another namespace cannot tell them: below sys/net it
// answers for whoever reads.
func (s *Snapshot) readClocks() {
	clocks, err := s.proc.Clocks()
	if s.proc.NetDir != "net" {
		clocks, err = tcp.Clocks{}, fmt.Errorf("%s does not tell the settings of its own network namespace", s.query.Proc)
	}
	if err != nil && s.query.Detail.Has(tcp.DetailAge) {
		s.warn("%v; the ages of SYN_SENT and FIN_WAIT2 are not known", err)
	}
	s.clocks = clocks
}

func (s *Snapshot) warn(format string, args ...any) {
	s.warnings = append(s.warnings, fmt.Sprintf(format, args...))
}

// Source returns the source that is read: SockDiag or ProcFS.
func (s *Snapshot) Source() Source { return s.source }

// Missing returns the names, as in JSON, of what the source cannot know.
func (s *Snapshot) Missing() []string { return s.missing }

// Warnings returns what a reader should be told about the reading as a whole.
// Some are known only once Sockets has been read.
func (s *Snapshot) Warnings() []string { return s.warnings }

// Close gives up a snapshot whose Sockets was not ranged over.
func (s *Snapshot) Close() {
	if s.dump != nil {
		s.dump.Close()
	}
}

// Sockets yields the sockets that match the query, in the kernel's order. The
// Socket is reused: it is valid until the next one. At most one error comes,
// last. The sockets can be read once.
func (s *Snapshot) Sockets() iter.Seq2[*tcp.Socket, error] {
	return func(yield func(*tcp.Socket, error) bool) {
		for socket, err := range s.raw() {
			if err != nil {
				yield(nil, err)
				return
			}
			if !s.query.States.Has(socket.State) {
				continue // the kernel may bring more than was asked for
			}
			s.complete(socket)
			if !s.query.Filter.Match(socket) {
				continue
			}
			s.strip(socket)
			if s.owners != nil {
				s.owners.join(socket)
			}
			if !yield(socket, nil) {
				return
			}
		}
		if s.dump != nil && s.dump.Interrupted() {
			s.warn("the kernel says that its table changed during the dump: sockets may be missing or listed twice")
		}
		if s.owners != nil {
			if warning := s.owners.warning(); warning != "" {
				s.warn("%s", warning)
			}
		}
	}
}

// raw yields what the source brings.
func (s *Snapshot) raw() iter.Seq2[*tcp.Socket, error] {
	if s.source == SockDiag {
		return s.dump.Sockets()
	}
	return s.proc.Sockets(s.query.Families)
}

// complete adds what can be worked out of a socket.
func (s *Snapshot) complete(socket *tcp.Socket) {
	s.clocks.SetAge(socket)
	if socket.InterfaceIndex != 0 {
		socket.Interface = s.interfaces.name(socket.InterfaceIndex)
		socket.Local = withZone(socket.Local, socket.Interface)
		socket.Peer = withZone(socket.Peer, socket.Interface)
	}
}

// strip takes away what came only for the ages or for the filter.
func (s *Snapshot) strip(socket *tcp.Socket) {
	detail := s.query.Detail
	if !detail.Has(tcp.DetailInfo) {
		socket.Info, socket.Congestion = nil, nil
		if !detail.Has(tcp.DetailAge) {
			stripAge(socket)
		}
	}
	if !detail.Has(tcp.DetailMemory) {
		socket.Memory = nil
	}
	if !detail.Has(tcp.DetailExtended) {
		socket.Extended = nil
	}
}

// stripAge takes away what tcp_info alone has told.
func stripAge(socket *tcp.Socket) {
	socket.Idle = tcp.Optional[time.Duration]{}
	if agedByInfo.Has(socket.State) {
		socket.Age, socket.AgeExact = tcp.Optional[time.Duration]{}, false
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
