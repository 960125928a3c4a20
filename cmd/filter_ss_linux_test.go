package cmd

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"tcpstate/collect"
	"tcpstate/internal/lab"
	"tcpstate/tcp"
)

// fillForFilters makes sockets in every state, some with marks and bound to an
// interface, and some with explicit ports.
func fillForFilters(t *testing.T, l *lab.Lab) {
	t.Helper()
	if _, err := l.States(); err != nil {
		t.Fatal(err)
	}
	for _, host := range []unix.Sockaddr{
		&unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}, &unix.SockaddrInet6{Addr: [16]byte{15: 1}},
	} {
		marked(t, host)
	}
	for _, at := range []unix.Sockaddr{
		&unix.SockaddrInet4{Addr: [4]byte{127, 0, 9, 1}, Port: 443}, &unix.SockaddrInet6{Addr: [16]byte{15: 1}, Port: 22},
		&unix.SockaddrInet4{Addr: [4]byte{127, 0, 9, 1}, Port: ephemeralPort},
	} {
		listener, _ := listenOn(t, at, func(int) {})
		for range 2 {
			client := newSocket(t, at)
			must(t, unix.Connect(client, at))
			_, _, err := unix.Accept4(listener, unix.SOCK_CLOEXEC)
			must(t, err)
		}
	}
}

// ephemeralPort is a port that the test binds explicitly, although it is in the
// range from which the kernel chooses (net.ipv4.ip_local_port_range, 32768 to
// 60999).
const ephemeralPort = 60998

// row is a socket, with the values that both ss and ls print.
type row struct{ state, local, peer string }

// ssRows returns the sorted rows of ss -tan with more arguments, or the error that
// it reports.
func ssRows(t *testing.T, args ...string) (rows []row, problem string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "ss", append([]string{"-tanHO"}, args...)...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if err != nil || stderr.Len() > 0 {
		return nil, fmt.Sprintf("%v %s", err, stderr.Bytes())
	}
	for line := range strings.Lines(stdout.String()) {
		fields := strings.Fields(line)
		if len(fields) == 4 { // ss does not print the state if only one is selected
			fields = slices.Insert(fields, 0, args[1])
		}
		s := ssSocket{words: map[string]string{}, figures: map[string]span{}}
		must(t, s.parseEnds(fields[3], fields[4]))
		end := func(name string) string {
			addr, err := netip.ParseAddr(s.words[name+".address"])
			must(t, err)
			return netip.AddrPortFrom(addr, uint16(s.figures[name+".port"].least)).String()
		}
		state, err := tcp.ParseState(fields[0])
		must(t, err)
		rows = append(rows, row{state.String(), end("local"), end("peer")})
	}
	return sortedRows(rows), ""
}

// lsRows returns the sorted rows of ls with more arguments, or the error that it
// reports. It leaves out closed sockets, because ss 6.1 does not list them: it does
// not know their state bit (see byCookie).
func lsRows(t *testing.T, args ...string) (rows []row, problem string) {
	t.Helper()
	got := runArgs(t, append([]string{"ls", "--format", "csv", "-H", "--columns", "state,local,peer"}, args...)...)
	if got.code != exitDone || got.stderr != "" {
		return nil, fmt.Sprintf("exit %d: %s", got.code, got.stderr)
	}
	for line := range strings.Lines(got.stdout) {
		fields := strings.Split(strings.TrimSpace(line), ",")
		if fields[0] != "CLOSE" && fields[0] != "BOUND_INACTIVE" {
			rows = append(rows, row{fields[0], fields[1], fields[2]})
		}
	}
	return sortedRows(rows), ""
}

