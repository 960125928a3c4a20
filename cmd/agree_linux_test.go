package cmd

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"testing"

	"tcpstate/internal/lab"
)

// TestLsAgreesWithSS compares ls with ss -tanoeimH, on sockets in every state and
// with most of the attributes that a socket can have. ls must list every socket that
// ss lists, with every figure that ss prints. A figure that ss omits must be 0 or
// unknown.
//
// ss runs before and after ls. A socket that changed between the two runs, for
// example by a resend, is compared in the next round. The rounds end when each socket
// has been compared and ss has printed every figure. Some figures appear only after
// a timer of the kernel has fired: a socket has a backoff only after its first
// resend.
func TestLsAgreesWithSS(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		if _, err := l.States(); err != nil {
			t.Fatal(err)
		}
		makeRareSockets(t, l)
		left := runSS(t)
		if len(left) < 60 {
			t.Fatalf("ss shows only %d sockets", len(left))
		}
		compared, printed := map[string]bool{}, map[string]bool{}
		lab.Await(t, func() error {
			before, ours, after := runSS(t), list(t, "-o", "-e", "-i", "-m"), runSS(t)
			if ours.Source != "sock_diag" || len(ours.Warnings) != 0 {
				t.Fatalf("source %s, warnings %q", ours.Source, ours.Warnings)
			}
			sockets := byCookie(t, ours.Sockets)
			for cookie := range sockets {
				if before[cookie] == nil {
					t.Fatalf("ls lists the cookie %s, ss only %v", cookie, sortedKeys(before))
				}
			}
			for cookie, was := range before {
				is := after[cookie]
				if is == nil {
					continue // the socket has ended
				}
				if sockets[cookie] == nil {
					t.Fatalf("ss lists the cookie %s, ls only %v", cookie, sortedKeys(sockets))
				}
				if !was.same(is) {
					continue
				}
				delete(left, cookie)
				compared[was.words["state"]] = true
				for _, problem := range compare(sockets[cookie], was, is) {
					t.Errorf("%s %s: %s", was.words["state"], cookie, problem)
				}
				for name := range was.figures {
					printed[name] = true
				}
				for name := range was.clocks {
					printed[name] = true
				}
			}
			maps.DeleteFunc(left, func(cookie string, _ *ssSocket) bool { return before[cookie] == nil })
			if t.Failed() {
				return nil // another round would only repeat the failures
			}
			if len(left) > 0 {
				return fmt.Errorf("%d sockets changed in every round: %v", len(left), sortedKeys(left))
			}
			return checkPrinted(printed)
		})
		for _, state := range ssStates {
			if !compared[state] && state != "CLOSE" { // ss does not list the lab's socket in CLOSE
				t.Errorf("no socket in %s was compared", state)
			}
		}
	})
}

