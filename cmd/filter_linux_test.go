package cmd

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"tcpstate/internal/lab"
)

// procWriter writes random expressions about fields that /proc/net/tcp has.
type procWriter struct {
	*rand.Rand
	rows []row
}

func (w *procWriter) operand(depth int) string {
	switch {
	case depth == 0 || w.IntN(3) == 0:
		return w.term()
	case w.IntN(4) == 0:
		return "not " + w.operand(depth-1)
	}
	return "( " + w.operand(depth-1) + " " + w.one("and", "or", "or", "") + " " + w.operand(depth-1) + " )"
}

func (w *procWriter) one(from ...string) string { return from[w.IntN(len(from))] }

func (w *procWriter) term() string {
	r := w.rows[w.IntN(len(w.rows))]
	host, port, end := "src", "sport", netip.MustParseAddrPort(r.local)
	if w.IntN(2) == 0 {
		host, port, end = "dst", "dport", netip.MustParseAddrPort(r.peer)
	}
	op, equal := w.one("=", "!=", "<", "<=", ">", ">="), w.one("=", "!=")
	addr := end.Addr().WithZone("")
	switch w.IntN(10) {
	case 0:
		return fmt.Sprintf("%s %s %d", port, op, end.Port())
	case 1:
		return fmt.Sprintf("%s %s %d,5000-50000", port, equal, end.Port())
	case 2, 3:
		return fmt.Sprintf("%s %s [%s/%d],10.0.0.0/8", host, equal, netip.AddrFrom16(addr.As16()), w.IntN(129))
	case 4:
		return host + " " + equal + " " + netip.AddrPortFrom(addr, end.Port()).String()
	case 5:
		return "state " + equal + " " + w.one("connected", "bucket", "big", "listening", "fin-wait-2,close-wait", "established")
	case 6:
		return "family " + equal + " " + w.one("ipv4", "ipv6")
	case 7:
		return "timer " + equal + " " + w.one("off", "on", "keepalive", "timewait", "persist,on")
	case 8:
		return w.one("recvq", "sendq", "acceptq", "retrans") + " " + op + " " + w.one("0", "1", "2", "100", "200")
	}
	return "user " + equal + " " + w.one("0", "4711")
}

// ends returns the keys of byEnds for the sockets that ls lists with args. It
// leaves out closed sockets, which /proc does not list.
func ends(t *testing.T, args ...string) []string {
	t.Helper()
	return sortedKeys(byEnds(t, list(t, args...).Sockets))
}

// TestFiltersFromBothSources checks that ls --source procfs FILTER lists the same
// sockets as with sock_diag, where the kernel evaluates the filter.
func TestFiltersFromBothSources(t *testing.T) {
	expressions := lab.Sample(150, 40)
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		fillForFilters(t, l)
		w := &procWriter{rows: mustRows(t, lsRows, nil)}
		some := 0
		for _, seed := range expressions {
			w.Rand = rand.New(rand.NewPCG(uint64(seed), 5))
			expr := w.operand(3)
			for round := 1; ; round++ { // sockets and timers may change between the two listings
				want, got := ends(t, expr), ends(t, "-q", "--source", "procfs", expr)
				if slices.Equal(got, want) {
					if len(want) > 0 && len(want) < len(w.rows) {
						some++
					}
					break
				}
				if round == 3 {
					t.Errorf("seed %d: %s: procfs selects\n%s\nsock_diag\n%s", seed, expr, strings.Join(got, "\n"), strings.Join(want, "\n"))
					break
				}
			}
		}
		if some < len(expressions)/2 {
			t.Errorf("only %d of %d expressions select some sockets and not others", some, len(expressions))
		}
	})
}

