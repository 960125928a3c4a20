package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tcpstate/fields"
)

const root = "../.."

func TestGeneratedFilesAreFresh(t *testing.T) {
	files, err := generate(root)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is out of date: run go generate ./fields", name)
		}
	}
}

func TestInfoEnds(t *testing.T) {
	ends, err := infoEnds(filepath.Join(root, "sockdiag", "attributes.go"))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]int{
		"CAState": 2, "SendWindowScale": 7, "RecvWindowScale": 7, "RTO": 12, "RTT": 72, "PacingRate": 112, "ReceivedCEBytes": 276,
		"AccECNFailMode": 280, "AccECNOptSeen": 280,
	} {
		if ends[name] != want {
			t.Errorf("%s ends at byte %d of the kernel's structure, want %d (pahole tcp_info)", name, ends[name], want)
		}
	}
}

func TestMistakesInTheTable(t *testing.T) {
	r := &resolver{infoEnds: map[string]int{"RTT": 72}}
	for _, test := range []struct {
		row  fields.Field
		want string
	}{
		{fields.Field{Name: "a", Of: "x.State"}, `a: "x.State" does not start with a variable`},
		{fields.Field{Name: "a", Of: "s.Extended.Nosuch"}, "a: tcp.Extended has no field Nosuch: declare it in tcp/socket.go or tcp/info.go"},
		{fields.Field{Name: "a", Of: "s.Local.Nosuch()"}, "a: netip.AddrPort has no method Nosuch"},
		{fields.Field{Name: "a", Of: "s.Cookie.Nosuch"}, "a: tcp.Cookie has no fields"},
		{fields.Field{Name: "a", Of: "s.Interface"}, "a: its kind in the table does not fit the type string of s.Interface"},
		{fields.Field{Name: "a", Of: "s.State"}, "a: its kind in the table does not fit"},
		{fields.Field{Name: "a", Kind: fields.Duration, Of: "s.Age"}, "a: its kind in the table does not fit"},
		{fields.Field{Name: "tcp_info.rto_us", Kind: fields.Duration, Of: "s.Info.RTO"},
			"tcp_info.rto_us: no field of tcpInfo in sockdiag/attributes.go fills s.Info.RTO"},
	} {
		if _, err := r.resolve(&test.row); err == nil || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%+v: error %v, want %s", test.row, err, test.want)
		}
	}
	p, err := r.resolve(&fields.Field{Name: "rtt_us", Kind: fields.Duration, Of: "s.Info.RTT", Known: "s.Info.RTT != 0"})
	if err != nil || strings.Join(p.conditions, " && ") != "info.RTT != 0 && info.Len >= 72" {
		t.Errorf("conditions %q, error %v", p.conditions, err)
	}
	p, err = r.resolve(&fields.Field{Name: "mptcp.map_seq", Kind: fields.Cookie, Of: "s.Extended.MPTCP.MapSeq", Known: "s.Extended.MPTCP.Mapped"})
	if err != nil || strings.Join(p.conditions, " && ") != "mptcp.Mapped" {
		t.Errorf("conditions behind two pointers %q, error %v", p.conditions, err)
	}
}
