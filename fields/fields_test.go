package fields

import (
	"net/netip"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"tcpstate/internal/filled"
	"tcpstate/lifecycle"
	"tcpstate/tcp"
)

// notFields are the fields of tcp.Socket that no row shows, each with its reason.
var notFields = map[string]string{
	"InterfaceIndex":        "Interface is its name",
	"Info.Len":              "shows how much of tcp_info is known",
	"Info.Connecting":       "shows which fields of tcp_info are known",
	"Info.Listener":         "shows which fields of tcp_info are known",
	"Extended.MPTCP.Mapped": "shows which fields of a subflow are known",
	"Info.OfProc":           "shows which fields of tcp_info are known",
	"ProcLine.UID":          "is for output in the format of netstat",
	"ProcLine.Resends":      "is for output in the format of netstat",
	"ProcLine.Probes":       "is for output in the format of netstat",
}

// values returns the values of all getters for a socket.
func values(s *tcp.Socket) []any {
	list := make([]any, len(All))
	for i := range All {
		if f := &All[i]; f.Kind == Address {
			list[i] = f.Address(s)
		} else {
			list[i] = f.Get(s)
		}
	}
	return list
}

// TestEveryFieldHasARow changes each field of a socket, and checks that a row
// shows the change.
func TestEveryFieldHasARow(t *testing.T) {
	followed := map[string]bool{} // rows that changed, by name
	shown := map[string]bool{}    // paths of fields that a row shows
	for _, state := range []tcp.State{tcp.Established, tcp.Listen} {
		for n := range filled.Leaves(filled.Socket()) {
			s := filled.Socket()
			s.State = state
			leaf, before := filled.Leaves(s)[n], values(s)
			leaf.Change()
			for i, after := range values(s) {
				if after != before[i] {
					shown[leaf.Path] = true
					followed[All[i].Name] = followed[All[i].Name] || pathOf(&All[i]) == leaf.Path
				}
			}
		}
	}
	for _, leaf := range filled.Leaves(filled.Socket()) {
		reason, none := notFields[leaf.Path]
		switch {
		case !none && !shown[leaf.Path]:
			t.Errorf("no row shows tcp.Socket.%s: add one in fields/table.go or fields/info.go, then run go generate ./...; or add the reason to notFields in fields/fields_test.go", leaf.Path)
		case none && slices.ContainsFunc(All, func(f Field) bool { return pathOf(&f) == leaf.Path }):
			t.Errorf("tcp.Socket.%s has a row, but notFields in fields/fields_test.go lists it: %s", leaf.Path, reason)
		}
	}
	for i := range All {
		if f := &All[i]; !followed[f.Name] {
			t.Errorf("%s does not change with %s: run go generate ./fields", f.Name, f.Of)
		}
	}
}

// pathOf returns the path of the field that a row shows, as in package filled.
func pathOf(f *Field) string {
	path := strings.TrimPrefix(f.Of, "s.")
	if i := strings.Index(path, "()"); i >= 0 {
		path = path[:strings.LastIndex(path[:i], ".")]
	}
	return path
}

// TestElementsAreWhole checks that the rows of elements show all fields of the
// elements.
func TestElementsAreWhole(t *testing.T) {
	for kind, element := range map[Kind]reflect.Type{Processes: reflect.TypeFor[tcp.Process](), Networks: reflect.TypeFor[tcp.MD5Key]()} {
		for i := range element.NumField() {
			name := element.Field(i).Name
			if !slices.ContainsFunc(Elements(kind), func(f Field) bool { return strings.HasSuffix(f.Of, "."+name) }) {
				t.Errorf("no row shows %s.%s: add one in fields/objects.go, then run go generate ./...", element, name)
			}
		}
	}
}

// TestRows checks the properties of each row.
func TestRows(t *testing.T) {
	seen, words := map[string]bool{}, map[string]bool{}
	for i := range All {
		f := &All[i]
		if seen[f.Name] || f.Filter != "" && words[f.Filter] {
			t.Errorf("two rows are named %s, or have the word %s", f.Name, f.Filter)
		}
		seen[f.Name], words[f.Filter] = true, true
		if f.Doc == "" || f.When == "" || f.From == 0 {
			t.Errorf("%s has no description, no sources, or does not say when it is present", f.Name)
		}
		if object, nested := f.Object(); nested {
			ObjectNamed(object)
		}
		if f.InfoStates&^f.CanBeKnownIn() != 0 {
			t.Errorf("%s is read from tcp_info in states in which it cannot be known", f.Name)
		}
	}
}

