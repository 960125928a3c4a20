package collect

import (
	"context"
	"errors"
	"iter"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tcpstate/procnet"
	"tcpstate/sockdiag"
	"tcpstate/tcp"
	"tcpstate/wording"
)

// both families, which most queries request.
var both = []tcp.Family{tcp.IPv4, tcp.IPv6}

const (
	header4 = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
	header6 = "  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"

	listening4 = "   0: 0100007F:0016 00000000:0000 0A 00000000:00000003 00:00000000 00000000     0        0 411 1 0000000000000000 100 0 0 10 0\n"
	synSent4   = "   1: 0100007F:9C41 0200007F:0050 02 00000001:00000000 01:00000032 00000002  1000        0 413 2 0000000000000000 400 0 0 1 7\n"
	synRecv4   = "   2: 0100007F:0016 0200007F:9C43 03 00000000:00000000 01:00000032 00000001  1000        0 0 1 0000000000000000\n"
	finWait24  = "   3: 0100007F:9C44 0200007F:0050 05 00000000:00000000 03:00000FA0 00000000     0        0 0 3 0000000000000000\n"
	timeWait4  = "   4: 0100007F:9C42 0200007F:0050 06 00000000:00000000 03:00000FA0 00000000     0        0 0 3 0000000000000000\n"
	estab6     = "   0: 000080FE00000000000000000100000A:0016 000080FE00000000000000000200000A:9C40 01 00000000:00000000 00:00000000 00000000     7        0 412 2 0000000000000000 20 4 30 10 -1\n"
)

