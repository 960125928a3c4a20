package collect

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"tcpstate/filter"
	"tcpstate/internal/lab"
	"tcpstate/sockdiag"
	"tcpstate/tcp"
	"tcpstate/wording"
)

// The instructions that some kernels do not know
// (include/uapi/linux/inet_diag.h).
const (
	opDevice      = 9
	opMark        = 10
	opSourceEqual = 11
	opPeerEqual   = 12
	opCgroup      = 13
)

// kernel answers like a kernel that refuses programs with some instructions.
// All other programs go to the running kernel.
type kernel struct {
	refused []byte
	answer  unix.Errno
	tried   []string // the instructions of each program that it received
}

func (k *kernel) open(ctx context.Context, r sockdiag.Request) (dump, error) {
	ops := instructions(r.Bytecode)
	k.tried = append(k.tried, strings.Trim(fmt.Sprint(ops), "[]"))
	if slices.ContainsFunc(ops, func(op byte) bool { return slices.Contains(k.refused, op) }) {
		return nil, &sockdiag.OpError{Op: wording.Say("sockdiag.receiving"), Err: k.answer}
	}
	return openDump(ctx, r)
}

// instructions returns the codes of a program. The second byte of each
// instruction is its length.
func instructions(code []byte) (ops []byte) {
	for ; len(code) > 0; code = code[code[1]:] {
		ops = append(ops, code[0])
	}
	return ops
}

// olderKernels are the kernels that may refuse a program, by what they do not
// know.
var olderKernels = []struct {
	name    string
	refused []byte
}{
	{"5.7", []byte{opCgroup}},
	{"4.15", []byte{opCgroup, opSourceEqual, opPeerEqual}},
	{"4.7", []byte{opCgroup, opSourceEqual, opPeerEqual, opMark, opDevice}},
	{"without programs", []byte{1, 2, 3, 4, 5, 6, 7, 8, opCgroup, opSourceEqual, opPeerEqual, opMark, opDevice}},
}

// TestOlderKernels gives each kernel the programs that it knows, and gets the
// same sockets from all of them.
func TestOlderKernels(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		fillLab(t, l)
		for _, test := range []struct {
			expr  string
			tried [4]string // by the kernels of olderKernels, in their order
		}{
			{"state established", [4]string{"", "", "", ""}},
			{"dport = 5000", [4]string{"12", "12; 4 5", "12; 4 5", "12; 4 5; "}},
			{"sport != 5000", [4]string{"11 1", "11 1; 3 1 2", "11 1; 3 1 2", "11 1; 3 1 2; "}},
			{"dport < 5000", [4]string{"5", "5", "5", "5; 5; "}},
			{"src 127.0.0.0/8", [4]string{"7", "7", "7", "7; 7; "}},
			{"dev lo dport 5000", [4]string{"9 12", "9 12; 4 5", "9 12; 4 5", "9 12; 4 5; "}},
			{"dev lo", [4]string{"9", "9", "9; ", "9; "}},
			{"fwmark 0xbeef", [4]string{"10", "10", "10; ", "10; "}},
			{"cgroup /ours sport >= 5000", [4]string{"13 2; 2", "13 2; 2", "13 2; 2", "13 2; 2; "}},
		} {
			table := read(t).list()
			f, err := filter.Parse([]string{test.expr}, labNames(t, table))
			must(t, err)
			q := Query{Source: SockDiag, States: tcp.All, Families: everything().Families, Filter: f}
			want, err := selection(t, q, openDump)
			must(t, err)
			if len(want) == 0 || len(want) == len(table) {
				t.Errorf("%s selects %d sockets of %d: the test proves nothing", test.expr, len(want), len(table))
			}
			for i, older := range olderKernels {
				k := kernel{refused: older.refused, answer: unix.EINVAL}
				got, err := selection(t, q, k.open)
				if err != nil || !maps.Equal(cookies(got), cookies(want)) {
					t.Errorf("%s: kernel %s returns %d sockets, want %d: %v", test.expr, older.name, len(got), len(want), err)
				}
				if tried := strings.Join(k.tried, "; "); tried != test.tried[i] {
					t.Errorf("%s: kernel %s received %q, want %q", test.expr, older.name, tried, test.tried[i])
				}
			}
		}
	})
}

