package cmd

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"tcpstate/explain"
	"tcpstate/internal/lab"
	"tcpstate/procnet"
	"tcpstate/tcp"
	"tcpstate/wording"
)

// explained has the parts of the documents of explain that these tests check.
type explained struct {
	Kind     string
	Host     string
	Warnings []string
	Clocks   []struct {
		Name    string
		TotalMS int64 `json:"total_ms"`
		Text    string
	}
	Settings []struct{ Name, Value string }
	Live     *struct {
		Sockets, Total int
		States         map[string]int
		Unseen         []string
		Partial        bool
		Oldest         *struct {
			AgeMS  int64 `json:"age_ms"`
			Socket string
		}
		Groups []struct {
			By     string
			Groups []struct {
				Name  string
				Total int
			}
			Others int
		}
	}
	Stories []story
}

// story explains the sockets that are in one state and condition.
type story struct {
	State, Condition, Timer string
	Total                   int
	FiresMS                 int64  `json:"fires_in_ms"`
	EndsMS                  *int64 `json:"ends_in_ms"`
	Left                    *int   `json:"resends_left"`
	Sockets                 []struct{ Local string }
	Processes, Listeners    []struct{ Name string }
}

// has reports whether a story names a socket by its local end.
func (s story) has(local string) bool {
	return slices.ContainsFunc(s.Sockets, func(socket struct{ Local string }) bool { return socket.Local == local })
}

// explainJSON runs explain --json with more arguments. It must succeed.
func explainJSON(t *testing.T, args ...string) explained {
	t.Helper()
	got := runArgs(t, append([]string{"explain", "--json"}, args...)...)
	if got.code != exitDone {
		t.Fatalf("explain --json %q: exit %d, stderr %q", args, got.code, got.stderr)
	}
	var d explained
	if err := json.Unmarshal([]byte(got.stdout), &d); err != nil {
		t.Fatalf("%v in %.300s", err, got.stdout)
	}
	return d
}

func sysctlFile(name string) string { return "/proc/sys/" + strings.ReplaceAll(name, ".", "/") }

// oddSettings are settings of a network namespace, with values that are no kernel's
// default.
var oddSettings = map[string]string{
	"net.ipv4.tcp_fin_timeout":         "37",
	"net.ipv4.tcp_synack_retries":      "3",
	"net.ipv4.tcp_syn_retries":         "2",
	"net.ipv4.tcp_syn_linear_timeouts": "1",
	"net.ipv4.tcp_keepalive_time":      "301",
	"net.ipv4.tcp_keepalive_intvl":     "17",
	"net.ipv4.tcp_keepalive_probes":    "4",
	"net.ipv4.tcp_retries2":            "7",
	"net.ipv4.tcp_orphan_retries":      "3",
	"net.ipv4.tcp_abort_on_overflow":   "1",
	"net.ipv4.tcp_max_syn_backlog":     "333",
	"net.ipv4.tcp_syncookies":          "2",
	"net.ipv4.tcp_max_tw_buckets":      "4321",
	"net.ipv4.tcp_tw_reuse":            "1",
	"net.ipv4.ip_local_port_range":     "20001\t20999",
	"net.core.somaxconn":               "777",
}

