package render

import (
	"bytes"
	"cmp"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"tcpstate/tcp"
)

func TestSort(t *testing.T) {
	known := tcp.Known[uint32]
	sockets := []*tcp.Socket{
		{State: tcp.TimeWait, Local: netip.MustParseAddrPort("10.0.0.10:80"), Peer: netip.MustParseAddrPort("[::1]:1")},
		{State: tcp.Established, Local: netip.MustParseAddrPort("10.0.0.9:443"), RecvQueue: 9, Owner: tcp.Owner{UID: known(10), Inode: 1}, Interface: "eth10"},
		{State: tcp.Listen, Local: netip.MustParseAddrPort("[fe80::1%eth0]:22"), AcceptQueue: 10, Owner: tcp.Owner{UID: known(9), Inode: 2}},
		{State: tcp.Established, Local: netip.MustParseAddrPort("10.0.0.9:80"), RecvQueue: 100, Owner: tcp.Owner{UID: known(0), Inode: 3}, Interface: "eth1"},
		{State: tcp.CloseWait, Local: netip.MustParseAddrPort("[::ffff:10.0.0.9]:80"), RecvQueue: 9, Owner: tcp.Owner{UID: known(9), Inode: 4}, Interface: "eth"},
		{State: tcp.Established, Local: netip.MustParseAddrPort("[fe80::1]:22"), Owner: tcp.Owner{UID: known(256), Inode: 5}},
	}
	for _, test := range []struct{ keys, want string }{
		{"state", "2 1 3 5 0 4"},
		{"-state", "4 0 1 3 5 2"},
		{"recv_q", "0 5 1 4 2 3"},
		{"-recv_q", "3 2 1 4 0 5"},
		{"recv_q_bytes", "0 5 1 4 3 2"}, // a listener has no such field
		{"-recv_q_bytes", "3 1 4 0 5 2"},
		{"uid", "3 2 4 1 5 0"},
		{"-uid", "5 1 2 4 3 0"},
		{"local", "3 1 0 4 5 2"},
		{"-local", "2 5 4 0 1 3"},
		{"local.address,-local.port", "1 3 0 4 5 2"},
		{"local.port,local.address", "5 2 3 0 4 1"},
		{"interface", "4 3 1 0 2 5"},
		{"-interface", "1 3 4 0 2 5"},
		{"peer", "0 1 2 3 4 5"}, // only the first has a peer
		{"-recv_q,-uid", "3 2 1 4 5 0"},
		{" -RECV-Q , uid", "3 2 4 1 5 0"},
	} {
		l := &Listing{Format: CSV, Columns: mustColumns(t, "inode"), Sort: mustSort(t, test.keys)}
		want := strings.Fields(test.want)
		for i, n := range want {
			if want[i] = n; n == "0" {
				want[i] = "" // TIME_WAIT has no inode
			}
		}
		got := strings.Split(strings.TrimSuffix(write(t, l, each(sockets...)), "\n"), "\n")
		if !slices.Equal(got, want) {
			t.Errorf("by %q: %q, want %q", test.keys, got, want)
		}
	}
}

// TestSortByOwner sorts by the owner of a socket, its namespace, its cgroup,
// its names and its listener.
func TestSortByOwner(t *testing.T) {
	socket := func(inode uint32, text string) *tcp.Socket {
		s := &tcp.Socket{State: tcp.Close, Owner: tcp.Owner{Inode: inode, User: text, UID: tcp.Known(inode)}, Netns: text}
		s.PeerName.Host, s.LocalName.Service = text, text
		s.Extended = &tcp.Extended{Cgroup: tcp.Cgroup{Path: text, Unit: text, Container: text}}
		if text != "" {
			s.Processes = []tcp.Process{{PID: 7, Name: text, Cmdline: []string{text, "-x"}}}
			s.Listener = &tcp.Listener{Local: netip.AddrPortFrom(netip.MustParseAddr("::"), uint16(inode)), Processes: s.Processes}
		}
		return s
	}
	sockets := []*tcp.Socket{socket(3, "b"), socket(4, ""), socket(1, "ab"), socket(2, "a")}
	for _, key := range []string{"user", "netns", "unit", "cgroup", "container", "peer.host", "local.service", "process", "listener.processes", "command"} {
		for keys, want := range map[string]string{key: "2 1 3 4", "-" + key: "3 1 2 4"} {
			l := &Listing{Format: CSV, Columns: mustColumns(t, "inode"), Sort: mustSort(t, keys)}
			if got := strings.Join(strings.Fields(write(t, l, each(sockets...))), " "); got != want {
				t.Errorf("by %s: %s, want %s", keys, got, want)
			}
		}
	}
	for _, s := range sockets {
		s.Processes = nil
	}
	for keys, want := range map[string]string{"-listener": "3 2 1 4", "listener.processes": "2 1 3 4"} {
		l := &Listing{Format: CSV, Columns: mustColumns(t, "inode"), Sort: mustSort(t, keys)}
		if got := strings.Join(strings.Fields(write(t, l, each(sockets...))), " "); got != want {
			t.Errorf("by %s, without processes: %s, want %s", keys, got, want)
		}
	}
}

