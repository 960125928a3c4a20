package tcp_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"tcpstate/tcp"
)

// spellings are the names that people and programs write for each state, one
// for each way to separate the words.
var spellings = map[tcp.State][]string{
	tcp.Listen:        {"LISTEN", "listening"},
	tcp.SynSent:       {"SYN_SENT", "SYN-SENT", "SYNSENT", "SYN_SEND"},
	tcp.SynRecv:       {"SYN_RECV", "syn-recv", "synrecv", "SYN_RCVD", "SYN_RECEIVED", "SYN-RECEIVED"},
	tcp.Established:   {"ESTABLISHED", "estab"},
	tcp.FinWait1:      {"FIN_WAIT1", "FIN-WAIT-1", "FIN_WAIT_1", "finwait1", "fin-wait1"},
	tcp.FinWait2:      {"FIN_WAIT2", "FIN-WAIT-2", "FIN_WAIT_2", "finwait2", "fin-wait2"},
	tcp.Closing:       {"CLOSING"},
	tcp.TimeWait:      {"TIME_WAIT", "time-wait", "timewait", "TIMED_WAIT"},
	tcp.CloseWait:     {"CLOSE_WAIT", "close-wait", "closewait"},
	tcp.LastAck:       {"LAST_ACK", "last-ack", "lastack"},
	tcp.Close:         {"CLOSE", "closed", "unconnected"},
	tcp.BoundInactive: {"BOUND_INACTIVE", "bound-inactive", "boundinactive"},
}

func TestParseStateReadsEverySpelling(t *testing.T) {
	for state := range tcp.All.States() {
		if len(spellings[state]) == 0 {
			t.Errorf("%s has no spelling in the test", state)
		}
		for _, name := range append(spellings[state], state.String()) {
			for _, variant := range []string{
				name, strings.ToLower(name), strings.ToUpper(name), strings.ToLower(name[:1]) + name[1:],
				strings.ReplaceAll(name, "_", "-"), strings.ReplaceAll(name, "-", "_"),
				strings.NewReplacer("-", "", "_", "").Replace(name),
			} {
				if got, err := tcp.ParseState(variant); got != state || err != nil {
					t.Errorf("ParseState(%q) = %v, %v, want %s", variant, got, err, state)
				}
			}
		}
	}
}

func TestUnknownStatesNameTheKnownOnes(t *testing.T) {
	for _, name := range []string{"TIMEWIAT", "time-wiat", "xyzzy", ""} {
		state, err := tcp.ParseState(name)
		var unknown *tcp.UnknownStateError
		if !errors.As(err, &unknown) || state != 0 {
			t.Errorf("ParseState(%q) = %v, %v, want an *UnknownStateError", name, state, err)
			continue
		}
		if want := `unknown state "` + name + `"`; unknown.Error() != want {
			t.Errorf("ParseState(%q): error %q, want %q", name, unknown, want)
		}
		given, known := unknown.Spelling()
		if strings.ContainsAny(given, "-_ABCDEFGHIJKLMNOPQRSTUVWXYZ") || known[0] != "listen" || known[len(known)-1] != "synchronized" {
			t.Errorf("ParseState(%q): spelling %q of %q", name, given, known)
		}
		for _, k := range known {
			if set, err := tcp.ParseStateSet(k); err != nil || set.Len() == 1 && unknown.Shown(k) != set.String() {
				t.Errorf("%q is shown as %q and read as %s, %v", k, unknown.Shown(k), set, err)
			}
		}
	}
}

func TestParseStateReadsNames(t *testing.T) {
	for _, name := range []string{" LISTEN", "LISTEN ", "SYN SENT", "time wait", "LISTEN\n", "-LISTEN", "listen_"} {
		if state, err := tcp.ParseState(name); err == nil {
			t.Errorf("ParseState(%q) = %s, want an error", name, state)
		}
	}
}