// fakeProc writes the files into a directory of the test and returns it.
func fakeProc(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

var tables = map[string]string{
	"net/tcp":  header4 + listening4 + synSent4 + synRecv4 + finWait24 + timeWait4,
	"net/tcp6": header6 + estab6,
}

var settings = map[string]string{
	"sys/net/ipv4/tcp_fin_timeout":         "60\n",
	"sys/net/ipv4/tcp_syn_linear_timeouts": "4\n",
	"sys/net/ipv4/tcp_rto_max_ms":          "120000\n",
}

// joined returns the files of all maps, with prefix before their names.
func joined(prefix string, maps ...map[string]string) map[string]string {
	all := map[string]string{}
	for _, files := range maps {
		for name, text := range files {
			all[prefix+name] = text
		}
	}
	return all
}

// readAll returns the sockets of a snapshot.
func readAll(t *testing.T, s *Snapshot) []*tcp.Socket {
	t.Helper()
	var sockets []*tcp.Socket
	for socket, err := range s.Sockets() {
		if err != nil {
			t.Fatal(err)
		}
		sockets = append(sockets, socket.Clone())
	}
	return sockets
}

func mustOpen(t *testing.T, q Query) *Snapshot {
	t.Helper()
	s, err := Open(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func states(sockets []*tcp.Socket) string {
	var names []string
	for _, s := range sockets {
		names = append(names, s.State.String())
	}
	return strings.Join(names, " ")
}

func TestProcOfAnotherHostIsReadFromItsFiles(t *testing.T) {
	trees := map[string]map[string]string{
		"recorded":                           joined("", tables, settings),
		"of process 1":                       joined("1/", tables),
		"of process 1, with a net directory": joined("", joined("1/", tables), map[string]string{"net/tcp": header4}),
	}
	for name, files := range trees {
		for _, source := range []Source{Auto, ProcFS} {
			s := mustOpen(t, Query{Source: source, Proc: fakeProc(t, files), States: tcp.All, Families: both})
			sockets := readAll(t, s)
			if got, want := states(sockets), "LISTEN SYN_SENT SYN_RECV FIN_WAIT2 TIME_WAIT ESTABLISHED"; got != want || s.Source() != ProcFS {
				t.Errorf("%s: %s from %s, want %s from procfs", name, got, s.Source(), want)
			}
			if local := sockets[0].Local; local != netip.MustParseAddrPort("127.0.0.1:22") || sockets[0].AcceptQueue != 3 {
				t.Errorf("%s: the listener is at %s with %d waiting", name, local, sockets[0].AcceptQueue)
			}
		}
	}
}

// TestAgesAreNotGuessed reads tables with and without the settings on which
// ages depend.
func TestAgesAreNotGuessed(t *testing.T) {
	const unknown = "the ages of SYN_SENT and FIN_WAIT2 are not known"
	tests := []struct {
		name    string
		files   map[string]string
		warning string                      // the text after the directory
		ages    map[tcp.State]time.Duration // of all sockets that have one
	}{
		{"with settings", joined("", tables, settings), "", map[tcp.State]time.Duration{
			tcp.SynSent: 2500 * time.Millisecond, tcp.SynRecv: 500 * time.Millisecond,
			tcp.FinWait2: 20 * time.Second, tcp.TimeWait: 20 * time.Second,
		}},
		{"a kernel before 6.5", joined("", tables, map[string]string{"sys/net/ipv4/tcp_fin_timeout": "30\n"}), "", map[tcp.State]time.Duration{
			tcp.SynSent: 6500 * time.Millisecond, tcp.SynRecv: 500 * time.Millisecond, tcp.TimeWait: 20 * time.Second,
		}},
		{"recorded without sys", tables, "/sys/net/ipv4: no such file or directory; " + unknown, map[tcp.State]time.Duration{
			tcp.TimeWait: 20 * time.Second, tcp.SynRecv: 500 * time.Millisecond,
		}},
		{"the namespace of process 1, with the settings of another namespace", joined("", joined("1/", tables), settings),
			" does not show the settings of its own network namespace; " + unknown, map[tcp.State]time.Duration{
				tcp.TimeWait: 20 * time.Second, tcp.SynRecv: 500 * time.Millisecond,
			}},
		{"a setting that is not a number", joined("", tables, settings, map[string]string{"sys/net/ipv4/tcp_fin_timeout": "soon\n"}),
			`/sys/net/ipv4/tcp_fin_timeout: value "soon": not a whole number of 32 bits; ` + unknown, map[tcp.State]time.Duration{
				tcp.TimeWait: 20 * time.Second, tcp.SynRecv: 500 * time.Millisecond,
			}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := fakeProc(t, test.files)
			s := mustOpen(t, Query{Source: ProcFS, Proc: dir, States: tcp.All, Families: both, Detail: tcp.DetailAge})
			if quiet := mustOpen(t, Query{Source: ProcFS, Proc: dir, States: tcp.All, Families: both}); len(quiet.Warnings()) > 0 {
				t.Errorf("a query without ages gets the warnings %q", quiet.Warnings())
			}
			for _, socket := range readAll(t, s) {
				age, known := socket.Age.Get()
				if want, wanted := test.ages[socket.State]; known != wanted || age != want {
					t.Errorf("%s: age %v, known %v, want %v, %v", socket.State, age, known, want, wanted)
				}
			}
			switch warnings := s.Warnings(); {
			case test.warning == "" && len(warnings) == 0:
			case test.warning == "" || len(warnings) != 1 || !strings.HasSuffix(warnings[0].Text.String(), dir+test.warning):
				t.Errorf("warnings %q, want one that ends in %q", warnings, test.warning)
			}
		})
	}
}

func TestOpenNamesWhatIsMissing(t *testing.T) {
	tests := []struct {
		name, proc, want string
	}{
		{"no directory", "/nosuch", "reading /nosuch/net/tcp: no such file or directory"},
		{"an empty directory", fakeProc(t, nil), "net/tcp: no such file or directory"},
		{"another file", fakeProc(t, map[string]string{"net/tcp": "hello\n"}), `net/tcp: line 1: header "hello": not that of net/tcp or net/tcp6`},
	}
	for _, test := range tests {
		for _, source := range []Source{Auto, ProcFS} {
			s, err := Open(t.Context(), Query{Source: source, Proc: test.proc, States: tcp.All, Families: both})
			var readError *procnet.ReadError
			if s != nil || !errors.As(err, &readError) || !strings.HasSuffix(err.Error(), test.want) {
				t.Errorf("%s, %s: %v, want %q", test.name, source, err, test.want)
			}
		}
	}
}

// What can be read of a damaged table is read, and so is the other table.
func TestSocketsOfDamagedTables(t *testing.T) {
	bad := "   1: 0G00007F:0016\n"
	for _, test := range []struct {
		name    string
		files   map[string]string
		want    string
		failure []string // parts of it
	}{
		{"whole", map[string]string{"net/tcp": header4 + listening4, "net/tcp6": header6 + estab6}, "LISTEN ESTABLISHED", nil},
		{"a line", map[string]string{"net/tcp": header4 + bad + listening4, "net/tcp6": header6 + estab6}, "LISTEN ESTABLISHED",
			[]string{`net/tcp: line 2: line "   1: 0G00007F:0016": 2 columns, not 12`}},
		{"lines of both", map[string]string{"net/tcp": header4 + bad + listening4 + header4 + "\n", "net/tcp6": header6 + bad + estab6 + bad}, "LISTEN ESTABLISHED",
			[]string{"net/tcp: line 2: ", "; 2 other lines could not be read; and reading ", "net/tcp6: line 2: ", "; 1 other line could not be read"}},
		{"an empty table", map[string]string{"net/tcp": header4 + listening4, "net/tcp6": ""}, "LISTEN", []string{`net/tcp6: line 1: header "": not that of`}},
		{"no IPv6", map[string]string{"net/tcp": header4 + listening4}, "LISTEN", nil},
		{"a missing table of IPv6", map[string]string{"net/tcp": header4 + listening4, "net/if_inet6": ""}, "LISTEN", []string{"net/tcp6: no such file or directory"}},
		{"a missing table", map[string]string{"net/tcp6": header6 + estab6}, "ESTABLISHED", []string{"net/tcp: no such file or directory"}},
	} {
		dir := fakeProc(t, test.files)
		s := mustOpen(t, Query{Source: ProcFS, Proc: dir, States: tcp.All, Families: both})
		if got := states(readAll(t, s)); got != test.want {
			t.Errorf("%s: the sockets are %q, want %q", test.name, got, test.want)
		}
		failure := s.Warnings().Failure()
		if (failure == nil) != (test.failure == nil) {
			t.Errorf("%s: the failure is %v", test.name, failure)
		}
		for _, part := range test.failure {
			if !strings.Contains(failure.Error(), part) {
				t.Errorf("%s: the failure is %v, want %s in it", test.name, failure, part)
			}
		}
	}
}

func TestSocketsAreOfTheStatesAndFamilies(t *testing.T) {
	dir := fakeProc(t, joined("", tables, settings))
	tests := []struct {
		states   tcp.StateSet
		families []tcp.Family
		want     string
	}{
		{tcp.All, both, "LISTEN SYN_SENT SYN_RECV FIN_WAIT2 TIME_WAIT ESTABLISHED"},
		{tcp.All, []tcp.Family{tcp.IPv6}, "ESTABLISHED"},
		{tcp.All, []tcp.Family{tcp.IPv4}, "LISTEN SYN_SENT SYN_RECV FIN_WAIT2 TIME_WAIT"},
		{tcp.Bucket, both, "SYN_RECV TIME_WAIT"},
		{tcp.Set(tcp.Close, tcp.Listen), both, "LISTEN"},
	}
	for _, test := range tests {
		got := states(readAll(t, mustOpen(t, Query{Source: ProcFS, Proc: dir, States: test.states, Families: test.families})))
		if got != test.want {
			t.Errorf("%s of %v: %q, want %q", test.states, test.families, got, test.want)
		}
	}
}

func TestAnEarlyBreakEndsTheSockets(t *testing.T) {
	s := mustOpen(t, Query{Source: ProcFS, Proc: fakeProc(t, tables), States: tcp.All, Families: both})
	n := 0
	for range s.Sockets() {
		n++
		break
	}
	if n != 1 {
		t.Errorf("%d sockets before the break", n)
	}
}

// fakeDump yields sockets as a kernel does, and reports whether it was
// interrupted.
type fakeDump struct {
	sockets     []tcp.Socket
	err         error
	interrupted bool
	closed      bool
}

func (d *fakeDump) Sockets() iter.Seq2[*tcp.Socket, error] {
	return func(yield func(*tcp.Socket, error) bool) {
		for i := range d.sockets {
			if !yield(&d.sockets[i], nil) {
				return
			}
		}
		if d.err != nil {
			yield(nil, d.err)
		}
	}
}

func (d *fakeDump) Interrupted() bool { return d.interrupted }
func (d *fakeDump) Close()            { d.closed = true }

// ofDump returns a snapshot that reads from a dump.
func ofDump(t *testing.T, q Query, d dump) *Snapshot {
	q.Families = both
	q.Source = &sockDiag{probe: sockdiag.ProbeAbilities, open: func(context.Context, sockdiag.Request) (dump, error) { return d, nil }}
	return mustOpen(t, q)
}

func TestAnInterruptedDumpIsReported(t *testing.T) {
	for _, interrupted := range []bool{false, true} {
		s := ofDump(t, Query{States: tcp.All}, &fakeDump{interrupted: interrupted})
		readAll(t, s)
		const want = "the kernel reports that its table changed during the dump: sockets may be missing or listed twice"
		if got := s.Warnings().Texts(); interrupted && !slices.Equal(got, []string{want}) || !interrupted && len(got) != 0 {
			t.Errorf("interrupted %v: warnings %q", interrupted, got)
		}
	}
}

// TestOnlyWhatWasRequestedIsYielded checks a query to which the kernel returns more
// than was requested.
func TestOnlyWhatWasRequestedIsYielded(t *testing.T) {
	dump := &fakeDump{sockets: []tcp.Socket{
		{State: tcp.Close}, {State: tcp.BoundInactive},
		{State: tcp.Established, Info: &tcp.Info{Len: 280, LastDataRecv: time.Second}},
	}}
	s := ofDump(t, Query{States: tcp.Set(tcp.Close, tcp.Established), Detail: tcp.DetailAge}, dump)
	sockets := readAll(t, s)
	if got := states(sockets); got != "CLOSE ESTABLISHED" {
		t.Fatalf("the sockets are %q", got)
	}
	if sockets[1].Info != nil || sockets[1].Age.Or(0) != time.Second {
		t.Errorf("tcp_info %v, want none: only the age needed it; age %v", sockets[1].Info, sockets[1].Age)
	}
	s.Close()
	if !dump.closed {
		t.Error("Close does not close the dump")
	}
}

func TestZonesAreForLinkLocalAddresses(t *testing.T) {
	tests := []struct{ address, zone, want string }{
		{"[fe80::1]:80", "eth0", "[fe80::1%eth0]:80"},
		{"[fe80::1]:80", "", "[fe80::1]:80"},
		{"[2001:db8::1]:80", "eth0", "[2001:db8::1]:80"},
		{"[::]:80", "eth0", "[::]:80"},
		{"169.254.0.1:80", "eth0", "169.254.0.1:80"},
		{"[::ffff:169.254.0.1]:80", "eth0", "[::ffff:169.254.0.1]:80"},
	}
	for _, test := range tests {
		if got := withZone(netip.MustParseAddrPort(test.address), test.zone).String(); got != test.want {
			t.Errorf("%s on %q is %s, want %s", test.address, test.zone, got, test.want)
		}
	}
}

func TestParseSourceReadsWhatStringSays(t *testing.T) {
	for _, source := range []Source{Auto, SockDiag, ProcFS} {
		if got, err := ParseSource(source.String()); got != source || err != nil {
			t.Errorf("ParseSource(%q) = %v, %v", source, got, err)
		}
	}
	for _, name := range []string{"", "netlink", "AUTO", "sock-diag"} {
		_, err := ParseSource(name)
		if err == nil || !strings.Contains(err.Error(), `"`+name+`"`) || wording.Hint(err).IsZero() {
			t.Errorf("ParseSource(%q): %v", name, err)
		}
	}
}

// TestMissingIsOfTheSource checks that missing names what /proc does not have,
// and that no socket read from it has any of that.
func TestMissingIsOfTheSource(t *testing.T) {
	s := mustOpen(t, Query{Source: ProcFS, Proc: fakeProc(t, joined("", tables, settings)), States: tcp.All, Families: both,
		Detail: tcp.DetailInfo | tcp.DetailMemory | tcp.DetailExtended | tcp.DetailAge})
	for _, name := range []string{"accept_queue_max", "cookie", "tcp_info.rtt_us", "tcp_info.ato_us", "interface", "mark", "bound_inactive", "close", "memory", "congestion", "cgroup", "cgroup_id"} {
		if !slices.Contains(s.Missing(), name) {
			t.Errorf("missing does not name %s: %q", name, s.Missing())
		}
	}
	for _, name := range []string{"tcp_info", "tcp_info.rto_us", "tcp_info.cwnd", "tcp_info.snd_ssthresh"} {
		if slices.Contains(s.Missing(), name) {
			t.Errorf("missing names %s, which /proc has", name)
		}
	}
	for _, socket := range readAll(t, s) {
		if socket.AcceptQueueMax.IsKnown() || socket.Cookie != 0 || socket.Info != nil && (!socket.Info.OfProc || socket.Info.SendCwnd == 0) || socket.Interface != "" ||
			socket.Extended != nil || socket.Memory != nil || socket.Congestion != nil || socket.State == tcp.BoundInactive {
			t.Errorf("a socket of /proc has a field that missing names: %+v", socket)
		}
	}
}
