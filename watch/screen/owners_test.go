package screen

import (
	"strings"
	"testing"

	"tcpstate/tcp"
)

// withOwners has processes that hold some of the sockets of someSockets. No search
// for them ends before the test runs it.
func withOwners(t *testing.T, held *[]func(), more func(*Screen)) func(*Screen) {
	return func(s *Screen) {
		proc := s.Session.Query.Proc
		hold(t, proc, 1, "init")
		hold(t, proc, 812, "nginx", 100, 101, 102)
		hold(t, proc, 900, "psql", 103)
		s.Session.Query.Detail = tcp.DetailProcesses
		s.Session.Background = func(search func()) { *held = append(*held, search) }
		if more != nil {
			more(s)
		}
	}
}

// TestFirstFrameDoesNotWaitForProcesses draws the first frame while the search for
// processes has not ended, and the next ones after it.
func TestFirstFrameDoesNotWaitForProcesses(t *testing.T) {
	var held []func()
	d := drive(t, withOwners(t, &held, nil), someSockets()...)
	d.resize(120, 60)
	d.wants("18 sockets  looking up processes ...")
	ends := []string{"0.0.0.0:443 ", "192.0.2.9:51000", "198.51.100.4:5432", "192.0.2.8:51002", "203.0.113.10:40000"}
	for _, end := range ends {
		if line := d.line(end); !strings.Contains(line, "…") {
			t.Errorf("the process is not marked as being looked up: %q", line)
		}
	}
	d.refresh(laterSockets()...) // a reading during the search begins no other
	d.wants("looking up processes ...")
	if len(held) != 1 || strings.Contains(d.screen(), "nginx") {
		t.Fatalf("%d searches, and the screen is\n%s", len(held), d.screen())
	}
	d.end(held...)
	for i, want := range []string{"812/nginx", "812/nginx", "900/psql", "-", "812/nginx"} {
		if line := d.line(ends[i]); !strings.Contains(line, want) || strings.Contains(line, "…") {
			t.Errorf("the process is not %s: %q", want, line)
		}
	}
	if line := d.line(":36001"); !strings.Contains(line, "…") {
		t.Errorf("the socket was opened during the search, and its process is not marked: %q", line)
	}
	if strings.Contains(d.screen(), "looking up") {
		t.Error("a search is reported that has ended")
	}
	held = held[:0]
	d.refresh(laterSockets()...)
	if len(held) != 1 {
		t.Fatalf("%d searches for the socket that was opened meanwhile", len(held))
	}
	d.end(held...)
	if strings.Contains(d.screen(), "…") {
		t.Errorf("all processes are known:\n%s", d.screen())
	}
}

// TestGroupsAndOrdersWaitForProcesses groups and sorts by process while the search
// has not ended. The sockets without a process are not taken for a group that
// shrinks.
func TestGroupsAndOrdersWaitForProcesses(t *testing.T) {
	var held []func()
	d := drive(t, withOwners(t, &held, func(s *Screen) { s.Session.Query.Detail = 0 }), someSockets()...)
	if len(held) != 0 {
		t.Fatal("a search that nobody needs")
	}
	d.press("g")
	d.wants("2 groups by process  looking up processes ...")
	if line := d.line("  looking up processes ...   "); !strings.Contains(line, "   5  ") {
		t.Errorf("the sockets whose processes are looked up are %q", line)
	}
	d.press("down", "enter")
	d.wants("this row cannot be a filter")
	d.end(held...)
	d.wants("3 groups by process  sort", "nginx", "psql")
	for _, line := range []string{d.line("nginx"), d.line("psql")} {
		if strings.Contains(line, "+") {
			t.Errorf("a group whose processes were looked up is shown as new: %q", line)
		}
	}
	d.press("g", "g", "g", "g")
	for d.m.want.sort.by != byProcess {
		d.press("s")
	}
	d.wants("sort process")
	if first, last := d.line("> "), d.line("psql"); !strings.Contains(first, "nginx") || last == "" {
		t.Errorf("not sorted by process:\n%s", d.screen())
	}
}

// TestFilterWaitsForProcesses says what it waits for.
func TestFilterWaitsForProcesses(t *testing.T) {
	var held []func()
	d := drive(t, withOwners(t, &held, nil), someSockets()...)
	f, err := d.m.parse("process = nginx", false)
	if err != nil {
		t.Fatal(err)
	}
	m := d.m
	m.want.filter, m.want.filtered = f, m.want.filtered+1
	if drawn := m.View().Content; !strings.Contains(drawn, "looking up processes ...  sort") {
		t.Errorf("the screen does not say what it waits for:\n%s", drawn)
	}
	held[0]() // it ends while the filter waits
	d.press("/")
	d.write("process = nginx")
	d.wants("3 sockets")
	if d.r.session.Searches() {
		t.Error("the result of the search was not taken")
	}
}