// byCookie returns the sockets that ss requests, by their cookies. It leaves out
// sockets that are bound but neither listen nor are connected: ss 6.1 does not know
// the state bit under which the kernel lists them.
func byCookie(t *testing.T, list []map[string]any) map[string]map[string]any {
	t.Helper()
	sockets := map[string]map[string]any{}
	for _, s := range list {
		if s["state"] == "CLOSE" || s["state"] == "BOUND_INACTIVE" {
			continue
		}
		cookie, _ := s["cookie"].(string)
		if cookie == "" || sockets[cookie] != nil {
			t.Fatalf("cookie %q is empty or occurs twice", cookie)
		}
		sockets[cookie] = s
	}
	return sockets
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// same reports whether only clocks changed from s to later, and only forward.
func (s *ssSocket) same(later *ssSocket) bool {
	if !maps.Equal(s.words, later.words) || !maps.Equal(s.figures, later.figures) {
		return false
	}
	for _, name := range sortedKeys(mergeKeys(s.clocks, later.clocks)) {
		was, is := s.clocks[name], later.clocks[name] // 0 where ss prints nothing
		if name == "timer.expires_ms" {
			was, is = is, was
		}
		if is.least < was.least {
			return false
		}
	}
	return true
}

func mergeKeys(a, b map[string]span) map[string]span {
	both := maps.Clone(a)
	maps.Copy(both, b)
	return both
}

// leftOut has the fields that may have another value than 0 although ss does not
// print them, with the reason. Its functions report whether a value is plausible.
var leftOut = map[string]func(value any, s map[string]any) bool{
	// ss does not have these.
	"age_ms": anything, "age_exact": anything, "age_at_least": anything, "idle_ms": anything, "unit": anything, "container": anything,
	"user": func(name any, s map[string]any) bool {
		account, err := user.LookupId(fmt.Sprint(s["uid"]))
		return err == nil && account.Username == name
	},

	// ss 6.1 never prints these.
	"tcp_info.ca_state": anything, "tcp_info.probes": anything, "tcp_info.retransmits": anything,
	"tcp_info.rcv_wnd_bytes": anything, "tcp_info.rehash": anything, "tcp_info.total_rto": anything,
	"tcp_info.total_rto_recoveries": anything, "tcp_info.total_rto_time_ms": anything,
	"tcp_info.accecn_fail_mode": anything, "tcp_info.accecn_opt_seen": anything, "tcp_info.received_ce": anything,
	"tcp_info.delivered_e0_bytes": anything, "tcp_info.delivered_e1_bytes": anything, "tcp_info.delivered_ce_bytes": anything,
	"tcp_info.received_e0_bytes": anything, "tcp_info.received_e1_bytes": anything, "tcp_info.received_ce_bytes": anything,
	"tcp_info.fastopen_client_fail": anything, // these bits were padding when ss was written

	// ss prints these unless they have a usual value.
	"tcp_info.snd_ssthresh": func(v any, _ map[string]any) bool { return v.(float64) == 0 || v.(float64) >= 0xffff },
	"tcp_info.reordering":   func(v any, _ map[string]any) bool { return v == 3.0 },
	"tcp_info.rto_us":       func(v any, _ map[string]any) bool { return v == 0.0 || v == 3_000_000.0 },

	// ss prints the variation only after a round-trip time, and the maximum pacing
	// rate only after a pacing rate.
	"tcp_info.rttvar_us":                     func(_ any, s map[string]any) bool { return s["tcp_info.rtt_us"] == 0.0 },
	"tcp_info.max_pacing_rate_bytes_per_sec": func(v any, s map[string]any) bool { return v == 0.0 || s["tcp_info.pacing_rate_bytes_per_sec"] == 0.0 },
}

func anything(any, map[string]any) bool { return true }

// compare returns the differences between ours, which is flattened, and the output
// of ss before and after it.
func compare(ours map[string]any, before, after *ssSocket) (problems []string) {
	complain := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	checked := map[string]bool{"cookie": true}
	for name, want := range before.words {
		checked[name] = true
		if got := words(ours[name]); got != want {
			complain("%s is %q, ss prints %q", name, got, want)
		}
	}
	spans := map[string]span{}
	for name := range mergeKeys(before.clocks, after.clocks) {
		was, is := before.clocks[name], after.clocks[name]
		spans[name] = span{min(was.least, is.least), max(was.most, is.most)}
	}
	maps.Copy(spans, before.figures)
	for name, want := range spans {
		checked[name] = true
		got, known := ours[name].(float64)
		if !known && want == exactly(0) && (name == "inode" || name == "uid") {
			continue // the socket has no owner, and ss prints the kernel's 0
		}
		if !known && ours["state"] == "SYN_SENT" && strings.HasPrefix(name, "tcp_info.last_") {
			continue // no segment has arrived yet: ss prints the uptime of the host
		}
		if !known || got < want.least || got > want.most {
			complain("%s is %v, ss prints %v", name, ours[name], want)
		}
	}
	for name, value := range ours {
		if checked[name] {
			continue
		}
		if plausible := leftOut[name]; plausible != nil {
			if !plausible(value, ours) {
				complain("%s is %v, ss omits it", name, value)
			}
		} else if number, isNumber := value.(float64); number != 0 || !isNumber && words(value) != "false" && words(value) != "" {
			complain("%s is %v, ss omits it", name, value)
		}
	}
	if got, want := sendBPS(ours), before.sendBPS; got < want.least || got > want.most {
		complain("from these values ss would compute %.0f bit/s for send, and prints %v", got, want)
	}
	slices.Sort(problems)
	return problems
}

// words returns a value in the form in which parseSS stores it.
func words(value any) string {
	switch value := value.(type) {
	case string:
		return value
	case bool:
		return strconv.FormatBool(value)
	case []any:
		var names []string
		for _, name := range value {
			names = append(names, fmt.Sprint(name))
		}
		slices.Sort(names)
		return strings.Join(names, " ")
	}
	return ""
}

// sendBPS computes the rate that ss prints after "send" (tcp_show_info, misc/ss.c).
func sendBPS(s map[string]any) float64 {
	number := func(name string) float64 { v, _ := s[name].(float64); return v }
	if number("tcp_info.rtt_us") == 0 {
		return 0
	}
	return number("tcp_info.cwnd") * number("tcp_info.snd_mss_bytes") * 8e6 / number("tcp_info.rtt_us")
}

// checkPrinted returns an error unless ss has printed every figure that it knows,
// except those that a test cannot cause on every machine.
func checkPrinted(printed map[string]bool) error {
	rare := []string{
		"tcp_info.fackets",           // always 0 from 4.15 on
		"tcp_info.delivered_ce",      // needs a router that sets ECN marks
		"tcp_info.sndbuf_limited_us", // needs a buffer smaller than the path
		"tcp_info.dsack_dups", "tcp_info.reord_seen", "tcp_info.reordering",
	}
	if os.Geteuid() != 0 || !mapsOtherUsers() {
		rare = append(rare, "uid") // only root can give a socket to another user
	}
	wanted := []string{"mark", "tos", "traffic_class", "cgroup_id", "tcp_info.max_pacing_rate_bytes_per_sec", "tcp_info.delivery_rate_bytes_per_sec", "tcp_info.snd_wscale"}
	for _, table := range []map[string]string{ssCounts, ssMilliseconds, ssClocks, ssBusy} {
		wanted = slices.AppendSeq(wanted, maps.Values(table))
	}
	unseen := slices.DeleteFunc(wanted, func(name string) bool { return printed[name] || slices.Contains(rare, name) })
	if len(unseen) > 0 {
		slices.Sort(unseen)
		return fmt.Errorf("no socket had anything for ss to print as %s: the test does not see them", strings.Join(unseen, ", "))
	}
	return nil
}

// mapsOtherUsers reports whether the user namespace maps other users in addition to
// its root.
func mapsOtherUsers() bool {
	text, err := os.ReadFile("/proc/self/uid_map")
	fields := strings.Fields(string(text))
	return err == nil && len(fields) == 3 && fields[2] != "1"
}

// TestProcListsTheSameSockets compares --source procfs with sock_diag. Both must
// list the same sockets with the same fields, except the fields that are listed
// under missing.
func TestProcListsTheSameSockets(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		if _, err := l.States(); err != nil {
			t.Fatal(err)
		}
		settled := map[string]bool{}
		lab.Await(t, func() error {
			before, ours, after := list(t, "-o", "-e"), list(t, "-o", "-e", "--source", "procfs"), list(t, "-o", "-e")
			if ours.Source != "procfs" {
				t.Fatalf("source %q", ours.Source)
			}
			was, is, proc := byEnds(t, before.Sockets), byEnds(t, after.Sockets), byEnds(t, ours.Sockets)
			got, want := sortedKeys(proc), sortedKeys(was)
			if !slices.Equal(want, sortedKeys(is)) {
				return errors.New("timers of the kernel change sockets all the time")
			}
			if !slices.Equal(got, want) {
				t.Fatalf("procfs lists\n%s\nsock_diag\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
			for ends := range was {
				if settled[ends] || !sameTimer(was[ends], is[ends]) {
					continue
				}
				settled[ends] = true
				checkProcSocket(t, ends, proc[ends], was[ends], is[ends], ours.Missing)
			}
			for ends := range was {
				if !settled[ends] {
					return fmt.Errorf("%s changes in each round", ends)
				}
			}
			return nil
		})
	})
}

// byEnds returns the sockets that /proc/net/tcp lists, by the key that identifies
// them there: state, family and both ends. The zone of a link-local address is not
// part of the key, because /proc does not have it.
func byEnds(t *testing.T, list []map[string]any) map[string]map[string]any {
	t.Helper()
	unzoned := func(address any) string {
		bare, _, _ := strings.Cut(address.(string), "%")
		return bare
	}
	sockets := map[string]map[string]any{}
	for _, s := range list {
		if s["state"] == "BOUND_INACTIVE" || s["state"] == "CLOSE" {
			continue // /proc lists only sockets that are in the hash tables
		}
		ends := fmt.Sprintf("%s %s %s:%v > %s:%v", s["state"], s["family"],
			unzoned(s["local.address"]), s["local.port"], unzoned(s["peer.address"]), s["peer.port"])
		if sockets[ends] != nil {
			t.Fatalf("%s occurs twice", ends)
		}
		sockets[ends] = s
	}
	return sockets
}

func sameTimer(was, is map[string]any) bool {
	if is == nil || was["timer.kind"] != is["timer.kind"] || was["timer.retransmits"] != is["timer.retransmits"] {
		return false
	}
	number := func(s map[string]any, name string) float64 { v, _ := s[name].(float64); return v }
	return number(is, "timer.expires_ms") <= number(was, "timer.expires_ms") && number(is, "age_ms") >= number(was, "age_ms")
}

// checkProcSocket compares a socket from /proc with the same socket from sock_diag,
// read before and after it.
func checkProcSocket(t *testing.T, ends string, proc, was, is map[string]any, missing []string) {
	t.Helper()
	const tick = 10 // milliseconds: USER_HZ is 100, and the kernel rounds
	for _, name := range sortedKeys(was) {
		object, _, _ := strings.Cut(name, ".")
		got, known := proc[name]
		switch want := was[name]; {
		case slices.Contains(missing, object) || object == "cgroup_id":
			if known {
				t.Errorf("%s: %s is %v, but is listed under missing", ends, name, got)
			}
		case name == "local.address" || name == "peer.address":
			if bare, _, _ := strings.Cut(want.(string), "%"); got != bare {
				t.Errorf("%s: %s is %v, want %v", ends, name, got, want)
			}
		case name == "timer.expires_ms":
			if v, _ := got.(float64); !known || v < is[name].(float64)-tick || v > want.(float64)+tick {
				t.Errorf("%s: %s is %v, sock_diag gives from %v to %v", ends, name, got, want, is[name])
			}
		case name == "age_ms" && (was["state"] == "ESTABLISHED" || was["state"] == "CLOSE_WAIT"):
			if known { // only tcp_info has this age
				t.Errorf("%s: %s is %v, want none", ends, name, got)
			}
		case name == "age_ms" && was["state"] == "FIN_WAIT2" && !known: // only tcp_info has that of a full socket
		case name == "age_ms":
			if v, _ := got.(float64); !known || v < want.(float64)-tick || v > is[name].(float64)+tick {
				t.Errorf("%s: %s is %v, sock_diag gives from %v to %v", ends, name, got, want, is[name])
			}
		case (name == "age_exact" || name == "age_at_least") && proc["age_ms"] == nil:
		case got != want:
			t.Errorf("%s: %s is %v, sock_diag gives %v", ends, name, got, want)
		}
	}
	for _, name := range sortedKeys(proc) {
		if _, known := was[name]; !known {
			t.Errorf("%s: %s is %v, which sock_diag does not have", ends, name, proc[name])
		}
	}
}

// TestLsListsEveryDescriptorOfTheLab compares ls with all sockets that the lab has
// made. This includes those that ss does not request.
func TestLsListsEveryDescriptorOfTheLab(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		made, err := l.States()
		if err != nil {
			t.Fatal(err)
		}
		ours := map[string]map[string]any{}
		for _, s := range list(t, "-e").Sockets {
			ours[s["cookie"].(string)] = s
		}
		if len(ours) != len(made) {
			t.Errorf("ls lists %d sockets, the lab has made %d", len(ours), len(made))
		}
		for _, m := range made {
			s := ours[fmt.Sprintf("%#x", m.Kernel.Cookie)]
			if s == nil {
				t.Errorf("ls does not list %s", m)
				continue
			}
			inode, _ := s["inode"].(float64)
			got := fmt.Sprintln(s["state"], s["family"], s["local.address"], s["local.port"], s["peer.address"], s["peer.port"], uint32(inode))
			want := fmt.Sprintln(m.State, m.Family, m.Local.Addr(), m.Local.Port(), m.Peer.Addr(), m.Peer.Port(), m.Inode)
			if got != want {
				t.Errorf("%s: ls lists %swant %s", m, got, want)
			}
			uid, known := s["uid"].(float64)
			// Without an inode, a user id of 0 from the kernel means that the owner is
			// unknown (tcp.FullSocketOwner).
			if owned := m.Kernel.Inode != 0 || m.Kernel.UID != 0; known != owned || uid != float64(m.Kernel.UID) {
				t.Errorf("%s: uid %v, known %v; the kernel reports %d, inode %d", m, uid, known, m.Kernel.UID, m.Kernel.Inode)
			}
		}
		for _, state := range []string{"CLOSE", "BOUND_INACTIVE"} {
			if n := len(list(t, "--state", state).Sockets); n != 2 {
				t.Errorf("ls --state %s lists %d sockets, want one of each family", state, n)
			}
		}
	})
}

