package render

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tcpstate/fields"
	"tcpstate/internal/filled"
	"tcpstate/tcp"
	"tcpstate/text"
	"tcpstate/wording"
)

func names(columns []*Column) string {
	var list []string
	for _, c := range columns {
		list = append(list, c.Name())
	}
	return strings.Join(list, ",")
}

func TestParseColumns(t *testing.T) {
	for list, want := range map[string]string{
		"state,local,peer,tcp_info.rtt_us": "state,local,peer,tcp_info.rtt_us",
		" State, RECV-Q ":                  "state,recv_q",
		"local.address,local":              "local.address,local",
		"recvq,port,cwnd,src,dport,uid":    "recv_q,local.port,tcp_info.cwnd,local,peer.port,uid",
		"TCP-INFO.CWND,local_port,snd_wnd": "tcp_info.cwnd,local.port,tcp_info.snd_wnd_bytes",
	} {
		if got := names(mustColumns(t, list)); got != want {
			t.Errorf("ParseColumns(%q) = %s, want %s", list, got, want)
		}
	}
	for _, list := range []string{"", "state,", "tcp_info", "nosuch", "memory.", "-state"} {
		if columns, err := ParseColumns(list); err == nil {
			t.Errorf("ParseColumns(%q) = %s", list, names(columns))
		}
	}
}

func TestUnknownColumn(t *testing.T) {
	_, err := ParseColumns("state,tcp_info.rtt_usec")
	var unknown *UnknownColumnError
	if !errors.As(err, &unknown) || err.Error() != `unknown column "tcp_info.rtt_usec"` {
		t.Fatalf("error %v", err)
	}
	if hint := wording.Hint(err).String(); hint != "did you mean tcp_info.rtt_us?" {
		t.Errorf("hint %q", hint)
	}
	if hint := wording.Hint(&UnknownColumnError{Name: "qqqqqqqqqqqq"}).String(); hint != "the nearest words are recvq, recv_q, rxq, rx_queue, sendq" {
		t.Errorf("hint %q", hint)
	}
}

// TestEveryWordIsAColumn checks the words of package fields for columns, and that
// each column has one.
func TestEveryWordIsAColumn(t *testing.T) {
	named := map[string]bool{}
	for _, w := range fields.Words(fields.InColumns) {
		for _, name := range w.Names {
			c, err := column(name)
			if err != nil || c.name != w.Column {
				t.Errorf("the word %s for the column %s: %v", name, w.Column, err)
			}
		}
		named[w.Column] = true
	}
	for _, name := range ColumnNames() {
		if !named[name] {
			t.Errorf("no word stands for the column %s: add one to byHand in fields/words.go", name)
		}
		if meaning, ok := fields.Meaning(name, fields.InColumns); !ok || meaning != name {
			t.Errorf("the name of the column %s stands for %q: put it into byHand in fields/words.go", name, meaning)
		}
	}
}

func TestNeeds(t *testing.T) {
	for name, want := range map[string]tcp.Detail{
		"state": 0, "local": 0, "peer": 0, "recv_q": 0, "uid": 0, "inode": 0, "cookie": 0, "timer": 0, "timer.kind": 0, "accept_queue_max": 0,
		"age": tcp.DetailAge, "age_ms": tcp.DetailAge, "idle": tcp.DetailAge, "idle_ms": tcp.DetailAge,
		"tcp_info.rtt_us": tcp.DetailInfo, "rtt": tcp.DetailInfo, "retrans": tcp.DetailInfo, "congestion": tcp.DetailInfo, "bbr.cwnd_gain": tcp.DetailInfo,
		"memory.drops": tcp.DetailMemory, "rmem": tcp.DetailMemory,
		"user": tcp.DetailExtended, "cgroup": tcp.DetailExtended, "unit": tcp.DetailExtended, "container": tcp.DetailExtended, "netns": 0,
		"process": tcp.DetailProcesses, "processes": tcp.DetailProcesses, "listener": tcp.DetailProcesses, "listener.processes": tcp.DetailProcesses,
		"command": tcp.DetailProcesses | tcp.DetailCommands, "local.host": tcp.DetailNames, "peer.service": tcp.DetailNames,
		"mark": tcp.DetailExtended, "interface": tcp.DetailExtended, "tls.version": tcp.DetailExtended, "md5_keys": tcp.DetailExtended,
	} {
		if got := mustColumns(t, name)[0].Needs(); got != want {
			t.Errorf("%s needs %b, want %b", name, got, want)
		}
	}
}

func TestSectionsNeed(t *testing.T) {
	for want, s := range map[tcp.Detail]Sections{
		0: {}, tcp.DetailProcesses: {Processes: true}, tcp.DetailExtended: {Extended: true}, tcp.DetailNames: {Names: true},
		tcp.DetailAge: {Timers: true}, tcp.DetailInfo: {Info: true}, tcp.DetailMemory: {Memory: true},
		tcp.DetailProcesses | tcp.DetailCommands | tcp.DetailExtended: {Processes: true, Extended: true, Commands: true},
	} {
		if got := s.Needs(); got != want {
			t.Errorf("%+v needs %b, want %b", s, got, want)
		}
	}
}