func TestParseStateSet(t *testing.T) {
	tests := []struct {
		text string
		want tcp.StateSet
	}{
		{"listen", tcp.Set(tcp.Listen)},
		{"TIME_WAIT,close-wait", tcp.Set(tcp.TimeWait, tcp.CloseWait)},
		{"estab,estab,ESTABLISHED", tcp.Set(tcp.Established)},
		{"all", tcp.All},
		{"bucket", tcp.Set(tcp.SynRecv, tcp.TimeWait)},
		{"Bucket,LISTEN", tcp.Set(tcp.SynRecv, tcp.TimeWait, tcp.Listen)},
		{"big", tcp.All &^ tcp.Set(tcp.SynRecv, tcp.TimeWait)},
		{"connected", tcp.All &^ tcp.Set(tcp.Listen, tcp.Close, tcp.BoundInactive)},
		{"synchronized", tcp.All &^ tcp.Set(tcp.Listen, tcp.Close, tcp.BoundInactive, tcp.SynSent)},
	}
	for _, test := range tests {
		if got, err := tcp.ParseStateSet(test.text); got != test.want || err != nil {
			t.Errorf("ParseStateSet(%q) = %s, %v, want %s", test.text, got, err, test.want)
		}
	}
	for _, text := range []string{"", "listen,", ",listen", "listen,,closing", "listen;closing", "all,nothing"} {
		var unknown *tcp.UnknownStateError
		if got, err := tcp.ParseStateSet(text); !errors.As(err, &unknown) || got != 0 {
			t.Errorf("ParseStateSet(%q) = %s, %v, want an *UnknownStateError", text, got, err)
		}
	}
}

func TestStateSetKeepsTheOrderOfALife(t *testing.T) {
	want := []tcp.State{
		tcp.Listen, tcp.SynSent, tcp.SynRecv, tcp.Established, tcp.FinWait1, tcp.FinWait2,
		tcp.Closing, tcp.TimeWait, tcp.CloseWait, tcp.LastAck, tcp.Close, tcp.BoundInactive,
	}
	if got := slices.Collect(tcp.All.States()); !slices.Equal(got, want) {
		t.Errorf("All.States() yields %v, want %v", got, want)
	}
	if got := tcp.All.Len(); got != tcp.NumStates || got != len(want) {
		t.Errorf("All.Len() = %d, want %d", got, len(want))
	}
	const names = "LISTEN,SYN_SENT,SYN_RECV,ESTABLISHED,FIN_WAIT1,FIN_WAIT2,CLOSING,TIME_WAIT,CLOSE_WAIT,LAST_ACK,CLOSE,BOUND_INACTIVE"
	if got := tcp.All.String(); got != names {
		t.Errorf("All.String() = %q, want %q", got, names)
	}
	set := tcp.Set(tcp.Close, tcp.Listen, tcp.TimeWait)
	if got := set.String(); got != "LISTEN,TIME_WAIT,CLOSE" || set.Len() != 3 {
		t.Errorf("the set is %q of %d, want LISTEN,TIME_WAIT,CLOSE of 3", got, set.Len())
	}
	for state := range tcp.All.States() {
		if want := slices.Contains([]tcp.State{tcp.Close, tcp.Listen, tcp.TimeWait}, state); set.Has(state) != want {
			t.Errorf("the set has %s: %v, want %v", state, !want, want)
		}
	}
	for state := range set.States() {
		if state == tcp.TimeWait {
			t.Error("States continued after the loop had ended")
		}
		break
	}
	if empty := tcp.StateSet(0); empty.Len() != 0 || empty.String() != "" || empty.Has(0) {
		t.Errorf("the empty set is %q of %d", empty, empty.Len())
	}
	if tcp.All.Has(0) {
		t.Error("All has state 0, which is not a state")
	}
}

func TestStateIsTextInJSON(t *testing.T) {
	for state := range tcp.All.States() {
		text, err := json.Marshal(state)
		if want := `"` + state.String() + `"`; string(text) != want || err != nil {
			t.Errorf("%s is %s in JSON, %v, want %s", state, text, err, want)
		}
		var back tcp.State
		if err := json.Unmarshal(text, &back); back != state || err != nil {
			t.Errorf("%s is read as %s, %v", text, back, err)
		}
	}
	back := tcp.Listen
	if err := json.Unmarshal([]byte(`"LISTNE"`), &back); err == nil || back != tcp.Listen {
		t.Errorf("an unknown state is read as %s, %v", back, err)
	}
	for _, none := range []tcp.State{0, tcp.BoundInactive + 1, 255} {
		if got := none.String(); got != "UNKNOWN" {
			t.Errorf("State(%d).String() = %q, want UNKNOWN", none, got)
		}
	}
}