// TestLsNamesInterfacesAndZones checks sockets that are bound to an interface.
func TestLsNamesInterfacesAndZones(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		if _, err := l.States(); err != nil {
			t.Fatal(err)
		}
		states := map[any]bool{}
		for _, s := range list(t, "-e", "-6").Sockets {
			local := s["local.address"].(string)
			if !strings.HasPrefix(local, "fe80:") {
				if s["interface"] != nil {
					t.Errorf("%s is bound to interface %v", local, s["interface"])
				}
				continue
			}
			states[s["state"]] = true
			if local != lab.HostLocal.String() || s["interface"] != lab.HostLink {
				t.Errorf("%s on interface %v, want %s on %s", local, s["interface"], lab.HostLocal, lab.HostLink)
			}
			if peer := s["peer.address"]; s["state"] == "ESTABLISHED" && peer != "fe80::2%"+lab.HostLink {
				t.Errorf("peer %v, want fe80::2%%%s", peer, lab.HostLink)
			}
		}
		if !states["LISTEN"] || !states["ESTABLISHED"] {
			t.Errorf("link-local sockets are listed only in %v", states)
		}
		table := runArgs(t, "ls", "-6", "-e")
		if want := "[" + lab.HostLocal.String() + "]:"; !strings.Contains(table.stdout, want) {
			t.Errorf("the table has no %s:\n%s", want, table.stdout)
		}
	})
}