// TestUnlistedStates asks kernels before and after 6.8 for sockets in states that
// only the later ones list. Each answers as the kernel would.
func TestUnlistedStates(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		fillLab(t, l)
		hidden := tcp.Set(tcp.Close, tcp.BoundInactive)
		for _, lists := range []bool{false, true} {
			source := &sockDiag{open: openDump, probe: func() sockdiag.Abilities { return sockdiag.Abilities{BoundInactive: lists} }}
			q := Query{Source: source, States: hidden, Families: both}
			s, err := Open(t.Context(), q)
			if lists != (err == nil) || !lists && wording.Hint(err).IsZero() {
				t.Errorf("lists: %v: %v", lists, err)
			}
			if err == nil {
				s.Close()
			}
			for _, test := range []struct {
				change func(q *Query)
				warned bool
			}{
				{func(q *Query) {}, false},
				{func(q *Query) { q.Counted = true }, true},
				{func(q *Query) { q.States = tcp.Set(tcp.Close, tcp.Listen) }, true},
				{func(q *Query) { q.Filter = parsed(t, "sport = 80") }, true},
				{func(q *Query) { q.Counted, q.States = true, tcp.Connected }, false},
				{func(q *Query) { q.Counted, q.Everything = true, true }, true},
			} {
				q := Query{Source: source, States: tcp.All, Families: both}
				test.change(&q)
				s := mustOpen(t, q)
				warned := slices.ContainsFunc(s.Warnings(), func(w Warning) bool { return w.Code == StatesUnlisted })
				if warned != (test.warned && !lists) || (s.Unlisted() == hidden) == lists {
					t.Errorf("lists: %v: %v %s: warned %v, unlisted %s", lists, q.States, q.Filter, warned, s.Unlisted())
				}
				s.Close()
			}
			q = Query{Source: source, States: tcp.Set(tcp.Close, tcp.Listen), Exact: tcp.Set(tcp.Close, tcp.Listen), Families: both}
			if s, err := Open(t.Context(), q); lists != (err == nil) {
				t.Errorf("lists: %v: an exact number: %v", lists, err)
			} else if err == nil {
				s.Close()
			}
		}
	})
}

// TestOlderKernelsAutobound checks that a term which only a program can judge
// is not guessed when the kernel does not run the program.
func TestOlderKernelsAutobound(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		fillLab(t, l)
		for _, test := range []struct {
			expr    string
			refused []byte
			works   bool
		}{
			{"autobound dport 5000", []byte{opPeerEqual}, true},
			{"autobound dev lo", []byte{opDevice}, true},
			{"autobound or dev lo", []byte{opDevice}, false},
			{"autobound", []byte{6}, false},
		} {
			f, err := filter.Parse([]string{test.expr}, FilterNames("", ""))
			must(t, err)
			for _, source := range []Source{SockDiag, Auto} {
				q := Query{Source: source, States: tcp.All, Families: everything().Families, Filter: f}
				want, err := selection(t, q, openDump)
				must(t, err)
				k := kernel{refused: test.refused, answer: unix.EINVAL}
				got, err := selection(t, q, k.open)
				if test.works && (err != nil || len(want) == 0 || !maps.Equal(cookies(got), cookies(want))) {
					t.Errorf("%s: %d sockets, want %d: %v", test.expr, len(got), len(want), err)
				}
				if !test.works && err == nil {
					t.Errorf("%s from %s: %d sockets, want an error", test.expr, source, len(got))
				}
			}
		}
	})
}

// TestMarksWithoutPrivilege selects by mark without CAP_NET_ADMIN. The test
// kernel answers like the running one: it refuses such a program with EPERM.
func TestMarksWithoutPrivilege(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		fillLab(t, l)
		byMark, err := filter.Parse([]string{"dport 5000 fwmark 0xbeef"}, filter.Names{})
		must(t, err)
		program, err := byMark.Compile(filter.AllCapabilities)
		must(t, err)
		byPort, err := filter.Parse([]string{"dport 5000"}, filter.Names{})
		must(t, err)

		// A thread that loses the privilege for ever. It ends with the subtest.
		t.Run("without the capability", func(t *testing.T) {
			runtime.LockOSThread()
			dropNetAdmin(t)
			_, err := sockdiag.Open(t.Context(), sockdiag.Request{Families: everything().Families, States: tcp.All, Bytecode: program.Bytes()})
			if !errors.Is(err, unix.EPERM) {
				t.Fatalf("the kernel answers %v to a mark, want EPERM", err)
			}
			k := kernel{}
			q := everything()
			q.Filter = byMark
			if _, err := selection(t, q, k.open); !isAboutMark(err) {
				t.Errorf("fwmark: %v", err)
			}
			if len(k.tried) != 1 || strings.Contains(k.tried[0], "10") {
				t.Errorf("the kernel received %q", k.tried)
			}
			q.Filter = byPort
			if got, err := selection(t, q, k.open); err != nil || len(got) == 0 {
				t.Errorf("dport: %d sockets, %v", len(got), err)
			}
		})

		// The capability counts in the user namespace that owns the network
		// namespace. A process may have it in another one.
		t.Run("with the capability in another user namespace", func(t *testing.T) {
			k := kernel{refused: []byte{opMark}, answer: unix.EPERM}
			q := everything()
			q.Filter = byMark
			if _, err := selection(t, q, k.open); !isAboutMark(err) {
				t.Errorf("fwmark: %v", err)
			}
		})
	})
}

func isAboutMark(err error) bool {
	var wrong *filter.Error
	return errors.As(err, &wrong) && strings.Contains(wrong.What.String(), "sock_diag does not report mark") && wrong.Offset == len("dport 5000 ")
}

// dropNetAdmin removes CAP_NET_ADMIN from this thread.
func dropNetAdmin(t *testing.T) {
	t.Helper()
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	must(t, unix.Capget(&header, &data[0]))
	data[0].Effective &^= 1 << unix.CAP_NET_ADMIN
	must(t, unix.Capset(&header, &data[0]))
}
