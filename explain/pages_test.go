package explain

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"tcpstate/lifecycle"
	"tcpstate/tcp"
	"tcpstate/text"
	"tcpstate/wording"
)

// busyHost returns a host with some of everything, and with names that try to
// escape from their context.
func busyHost() *Host {
	h := &Host{Settings: lifecycle.DefaultSettings(), Partial: true,
		Oldest: tcp.Known(Oldest{Age: 3*time.Hour + 5*time.Second, AtLeast: true, Name: "[fd00:1:2:3:4:5:6:7]:65535 > [fd00:1:2:3:4:5:6:8]:65535"}),
		Groups: []Grouping{
			{By: ByProcess, Groups: []Group{{"nginx: worker process with a name that has no end", 123456}, {"a\x1b[2J`|**\u202e", 1}}, Others: 12},
			{By: ByListener, Groups: []Group{{"[::]:443", 400}}},
			{By: ByPeer, Groups: []Group{{"203.0.113.7:443", 4000}}},
		},
		Counters: map[string]uint64{"TcpExt.ListenOverflows": 12345678901234},
	}
	for s := range tcp.All.States() {
		for range int(s) {
			h.Counts.Add(s)
		}
	}
	return h
}

// TestPages reads every page, with a host and without one, and writes it in
// every format.
func TestPages(t *testing.T) {
	for _, l := range wording.Languages() {
		book := open(t, l)
		for _, topic := range Topics() {
			for _, host := range []*Host{nil, {Settings: lifecycle.DefaultSettings()}, {}, busyHost()} {
				p, err := book.Page(topic, host)
				if err != nil {
					t.Error(err)
					break
				}
				checkForms(t, p)
			}
		}
	}
}

// checkForms checks the rules for every format of every page.
func checkForms(t *testing.T, p *Page) {
	t.Helper()
	name := fmt.Sprintf("%s in %s", p.Topic.Name, p.Language)
	for _, o := range []Terminal{{Width: 80}, {Width: 80, ASCII: true}, {Width: 100}, {Width: 300}} {
		var b bytes.Buffer
		if err := p.WriteText(&b, o); err != nil {
			t.Fatal(err)
		}
		checkLines(t, name, b.String(), o)
		if o.ASCII && p.Language == wording.English && strings.ContainsFunc(b.String(), func(r rune) bool { return r > '~' }) {
			t.Errorf("%s: it has characters that are not ASCII", name)
		}
		var colored bytes.Buffer
		if o.Color = true; p.WriteText(&colored, o) != nil || sgr.ReplaceAllString(colored.String(), "") != b.String() || colored.Len() == b.Len() {
			t.Errorf("%s: without its colours the text differs", name)
		}
	}
	for i := range p.Sections {
		for _, block := range p.expanded(&p.Sections[i]) {
			for _, row := range block.Table {
				if len(row) != len(block.Table[0]) {
					t.Errorf("%s: a row of %d cells below %d", name, len(row), len(block.Table[0]))
				}
			}
		}
	}
	var b bytes.Buffer
	if err := p.WriteMarkdown(&b); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(b.String(), "```"); n%2 != 0 {
		t.Errorf("%s: a fence of the Markdown is not closed", name)
	}
	checkVisible(t, name, b.String())
	b.Reset()
	if err := p.WriteJSON(&b, Envelope{TakenAt: time.Unix(0, 0), Host: "h"}); err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := json.Unmarshal(b.Bytes(), &doc); err != nil {
		t.Errorf("%s: %v", name, err)
	}
	if doc["schema"] != "tcpstate/v1" || doc["kind"] != "explanation" || doc["topic"] != p.Topic.Name || (doc["live"] == nil) != (p.Host == nil) {
		t.Errorf("%s: the document is not complete: %.200s", name, b.String())
	}
	for _, key := range []string{"title", "summary", "transitions", "clocks", "settings", "sections", "related", "sources"} {
		if doc[key] == nil {
			t.Errorf("%s: the document has no %s", name, key)
		}
	}
}

