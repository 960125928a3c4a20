package render

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tcpstate/internal/lab"
	"tcpstate/tcp"
	"tcpstate/text"
)

func countsOf(states ...tcp.State) tcp.Counts {
	var c tcp.Counts
	for _, s := range states {
		c.Add(s)
	}
	return c
}

func writeCounts(t *testing.T, c Counting, counts tcp.Counts, groups []CountGroup, warnings ...string) string {
	t.Helper()
	c.Meta = Meta{TakenAt: time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600)), Host: "web1", Source: "sock_diag"}
	var b bytes.Buffer
	if err := c.Write(&b, counts, groups, warnings); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

var (
	someCounts = countsOf(tcp.Listen, tcp.SynRecv, tcp.SynRecv, tcp.SynRecv, tcp.CloseWait, tcp.TimeWait)
	someKeys   = []CountKey{{Name: "peer"}, {Name: "lport", Numeric: true}}
	someGroups = []CountGroup{
		{Values: []string{"192.0.2.1", "443"}, Counts: countsOf(tcp.SynRecv, tcp.SynRecv, tcp.SynRecv)},
		{Values: []string{"evil\x1b[31m\"|,", "443"}, Counts: countsOf(tcp.CloseWait, tcp.TimeWait)},
		{Values: []string{"", ""}, Counts: countsOf(tcp.Listen)},
	}
)