func sortedRows(rows []row) []row {
	slices.SortFunc(rows, func(a, b row) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	return rows
}

// ssWriter writes random expressions of ss(8) about existing sockets.
type ssWriter struct {
	*rand.Rand
	rows   []row
	cgroup string // the path of a cgroup, or ""

	// Whether the expression has a kind of term that ss sometimes evaluates
	// differently.
	small, zeros, dev, negative bool
}

func oneOf[T any](w *ssWriter, from ...T) T { return from[w.IntN(len(from))] }

// expression returns the states before an expression, and the expression. It avoids
// expressions that ss evaluates differently (see TestMeantDifferencesToSS).
func (w *ssWriter) expression() (states, expr string) {
	for {
		w.small, w.zeros, w.dev, w.negative = false, false, false, false
		expr = w.operand(3)
		if !w.zeros || !w.dev && !w.negative {
			break
		}
	}
	state := func() string {
		return oneOf(w, "all", "connected", "synchronized", "bucket", "big", "established", "syn-sent", "syn-recv", "fin-wait-1",
			"fin-wait-2", "time-wait", "close-wait", "last-ack", "listening", "closing", "unconnected")
	}
	switch w.IntN(6) {
	case 0:
		states = "state " + state()
	case 1:
		states = "state all exclude " + oneOf(w, "established", "big", "listening")
	case 2:
		states = "exclude " + oneOf(w, "time-wait", "synchronized", "listening")
	case 3:
		states = "state " + state() + " state time-wait"
	}
	return states, expr
}

func (w *ssWriter) operand(depth int) string {
	switch {
	case depth == 0 || w.IntN(3) == 0:
		return w.term()
	case w.IntN(4) == 0:
		w.negative = true
		return oneOf(w, "not ", "! ") + w.operand(depth-1)
	}
	expr := "( " + w.operand(depth-1)
	for range 1 + w.IntN(3) {
		expr += " " + oneOf(w, "and", "&", "&&", "or", "|", "||", "or", "") + " " + w.operand(depth-1)
	}
	return expr + " )"
}

func (w *ssWriter) term() string {
	r := oneOf(w, w.rows...)
	host, port, text := "src", "sport", r.local
	if w.IntN(2) == 0 {
		host, port, text = "dst", "dport", r.peer
	}
	end := netip.MustParseAddrPort(text)
	switch w.IntN(10) {
	case 0, 1, 2:
		op := oneOf(w, "", "=", "==", "eq", "!=", "ne", "neq", "<", "lt", "<=", "le", "leq", ">", "gt", ">=", "ge", "geq")
		n := strconv.Itoa(int(end.Port()) + w.IntN(2))
		return port + " " + op + " " + oneOf(w, ":"+n, n, ":https")
	case 3, 4, 5, 6:
		return host + " " + oneOf(w, "", "=") + " " + w.host(end)
	case 7:
		w.dev = true
		return "dev " + oneOf(w, "", "=", "!=") + " " + oneOf(w, "lo", lab.HostLink, "1", "0")
	case 8:
		w.small = true
		return "fwmark " + oneOf(w, "", "=", "!=") + " " + oneOf(w, "0xbeef", "0xbee0/0xfff0", "0", "48879", "1/1", "1/0xfff0")
	}
	if w.cgroup == "" || w.IntN(3) > 0 {
		return host + " *:" + strconv.Itoa(int(end.Port()))
	}
	w.small = true
	return "cgroup " + oneOf(w, "", "=", "!=") + " " + w.cgroup
}

// host returns an address or a network, with or without a port.
func (w *ssWriter) host(end netip.AddrPort) string {
	addr := end.Addr().WithZone("")
	if addr.Is4In6() && w.IntN(2) == 0 {
		addr = addr.Unmap()
	}
	bits := addr.BitLen()
	text := addr.String()
	if w.IntN(2) == 0 {
		bits = w.IntN(bits + 1)
		text += "/" + strconv.Itoa(bits)
	}
	if first, err := addr.Prefix(min(bits, 32)); err != nil || bits < 8 || first.Addr().IsUnspecified() {
		w.zeros = true
	}
	if addr.Is6() {
		text = "[" + text + "]"
	}
	if w.IntN(4) == 0 {
		text += oneOf(w, ":*", ":"+strconv.Itoa(int(end.Port())))
	}
	return text
}

// TestFiltersAgainstSS compares ls FILTER with ss FILTER, row by row.
//
// Both programs accept an expression as one argument or as several. ss requires
// separate arguments for the states before the expression; ls does not.
func TestFiltersAgainstSS(t *testing.T) {
	expressions := lab.Sample(300, 60)
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		fillForFilters(t, l)
		w := &ssWriter{}
		if w.rows = mustRows(t, ssRows, nil); len(w.rows) < 60 {
			t.Fatalf("ss lists only %d sockets", len(w.rows))
		}
		w.cgroup = knownCgroup()
		selected := map[bool]int{}
		for _, seed := range expressions {
			w.Rand = rand.New(rand.NewPCG(uint64(seed), 3))
			states, expr := w.expression()
			want := compareWithSS(t, seed, w.small, states, expr)
			selected[len(want) > 0 && len(want) < len(w.rows)]++
		}
		if selected[true] < len(expressions)/2 {
			t.Errorf("only %d of %d expressions select some sockets and not others", selected[true], len(expressions))
		}
	})
}