var sgr = regexp.MustCompile("\x1b\\[[0-9]*m")

// Characters that may not start a line of Chinese, and those that may not end
// one (GB/T 15834-2011, section 5.1.10).
const (
	closers = "、。，．：；！？）］｝】》」』〉”’％…·"
	openers = "（［｛【《「『〈“‘"
)

// checkLines checks the lines of a text for a terminal.
func checkLines(t *testing.T, name, page string, o Terminal) {
	t.Helper()
	checkVisible(t, name, page)
	for line := range strings.Lines(page) {
		line = strings.TrimSuffix(line, "\n")
		bare := strings.TrimLeft(line, " ")
		first, last := firstRune(bare), lastRune(bare)
		switch {
		case text.Width(line) > o.width():
			t.Errorf("%s: %d columns at a width of %d: %s", name, text.Width(line), o.Width, line)
		case strings.TrimRight(line, " ") != line:
			t.Errorf("%s: spaces at the end: %q", name, line)
		case strings.ContainsRune(closers, first):
			t.Errorf("%s: a line starts with %q: %s", name, first, line)
		case strings.ContainsRune(openers, last):
			t.Errorf("%s: a line ends with %q: %s", name, last, line)
		case o.ASCII && strings.ContainsAny(line, "│─►◄╲╱╳×┌┐└┘"):
			t.Errorf("%s: not ASCII: %s", name, line)
		}
	}
}

// checkVisible checks that a text has no control characters, and no missing or
// unfilled words.
func checkVisible(t *testing.T, name, text string) {
	t.Helper()
	for _, bad := range []string{"\x1b", "\u202e", "{{", "}}", "<no value>", "%!", "{n}", "{name}", "{value}"} {
		if strings.Contains(text, bad) {
			t.Errorf("%s: it contains %q", name, bad)
		}
	}
}

func firstRune(s string) rune {
	for _, r := range s {
		return r
	}
	return 0
}

func lastRune(s string) (last rune) {
	for _, r := range s {
		last = r
	}
	return last
}

// TestPageFollowsHost changes settings, and checks that the page shows them.
func TestPageFollowsHost(t *testing.T) {
	const text = `# TIME_WAIT

Sum: {{total "syn_recv"}}, {{count "syn_recv"}}, {{resends "syn_recv"}}, {{last "syn_recv"}}.
Set: {{sysctl "net.ipv4.tcp_fin_timeout"}}; {{value "net.ipv4.tcp_fin_timeout"}};
{{time "net.ipv4.tcp_fin_timeout"}}.
Old: {{sysctl "net.ipv4.tcp_tw_recycle"}}; {{sysctl "net.ipv4.tcp_syn_linear_timeouts"}};
{{sysctl "net.ipv4.tcp_max_tw_buckets"}}.
{{if live}}here{{else}}anywhere{{end}}, {{default "net.ipv4.tcp_fin_timeout"}},
{{constant "TCP_TIMEWAIT_LEN"}}, {{duration "2h11m15s"}}
`
	lowered := lifecycle.DefaultSettings()
	lowered.SynackRetries, lowered.FinTimeout = tcp.Known(1), tcp.Known(7*time.Second)
	lowered.SynLinearTimeouts = tcp.Optional[int]{}
	for _, row := range []struct {
		host *Host
		want string
	}{
		{nil, "Sum: 63 s, 5, 1, 3, 7, 15, 31 s, 31 s. " +
			"Set: net.ipv4.tcp_fin_timeout = 60, the kernel's default; 60; 60 s. " +
			"Old: net.ipv4.tcp_tw_recycle, which kernels no longer have; net.ipv4.tcp_syn_linear_timeouts = 4, the kernel's default; " +
			"net.ipv4.tcp_max_tw_buckets, whose default depends on the machine's memory. anywhere, 60, 60 s, 2 h 11 min 15 s"},
		{&Host{Settings: lowered}, "Sum: 3 s, 1, 1 s, 1 s. " +
			"Set: net.ipv4.tcp_fin_timeout = 7 (default 60); 7; 7 s. " +
			"Old: net.ipv4.tcp_tw_recycle = 0; net.ipv4.tcp_syn_linear_timeouts, which this kernel does not have: it acts as with 0; " +
			"net.ipv4.tcp_max_tw_buckets, whose default depends on the machine's memory. here, 60, 60 s, 2 h 11 min 15 s"},
	} {
		filled, err := open(t, wording.English).fill("page", text, nil, row.host)
		if err != nil {
			t.Fatal(err)
		}
		src, err := parseSource("page", filled)
		if err != nil {
			t.Fatal(err)
		}
		if got := src.summary.String(); got != row.want {
			t.Errorf("the page says\n%s\nwant\n%s", got, row.want)
		}
	}
}