func TestNamesAreUnique(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range slices.Concat(composites, fieldColumns) {
		if seen[c.name] {
			t.Errorf("two columns are named %s", c.name)
		}
		seen[c.name] = true
		if n := slices.Index([]bool{c.get != nil, c.end != nil, c.addr != nil}, true); n < 0 {
			t.Errorf("%s must have one of get, end and addr", c.name)
		}
	}
}

func TestDefaultColumns(t *testing.T) {
	for _, test := range []struct {
		format   Format
		sections Sections
		want     string
	}{
		{Table, Sections{}, "state,recv_q,send_q,local,peer"},
		{Markdown, Sections{Timers: true}, "state,recv_q,send_q,local,peer,timer,age"},
		{Table, Sections{Extended: true}, "state,recv_q,send_q,local,peer,user,inode,cookie,mark,interface,accepts,mptcp,unit,container,cgroup"},
		{Table, Sections{MPTCP: true}, "mptcp,state,recv_q,send_q,local,peer"},
		{Table, Sections{MPTCP: true, Extended: true}, "mptcp,state,recv_q,send_q,local,peer,user,inode,cookie,mark,interface,accepts,unit,container,cgroup"},
		{Table, Sections{Extended: true, Memory: true}, "state,recv_q,send_q,local,peer,user,inode,cookie,mark,interface,accepts,mptcp,unit,container,rmem,rcvbuf,wmem,sndbuf,fwd,backlog,memory.drops,cgroup"},
		{Markdown, Sections{Netns: true, Processes: true, Names: true}, "netns,state,recv_q,send_q,local,peer,process"},
		{CSV, Sections{Netns: true, Processes: true, Names: true, Commands: true}, "netns,state,recv_q_bytes,send_q_bytes,accept_queue,accept_queue_max,local,peer,local.host,local.service,peer.host,peer.service,processes,listener,listener.processes,command"},
		{CSV, Sections{}, "state,recv_q_bytes,send_q_bytes,accept_queue,accept_queue_max,local,peer"},
		{CSV, Sections{Timers: true}, "state,recv_q_bytes,send_q_bytes,accept_queue,accept_queue_max,local,peer,timer.kind,timer.expires_ms,timer.retransmits,age_ms,age_exact,age_at_least,idle_ms"},
	} {
		if got := names(DefaultColumns(test.format, test.sections, nil)); got != test.want {
			t.Errorf("%v %+v: %s, want %s", test.format, test.sections, got, test.want)
		}
	}
	for list, want := range map[string]string{
		"-age": "state,recv_q,send_q,local,peer,age", "local,age_ms": "state,recv_q,send_q,local,peer,age", "-rtt": "state,recv_q,send_q,local,peer",
	} {
		sort, err := ParseSort(list)
		if err != nil {
			t.Fatal(err)
		}
		if got := names(DefaultColumns(Table, Sections{}, sort)); got != want {
			t.Errorf("sorted by %s: %s, want %s", list, got, want)
		}
		timers := DefaultColumns(Table, Sections{Timers: true}, sort)
		if got := names(timers); strings.Count(got, "age") != 1 {
			t.Errorf("with timers, sorted by %s: %s", list, got)
		}
	}
	all := "," + names(DefaultColumns(CSV, everySection, nil)) + ","
	for _, c := range fieldColumns {
		composed := c.kind == address || strings.HasSuffix(c.name, ".port") // part of local, peer and listener
		if c.name == "kernel_serves" || c.name == "netns_label" {
			continue // it is rarely known or for people, and JSON has it
		}
		if !composed && c.name != "family" && c.name != "md5_keys" && !strings.Contains(all, ","+c.name+",") {
			t.Errorf("CSV with every section has no %s", c.name)
		}
	}
}

// TestCSVAgreesWithJSON compares each column with the JSON field of the same
// name.
func TestCSVAgreesWithJSON(t *testing.T) {
	l := &Listing{Format: CSV, Columns: fieldColumns, Header: true}
	for _, s := range []*tcp.Socket{listener(), established(), timeWait(), full(), filled.Socket()} {
		records, err := csv.NewReader(strings.NewReader(write(t, l, each(s)))).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]string{}
		flatten(want, "", decode(t, appendSocket(nil, s)))
		for i, name := range records[0] {
			if got := records[1][i]; got != want[name] {
				t.Errorf("%s is %q in CSV, %q in JSON", name, got, want[name])
			}
			delete(want, name)
		}
		if len(want) > 0 {
			t.Errorf("no columns for %v", want)
		}
	}
}

func decode(t *testing.T, text []byte) (v any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return v
}