// knownCgroup returns the path of a cgroup v2, or "" if there is none.
func knownCgroup() string {
	for _, path := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified"} {
		if _, ok := collect.FilterNames("", "").Cgroup(path); ok {
			return path
		}
	}
	return ""
}

// compareWithSS compares the rows of ss and ls and returns the rows of ss. It has
// three rounds, because sockets may change between the two listings.
func compareWithSS(t *testing.T, seed int, small bool, states, expr string) []row {
	t.Helper()
	lead, words := strings.Fields(states), strings.Fields(expr)
	split, joined, whole := slices.Concat(lead, words), append(slices.Clone(lead), expr), []string{states + " " + expr}
	for round := 1; ; round++ {
		want := mustRows(t, ssRows, [][]string{split, joined}[seed%2])
		args := [][]string{split, joined, whole}[seed%3]
		got := mustRows(t, lsRows, args)
		if small {
			got, want = withoutSmall(got), withoutSmall(want)
		}
		if slices.Equal(got, want) {
			return want
		}
		if round == 3 {
			t.Errorf("seed %d: ls %q selects\n%v, ss\n%v", seed, args, got, want)
			return want
		}
	}
}

// mustRows runs ss or ls and returns the rows. An error ends the test.
func mustRows(t *testing.T, run func(*testing.T, ...string) ([]row, string), args []string) []row {
	t.Helper()
	rows, problem := run(t, args...)
	if problem != "" {
		t.Fatalf("%q: %s", args, problem)
	}
	return rows
}

// withoutSmall removes the rows in states of small sockets. For these, ss compares
// marks and cgroups with the values that the kernel fills in (see
// TestMeantDifferencesToSS).
func withoutSmall(rows []row) []row {
	return slices.DeleteFunc(slices.Clone(rows), func(r row) bool {
		return r.state == "TIME_WAIT" || r.state == "SYN_RECV" || r.state == "FIN_WAIT2"
	})
}

// meantDifferences are expressions in which ls differs from ss 6.1 on purpose, with
// the reason. If an error is expected, it is expected from that program only.
//
// ss takes a word that it does not expect, such as state within parentheses, (sport
// or sport=443, for the name of a host, and asks a name server. The table has no such
// expression.
var meantDifferences = []struct {
	args             []string
	reason           string
	onlySS, onlyLs   func(row) bool // rows that only one of them has; nil: none
	ssError, lsError string
}{
	{args: []string{"autobound"}, onlyLs: func(r row) bool { return !isEphemeral(r) },
		reason: "ss also checks whether the port is in ip_local_port_range (run_ssfilter, misc/ss.c)"},
	{args: []string{"not", "autobound"}, onlyLs: isEphemeral,
		reason: "the same: for ss, a port of that range is autobound, even if a program chose it"},
	{args: []string{"not", "src", "0.0.0.0/0"}, onlyLs: isIPv6,
		reason: "ss treats a prefix of no bits as no address in its own comparison, and as IPv4 in the kernel's"},
	{args: []string{"not", "src", "0.0.0.0"}, onlyLs: func(r row) bool { return isIPv6(r) && [4]byte(local(r).Addr().AsSlice()) == [4]byte{} },
		reason: "ss compares the first bytes of addresses of any family (inet_addr_match, lib/utils.c)"},
	{args: []string{"src", "0.0.0.0", "dev", "0"}, onlySS: isIPv6,
		reason: "ss has no bytecode for dev, and then compares addresses only by itself"},
	{args: []string{"cgroup", "!=", aCgroup}, onlySS: func(r row) bool { return !slices.Contains(withoutSmall([]row{r}), r) },
		reason: "the kernel does not report the cgroup of a small socket, and an older kernel not its mark; ss assumes 0"},
	{args: []string{"dst", "inet:*", "or", "dst", "inet6:*"}, onlyLs: isIPv4,
		reason: "a family restricts its term; in ss, the last one restricts the whole listing (parse_hostcond)"},
	{args: []string{"sport", "443", "or", "dst", "inet6:*"}, onlyLs: func(r row) bool { return local(r).Port() == 443 },
		reason: "the same"},

	{args: []string{"dport", "70000"}, lsError: "is not a port", reason: "ss accepts the port and finds nothing"},
	{args: []string{"sport", ">=", "70000"}, lsError: "is not a port", reason: "the same"},
	{args: []string{"dport", "0443"}, lsError: "does not begin with 0", reason: "ss reads this as octal, which is never intended"},
	{args: []string{"dport", "0x1bb"}, lsError: "neither a port", reason: "ports are written in decimal"},
	{args: []string{"src", "10.1"}, lsError: "is not an address", reason: "ss adds zeros and reads 10.1.0.0"},

	{args: []string{"sport", "443,5000"}, ssError: "does not look like a port", reason: "only ls has lists"},
	{args: []string{"sport", "443-5000"}, ssError: "does not look like a port", reason: "only ls has ranges"},
	{args: []string{"src", "[::1]/128"}, ssError: "does not look like a port", reason: "ss requires the length within the brackets"},
}