func TestParseSortErrors(t *testing.T) {
	for _, list := range []string{"recv_qq", "-recv_qq", "state,-recv_qq", "--state", "", "state,", "-"} {
		_, err := ParseSort(list)
		var unknown *UnknownColumnError
		if !errors.As(err, &unknown) {
			t.Errorf("ParseSort(%q): error %v", list, err)
		}
	}
	_, err := ParseSort("-recv_qq")
	if want := `unknown column "recv_qq"`; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

// FuzzSortKeys checks that comparing the bytes of two keys gives the same
// result as comparing their values.
func FuzzSortKeys(f *testing.F) {
	f.Add("eth0", "eth", uint64(1), uint64(256), []byte{10, 0, 0, 1}, []byte{10, 0, 0, 2}, uint16(80), uint16(8080))
	f.Add("a\x00", "a", uint64(0), ^uint64(0), bytes.Repeat([]byte{0}, 16), []byte{0, 0, 0, 0}, uint16(0), uint16(1))
	f.Fuzz(func(t *testing.T, textA, textB string, nA, nB uint64, addrA, addrB []byte, portA, portB uint16) {
		socket := func(text string, n uint64, addr []byte, port uint16) *tcp.Socket {
			ip, _ := netip.AddrFromSlice(addr)
			return &tcp.Socket{Interface: text, Cookie: tcp.Cookie(n), Local: netip.AddrPortFrom(ip.WithZone(text), port), State: tcp.Close}
		}
		a, b := socket(textA, nA, addrA, portA), socket(textB, nB, addrB, portB)
		unknownLast := func(a, b bool) int {
			return cmp.Compare(map[bool]int{true: 1}[a], map[bool]int{true: 1}[b])
		}
		for name, compare := range map[string]func() (last, known int){
			"interface": func() (int, int) { return unknownLast(textA == "", textB == ""), cmp.Compare(textA, textB) },
			"cookie":    func() (int, int) { return unknownLast(nA == 0, nB == 0), cmp.Compare(nA, nB) },
			"local": func() (int, int) {
				return unknownLast(!a.Local.IsValid(), !b.Local.IsValid()), cmp.Or(a.Local.Addr().Compare(b.Local.Addr()), cmp.Compare(a.Local.Port(), b.Local.Port()))
			},
		} {
			last, known := compare()
			if name == "local" && !a.Local.IsValid() && !b.Local.IsValid() {
				known = 0 // two invalid addresses are equal, whatever their ports
			}
			for _, descending := range []bool{false, true} {
				keys := []SortKey{{Column: mustColumns(t, name)[0], Descending: descending}}
				want := cmp.Or(last, known)
				if descending {
					want = cmp.Or(last, -known)
				}
				if got := bytes.Compare(appendSortKeys(nil, keys, a), appendSortKeys(nil, keys, b)); got != want {
					t.Errorf("%s, descending %v: compared as %d, want %d: %+v %+v", name, descending, got, want, a, b)
				}
			}
		}
	})
}

// TestRowsPrune adds many more rows than the limit, so that chunks fill up.
func TestRowsPrune(t *testing.T) {
	r := &sortedRows{limit: 600}
	var want []string
	for i := range 20_000 {
		key := []byte{byte(i * 7919 % 251)}
		row := bytes.Repeat([]byte{'a' + key[0]%26}, i%300)
		r.add(key, row)
		want = append(want, string(key)+string(row))
		if len(r.order) >= 2*r.limit {
			t.Fatalf("%d rows are kept, but the limit is %d", len(r.order), r.limit)
		}
	}
	slices.SortStableFunc(want, func(a, b string) int { return cmp.Compare(a[0], b[0]) })
	i := 0
	for row := range r.sorted() {
		if string(row) != want[i][1:] {
			t.Fatalf("row %d is %q, want %q", i, row, want[i][1:])
		}
		i++
	}
	if i != r.limit {
		t.Errorf("%d rows, want %d", i, r.limit)
	}
	if size := len(r.chunks) * chunkSize; size > 4*chunkSize {
		t.Errorf("%d rows take %d bytes", i, size)
	}
}

// TestRowsLong keeps rows that are longer than a chunk.
func TestRowsLong(t *testing.T) {
	r := &sortedRows{}
	long := bytes.Repeat([]byte("x"), 2*chunkSize)
	for i := range 3 {
		r.add([]byte{byte(3 - i)}, long[:len(long)-i])
	}
	var sizes []int
	for row := range r.sorted() {
		sizes = append(sizes, len(row))
	}
	if want := []int{len(long) - 2, len(long) - 1, len(long)}; !slices.Equal(sizes, want) {
		t.Errorf("rows of %d bytes, want %d", sizes, want)
	}
}