func TestCountTable(t *testing.T) {
	got := writeCounts(t, Counting{Header: true}, someCounts, nil)
	want := `STATE           SOCKETS  SHARE
LISTEN                1  16.7%  ######
SYN_SENT              0
SYN_RECV              3  50.0%  ####################  half-open
ESTABLISHED           0
FIN_WAIT1             0
FIN_WAIT2             0
CLOSING               0
TIME_WAIT             1  16.7%  ######                closed here, kept 60 s
CLOSE_WAIT            1  16.7%  ######                peer closed, we did not
LAST_ACK              0
CLOSE                 0
BOUND_INACTIVE        0
TOTAL                 6
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for line := range strings.Lines(got) {
		if len(line) > 81 {
			t.Errorf("a line has %d columns, more than 80: %q", len(line)-1, line)
		}
	}
}

func TestCountTableOfNothing(t *testing.T) {
	got := writeCounts(t, Counting{}, tcp.Counts{}, nil)
	if lines := strings.Split(got, "\n"); len(lines) != 14 || strings.Contains(got, "#") || strings.Contains(got, "%") {
		t.Errorf("without sockets:\n%s", got)
	}
}

func TestShare(t *testing.T) {
	for _, test := range []struct {
		n, total int
		want     string
	}{{0, 5, ""}, {1, 1, "100.0%"}, {1, 3, "33.3%"}, {1, 1000, "0.1%"}, {1, 1001, "<0.1%"}} {
		if got := share(test.n, test.total); got != test.want {
			t.Errorf("share(%d, %d) = %q, want %q", test.n, test.total, got, test.want)
		}
	}
}

func TestCountGroups(t *testing.T) {
	tests := map[Format]string{
		Table: `PEER             LPORT  TOTAL  LISTEN  SYN_RECV  TIME_WAIT  CLOSE_WAIT
192.0.2.1          443      3       0         3          0           0
evil\x1b[31m"|,    443      2       0         0          1           1
-                    -      1       1         0          0           0
`,
		Markdown: `| PEER | LPORT | TOTAL | LISTEN | SYN_RECV | TIME_WAIT | CLOSE_WAIT |
| :-- | --: | --: | --: | --: | --: | --: |
| 192.0.2.1 | 443 | 3 | 0 | 3 | 0 | 0 |
| evil\\x1b\[31m"\|, | 443 | 2 | 0 | 0 | 1 | 1 |
| - | - | 1 | 1 | 0 | 0 | 0 |
`,
		CSV: `peer,lport,total,LISTEN,SYN_SENT,SYN_RECV,ESTABLISHED,FIN_WAIT1,FIN_WAIT2,CLOSING,TIME_WAIT,CLOSE_WAIT,LAST_ACK,CLOSE,BOUND_INACTIVE
192.0.2.1,443,3,0,0,3,0,0,0,0,0,0,0,0,0
"evil\x1b[31m""|,",443,2,0,0,0,0,0,0,0,1,1,0,0,0
,,1,1,0,0,0,0,0,0,0,0,0,0,0
`,
		NDJSON: `{"by":{"peer":"192.0.2.1","lport":443},"total":3,"states":{"LISTEN":0,"SYN_SENT":0,"SYN_RECV":3,"ESTABLISHED":0,"FIN_WAIT1":0,"FIN_WAIT2":0,"CLOSING":0,"TIME_WAIT":0,"CLOSE_WAIT":0,"LAST_ACK":0,"CLOSE":0,"BOUND_INACTIVE":0}}
{"by":{"peer":"evil\u001b[31m\"|,","lport":443},"total":2,"states":{"LISTEN":0,"SYN_SENT":0,"SYN_RECV":0,"ESTABLISHED":0,"FIN_WAIT1":0,"FIN_WAIT2":0,"CLOSING":0,"TIME_WAIT":1,"CLOSE_WAIT":1,"LAST_ACK":0,"CLOSE":0,"BOUND_INACTIVE":0}}
{"by":{},"total":1,"states":{"LISTEN":1,"SYN_SENT":0,"SYN_RECV":0,"ESTABLISHED":0,"FIN_WAIT1":0,"FIN_WAIT2":0,"CLOSING":0,"TIME_WAIT":0,"CLOSE_WAIT":0,"LAST_ACK":0,"CLOSE":0,"BOUND_INACTIVE":0}}
`,
	}
	for format, want := range tests {
		got := writeCounts(t, Counting{Format: format, By: someKeys, Header: true}, someCounts, someGroups)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", format, diff)
		}
	}
}

func TestCountJSON(t *testing.T) {
	const states = `{"LISTEN":1,"SYN_SENT":0,"SYN_RECV":3,"ESTABLISHED":0,"FIN_WAIT1":0,"FIN_WAIT2":0,"CLOSING":0,"TIME_WAIT":1,"CLOSE_WAIT":1,"LAST_ACK":0,"CLOSE":0,"BOUND_INACTIVE":0}`
	got := writeCounts(t, Counting{Format: JSON}, someCounts, nil, "half of it is missing")
	want := `{"schema":"tcpstate/v1","kind":"counts","taken_at":"2026-01-02T02:04:05Z","host":"web1","source":"sock_diag","missing":[],"total":6,"states":` + states + `,"warnings":["half of it is missing"]}` + "\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := writeCounts(t, Counting{Format: NDJSON}, someCounts, nil); got != `{"total":6,"states":`+states+"}\n" {
		t.Errorf("ndjson without groups: %s", got)
	}
	for _, groups := range [][]CountGroup{someGroups, nil} {
		var document struct {
			Groups *[]struct {
				By     map[string]any
				Total  int
				States map[string]int
			}
		}
		text := writeCounts(t, Counting{Format: JSON, By: someKeys}, someCounts, groups)
		if err := json.Unmarshal([]byte(text), &document); err != nil {
			t.Fatalf("%v in %s", err, text)
		}
		if document.Groups == nil || len(*document.Groups) != len(groups) {
			t.Errorf("groups %v in %s, want a list of %d", document.Groups, text, len(groups))
		}
	}
}

func TestCountColors(t *testing.T) {
	plainText := writeCounts(t, Counting{Header: true, By: someKeys}, someCounts, someGroups)
	painted := writeCounts(t, Counting{Header: true, By: someKeys, Color: true}, someCounts, someGroups)
	if !strings.Contains(painted, stateColors[tcp.SynRecv].Paint("3")) {
		t.Errorf("three half-open are not marked in %q", painted)
	}
	for _, style := range append(stateColors[:], text.Bold, "\x1b[0m") {
		if style != "" {
			painted = strings.ReplaceAll(painted, string(style), "")
		}
	}
	if diff := cmp.Diff(plainText, painted); diff != "" {
		t.Errorf("colours change the text (-plain +painted):\n%s", diff)
	}
	if text := writeCounts(t, Counting{Color: true}, someCounts, nil); !strings.Contains(text, stateColors[tcp.CloseWait].Paint("CLOSE_WAIT")) {
		t.Errorf("CLOSE_WAIT is not marked in %q", text)
	}
}

func TestAppendStatesHasEveryState(t *testing.T) {
	var counts tcp.Counts
	for i := range counts {
		counts[i] = i * i
	}
	const want = `{"LISTEN":1,"SYN_SENT":4,"SYN_RECV":9,"ESTABLISHED":16,"FIN_WAIT1":25,"FIN_WAIT2":36,"CLOSING":49,` +
		`"TIME_WAIT":64,"CLOSE_WAIT":81,"LAST_ACK":100,"CLOSE":121,"BOUND_INACTIVE":144}`
	if diff := lab.DiffJSON([]byte(want), AppendStates(nil, &counts, tcp.Set(tcp.Close))); diff != "" {
		t.Errorf("the states differ %s", diff)
	}
	const none = `{"LISTEN":0,"SYN_SENT":0,"SYN_RECV":0,"ESTABLISHED":0,"FIN_WAIT1":0,"FIN_WAIT2":0,"CLOSING":0,` +
		`"TIME_WAIT":0,"CLOSE_WAIT":0,"LAST_ACK":0}`
	if got := string(AppendStates(nil, &tcp.Counts{}, tcp.Set(tcp.Close, tcp.BoundInactive))); got != none {
		t.Errorf("where two states are not listed: %s", got)
	}
}
