package screen

import (
	"strings"
	"testing"
	"time"

	"tcpstate/tcp"
)

func TestListeners(t *testing.T) {
	listen := conn{state: tcp.Listen, local: "0.0.0.0:443", peer: any4, recvd: 3, inode: 100}
	other := conn{state: tcp.Listen, local: "0.0.0.0:22", peer: any4, inode: 101}
	half := conn{state: tcp.SynRecv, local: "10.0.0.1:443", peer: "192.0.2.1:1"}
	waits := conn{state: tcp.Established, local: "10.0.0.1:443", peer: "192.0.2.2:1"}
	served := conn{state: tcp.Established, local: "10.0.0.1:443", peer: "192.0.2.3:1", inode: 200}
	d := drive(t, nil, listen, other, half, waits, served)
	d.press("l")
	d.wants("2 listeners  sort recv-q down", "LISTENER", "ACCEPT-Q▼", "PEAK", "DROPS", "SYN_RECV", "IN/s", "ACCEPT/s", "PROCESS")
	row := func(of string, want ...string) {
		t.Helper()
		line := strings.Fields(strings.TrimLeft(d.line(of+" "), ">+ "))
		if got := strings.Join(line, " "); got != of+" "+strings.Join(want, " ") {
			t.Errorf("the row is %q, want %s %v", got, of, want)
		}
	}
	row("0.0.0.0:443", "3", "3", "-", "1", "-", "-", "-") // no rate after one reading; procfs knows no maximum and no drops
	row("0.0.0.0:22", "0", "0", "-", "0", "-", "-", "-")

	listen.recvd = 1
	accepted, half2, new2 := waits, half, served
	accepted.inode, half2.peer, new2.peer, new2.inode = 201, "192.0.2.9:1", "192.0.2.8:1", 202
	d.refresh(listen, other, half, half2, accepted, served, new2)
	row("0.0.0.0:443", "1", "3", "-", "2", "2.0", "2.0", "-") // one that waited was accepted, one is new and accepted, one is new and half open
	row("0.0.0.0:22", "0", "0", "-", "0", "0", "0", "-")
	d.press("s")
	d.wants("PEAK▼", "> 0.0.0.0:443")
	d.press("<", "<")
	d.wants("LISTENER▲", "> 0.0.0.0:22")
	d.press("f")
	d.write(":443")
	d.press("enter")
	if got := d.m.item().socket.Local.String(); got != "0.0.0.0:443" {
		t.Errorf("the search went to %s", got)
	}
	d.press("enter")
	d.wants("socket 0.0.0.0:443")
	d.press("q")
	d.wants("2 listeners")

	twin := listen
	twin.inode, twin.recvd = 102, 5
	d.refresh(listen, twin, other, half, accepted)
	d.wants("3 listeners")
	if line := d.line("0.0.0.0:443"); !strings.Contains(line, "1*") || !strings.Contains(line, "0*") {
		t.Errorf("what belongs to both listeners is not marked: %q", line)
	}
	d.press("3")
	if line := d.line("3 listeners"); strings.Contains(line, "SYN_RECV") {
		t.Errorf("the listeners are said to be in the focused state: %q", line)
	}
	d.press("0", "/")
	d.write("sport = :22")
	d.press("enter")
	d.wants("1 listener ")
	d.press("/", "ctrl+u", "enter", "l")
	d.wants("5 sockets")
	if d.r.detailOf(d.m.want) != 0 {
		t.Error("the details of the listeners are still read")
	}
}

// TestCompareListeners checks that what is not known comes last in both directions.
func TestCompareListeners(t *testing.T) {
	of := func(drops tcp.Optional[uint32], rate tcp.Optional[float64]) item {
		return item{socket: new(tcp.Socket), figures: &figures{drops: drops, arrived: rate}}
	}
	known, unknown := of(tcp.Known[uint32](0), tcp.Known(0.0)), of(tcp.Optional[uint32]{}, tcp.Optional[float64]{})
	for _, by := range []sortBy{byDrops, byArrived} {
		for _, down := range []bool{false, true} {
			compare := compareListeners(sorting{by, down})
			if compare(known, unknown) >= 0 || compare(unknown, known) <= 0 {
				t.Errorf("by %s, down %v: the unknown comes first", by, down)
			}
		}
	}
}

func TestListenersFirst(t *testing.T) {
	d := drive(t, func(s *Screen) { s.Listeners = true; s.Interval = time.Second }, someSockets()...)
	d.wants("1 listener  sort recv-q down", "0.0.0.0:443")
	for _, size := range sizes {
		d.resize(size[0], size[1])
		d.wants("LISTENER", "ACCEPT-Q", "0.0.0.0:443")
	}
	d.resize(40, 10)
	d.wants("3/8 colum")
	for range 10 {
		d.press("right")
	}
	d.wants("PROCESS")
	sorted := drive(t, func(s *Screen) {
		s.Listeners = true
		if err := s.SortBy("-drops"); err != nil {
			t.Error(err)
		}
		if err := s.SortBy("age"); err == nil {
			t.Error("listeners are sorted by age")
		}
		if err := s.SortBy("-syn-recv"); err != nil {
			t.Error(err)
		}
	}, someSockets()...)
	sorted.wants("sort syn_recv down", "SYN_RECV▼")
}
