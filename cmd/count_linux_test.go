package cmd

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"tcpstate/collect"
	"tcpstate/internal/lab"
	"tcpstate/tcp"
)

// countDocument is the JSON that count writes.
type countDocument struct {
	document
	Total  int
	States map[string]int
	Groups []struct {
		By     map[string]any
		Total  int
		States map[string]int
	}
}

func countJSON(t *testing.T, args ...string) countDocument {
	t.Helper()
	got := runArgs(t, append([]string{"count", "--json"}, args...)...)
	var d countDocument
	if err := json.Unmarshal([]byte(got.stdout), &d); err != nil || got.code != exitDone || got.stderr != "" {
		t.Fatalf("count --json %q: exit %d, stderr %q, %v", args, got.code, got.stderr, err)
	}
	return d
}

// TestCountAgreesWithLs checks that count counts the sockets that ls lists, for
// several selections, from both sources and with -q.
func TestCountAgreesWithLs(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		if _, err := l.States(); err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{nil, {"-4q"}, {"-6"}, {"--state", "SYN_RECV,close-wait"}, {"-q", "--source", "procfs"}} {
			want := map[string]int{}
			for _, s := range list(t, args...).Sockets {
				want[s["state"].(string)]++
			}
			got := countJSON(t, args...)
			if got.Kind != "counts" || got.Schema != "tcpstate/v1" {
				t.Errorf("the document has kind %q and schema %q", got.Kind, got.Schema)
			}
			total := 0
			for s := range tcp.All.States() {
				listed := !slices.Contains(got.Missing, strings.ToLower(s.String()))
				if n, ok := got.States[s.String()]; ok != listed || n != want[s.String()] {
					t.Errorf("count %q: %d %s (key present: %v), ls has %d", args, n, s, ok, want[s.String()])
				}
				total += want[s.String()]
			}
			if got.Total != total || total == 0 {
				t.Errorf("count %q: %d sockets, ls has %d", args, got.Total, total)
			}
			bare := runArgs(t, append([]string{"count", "-q"}, args...)...)
			if bare.stdout != fmt.Sprintln(total) || bare.stderr != "" {
				t.Errorf("count -q %q: %q, want only the number %d", args, bare.stdout, total)
			}
		}
	})
}

// TestCountGroupsAgreeWithLs compares the groups of every dimension with the
// fields of the sockets that ls lists.
func TestCountGroupsAgreeWithLs(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		if _, err := l.States(); err != nil {
			t.Fatal(err)
		}
		// For each dimension that is a field of a socket, the value of that field.
		fieldOf := map[string]func(s map[string]any) any{
			"state": func(s map[string]any) any { return s["state"] },
			"user":  func(s map[string]any) any { return s["uid"] },
			"lport": func(s map[string]any) any { return s["local.port"] },
			"pport": func(s map[string]any) any {
				if s["peer.port"] == 0.0 {
					return nil
				}
				return s["peer.port"]
			},
		}
		sockets := list(t).Sockets
		for _, d := range collect.Dimensions {
			args := []string{"--by", d.Name}
			if d.Name == "netns" {
				args = append(args, "-N", "/proc/self/ns/net")
			}
			got := countJSON(t, args...)
			sum, largest := 0, len(sockets)
			for _, g := range got.Groups {
				sum += g.Total
				if g.Total > largest {
					t.Errorf("by %s: a group of %d after one of %d", d.Name, g.Total, largest)
				}
				largest = g.Total
				if field := fieldOf[d.Name]; field != nil {
					n := 0
					for _, s := range sockets {
						if field(s) == g.By[d.Name] {
							n++
						}
					}
					if n != g.Total {
						t.Errorf("by %s: %d of %v, ls has %d", d.Name, g.Total, g.By, n)
					}
				}
			}
			if sum != got.Total || sum != len(sockets) {
				t.Errorf("by %s: the groups have %d sockets of %d, ls has %d", d.Name, sum, got.Total, len(sockets))
			}
		}
		if n := len(countJSON(t, "--by", "peer,lport", "--limit", "3").Groups); n != 3 {
			t.Errorf("--limit 3 leaves %d groups", n)
		}
		records, err := csv.NewReader(strings.NewReader(runArgs(t, "count", "--format", "csv", "--by", "state").stdout)).ReadAll()
		if err != nil || records[0][0] != "state" || records[0][1] != "total" {
			t.Fatalf("csv by state: %v, %v", records, err)
		}
		if n, err := strconv.Atoi(records[1][1]); err != nil || n == 0 || records[1][0] != "ESTABLISHED" {
			t.Errorf("the largest group is %q", records[1])
		}
	})
}

func TestCountMistakes(t *testing.T) {
	for _, test := range []struct {
		args, want string
	}{
		{"count --by pear", "tcpstate: cannot count by \"pear\"\n"},
		{"count --by peer,peer", "tcpstate: \"peer\" is named twice\n"},
		{"count --limit 3", "tcpstate: --limit works only with groups\n"},
		{"count --by peer --limit 0", "tcpstate: --limit 0 is less than 1\n"},
		{"count -H --json", "tcpstate: --no-header works only with table and csv, not with json\n"},
		{"count --state nonsense", "tcpstate: unknown state \"nonsense\"\n"},
	} {
		got := runArgs(t, strings.Fields(test.args)...)
		if got.code != exitUsage || !strings.HasPrefix(got.stderr, test.want) || got.stdout != "" {
			t.Errorf("%s: exit %d, stdout %q, stderr %q, want 2 and %q", test.args, got.code, got.stdout, got.stderr, test.want)
		}
	}
}
