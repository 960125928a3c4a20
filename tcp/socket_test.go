package tcp_test

import (
	"encoding/json"
	"reflect"
	"testing"

	"tcpstate/tcp"
)

func TestOptionalInJSON(t *testing.T) {
	type record struct {
		N tcp.Optional[int]    `json:"n,omitzero"`
		S tcp.Optional[string] `json:"s"`
	}
	tests := []struct {
		value record
		text  string
	}{
		{record{}, `{"s":null}`},
		{record{N: tcp.Known(0)}, `{"n":0,"s":null}`},
		{record{N: tcp.Known(7), S: tcp.Known("")}, `{"n":7,"s":""}`},
	}
	for _, test := range tests {
		text, err := json.Marshal(test.value)
		if string(text) != test.text || err != nil {
			t.Errorf("%+v is %s, %v, want %s", test.value, text, err, test.text)
		}
		back := record{N: tcp.Known(99), S: tcp.Known("old")}
		if err := json.Unmarshal([]byte(`{"n":null,"s":null}`), &back); err != nil || back != (record{}) {
			t.Errorf("null does not make a value unknown: %+v, %v", back, err)
		}
		if err := json.Unmarshal(text, &back); err != nil || back != test.value {
			t.Errorf("%s is read as %+v, %v", text, back, err)
		}
	}
	var wrong tcp.Optional[int]
	if err := json.Unmarshal([]byte(`"x"`), &wrong); err == nil {
		t.Error("a string is read as a number")
	}
}

func TestOptionalKeepsAKnownZeroApart(t *testing.T) {
	unknown, zero := tcp.Optional[int]{}, tcp.Known(0)
	if unknown.IsKnown() || !unknown.IsZero() || unknown.Or(5) != 5 {
		t.Errorf("unknown: known %v, zero %v, or %d", unknown.IsKnown(), unknown.IsZero(), unknown.Or(5))
	}
	if !zero.IsKnown() || zero.IsZero() || zero.Or(5) != 0 {
		t.Errorf("known 0: known %v, zero %v, or %d", zero.IsKnown(), zero.IsZero(), zero.Or(5))
	}
	if v, known := zero.Get(); v != 0 || !known {
		t.Errorf("known 0 is %d, %v", v, known)
	}
	if _, known := unknown.Get(); known {
		t.Error("unknown is known")
	}
}

// TestCloneSharesNothing fills every field of a socket by reflection, so that a
// field that is added later cannot be forgotten.
func TestCloneSharesNothing(t *testing.T) {
	original, twin := &tcp.Socket{}, &tcp.Socket{}
	fill(t, reflect.ValueOf(original).Elem())
	fill(t, reflect.ValueOf(twin).Elem())
	clone := original.Clone()
	if !reflect.DeepEqual(clone, twin) {
		t.Errorf("the clone is %+v, want %+v", clone, twin)
	}
	scribble(reflect.ValueOf(original).Elem())
	if !reflect.DeepEqual(clone, twin) {
		t.Errorf("a change of the original changed the clone: %+v, want %+v", clone, twin)
	}
}

func TestCloneOfASmallSocketPointsToNothing(t *testing.T) {
	s := &tcp.Socket{State: tcp.TimeWait, Cookie: 7}
	if clone := s.Clone(); !reflect.DeepEqual(clone, s) {
		t.Errorf("the clone is %+v, want %+v", clone, s)
	}
}

func TestResetForgetsEverything(t *testing.T) {
	s := &tcp.Socket{}
	fill(t, reflect.ValueOf(s).Elem())
	s.Reset()
	if !reflect.ValueOf(*s).IsZero() {
		t.Errorf("after Reset: %+v", s)
	}
}

