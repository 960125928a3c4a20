package segment

import (
	"bytes"
	"encoding/binary"
	"testing"
)

func TestParseOptions(t *testing.T) {
	o := ParseOptions([]byte{2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 9, 0, 0, 0, 7, 1, 3, 3, 7})
	if o.MSS != 1460 || !o.SACKPermitted || !o.Timestamps || o.Value != 9 || o.Echo != 7 || o.WindowScale != 7 {
		t.Errorf("got %+v", o)
	}
	if got, want := o.String(), "mss=1460 wscale=7 sack ts"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	o = ParseOptions([]byte{1, 1, 5, 10, 0, 0, 0, 1, 0, 0, 0, 2})
	if len(o.SACK) != 2 || o.SACK[1] != 2 || o.WindowScale != -1 {
		t.Errorf("got %+v", o)
	}
}

// FuzzParseOptions checks that the parser ends for every input, and that it reads
// nothing after an option that is too long.
func FuzzParseOptions(f *testing.F) {
	f.Add([]byte{2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 9, 0, 0, 0, 7, 1, 3, 3, 7})
	f.Add([]byte{5, 10, 0, 0, 0, 1, 0, 0})
	f.Add([]byte{8, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		o := ParseOptions(b)
		if 4*len(o.SACK) > len(b) {
			t.Errorf("%d edges of blocks in %d bytes", len(o.SACK), len(b))
		}
		if again := ParseOptions(append(append([]byte{}, b...), 0)); again.String() != o.String() && !unfinished(b) {
			t.Errorf("an end changes %q to %q", o, again)
		}
	})
}

// unfinished reports whether the last option is longer than what is left of it.
func unfinished(b []byte) bool {
	for len(b) > 0 && b[0] != 0 {
		if b[0] == 1 {
			b = b[1:]
			continue
		}
		if len(b) < 2 || b[1] < 2 || int(b[1]) > len(b) {
			return true
		}
		b = b[b[1]:]
	}
	return false
}

// TestComplete takes the checksum out of packets and has it computed again.
func TestComplete(t *testing.T) {
	for _, s := range segments {
		want, err := s.AppendPacket(nil)
		if err != nil {
			t.Fatal(err)
		}
		at := ip6Header
		if want[0]>>4 == 4 {
			at = ip4Header
		}
		got := bytes.Clone(want)
		binary.BigEndian.PutUint16(got[at+16:], 0xbeef)
		Complete(got)
		if !bytes.Equal(got, want) {
			t.Errorf("%s: got %x, want %x", s, got, want)
		}
		got = append(bytes.Clone(want), 0, 0, 0) // the padding of a short frame
		Complete(got)
		if !bytes.Equal(got[:len(want)], want) {
			t.Errorf("%s: with padding: got %x, want %x", s, got, want)
		}
	}
	udp, _ := segments[0].AppendPacket(nil)
	udp[9] = 17
	want := bytes.Clone(udp)
	if Complete(udp); !bytes.Equal(udp, want) {
		t.Error("a packet that is not TCP was changed")
	}
}