// TestPagesFollowTheHost changes every setting of the network namespace that a page
// names. Each page must have the new values and the totals that follow from them.
// Some are also checked in each language and format.
func TestPagesFollowTheHost(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		namespace, err := l.Namespace("other")
		if err != nil {
			t.Fatal(err)
		}
		listenAt(t, place{host: "127.0.0.1"}, 7001)
		before := pages(t)
		for name, value := range oddSettings {
			setSetting(t, name, value)
		}
		settings, err := procnet.Open("/proc").Settings()
		if err != nil {
			t.Fatal(err)
		}
		totals := map[string]time.Duration{
			"syn_sent": settings.SYNSchedule().GivenUp, "syn_recv": settings.SYNACKSchedule().GivenUp,
			"data": settings.DataTimeout(), "orphan": settings.OrphanSchedule(204 * time.Millisecond).GivenUp,
			"keepalive": (301 + 4*17) * time.Second, "fin_wait2": 37 * time.Second, "time_wait": time.Minute,
		}
		seen := map[string]bool{}
		for name, page := range pages(t) {
			for _, s := range page.Settings {
				text, err := os.ReadFile(sysctlFile(s.Name))
				if err != nil {
					continue // not on this kernel, or without privileges
				}
				seen[s.Name] = true
				if want := strings.ReplaceAll(strings.TrimSpace(string(text)), "\t", " "); s.Value != want {
					t.Errorf("%s: %s is shown as %q, want %q", name, s.Name, s.Value, want)
				}
			}
			for _, c := range page.Clocks {
				if want, known := totals[c.Name]; !known || c.TotalMS != want.Milliseconds() {
					t.Errorf("%s: the clock %s runs %d ms, want %v", name, c.Name, c.TotalMS, want)
				}
			}
		}
		for _, name := range slices.Sorted(maps.Keys(oddSettings)) {
			if !seen[name] && name != "net.ipv4.tcp_syn_linear_timeouts" { // from Linux 6.5 on
				t.Errorf("no page has %s among its settings", name)
			}
		}
		for topic, setting := range map[string]string{
			"FIN_WAIT2": "net.ipv4.tcp_fin_timeout  37 ", "SYN_RECV": "net.ipv4.tcp_synack_retries  3 ",
			"keepalive": "net.ipv4.tcp_keepalive_time    301 ", "port-exhaustion": " 20001 20999 ", "LISTEN": " 777 ",
		} {
			for _, language := range wording.Languages() {
				for _, format := range []string{"text", "markdown"} {
					got := runArgs(t, "explain", "--lang", language.String(), "--format", format, topic)
					want := setting
					if format == "markdown" {
						fields := strings.Fields(setting)
						want = fields[len(fields)-1] + " |"
					}
					if got.code != exitDone || !strings.Contains(got.stdout, want) {
						t.Errorf("explain %s in %s as %s does not have %q:\n%s", topic, language, format, want, got.stdout)
					}
				}
			}
		}

		// Another namespace still has the old values.
		for _, topic := range []string{"FIN_WAIT2", "SYN_RECV", "keepalive", "LISTEN"} {
			there := explainJSON(t, "-N", namespace.Name, topic)
			for i, s := range there.Settings {
				if was := before[topic].Settings[i]; s != was && s.Name != "net.ipv4.tcp_max_syn_backlog" {
					t.Errorf("-N %s: %s: %+v, want %+v", namespace.Name, topic, s, was)
				}
			}
			if there.Live.Total != 0 || here(t) == 0 {
				t.Errorf("-N %s: %d sockets, want none; this namespace has %d", namespace.Name, there.Live.Total, here(t))
			}
		}
	})
}

// here returns the number of sockets in this network namespace.
func here(t *testing.T) int {
	t.Helper()
	return explainJSON(t, "LISTEN").Live.Total
}

// pages returns the document of every topic.
func pages(t *testing.T) map[string]explained {
	t.Helper()
	all := map[string]explained{}
	for _, topic := range explain.Topics() {
		all[topic.Name] = explainJSON(t, topic.Name)
	}
	return all
}

