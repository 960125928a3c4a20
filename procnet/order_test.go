package procnet

import (
	"encoding/binary"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"tcpstate/tcp"
)

var hexAddress = regexp.MustCompile(`[[:xdigit:]]{8,32}:[[:xdigit:]]{4} `)

// otherOrder returns a table as a host with the other byte order writes it.
func otherOrder(text string) string {
	return hexAddress.ReplaceAllStringFunc(text, func(address string) string {
		digits, port, _ := strings.Cut(address, ":")
		var b strings.Builder
		for i := 0; i < len(digits); i += 8 {
			word := digits[i : i+8]
			b.WriteString(word[6:] + word[4:6] + word[2:4] + word[:2])
		}
		return b.String() + ":" + port
	})
}

func TestByteOrder(t *testing.T) {
	// with returns a table of listeners at addresses in the order of this machine.
	with := func(header string, addresses ...string) string {
		text := header
		for _, a := range addresses {
			none := strings.Repeat("0", len(a))
			text += "   0: " + a + ":1F90 " + none + ":0000 " + lines[0].text + "\n"
		}
		return text
	}
	for _, test := range []struct {
		name       string
		tcp4, tcp6 string
		want       Evidence // of the table in this order
		other      Evidence // of the same table in the other order
	}{
		{"nothing", header4, header6, NativeOrder, NativeOrder},
		{"any", with(header4, "00000000"), with(header6, strings.Repeat("0", 32)), NativeOrder, NativeOrder},
		{"127.0.0.1", with(header4, "0100007F"), header6, NativeOrder, MaybeOther},
		{"10.0.0.10 reads the same", with(header4, "0A00000A"), header6, NativeOrder, NativeOrder},
		{"192.168.1.5 can be read in both", with(header4, "0501A8C0"), header6, NativeOrder, NativeOrder},
		{"192.168.1.250", with(header4, "FA01A8C0"), header6, NativeOrder, OtherOrder},
		{"10.1.2.0", with(header4, "0002010A"), header6, NativeOrder, OtherOrder},
		{"::1", header4, with(header6, "00000000000000000000000001000000"), NativeOrder, OtherOrder},
		{"::ffff:10.1.2.3", header4, with(header6, "0000000000000000FFFF00000302010A"), NativeOrder, OtherOrder},
		{"fe80::1", header4, with(header6, "000080FE000000000000000001000000"), NativeOrder, OtherOrder},
		{"fd00::1", header4, with(header6, "000000FD000000000000000001000000"), NativeOrder, OtherOrder},
		{"2001:db8::1", header4, with(header6, "B80D0120000000000000000001000000"), NativeOrder, OtherOrder},
		{"64:ff9b::1", header4, with(header6, "9BFF6400000000000000000001000000"), NativeOrder, OtherOrder},
		{"both, as in no real table", with(header4, "0002010A", "0A010200"), header6, NativeOrder, NativeOrder},
	} {
		if got := files(map[string]string{"net/tcp": test.tcp4, "net/tcp6": test.tcp6}).ByteOrder(); got != test.want {
			t.Errorf("%s: evidence %d, want %d", test.name, got, test.want)
		}
		if got := files(map[string]string{"net/tcp": otherOrder(test.tcp4), "net/tcp6": otherOrder(test.tcp6)}).ByteOrder(); got != test.other {
			t.Errorf("%s, in the other order: evidence %d, want %d", test.name, got, test.other)
		}
	}
	if got := Open("/proc").ByteOrder(); got != NativeOrder {
		t.Errorf("of this host: %d", got)
	}
}

// The recorded tables give the same sockets after their words were reversed.
func TestSocketsInTheOtherOrder(t *testing.T) {
	m := fstest.MapFS{}
	for _, name := range []string{"net/tcp", "net/tcp6"} {
		text, err := os.ReadFile("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		m[name] = &fstest.MapFile{Data: []byte(otherOrder(string(text)))}
	}
	p := &Proc{FS: m, NetDir: "net"}
	if got := p.ByteOrder(); got != OtherOrder {
		t.Fatalf("evidence %d, want %d", got, OtherOrder)
	}
	p.Order = Reversed()
	want := recorded(t)
	i := 0
	for s, err := range p.Sockets([]tcp.Family{tcp.IPv4, tcp.IPv6}) {
		if err != nil {
			t.Fatal(err)
		}
		if s.Local != want[i].Local || s.Peer != want[i].Peer {
			t.Errorf("socket %d is %v and %v, want %v and %v", i, s.Local, s.Peer, want[i].Local, want[i].Peer)
		}
		i++
	}
	if i != len(want) || Reversed().Uint16([]byte{1, 0}) == binary.NativeEndian.Uint16([]byte{1, 0}) {
		t.Errorf("%d sockets of %d, in the order %v", i, len(want), Reversed())
	}
}
