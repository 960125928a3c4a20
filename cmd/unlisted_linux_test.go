package cmd

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"tcpstate/internal/lab"
	"tcpstate/sockdiag"
	"tcpstate/tcp"
)

// unlisted are the states that /proc does not list, and sock_diag before Linux 6.8.
const unlisted = "CLOSE, BOUND_INACTIVE"

// readers are the ways to run the program that differ in the states that they see.
var readers = []struct {
	name   string
	source string // that messages name
	all    bool   // lists the sockets in all states
	apart  bool   // runs in a process of its own, which takes longer
	run    func(t *testing.T, args ...string) outcome
}{
	{"sock_diag", "sock_diag", sockdiag.ProbeAbilities().BoundInactive, false, runArgs},
	{"procfs", "procfs", false, false, func(t *testing.T, args ...string) outcome {
		return runArgs(t, append([]string{args[0], "--source", "procfs"}, args[1:]...)...)
	}},
	{"without sock_diag", "procfs", false, true, func(t *testing.T, args ...string) outcome { return runDenied(t, unix.EPERM, args...) }},
	{"old Linux", "sock_diag", false, true, runAsOldLinux},
}

// TestNoCommandTakesUnknownForNone asks each command about each state that no timer
// ends, with each source, where sockets in all these states exist: none says 0 or
// shows nothing with success. Of the runs in processes of their own it takes a sample.
func TestNoCommandTakesUnknownForNone(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		_, err := l.States()
		must(t, err)
		states := []tcp.State{tcp.Listen, tcp.Established, tcp.CloseWait, tcp.Close, tcp.BoundInactive}
		const commands = 8
		apart := lab.Sample(len(states)*commands, 10)
		for _, r := range readers {
			for i, state := range states {
				name := state.String()
				for j, args := range [commands][]string{
					{"count", "-q", "--state", name},
					{"count", "--json", "--state", name},
					{"count", "--by", "local", "--state", name},
					{"count", "-q", "state", name},
					{"ls", "-q", "-H", "--state", name},
					{"ls", "--json", "state", name},
					{"watch", "--json", "--count", "1", "--state", name},
					{"watch", "--until", ">0", "--for", "1ms", "--state", name},
				} {
					if r.apart && !slices.Contains(apart, i*commands+j) {
						continue
					}
					got := r.run(t, args...)
					if r.all || state != tcp.Close && state != tcp.BoundInactive {
						if got.code != exitDone || got.stdout == "" || got.stdout == "0\n" {
							t.Errorf("%s: %q: %+v, want sockets", r.name, args, got)
						}
						continue
					}
					want := fmt.Sprintf("tcpstate: the number of sockets in %s is not known: %s does not list them here\ntcpstate: hint: ", name, r.source)
					if slices.Contains(args, "state") {
						want = fmt.Sprintf("%s does not report %s, which", r.source, strings.ToLower(name))
					}
					if got.code != exitFailed || got.stdout != "" || !strings.Contains(got.stderr, want) {
						t.Errorf("%s: %q: %+v, want %s", r.name, args, got, want)
					}
				}
			}
		}
	})
}

// TestConditionsOnUnknownStates waits until no socket is in a state that cannot be
// seen.
func TestConditionsOnUnknownStates(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		_, err := l.States()
		must(t, err)
		for _, states := range []string{"CLOSE", "BOUND_INACTIVE", "CLOSE,LISTEN"} {
			got := runArgs(t, "watch", "--source", "procfs", "--state", states, "--until", ">=1")
			if got.code != exitFailed || got.stdout != "" || !strings.Contains(got.stderr, "is not known") {
				t.Errorf("--state %s: %+v", states, got)
			}
		}
		for _, args := range [][]string{{"count", "-q"}, {"watch", "--until", ">0"}} {
			if got := runArgs(t, append(args, "--source", "procfs", "--state", "LISTEN")...); got.code != exitDone || got.stderr != "" {
				t.Errorf("%q of LISTEN: %+v", args, got)
			}
		}
	})
}

