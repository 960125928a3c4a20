package collect

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"tcpstate/filter"
	"tcpstate/internal/lab"
	"tcpstate/sockdiag"
	"tcpstate/tcp"
)

// listing is the whole table at one moment, by cookie: each socket as this
// program shows it, and as the kernel shows it to a filter program.
type listing struct {
	sockets map[tcp.Cookie]*tcp.Socket
	entries map[tcp.Cookie]filter.Entry
}

// everything requests everything that sock_diag knows, of all sockets.
func everything() Query {
	return Query{Source: SockDiag, States: tcp.All, Families: []tcp.Family{tcp.IPv4, tcp.IPv6},
		Detail: tcp.DetailInfo | tcp.DetailMemory | tcp.DetailExtended | tcp.DetailAge}
}

// selection returns the sockets that a query selects, or the error of Open.
func selection(t *testing.T, q Query, kernel opener) (map[tcp.Cookie]*tcp.Socket, error) {
	t.Helper()
	if source := (&sockDiag{kernel, sockdiag.ProbeAbilities}); q.Source == Auto {
		q.Source = &firstOf{{source, ""}, {ProcFS, insteadOfSockDiag}}
	} else {
		q.Source = source
	}
	snapshot, err := Open(t.Context(), q)
	if err != nil {
		return nil, err
	}
	found := map[tcp.Cookie]*tcp.Socket{}
	for s, err := range snapshot.Sockets() {
		must(t, err)
		if s.Cookie == 0 || found[s.Cookie] != nil {
			t.Fatalf("%v %v has cookie %v, which is missing or comes twice", s.State, s.Local, s.Cookie)
		}
		found[s.Cookie] = s.Clone()
	}
	return found, nil
}

// passed returns the cookies of the sockets that pass the kernel's filter.
func passed(t *testing.T, states tcp.StateSet, families []tcp.Family, program filter.Program) map[tcp.Cookie]bool {
	t.Helper()
	cookies := map[tcp.Cookie]bool{}
	if len(families) == 0 {
		return cookies
	}
	dump, err := sockdiag.Open(t.Context(), sockdiag.Request{Families: families, States: states, Bytecode: program.Bytes()})
	if err != nil {
		t.Fatalf("the kernel refuses the program: %v\n%s", err, program)
	}
	for s, err := range dump.Sockets() {
		must(t, err)
		if states.Has(s.State) { // CLOSE and BOUND_INACTIVE are one state to the kernel
			cookies[s.Cookie] = true
		}
	}
	return cookies
}

// knows asks the kernel for which sockets a term is true. It is for terms about
// values that a dump does not report for all sockets.
func knows(t *testing.T, term string) map[tcp.Cookie]bool {
	t.Helper()
	f, err := filter.Parse([]string{term}, filter.Names{})
	must(t, err)
	program, err := f.Compile(filter.AllCapabilities)
	must(t, err)
	return passed(t, tcp.All, everything().Families, program)
}

// read reads the table. Some values are not in a dump, but a filter program can
// test them: which ports the kernel chose, and the marks of small sockets. For
// these it runs a program of one instruction in the kernel.
func read(t *testing.T) listing {
	t.Helper()
	sockets, err := selection(t, everything(), openDump)
	must(t, err)
	r := listing{sockets, map[tcp.Cookie]filter.Entry{}}
	autobound := knows(t, "autobound")
	marked := map[uint32]map[tcp.Cookie]bool{}
	for text, value := range map[string]uint32{"0x10": 0x10, "0x20": 0x20, "0xbeef": mark} {
		marked[value] = knows(t, "fwmark "+text)
	}
	for cookie, s := range r.sockets {
		e := filter.Entry{Family: s.Family, Local: unzoned(s.Local), Peer: unzoned(s.Peer), Autobound: autobound[cookie], Interface: s.InterfaceIndex}
		known := false
		if s.Extended != nil {
			e.Cgroup = s.Extended.CgroupID
			e.Mark, known = s.Extended.Mark.Get()
		}
		for value, sockets := range marked {
			if sockets[cookie] && !known {
				e.Mark = value
			}
		}
		r.entries[cookie] = e
	}
	return r
}