// TestPagesCountTheHost compares the numbers in pages with those of count, and with
// the sockets that the lab has made.
func TestPagesCountTheHost(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		made, err := l.States()
		must(t, err)
		var counts struct {
			Total  int
			States map[string]int
		}
		must(t, json.Unmarshal([]byte(runArgs(t, "count", "--json").stdout), &counts))
		for state := range tcp.All.States() {
			live := explainJSON(t, state.String()).Live
			if live.Total != counts.Total || !maps.Equal(live.States, counts.States) || live.Sockets != counts.States[state.String()] {
				t.Errorf("%s: %+v, count has %+v", state, live, counts)
			}
			if live.Partial || len(live.Unseen) > 0 {
				t.Errorf("%s: partial %v, unseen %v", state, live.Partial, live.Unseen)
			}
			owned := 0
			for _, s := range made {
				if s.State == state && s.Inode != 0 {
					owned++
				}
			}
			for _, g := range live.Groups {
				sum := g.Others
				for _, group := range g.Groups {
					sum += group.Total
				}
				if g.By == "process" && sum != owned || sum > live.Sockets {
					t.Errorf("%s: the groups by %s have %d sockets; %d sockets exist, %d have an owner", state, g.By, sum, live.Sockets, owned)
				}
			}
			if o := live.Oldest; o != nil && !slices.ContainsFunc(made, func(s lab.Socket) bool {
				return s.State == state && strings.HasPrefix(o.Socket, s.Local.String()+" - ")
			}) {
				t.Errorf("%s: the oldest is %s, which is in another state", state, o.Socket)
			}
		}
		if chart := explainJSON(t); chart.Kind != "machine" {
			t.Errorf("explain without a topic has the kind %q", chart.Kind)
		}
		if text := runArgs(t, "explain").stdout; !strings.Contains(text, fmt.Sprintf("CLOSE_WAIT%9d", counts.States["CLOSE_WAIT"])) {
			t.Errorf("the chart does not show %d in CLOSE_WAIT:\n%s", counts.States["CLOSE_WAIT"], text)
		}
	})
}

// TestPagesFromProc checks that states which /proc/net/tcp does not list are shown as
// unknown, and that the warning is written once.
func TestPagesFromProc(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		_, err := l.States()
		must(t, err)
		for _, args := range [][]string{{"BOUND_INACTIVE"}, {"CLOSE"}, {"--lang", "zh", "CLOSE"}, {}} {
			got := runDenied(t, unix.EPERM, append([]string{"explain", "--json"}, args...)...)
			var d struct {
				explained
				Unseen []string // in the document of the whole machine
			}
			if err := json.Unmarshal([]byte(got.stdout), &d); err != nil || got.code != exitDone {
				t.Fatalf("explain %q: %v, %+v", args, err, got)
			}
			if d.Live != nil {
				d.Unseen = d.Live.Unseen
			}
			if !slices.Equal(d.Unseen, []string{"CLOSE", "BOUND_INACTIVE"}) {
				t.Errorf("explain %q: the unseen states are %q", args, d.Unseen)
			}
			if len(d.Warnings) != 1 || strings.Count(got.stderr, "note:")+strings.Count(got.stderr, "说明：") != 1 {
				t.Errorf("explain %q: warnings %q, stderr %q", args, d.Warnings, got.stderr)
			}
		}
		for _, state := range []string{"BOUND_INACTIVE", "CLOSE"} {
			got := runDenied(t, unix.EPERM, "explain", state)
			if strings.Contains(got.stdout, "sockets are in "+state) || !strings.Contains(got.stdout, "does not list sockets in "+state) {
				t.Errorf("explain %s counts what it cannot see:\n%s", state, got.stdout)
			}
		}
		if got := runDenied(t, unix.EPERM, "explain"); !strings.Contains(got.stdout, "BOUND_INACTIVE    ?") {
			t.Errorf("the chart counts what it cannot see:\n%s", got.stdout)
		}
		story := runDenied(t, unix.EPERM, "explain", "fe80::1%"+lab.HostLink)
		if story.code != exitDone || !strings.Contains(story.stdout, "fe80::1") {
			t.Errorf("an address with a zone: %+v", story)
		}
	})
}