func TestStateFromKernelKnowsEveryNumber(t *testing.T) {
	// include/net/tcp_states.h; TCP_NEW_SYN_RECV is shown as SYN_RECV.
	want := map[uint8]tcp.State{
		1: tcp.Established, 2: tcp.SynSent, 3: tcp.SynRecv, 4: tcp.FinWait1, 5: tcp.FinWait2, 6: tcp.TimeWait,
		7: tcp.Close, 8: tcp.CloseWait, 9: tcp.LastAck, 10: tcp.Listen, 11: tcp.Closing, 12: tcp.SynRecv,
		13: tcp.BoundInactive,
	}
	for n := range 256 {
		state, ok := tcp.StateFromKernel(uint8(n))
		if state != want[uint8(n)] || ok != (want[uint8(n)] != 0) {
			t.Errorf("StateFromKernel(%d) = %s, %v, want %s", n, state, ok, want[uint8(n)])
		}
	}
}

func TestKernelMaskAsksForAtLeastTheStates(t *testing.T) {
	tests := []struct {
		set  tcp.StateSet
		want uint32
	}{
		{0, 0},
		{tcp.Set(tcp.Listen), 1 << 10},
		{tcp.Set(tcp.SynSent), 1 << 2},
		{tcp.Set(tcp.SynRecv), 1<<3 | 1<<12},
		{tcp.Set(tcp.Established), 1 << 1},
		{tcp.Set(tcp.FinWait1), 1 << 4},
		{tcp.Set(tcp.FinWait2), 1 << 5},
		{tcp.Set(tcp.Closing), 1 << 11},
		{tcp.Set(tcp.TimeWait), 1 << 6},
		{tcp.Set(tcp.CloseWait), 1 << 8},
		{tcp.Set(tcp.LastAck), 1 << 9},
		{tcp.Set(tcp.Close), 1<<7 | 1<<13},
		{tcp.Set(tcp.BoundInactive), 1<<7 | 1<<13},
		{tcp.Set(tcp.TimeWait, tcp.SynRecv), 1<<6 | 1<<3 | 1<<12},
		{tcp.All, 0xffffffff},
	}
	for _, test := range tests {
		if got := test.set.KernelMask(); got != test.want {
			t.Errorf("KernelMask of %q = %#x, want %#x", test.set, got, test.want)
		}
	}
}

// FuzzParseState checks that the name of a state that was parsed is parsed as
// the same state, and that an unknown name is an *UnknownStateError.
func FuzzParseState(f *testing.F) {
	for state, names := range spellings {
		f.Add(state.String())
		for _, name := range names {
			f.Add(name)
		}
	}
	f.Add("TIMEWIAT")
	f.Fuzz(func(t *testing.T, name string) {
		state, err := tcp.ParseState(name)
		if err == nil {
			if again, err := tcp.ParseState(state.String()); again != state || err != nil {
				t.Errorf("ParseState(%q) = %s, which is read as %s, %v", name, state, again, err)
			}
			return
		}
		var unknown *tcp.UnknownStateError
		if !errors.As(err, &unknown) || unknown.Name != name {
			t.Errorf("ParseState(%q): %#v", name, err)
		}
	})
}

// FuzzParseStateSet checks that the text of a set is parsed as the same set,
// and that a set is the union of its parts.
func FuzzParseStateSet(f *testing.F) {
	for _, text := range []string{"all", "LISTEN,time-wait", "bucket,,", "synchronized,Big", tcp.All.String()} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		set, err := tcp.ParseStateSet(text)
		if err != nil {
			if set != 0 {
				t.Errorf("ParseStateSet(%q) = %s with error %v", text, set, err)
			}
			return
		}
		if set == 0 || set&^tcp.All != 0 {
			t.Errorf("ParseStateSet(%q) = %#x", text, uint16(set))
		}
		if again, err := tcp.ParseStateSet(set.String()); again != set || err != nil {
			t.Errorf("ParseStateSet(%q) = %s, which is read as %s, %v", text, set, again, err)
		}
		var parts tcp.StateSet
		for part := range strings.SplitSeq(text, ",") {
			s, err := tcp.ParseStateSet(part)
			if err != nil {
				t.Errorf("ParseStateSet(%q) succeeds, but its part %q fails: %v", text, part, err)
			}
			parts |= s
		}
		if parts != set {
			t.Errorf("ParseStateSet(%q) = %s, its parts are %s", text, set, parts)
		}
	})
}