// TestPartsThatAreUnknown checks that a sum without some of its states says so, and
// that these states are no 0 in any form.
func TestPartsThatAreUnknown(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		openListener(t, netip.MustParseAddrPort("127.0.0.1:8080"))
		for _, r := range readers {
			note := fmt.Sprintf("tcpstate: note: sockets in some states are not included, because %s does not list them here: %s\n", r.source, unlisted)
			want := func(args []string, got outcome, noted bool) {
				t.Helper()
				if got.code != exitDone || strings.Contains(got.stderr, note) != (noted && !r.all) {
					t.Errorf("%s: %q: %+v, with the note: %v", r.name, args, got, noted && !r.all)
				}
			}
			for _, test := range []struct {
				args  []string
				noted bool
			}{
				{[]string{"ls"}, false}, // claims nothing of the states that it does not show
				{[]string{"ls", "-l"}, false},
				{[]string{"ls", "sport = :8080"}, true},
				{[]string{"ls", "--state", "LISTEN,CLOSE,BOUND_INACTIVE"}, true},
				{[]string{"ls", "state", "connected"}, false},
				{[]string{"count"}, true},
				{[]string{"count", "-q"}, false},
				{[]string{"count", "--by", "lport"}, true},
				{[]string{"watch", "--count", "1", "--json"}, true},
			} {
				want(test.args, r.run(t, test.args...), test.noted)
			}

			table := r.run(t, "count").stdout
			csv := r.run(t, "count", "--format", "csv").stdout
			groups := r.run(t, "count", "--by", "lport", "--format", "csv", "-H").stdout
			for _, name := range []string{"CLOSE", "BOUND_INACTIVE"} {
				if row := lineWith(table, name+" "); strings.Contains(row, "-") == r.all || strings.Contains(row, "0") != r.all {
					t.Errorf("%s: count shows %q", r.name, row)
				}
				if row := lineWith(csv, name+","); row != map[bool]string{true: name + ",0", false: name + ","}[r.all] {
					t.Errorf("%s: the CSV has %q", r.name, row)
				}
			}
			if want := map[bool]string{true: ",0,0\n", false: ",,\n"}[r.all]; !strings.HasSuffix(groups, want) {
				t.Errorf("%s: the groups are %q, want %q at the end", r.name, groups, want)
			}

			for _, args := range [][]string{{"count", "--json"}, {"watch", "--json", "--count", "1"}, {"count", "--by", "lport", "--json"}} {
				var d struct {
					Missing []string
					States  map[string]int
					Groups  []struct{ States map[string]int }
				}
				must(t, json.Unmarshal([]byte(r.run(t, args...).stdout), &d))
				d.Groups = append(d.Groups, struct{ States map[string]int }{d.States})
				for _, g := range d.Groups {
					_, closed := g.States["CLOSE"]
					_, bound := g.States["BOUND_INACTIVE"]
					if closed != r.all || bound != r.all || slices.Contains(d.Missing, "close") == r.all || slices.Contains(d.Missing, "bound_inactive") == r.all {
						t.Errorf("%s: %q: %+v", r.name, args, d)
					}
				}
			}
		}
	})
}

// TestOverviewAndDoctorOfUnknownStates checks the commands that show the host as a
// whole.
func TestOverviewAndDoctorOfUnknownStates(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		openListener(t, netip.MustParseAddrPort("127.0.0.1:8080"))
		got := runArgs(t, "--source", "procfs")
		if row := lineWith(got.stdout, "BOUND_INACTIVE"); !strings.HasSuffix(row, " -") || !strings.Contains(got.stderr, unlisted) {
			t.Errorf("the overview shows %q: %q", row, got.stderr)
		}
		var d struct {
			Missing   []string
			States    map[string]int
			Measures  []struct{ States map[string]int }
			Checked   []string
			Unchecked []struct{ Code string }
		}
		read := func(args ...string) {
			t.Helper()
			d.Missing, d.States, d.Measures, d.Checked = nil, nil, nil, nil
			must(t, json.Unmarshal([]byte(runArgs(t, args...).stdout), &d))
			if !slices.Contains(d.Missing, "bound_inactive") {
				t.Errorf("%q: missing is %q", args, d.Missing)
			}
		}
		read("--source", "procfs", "--json")
		if _, shown := d.States["CLOSE"]; shown || len(d.States) != tcp.NumStates-2 {
			t.Errorf("the overview has %v", d.States)
		}
		read("doctor", "--source", "procfs", "--json", "--interval", "1ms")
		if len(d.Measures) != 1 || len(d.Measures[0].States) != tcp.NumStates-2 || slices.Contains(d.Checked, "ended-not-closed") {
			t.Errorf("the doctor has %+v", d)
		}
		if got := runArgs(t, "doctor", "--source", "procfs", "--state", "CLOSE", "--interval", "1ms"); got.code != exitFailed || !strings.Contains(got.stderr, "is not known") {
			t.Errorf("doctor --state CLOSE: %+v", got)
		}
	})
}

// lineWith returns the first line that begins with or, after blanks, has the text.
func lineWith(lines, text string) string {
	for line := range strings.Lines(lines) {
		if at := strings.Index(line, text); at >= 0 {
			return strings.TrimRight(line[at:], "\n")
		}
	}
	return ""
}