func unzoned(end netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(end.Addr().WithZone(""), end.Port())
}

// same reports whether nothing changed between r and later that a filter of
// writer could see.
func (r listing) same(later listing) bool {
	return maps.Equal(r.entries, later.entries) && maps.EqualFunc(r.sockets, later.sockets, func(a, b *tcp.Socket) bool {
		return a.State == b.State && a.Timer.Kind == b.Timer.Kind && a.RecvQueue == b.RecvQueue && a.SendQueue == b.SendQueue
	})
}

// list returns the sockets in a fixed order.
func (r listing) list() []*tcp.Socket {
	var list []*tcp.Socket
	for _, cookie := range slices.Sorted(maps.Keys(r.sockets)) {
		list = append(list, r.sockets[cookie])
	}
	return list
}

// labNames knows the cgroup of the sockets, and another cgroup that has none of
// them.
func labNames(t *testing.T, sockets []*tcp.Socket) filter.Names {
	t.Helper()
	names := FilterNames("", "")
	ours := uint64(0)
	for _, s := range sockets {
		if s.Extended != nil {
			ours = max(ours, s.Extended.CgroupID)
		}
	}
	if ours == 0 {
		t.Fatal("no socket has a cgroup")
	}
	names.Cgroup = func(path string) (uint64, bool) {
		return map[string]uint64{"/ours": ours, "/other": ours + 1}[path], true
	}
	return names
}

// TestFiltersAgainstTheKernel compares three judges of an expression on the
// same sockets: Match on all of them, the program in the virtual machine, and
// the program in the kernel. The kernel and the machine must always agree.
// Neither may reject a socket that matches. If the program is exact, both must
// accept only the sockets that match. A snapshot of Open must have exactly the
// sockets that match.
//
// The table is read before and after some expressions. If something changed in
// between, these expressions are judged again.
func TestFiltersAgainstTheKernel(t *testing.T) {
	const atATime = 100
	expressions := lab.Sample(2400, 400)
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		asked := fillLab(t, l)
		before := read(t)
		checkAutobound(t, before, asked)
		var seen tally
		for left, tries := expressions, 0; len(left) > 0; {
			judged := seen
			problems := []string{}
			now := left[:min(atATime>>min(tries, 6), len(left))] // fewer after each failed try, because a loaded host is slow
			for _, seed := range now {
				problems = append(problems, judged.judge(t, uint64(seed), before)...)
			}
			after := read(t)
			if !before.same(after) {
				if tries++; tries > 100 {
					t.Fatal("the table changes during every try")
				}
				before = after
				continue
			}
			for _, problem := range problems {
				t.Error(problem)
			}
			if t.Failed() {
				t.FailNow()
			}
			seen, left, tries = judged, left[len(now):], 0
		}
		t.Logf("%+v", seen)
		seen.check(t, len(expressions))
	})
}

// checkAutobound compares what the kernel says about ports with what the test
// did.
func checkAutobound(t *testing.T, r listing, asked map[tcp.Cookie]bool) {
	t.Helper()
	for cookie, e := range r.entries {
		if e.Autobound == asked[cookie] {
			t.Errorf("%v %v: the kernel says autobound %v, but the socket chose its port: %v", r.sockets[cookie].State, e.Local, e.Autobound, asked[cookie])
		}
	}
	for cookie := range asked {
		if _, ok := r.entries[cookie]; !ok {
			t.Errorf("a bound socket is not listed: %v", cookie)
		}
	}
}