// TestPageErrors breaks each rule of a page.
func TestPageErrors(t *testing.T) {
	page := sourceOf(t, wording.English, "time-wait.md")
	for _, row := range []struct{ old, new, want string }{
		{"## Its clock", "## Its watch", `en/time-wait.md:20: the heading "Its clock" is due here`},
		{"## Diagram", "## Sources", `en/time-wait.md:6: the heading "Diagram" is due here`},
		{"## Normal or not", "## How it works", `the heading "Normal or not" is due here`},
		{"@ladder teardown", "@ladder takedown", `no ladder "takedown"`},
		{"@ladder teardown", "@clock", `@clock has no place under "Diagram"`},
		{"@transitions", "Words.", `@transitions is missing under "How it is entered and left"`},
		{"@live", "@live\n\n@live", `@live must be there once, alone on its line`},
		{"why-time-wait, ", "why-wait, ", `no topic is named "why-wait"`},
		{"why-time-wait, ", "TIME_WAIT, ", `a page is not related to itself`},
		{"why-time-wait, ", "time-wait, ", `no topic is named "time-wait"`},
		{`{{constant "TCP_TIMEWAIT_LEN"}}`, `{{constant "TCP_TIMEWAIT"}}`, `no constant "TCP_TIMEWAIT"`},
		{`{{sysctl "net.ipv4.tcp_tw_reuse"}}`, `{{sysctl "net.ipv4.tcp_tw"}}`, `no setting "net.ipv4.tcp_tw"`},
		{`{{sysctl "net.ipv4.tcp_tw_reuse"}}`, `{{nosuch 1}}`, `function "nosuch" not defined`},
		{"# TIME_WAIT", "# TIME_WAIT" + strings.Repeat("!", 120), "a line of 131 columns: at most 120"},
	} {
		broken := strings.Replace(page, row.old, row.new, 1)
		topic, _ := Find("TIME_WAIT")
		_, err := open(t, wording.English).page(topic, nil, "en/time-wait.md", broken)
		if err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%q for %q: error %v, want %s", row.new, row.old, err, row.want)
		}
	}
}

// TestNoStrayFiles checks that every file of a language is used.
func TestNoStrayFiles(t *testing.T) {
	for _, l := range wording.Languages() {
		entries, err := folders.ReadDir(l.String())
		if err != nil {
			t.Fatal(err)
		}
		known := map[string]bool{"words.txt": true, "machine.txt": l != wording.English, socketTextsFile: true}
		for _, topic := range Topics() {
			known[topic.File()] = true
		}
		for _, e := range entries {
			if !known[e.Name()] {
				t.Errorf("no code reads %s/%s", l, e.Name())
			}
		}
	}
}

// TestTableLayout narrows a table, so that its widest column is wrapped.
func TestTableLayout(t *testing.T) {
	rows := [][]Text{{plain("a"), plain("b")}, {plain("short"), plain("a text of many words that is long")}, {plain("中文"), plain("x")}}
	want := []string{"a      b", "short  a text of many", "       words that is", "       long", "中文   x"}
	if got := trimmed(layTable(rows, 22)); !slices.Equal(got, want) {
		t.Errorf("the table is laid out as %q, want %q", got, want)
	}
}