// TestStoriesOfEachSocket requests the story of each of the lab's sockets by its peer,
// and the stories of many by a shared address or process.
func TestStoriesOfEachSocket(t *testing.T) {
	closeWaits := map[string]string{
		"fin unread": "close-wait-fin", "data and fin unread": "close-wait-data", "end of file read": "close-wait-leak",
	}
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		made, err := l.States()
		must(t, err)
		for _, s := range made {
			end := s.Peer
			if end.Port() == 0 {
				end = s.Local
			}
			if time.Since(s.After) > 10*time.Second && runArgs(t, "explain", end.String()).code != exitDone {
				t.Logf("%s (%s) has ended: this host is slow", s.State, s.Name)
				continue
			}
			d := explainJSON(t, end.String())
			i := slices.IndexFunc(d.Stories, func(story story) bool { return story.State == s.State.String() && story.has(s.Local.String()) })
			if i < 0 {
				t.Errorf("explain %s has no story for %s (%s): %+v", end, s.State, s.Name, d.Stories)
				continue
			}
			got := d.Stories[i]
			if want := closeWaits[s.Name]; s.State == tcp.CloseWait && got.Condition != want {
				t.Errorf("%s (%s) has the condition %s, want %s", s.State, s.Name, got.Condition, want)
			}
			if held := len(got.Processes) > 0; held != (s.Inode != 0) {
				t.Errorf("%s (%s), inode %d, is held by %v", s.State, s.Name, s.Inode, got.Processes)
			}
			timed := s.State == tcp.TimeWait || s.State == tcp.SynSent || s.State == tcp.SynRecv || s.State == tcp.LastAck
			if timed && (got.EndsMS == nil || *got.EndsMS < got.FiresMS) || s.State == tcp.CloseWait && got.EndsMS != nil {
				t.Errorf("%s (%s) ends in %v ms; its timer fires in %d", s.State, s.Name, got.EndsMS, got.FiresMS)
			}
		}

		// A shared address or process selects all its sockets.
		for topic, has := range map[string]func(lab.Socket) bool{
			lab.Host4.String():              func(s lab.Socket) bool { return s.Local.Addr() == lab.Host4 },
			"[" + lab.Host6.String() + "]":  func(s lab.Socket) bool { return s.Local.Addr() == lab.Host6 },
			lab.HostLocal.String():          func(s lab.Socket) bool { return s.Local.Addr() == lab.HostLocal },
			fmt.Sprint("pid ", os.Getpid()): func(s lab.Socket) bool { return s.Inode != 0 },
		} {
			want, explained := 0, 0
			for _, s := range made {
				if has(s) {
					want++
				}
			}
			for _, story := range explainJSON(t, strings.Fields(topic)...).Stories {
				explained += story.Total
			}
			if want == 0 || explained < want { // it also selects other sockets
				t.Errorf("explain %s explains %d sockets, want at least %d", topic, explained, want)
			}
		}
		for _, topic := range []string{"fe80::1%lo", "[fe80::1%nosuch]:80", "0.0.0.0", "::2"} {
			if got := runArgs(t, "explain", topic); got.code != exitFailed || got.stdout != "" || !strings.Contains(got.stderr, fmt.Sprintf("no TCP socket here matches %q", topic)) {
				t.Errorf("explain %s: %+v", topic, got)
			}
		}
	})
}