// TestStates checks that a field is known only in the states of its row.
func TestStates(t *testing.T) {
	for state := range tcp.All.States() {
		s := filled.Socket()
		s.State, s.Info.Listener, s.Info.Connecting = state, state == tcp.Listen, state == tcp.SynSent
		if state == tcp.TimeWait { // a small socket has none of these
			s.Info, s.Congestion, s.Owner, s.Processes = nil, nil, tcp.Owner{}, nil
		}
		for i := range All {
			f := &All[i]
			if f.Joined || f.Kind == Address || f.CanBeKnownIn().Has(state) {
				continue
			}
			if v := f.Get(s); v.Known {
				t.Errorf("%s is known in %v, which its row excludes", f.Name, state)
			}
		}
	}
}

// TestValuesKeepTheirUnits checks one value of each kind.
func TestValuesKeepTheirUnits(t *testing.T) {
	s := filled.Socket()
	s.Info.RTT, s.Extended.Shutdown = 180_000, tcp.Known(tcp.ShutdownSend)
	s.Local = netip.MustParseAddrPort("[fe80::1%eth0]:443")
	for name, want := range map[string]Value{
		"tcp_info.rtt_us": {Known: true, N: 180_000},
		"shutdown":        {Known: true, N: uint64(tcp.ShutdownSend), Text: "send"},
		"local.port":      {Known: true, N: 443},
		"processes":       {Known: true, N: 1},
		"state":           {Known: true, N: uint64(tcp.Established), Text: "ESTABLISHED"},
		"bbr.cwnd_gain":   {Known: true, N: uint64(s.Congestion.BBR.Or(tcp.BBR{}).CwndGain)},
	} {
		if got := Named(name).Get(s); got != want {
			t.Errorf("%s is %+v, want %+v", name, got, want)
		}
	}
	if got := Named("local.address").Address(s).String(); got != "fe80::1%eth0" {
		t.Errorf("local.address is %s", got)
	}
	bare := &tcp.Socket{}
	for _, name := range []string{"tls.version", "bbr.cwnd_gain", "tcp_info.rto_us", "listener.port", "processes", "user", "mark", "v6only"} {
		if got := Named(name).Get(bare); got != (Value{}) {
			t.Errorf("%s of a socket without known values is %+v", name, got)
		}
	}
}

// TestInfoIsKnownToItsEnd cuts the structure off at every length.
func TestInfoIsKnownToItsEnd(t *testing.T) {
	const whole = 1 << 10 // more than any kernel sends
	// Fields that are 0 until they are measured are not 0 here.
	upTo := func(length int) *tcp.Socket {
		return &tcp.Socket{State: tcp.Established, Info: &tcp.Info{Len: length, RTT: 1, RecvRTT: 1}}
	}
	for _, f := range info() {
		get := Named(f.Name).Get
		least := 0
		for least < whole && !get(upTo(least)).Known {
			least++
		}
		for length := range whole + 1 {
			if known := get(upTo(length)).Known; known != (length >= least) || length == 0 && known {
				t.Errorf("with %d bytes, %s is known: %v; it is first known with %d", length, f.Name, known, least)
			}
		}
	}
	known := func(info *tcp.Info, state tcp.State, name string) bool {
		return Named("tcp_info." + name).Get(&tcp.Socket{State: state, Info: info}).Known
	}
	if fresh := (&tcp.Info{Len: whole}); known(fresh, tcp.Established, "rtt_us") || known(fresh, tcp.Established, "rttvar_us") ||
		known(fresh, tcp.Established, "rcv_rtt_us") || !known(fresh, tcp.Established, "rto_us") {
		t.Error("a round-trip time that was not measured is known")
	}
	connecting := &tcp.Info{Len: whole, Connecting: true}
	if known(connecting, tcp.SynSent, "last_ack_recv_ms") || known(connecting, tcp.SynSent, "last_data_recv_ms") ||
		known(connecting, tcp.SynSent, "last_data_sent_ms") || !known(connecting, tcp.SynSent, "rto_us") {
		t.Error("the clocks of the last segments are known before a segment has arrived")
	}
	listener := &tcp.Info{Len: whole, Listener: true}
	if known(listener, tcp.Listen, "rtt_us") || known(listener, tcp.Listen, "unacked") || !known(listener, tcp.Listen, "cwnd") ||
		!known(listener, tcp.Listen, "reordering") {
		t.Error("the known fields of a listener are not those that tcp_get_info fills")
	}
	endless := &tcp.Info{Len: whole, PacingRate: tcp.NoPacingLimit, MaxPacingRate: tcp.NoPacingLimit, MinRTT: tcp.RTTNotMeasured}
	if known(endless, tcp.Established, "pacing_rate_bytes_per_sec") || known(endless, tcp.Established, "max_pacing_rate_bytes_per_sec") ||
		known(endless, tcp.Established, "min_rtt_us") {
		t.Error("a value that the kernel marks as unlimited or not measured is known")
	}
}

// TestClocksAgree compares the length of tcp_info from which ages are known
// with the end of the last clock from which they are computed.
func TestClocksAgree(t *testing.T) {
	for length := range 100 {
		s := &tcp.Socket{State: tcp.CloseWait, Info: &tcp.Info{Len: length}}
		lifecycle.Clocks{}.SetAge(s)
		if known := Named("tcp_info.last_ack_recv_ms").Get(s).Known; known != s.Age.IsKnown() {
			t.Errorf("with %d bytes of tcp_info, the last ACK is known: %v, but the age: %v", length, known, s.Age.IsKnown())
		}
	}
}