// TestFiltersThatProcCannotEvaluate checks that ls and count report an error for a
// filter on a field that /proc does not have, and do not silently select nothing.
func TestFiltersThatProcCannotEvaluate(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		fillForFilters(t, l)
		const looks = "procfs does not report %s, which %q needs"
		for _, test := range []struct {
			expr, term, field string
			column            int
		}{
			{"rtt > 5ms", "rtt > 5ms", "tcp_info.rtt_us", 1},
			{"idle > 1s", "idle > 1s", "idle_ms", 1},
			{"age > 1s", "age > 1s", "age_ms", 1},
			{"state established ( dport 3 or age > 1s )", "age > 1s", "age_ms", 32},
			{"dport 3 fwmark 5", "fwmark = 0x5", "mark", 9},
			{"not dev lo", "dev = lo", "interface", 5},
			{"state bound-inactive", "state bound-inactive", "bound_inactive", 1},
		} {
			want := fmt.Sprintf("tcpstate: filter: column %d: "+looks+"\n  %s\n  %s^\n", test.column, test.field, test.term,
				test.expr, strings.Repeat(" ", test.column-1))
			for _, command := range []string{"ls", "count"} {
				got := runArgs(t, command, "--source", "procfs", test.expr)
				if got.code != exitFailed || got.stdout != "" || got.stderr != want {
					t.Errorf("%s %s: exit %d, stdout %q, stderr\n%swant\n%s", command, test.expr, got.code, got.stdout, got.stderr, want)
				}
			}
		}
		got := runArgs(t, "ls", "--source", "procfs", "autobound")
		want := "tcpstate: filter: column 1: only the kernel can evaluate autobound, but it cannot evaluate \"autobound\"\n  autobound\n  ^\n" +
			"tcpstate: hint: autobound needs sock_diag; join it by \"and\" to what only this program\n  can evaluate\n"
		if got.code != exitFailed || got.stdout != "" || strings.Join(strings.Fields(got.stderr), " ") != strings.Join(strings.Fields(want), " ") {
			t.Errorf("autobound: exit %d, stdout %q, stderr\n%s", got.code, got.stdout, got.stderr)
		}

		// In these states /proc shows the age.
		for _, args := range [][]string{{"state time-wait,syn-recv age >= 0s"}, {"--state", "TIME_WAIT", "age >= 0s"}} {
			ours, want := ends(t, append(args, "--source", "procfs")...), ends(t, args...)
			if len(ours) == 0 || !slices.Equal(ours, want) {
				t.Errorf("%q: procfs selects %q, sock_diag %q", args, ours, want)
			}
		}
	})
}

// TestCountFilterAgreesWithLs compares count FILTER with ls FILTER.
func TestCountFilterAgreesWithLs(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		fillForFilters(t, l)
		w := &procWriter{rows: mustRows(t, lsRows, nil)}
		exprs := []string{"", "autobound", "rtt > 0s", "fwmark 0xbeef", "state closed,bound-inactive", "dev lo state established", "sport 1 sport 2"}
		for seed := range uint64(50) {
			w.Rand = rand.New(rand.NewPCG(seed, 9))
			exprs = append(exprs, w.operand(2))
		}
		for _, expr := range exprs {
			for round := 1; ; round++ { // sockets may change between the commands
				want := map[string]int{}
				sockets := list(t, expr).Sockets
				for _, s := range sockets {
					want[s["state"].(string)]++
				}
				got := countJSON(t, expr)
				maps.DeleteFunc(got.States, func(_ string, n int) bool { return n == 0 })
				bare := runArgs(t, "count", "-q", expr)
				if maps.Equal(got.States, want) && got.Total == len(sockets) && bare == (outcome{exitDone, strconv.Itoa(len(sockets)) + "\n", ""}) {
					break
				}
				if round == 3 {
					t.Errorf("%s: count has %d, %v; ls lists %d, %v; count -q gives %+v", expr, got.Total, got.States, len(sockets), want, bare)
					break
				}
			}
		}
	})
}