// TestStoriesPredictTheEnd lowers the settings and follows sockets to their end. No
// socket may end before its timer next fires, as its last story reported. If no resend
// is left, that is the predicted end. On a busy machine timers fire late, but never
// early. A late timer can use up the time that the kernel gives to all resends, and
// then the socket ends one resend earlier than predicted (retransmits_timed_out,
// net/ipv4/tcp_timer.c).
func TestStoriesPredictTheEnd(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		for name, value := range map[string]int{
			"syn_retries": 1, "syn_linear_timeouts": 0, "synack_retries": 1, "orphan_retries": 1, "retries2": 2, "fin_timeout": 2,
		} {
			if err := l.SetSysctl("net.ipv4.tcp_"+name, value); err != nil && name != "syn_linear_timeouts" { // from Linux 6.5 on
				t.Fatal(err)
			}
		}
		made, err := l.States()
		must(t, err)
		type ending struct {
			socket lab.Socket
			least  time.Time // when its timer next fires, by its last story
		}
		var all []*ending
		for _, s := range made {
			switch {
			case slices.Contains([]tcp.State{tcp.SynSent, tcp.SynRecv, tcp.FinWait1, tcp.Closing, tcp.LastAck}, s.State), s.Name == "orphan, small", s.Name == "unacknowledged data":
				all = append(all, &ending{socket: s})
			}
		}
		const rounding = 50 * time.Millisecond // the kernel's clock has ticks, and reported times are rounded
		patience := time.Now().Add(lab.Patience)
		followed := 0
		for len(all) > 0 && time.Now().Before(patience) {
			all = slices.DeleteFunc(all, func(e *ending) bool {
				s := e.socket
				asked := time.Now()
				got := runArgs(t, "explain", "--json", s.Peer.String())
				answered := time.Now()
				var d explained
				if got.code == exitDone {
					must(t, json.Unmarshal([]byte(got.stdout), &d))
				}
				i := slices.IndexFunc(d.Stories, func(story story) bool { return story.State == s.State.String() && story.has(s.Local.String()) })
				if i < 0 {
					if answered.Before(e.least) {
						t.Errorf("%s (%s) ended %v before its timer fired", s.State, s.Name, e.least.Sub(answered))
					}
					followed++
					return true
				}
				story := d.Stories[i]
				if story.Timer == "off" {
					return false // the timer is firing at this moment
				}
				if story.EndsMS == nil || story.Left == nil {
					t.Errorf("%s (%s): the story predicts no end: %+v", s.State, s.Name, story)
					return true
				}
				e.least = asked.Add(time.Duration(story.FiresMS)*time.Millisecond - rounding)
				if *story.Left == 0 && *story.EndsMS != story.FiresMS || *story.Left > 0 && *story.EndsMS <= story.FiresMS {
					t.Errorf("%s (%s): %d resends left, fires in %d ms, ends in %d ms", s.State, s.Name, *story.Left, story.FiresMS, *story.EndsMS)
				}
				return false
			})
		}
		for _, e := range all {
			t.Errorf("%s (%s) has not ended", e.socket.State, e.socket.Name)
		}
		if followed < 14 {
			t.Errorf("only %d sockets were followed to their end, want 14", followed)
		}
	})
}

// TestHostileNamesInExplain explains sockets of processes with hostile names, and a
// socket on an interface with a hostile name.
func TestHostileNamesInExplain(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		const link = "e\x1b[31m\u009b"
		must(t, netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: link}, PeerName: "far"}))
		for _, name := range []string{"far", link} {
			made, err := netlink.LinkByName(name)
			must(t, err)
			must(t, netlink.LinkSetUp(made))
			if name == link {
				address, err := netlink.ParseAddr("fe80::7/64")
				must(t, err)
				address.Flags = unix.IFA_F_NODAD
				must(t, netlink.AddrAdd(made, address))
			}
		}
		fd := listenAt(t, place{host: "fe80::7", link: link}, 2999)
		defer unix.Close(fd)
		for i, name := range hostileNames {
			fd := listenAt(t, place{host: "0.0.0.0"}, uint16(3000+i))
			lab.Actor{Name: name}.Start(t, fd)
			must(t, unix.Close(fd))
		}
		harmless := func(format string, topics ...string) {
			for _, topic := range topics {
				got := runArgs(t, "explain", "--format", format, topic)
				if bad := harmful(got.stdout + got.stderr); bad != "" || got.code != exitDone {
					t.Errorf("explain %s as %s: exit %d, %s: %s", topic, format, got.code, got.stderr, bad)
				}
			}
		}
		for _, format := range []string{"text", "markdown", "json"} {
			harmless(format, "LISTEN", ":2999", "fe80::7", "0.0.0.0")
		}
		harmless("text", ports(3000, len(hostileNames))...)
		if stories := explainJSON(t, ":2999").Stories; len(stories) != 1 || !stories[0].has("[fe80::7%"+link+"]:2999") {
			t.Errorf("JSON does not have the name of the interface: %+v", stories)
		}
		for i, name := range hostileNames {
			stories := explainJSON(t, fmt.Sprint(":", 3000+i)).Stories
			if want := asJSON(name[:min(len(name), 15)]) + "["; len(stories) != 1 || len(stories[0].Processes) != 1 || !strings.HasPrefix(stories[0].Processes[0].Name, want) {
				t.Errorf("JSON does not have the name %q: %+v", want, stories)
			}
		}
	})
}

// ports returns n consecutive ports in the form that explain accepts.
func ports(first, n int) (list []string) {
	for i := range n {
		list = append(list, fmt.Sprint(":", first+i))
	}
	return list
}