// judge compares the judges of the expression of a seed. Match must also judge
// autobound, which no socket carries. So it gets sockets that carry the answer
// in a number which is never that large otherwise.
func (n *tally) judge(t *testing.T, seed uint64, r listing) (problems []string) {
	t.Helper()
	list := r.list()
	names := labNames(t, list)
	expr := newWriter(seed, list).expression()
	f, err := filter.Parse([]string{expr}, names)
	if err != nil {
		t.Fatalf("seed %d: %s: %v", seed, expr, err)
	}
	truth, err := filter.Parse([]string{strings.ReplaceAll(expr, "autobound", "retrans = 255")}, names)
	must(t, err)
	matches := map[tcp.Cookie]bool{}
	for cookie, s := range r.sockets {
		s := *s
		if s.Timer.Retransmits = 0; r.entries[cookie].Autobound {
			s.Timer.Retransmits = 255
		}
		if truth.Match(&s) {
			matches[cookie] = true
		}
	}
	complain := func(cookie tcp.Cookie, what string, program filter.Program) {
		problems = append(problems, fmt.Sprintf("seed %d: %s: %s: %v %+v\n%s",
			seed, expr, what, r.sockets[cookie].State, r.entries[cookie], program))
	}
	judged := map[string]bool{}
	for _, c := range []filter.Capabilities{filter.AllCapabilities, filter.AllCapabilities &^ filter.Mark, filter.Bytecode, 0} {
		program, err := f.Compile(c)
		if err != nil {
			n.refused++ // autobound together with a term that the kernel cannot judge
			continue
		}
		if judged[string(program.Bytes())] {
			continue
		}
		judged[string(program.Bytes())] = true
		kernel := passed(t, f.States(), f.Families(), program)
		wide := false
		for cookie, s := range r.sockets {
			asked := f.States().Has(s.State) && slices.Contains(f.Families(), s.Family)
			switch machine := asked && program.Run(r.entries[cookie]); {
			case kernel[cookie] != machine:
				complain(cookie, fmt.Sprintf("the kernel says %v, the machine %v", kernel[cookie], machine), program)
			case matches[cookie] && !kernel[cookie]:
				complain(cookie, "the kernel refuses what matches", program)
			case kernel[cookie] && !matches[cookie]:
				if wide = true; program.Exact {
					complain(cookie, "the program is not exact", program)
				}
			}
		}
		n.count(program, wide)
	}
	n.countRows(len(matches), len(list))
	q := everything()
	q.Filter, q.Detail = f, 0
	selected, err := selection(t, q, openDump)
	if _, compileErr := PlanFor(q); err != nil || compileErr != nil {
		if err == nil || compileErr == nil || err.Error() != compileErr.Error() {
			problems = append(problems, fmt.Sprintf("seed %d: %s: Open says %v, Compile %v", seed, expr, err, compileErr))
		}
		return problems
	}
	if !maps.Equal(cookies(selected), matches) {
		problems = append(problems, fmt.Sprintf("seed %d: %s: Open selects %v, %v match", seed, expr, cookies(selected), matches))
	}
	return problems
}

func cookies(sockets map[tcp.Cookie]*tcp.Socket) map[tcp.Cookie]bool {
	set := map[tcp.Cookie]bool{}
	for cookie := range sockets {
		set[cookie] = true
	}
	return set
}

// tally counts how much the expressions test.
type tally struct {
	programs, exact, empty, wide int // programs in the kernel; wide ones accept more than the filter
	refused                      int // pairs of an expression and a kernel that cannot judge it
	none, some, all              int // expressions by what they select
}

func (n *tally) count(program filter.Program, wide bool) {
	n.programs++
	if program.Exact {
		n.exact++
	}
	if program.Empty() {
		n.empty++
	}
	if wide {
		n.wide++
	}
}

func (n *tally) countRows(rows, of int) {
	switch rows {
	case 0:
		n.none++
	case of:
		n.all++
	default:
		n.some++
	}
}

func (n *tally) check(t *testing.T, expressions int) {
	t.Helper()
	if n.exact < n.programs/5 || n.wide < n.programs/20 || n.empty > n.programs/2 || n.some < expressions/2 || n.refused > expressions {
		t.Errorf("of %d expressions: %+v: they test too little", expressions, *n)
	}
}