// TestFiltersAddNoFields checks that ls does not show a field only because a filter
// needs it from the kernel.
func TestFiltersAddNoFields(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		fillForFilters(t, l)
		for _, letters := range [][]string{nil, {"-o"}, {"-e"}, {"-i"}, {"-m"}} {
			plain := map[string][]string{}
			for _, s := range list(t, letters...).Sockets {
				plain[s["cookie"].(string)] = stableFields(s)
			}
			for _, expr := range []string{"rtt > 0s", "age >= 0s", "idle >= 0s", "fwmark 0xbeef", "age >= 0s or rtt > 0s or fwmark 0xbeef or dev lo"} {
				selected := list(t, append(letters, expr)...).Sockets
				if len(selected) == 0 || len(selected) == len(plain) {
					t.Errorf("%q selects %d sockets of %d", expr, len(selected), len(plain))
				}
				for _, s := range selected {
					if got, want := stableFields(s), plain[s["cookie"].(string)]; !slices.Equal(got, want) && want != nil {
						t.Errorf("ls %q %q: a socket in %s has\n%q, without the filter\n%q", letters, expr, s["state"], got, want)
						break
					}
				}
			}
		}
		states := map[any]bool{}
		for _, s := range list(t, "age >= 0s").Sockets {
			states[s["state"]] = true
		}
		for _, state := range []string{"ESTABLISHED", "CLOSE_WAIT", "TIME_WAIT", "SYN_RECV", "SYN_SENT"} {
			if !states[state] {
				t.Errorf("without -o, age >= 0s selects none in %s", state)
			}
		}
	})
}

// stableFields returns the names of the fields of a socket, without those of its
// timer, which may start or fire at any time.
func stableFields(s map[string]any) []string {
	return slices.DeleteFunc(sortedKeys(s), func(name string) bool { return strings.HasPrefix(name, "timer.") })
}

// TestCheatSheet runs the commands of ss and of tcpstate that docs/filters.md puts
// side by side. Both must list the same sockets.
func TestCheatSheet(t *testing.T) {
	text, err := os.ReadFile("../docs/filters.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(text), "\n## From ss\n")
	table, _, ended := strings.Cut(table, "\n## ")
	if !found || !ended {
		t.Fatal("docs/filters.md has no section on ss")
	}
	path := filepath.Dir(program(t)) + string(os.PathListSeparator) + os.Getenv("PATH")
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		fillForFilters(t, l)
		shell := func(command string) string {
			cmd := exec.CommandContext(t.Context(), "sh", "-c", command)
			cmd.Env, cmd.Stderr = append(os.Environ(), "PATH="+path), os.Stderr
			output, err := cmd.Output()
			if err != nil {
				t.Fatalf("%s: %v", command, err)
			}
			return string(output)
		}
		rows := 0
		for line := range strings.Lines(table) {
			cells := strings.Split(strings.ReplaceAll(line, `\|`, "\x00"), "|")
			if len(cells) != 4 || !strings.Contains(cells[1], "`ss ") {
				continue
			}
			rows++
			command := func(cell string) string { return strings.ReplaceAll(strings.Trim(cell, " `"), "\x00", "|") }
			theirs, ours := command(cells[1]), command(cells[2])
			if strings.Contains(theirs, "wc -l") {
				if got, want := shell(ours), shell(theirs); got != want {
					t.Errorf("%s: %s%s: %s", theirs, want, ours, got)
				}
				continue
			}
			want := endsIn(shell(strings.Replace(theirs, "ss ", "ss -HO ", 1)), func(line string) []string {
				words := slices.DeleteFunc(strings.Fields(line), func(word string) bool { return !strings.Contains(word, ":") })
				return words[:2] // without the timer, if there is one
			})
			got := endsIn(shell(strings.Replace(ours, "tcpstate ls", "tcpstate ls -H --format csv --columns state,local,peer", 1)), func(line string) []string {
				fields := strings.Split(strings.TrimSpace(line), ",")
				if fields[0] == "CLOSE" || fields[0] == "BOUND_INACTIVE" {
					return nil // see lsRows
				}
				return fields[1:]
			})
			if len(want) == 0 || !slices.Equal(got, want) {
				t.Errorf("%s lists\n%q\n%s lists\n%q", theirs, want, ours, got)
			}
		}
		if rows < 6 {
			t.Errorf("the section on ss has only %d rows", rows)
		}
	})
}

// endsIn returns the two ports of each socket that a command has listed, sorted. It
// leaves out the addresses, because the programs write them in different forms.
func endsIn(output string, ends func(line string) []string) []string {
	var all []string
	for line := range strings.Lines(output) {
		var ports []string
		for _, end := range ends(line) {
			port := end[strings.LastIndexByte(end, ':')+1:]
			ports = append(ports, strings.Replace(port, "*", "0", 1))
		}
		if ports != nil {
			all = append(all, strings.Join(ports, " "))
		}
	}
	slices.Sort(all)
	return all
}