// TestMissing checks what is listed as missing for a source. The names and
// their order are part of the output.
func TestMissing(t *testing.T) {
	const ofProc = "accept_queue_max cookie idle_ms interface mark cgroup cgroup_id shutdown tos traffic_class class_id v6only " +
		"socket_options protocol ulp tls mptcp md5_keys memory congestion bbr dctcp vegas tcp_info.rtt_us bound_inactive close"
	for _, test := range []struct {
		sources Sources
		want    string
	}{
		{ProcFS, ofProc},
		{SockDiag, "mark md5_keys bound_inactive close"},
		{SockDiag | SockDiagInactive, "mark md5_keys"},
		{SockDiag | SockDiagAdmin, "bound_inactive close"},
		{SockDiag | SockDiagAdmin | SockDiagInactive, ""},
	} {
		// Names may be added.
		got := slices.DeleteFunc(Missing(test.sources), func(name string) bool { return !strings.Contains(" "+ofProc+" ", " "+name+" ") })
		if got := strings.Join(got, " "); got != test.want {
			t.Errorf("missing from sources %b:\n%s, want\n%s", test.sources, got, test.want)
		}
	}
	if Missing(Any) == nil {
		t.Error("a list without names is nil: JSON would have null for it")
	}
	for states, want := range map[tcp.StateSet]bool{
		tcp.All: true, tcp.Set(tcp.Established): true, tcp.Set(tcp.TimeWait): false, tcp.Set(tcp.SynRecv): false,
	} {
		if got := slices.Contains(MissingIn(ProcFS, states), "age_ms"); got != want {
			t.Errorf("for %v, /proc does not know age_ms: %v, want %v", states, got, want)
		}
	}
	if slices.Contains(MissingIn(SockDiag, tcp.All), "age_ms") {
		t.Error("sock_diag does not know age_ms")
	}
}

// TestWordsAreUnique checks that a spelling has one meaning.
func TestWordsAreUnique(t *testing.T) {
	of := map[string]string{}
	for _, w := range vocabulary().words {
		if w.Filter == "" && w.Column == "" && w.Group == "" {
			t.Errorf("%v has no meaning in any place", w.Names)
		}
		for _, name := range w.Names {
			if other, twice := of[fold(name)]; twice {
				t.Errorf("%s is a spelling of %s and of %s", name, other, w.Names[0])
			}
			of[fold(name)] = w.Names[0]
		}
	}
	for i := range All {
		if got, ok := Meaning(All[i].Name, InColumns); !ok || got != All[i].Name {
			t.Errorf("the name of the field %s stands for the column %q", All[i].Name, got)
		}
	}
}

func TestMeaning(t *testing.T) {
	for _, test := range []struct {
		word                  string
		filter, column, group string
	}{
		{"port", "port", "local.port", "lport"},
		{"recvq", "recvq", "recv_q", ""},
		{"RECV-Q", "recvq", "recv_q", ""},
		{"recv_q_bytes", "recvq", "recv_q_bytes", ""},
		{"cwnd", "tcp_info.cwnd", "tcp_info.cwnd", "tcp_info.cwnd"},
		{"snd_wnd", "tcp_info.snd_wnd_bytes", "tcp_info.snd_wnd_bytes", ""},
		{"tcp_info.rtt_us", "rtt", "tcp_info.rtt_us", ""},
		{"peer", "dst", "peer", "peer"},
		{"container", "", "container", "container"},
		{"autobound", "autobound", "", ""},
		{"frobnicate", "", "", ""},
	} {
		for place, want := range map[Place]string{InFilters: test.filter, InColumns: test.column, InGroups: test.group} {
			if got, ok := Meaning(test.word, place); got != want || ok != (want != "") {
				t.Errorf("%s in place %d: %q, want %q", test.word, place, got, want)
			}
		}
	}
}

// TestWordsAreDocumented checks the table of docs/filters.md.
func TestWordsAreDocumented(t *testing.T) {
	docs, err := os.ReadFile("../docs/filters.md")
	if err != nil {
		t.Fatal(err)
	}
	quoted := func(words ...string) string {
		if len(words) == 0 || words[0] == "" {
			return "-"
		}
		return "`" + strings.Join(words, "`, `") + "`"
	}
	for _, w := range byHand {
		row := "| " + strings.Join([]string{quoted(w.Names[0]), quoted(w.Names[1:]...), quoted(w.Filter), quoted(w.Column), quoted(w.Group)}, " | ") + " |\n"
		if !strings.Contains(string(docs), row) {
			t.Errorf("docs/filters.md lacks the row\n%s", row)
		}
	}
}