// fill gives every field that can be set a value that is not zero, and makes
// every pointer and slice point to something.
func fill(t *testing.T, v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			fill(t, v.Index(i))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				fill(t, v.Field(i))
			} else {
				holdsNoReference(t, v.Field(i).Type())
			}
		}
	case reflect.Map, reflect.Chan, reflect.Func, reflect.Interface:
		t.Fatalf("a %s in a socket: Clone and this test do not know how to copy it", v.Type())
	case reflect.Bool:
		v.SetBool(true)
	case reflect.String:
		v.SetString("text")
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(7)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(7)
	default:
		t.Fatalf("a %s in a socket: this test does not know how to fill it", v.Type())
	}
}

// holdsNoReference checks the type of a hidden field, such as the one in an
// Optional. fill cannot set it, so an assignment must be enough to copy it.
func holdsNoReference(t *testing.T, typ reflect.Type) {
	if typ.PkgPath() == "net/netip" || typ.PkgPath() == "unique" {
		return // they are immutable
	}
	switch typ.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Chan, reflect.Func, reflect.Interface:
		t.Fatalf("a %s is hidden in a socket: Clone cannot copy what it points to", typ)
	case reflect.Struct:
		for i := range typ.NumField() {
			holdsNoReference(t, typ.Field(i).Type)
		}
	}
}

// scribble sets everything behind the pointers and slices of v to zero, but not
// the pointers. A clone that shares memory with v changes too.
func scribble(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			scribble(v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			scribble(v.Index(i))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				scribble(v.Field(i))
			}
		}
		if reference := references(v.Type()); !reference && v.CanSet() {
			v.SetZero()
		}
	default:
		if v.CanSet() {
			v.SetZero()
		}
	}
}

func references(typ reflect.Type) bool {
	for i := range typ.NumField() {
		switch typ.Field(i).Type.Kind() {
		case reflect.Pointer, reflect.Slice:
			return true
		}
	}
	return false
}

func TestNamesOfTheKernelsNumbers(t *testing.T) {
	tests := []struct {
		got  interface{ String() string }
		want string
	}{
		{tcp.IPv4, "ipv4"}, {tcp.IPv6, "ipv6"}, {tcp.Family(0), "unknown"},
		{tcp.TimerOff, "off"}, {tcp.TimerOn, "on"}, {tcp.TimerKeepalive, "keepalive"},
		{tcp.TimerTimeWait, "timewait"}, {tcp.TimerPersist, "persist"}, {tcp.TimerDelayedAck, "delack"},
		{tcp.TimerKind(6), "unknown"},
		{tcp.CAState(0), "open"}, {tcp.CAState(1), "disorder"}, {tcp.CAState(2), "cwr"},
		{tcp.CAState(3), "recovery"}, {tcp.CAState(4), "loss"}, {tcp.CAState(5), "unknown"},
		{tcp.Shutdown(0), "none"}, {tcp.ShutdownReceive, "receive"}, {tcp.ShutdownSend, "send"},
		{tcp.ShutdownReceive | tcp.ShutdownSend, "both"},
		{tcp.Cookie(0x248c4d), "0x248c4d"}, {tcp.Cookie(1<<64 - 1), "0xffffffffffffffff"},
	}
	for _, test := range tests {
		if got := test.got.String(); got != test.want {
			t.Errorf("%T %d is %q, want %q", test.got, test.got, got, test.want)
		}
	}
}

func TestSetsOfBitsAreNamed(t *testing.T) {
	tests := []struct {
		got, want []string
	}{
		{tcp.SocketOptions(0).Names(), []string{}},
		{(tcp.OptionRecvErr | tcp.OptionFreebind | tcp.OptionDeferConnect).Names(), []string{"recverr", "freebind", "defer_connect"}},
		{tcp.InfoOptions(0).Names(), []string{}},
		{tcp.InfoOptions(0x17).Names(), []string{"timestamps", "sack", "wscale", "ecn_seen"}},
	}
	for _, test := range tests {
		if !reflect.DeepEqual(test.got, test.want) {
			t.Errorf("the names are %q, want %q", test.got, test.want)
		}
	}
}