// aCgroup is a placeholder for the path of a cgroup.
const aCgroup = "PATH"

func local(r row) netip.AddrPort { return netip.MustParseAddrPort(r.local) }
func isIPv4(r row) bool          { return local(r).Addr().Is4() }
func isIPv6(r row) bool          { return !isIPv4(r) }
func isEphemeral(r row) bool     { return local(r).Port() >= 32768 && local(r).Port() <= 60999 }

func TestMeantDifferencesToSS(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		fillForFilters(t, l)
		for _, test := range meantDifferences {
			if i := slices.Index(test.args, aCgroup); i >= 0 {
				if test.args[i] = knownCgroup(); test.args[i] == "" {
					continue // this needs cgroup v2
				}
			}
			theirs, ssProblem := ssRows(t, test.args...)
			ours, lsProblem := lsRows(t, test.args...)
			if !fails(ssProblem, test.ssError) || !fails(lsProblem, test.lsError) {
				t.Errorf("%q: ss reports %q, ls %q", test.args, ssProblem, lsProblem)
				continue
			}
			if test.ssError != "" || test.lsError != "" {
				continue
			}
			for _, side := range []struct {
				name      string
				has, lack []row
				meant     func(row) bool
			}{{"ss", theirs, ours, test.onlySS}, {"ls", ours, theirs, test.onlyLs}} {
				only := slices.DeleteFunc(slices.Clone(side.has), func(r row) bool { return slices.Contains(side.lack, r) })
				if (len(only) > 0) != (side.meant != nil) {
					t.Errorf("%q: only %s lists %v", test.args, side.name, only)
				}
				for _, r := range only {
					if side.meant != nil && !side.meant(r) {
						t.Errorf("%q: only %s lists %v, which this does not explain: %s", test.args, side.name, r, test.reason)
					}
				}
			}
		}
	})
}

// fails reports whether a problem has the expected text, or is empty if none is
// expected.
func fails(problem, want string) bool {
	return (problem == "") == (want == "") && strings.Contains(problem, want)
}

// TestMistakesToBoth checks that ls refuses what ss refuses as an expression.
func TestMistakesToBoth(t *testing.T) {
	for _, expr := range []string{
		"dport = = 3", "( dport 3", "dport 3 )", "dport 3 and", "or dport 3", "sport eq", "dev nosuch0", "dport nosuch", "fwmark x",
		"fwmark 1/x", "not", "( )", "state foo", "state", "dst", "cgroup /no/such/group", "dport < 3 <",
	} {
		args := strings.Fields(expr)
		_, ssProblem := ssRows(t, args...)
		got := runArgs(t, append([]string{"ls"}, args...)...)
		if ssProblem == "" || got.code != exitUsage || got.stdout != "" {
			t.Errorf("%s: ss reports %q, ls exits with %d and reports %q", expr, ssProblem, got.code, got.stderr)
		}
	}
}
