package procnet

import (
	"os"
	"testing"

	"tcpstate/fields"
	"tcpstate/tcp"
)

// TestFieldsOfProc compares the parser with what package fields says that /proc
// knows. Over all sockets of a real host, the parser must set each field that
// /proc knows at least once, and never set any other field.
func TestFieldsOfProc(t *testing.T) {
	known := map[string]bool{}
	for s, err := range (&Proc{FS: os.DirFS("testdata"), NetDir: "net"}).Sockets([]tcp.Family{tcp.IPv4, tcp.IPv6}) {
		if err != nil {
			t.Fatal(err)
		}
		for i := range fields.All {
			f := &fields.All[i]
			if f.Kind == fields.Address {
				known[f.Name] = known[f.Name] || f.Address(s).IsValid()
			} else {
				known[f.Name] = known[f.Name] || f.Get(s).Known
			}
		}
	}
	for i := range fields.All {
		switch f := &fields.All[i]; {
		case f.Joined:
			if known[f.Name] {
				t.Errorf("package fields says that no source reports %s, but /proc does", f.Name)
			}
		case f.From&fields.ProcFS != 0 && !known[f.Name]:
			t.Errorf("package fields says that /proc knows %s, but procnet/line.go never sets %s: name its sources in fields/table.go", f.Name, f.Of)
		case f.From&fields.ProcFS == 0 && known[f.Name]:
			t.Errorf("package fields says that /proc does not know %s, but procnet/line.go sets %s", f.Name, f.Of)
		}
	}
}