// flatten stores the scalars and lists of v under their flattened names, with
// the text that CSV has for them.
func flatten(into map[string]string, name string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for key, v := range v {
			flatten(into, strings.TrimPrefix(name+"."+key, "."), v)
		}
	case []any:
		var items []string
		for _, item := range v {
			if key, ok := item.(map[string]any); ok {
				item = key["prefix"]
				if pid, ok := key["pid"]; ok {
					item = fmt.Sprint(pid, "/", key["name"])
				}
			}
			items = append(items, item.(string))
		}
		into[name] = strings.Join(items, " ")
	default:
		into[name] = fmt.Sprint(v)
	}
}

func TestCSVQuoting(t *testing.T) {
	columns := mustColumns(t, "interface,state")
	for _, text := range hostileTexts {
		checkQuoting(t, columns, text)
	}
	for _, text := range []string{`a"b`, `"`, `a,"b"`, " a", "a ", `\.`, `\.x`, ",", "é", "\u3000x"} {
		checkQuoting(t, columns, text)
	}
}

func FuzzCSV(f *testing.F) {
	for _, text := range hostileTexts {
		f.Add(text)
	}
	columns, err := ParseColumns("interface,state")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, name string) { checkQuoting(t, columns, name) })
}

// checkQuoting compares a record with the output of encoding/csv.
func checkQuoting(t *testing.T, columns []*Column, name string) {
	t.Helper()
	s := &tcp.Socket{State: tcp.Close, Interface: name}
	got := appendCSV(nil, columns, s)
	var want bytes.Buffer
	w := csv.NewWriter(&want)
	if err := w.Write([]string{text.Escape(name), "CLOSE"}); err != nil {
		t.Fatal(err)
	}
	w.Flush()
	if !bytes.Equal(got, want.Bytes()) {
		t.Errorf("of %q: %q, want %q", name, got, want.Bytes())
	}
}

// A process chooses its own name. Nothing in the name may control a terminal,
// or break a record or a cell.
func TestProcessNamesAreData(t *testing.T) {
	s := established()
	s.Processes = []tcp.Process{{PID: 7, Name: "evil\x1b[2J\",|\n"}}
	for _, test := range []struct {
		format Format
		want   string
	}{
		{Table, "7/evil\\x1b[2J\",|\\x0a\n"},
		{CSV, "\"7/evil\\x1b[2J\"\",|\\x0a\"\n"},
		{Markdown, "| PROCESS |\n| :-- |\n| 7/evil\\\\x1b\\[2J\",\\|\\\\x0a |\n"},
	} {
		l := &Listing{Format: test.format, Columns: mustColumns(t, "process")}
		if got := write(t, l, each(s)); got != test.want {
			t.Errorf("%v: %q, want %q", test.format, got, test.want)
		}
	}
	s.Processes = full().Processes
	if got := write(t, &Listing{Format: Table, Columns: mustColumns(t, "process")}, each(s)); got != "812/nginx 813/php-fpm +1\n" {
		t.Errorf("of three processes a table shows %q", got)
	}
	if got := write(t, &Listing{Format: CSV, Columns: mustColumns(t, "processes")}, each(s)); got != "812/nginx 813/php-fpm 814/nginx\n" {
		t.Errorf("of three processes CSV has %q", got)
	}
}

func TestCommand(t *testing.T) {
	s := full()
	s.Processes[0].Cmdline = []string{"/bin/sh", "-c", "echo \"a,b\"\n", ""}
	if got, want := write(t, &Listing{Format: CSV, Columns: mustColumns(t, "command,state")}, each(s, timeWait())),
		"\"/bin/sh -c echo \"\"a,b\"\"\\x0a \",ESTABLISHED\n,TIME_WAIT\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	s.Processes[0].Cmdline = nil // as for a zombie
	if got := write(t, &Listing{Format: Table, Columns: mustColumns(t, "command")}, each(s)); got != "-\n" {
		t.Errorf("without arguments: %q", got)
	}
}

func TestCSVTimer(t *testing.T) {
	l := &Listing{Format: CSV, Columns: mustColumns(t, "timer,age,retrans"), Header: true}
	want := "timer,age,retrans\nkeepalive 1h59m,~1.2s,\n,,\n"
	if got := write(t, l, each(established(), listener())); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestAppendCountdown(t *testing.T) {
	for want, timer := range map[string]tcp.Timer{
		"on 200ms, 1 resend":   {Kind: tcp.TimerOn, Expires: 200 * time.Millisecond, Retransmits: 1},
		"keepalive 2h0m":       {Kind: tcp.TimerKeepalive, Expires: 2 * time.Hour},
		"persist 6s, 3 probes": {Kind: tcp.TimerPersist, Expires: 6 * time.Second, Retransmits: 3},
		"timewait 42.1s":       {Kind: tcp.TimerTimeWait, Expires: 42100 * time.Millisecond},
		"delack 40ms":          {Kind: tcp.TimerDelayedAck, Expires: 40 * time.Millisecond},
		"unknown 1s":           {Kind: 9, Expires: time.Second},
	} {
		if got := string(appendCountdown(nil, timer)); got != want {
			t.Errorf("%+v is shown as %q, want %q", timer, got, want)
		}
	}
}
