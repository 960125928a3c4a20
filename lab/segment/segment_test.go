package segment

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"reflect"
	"testing"
)

var segments = []Segment{
	{Src: netip.MustParseAddrPort("10.0.0.9:4000"), Dst: netip.MustParseAddrPort("10.77.0.1:80"), Flags: SYN, Seq: 7,
		Window: 512, Options: []byte{2, 4, 5, 0xb4}, Payload: []byte{}},
	{Src: netip.MustParseAddrPort("[fd00::9]:4000"), Dst: netip.MustParseAddrPort("[fd77::1]:80"), Flags: PSH | ACK, Seq: 8, Ack: 9,
		Window: 1, Options: []byte{}, Payload: []byte("odd")},
}

// TestSegmentRoundTrip builds packets from segments and parses them again.
// TestPeerSpeaksTCP of internal/lab checks with the kernel that their checksums are correct.
func TestSegmentRoundTrip(t *testing.T) {
	for _, s := range segments {
		packet, err := s.AppendPacket(nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := ParsePacket(packet)
		if err != nil || !reflect.DeepEqual(got, s) {
			t.Errorf("got %+v, %v; want %+v", got, err, s)
		}
	}
}

func TestSegmentErrors(t *testing.T) {
	mixed := segments[0]
	mixed.Dst = segments[1].Dst
	long := segments[0]
	long.Payload = make([]byte, 1<<16)
	for _, s := range []Segment{mixed, long, {}} {
		if packet, err := s.AppendPacket(nil); err == nil {
			t.Errorf("%s: no error, but %d bytes", s, len(packet))
		}
	}
}

func TestChecksum(t *testing.T) {
	// The example of RFC 1071 section 3 has the sum ddf2. The checksum is its complement.
	if got := fold(sum(0, []byte{0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7})); got != ^uint16(0xddf2) {
		t.Errorf("got %#x, want %#x", got, ^uint16(0xddf2))
	}
}

// FuzzParsePacket checks that the parser accepts only complete packets: a
// packet that is built from the result must give the same result when it is
// parsed.
func FuzzParsePacket(f *testing.F) {
	for _, s := range segments {
		packet, err := s.AppendPacket(nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(packet)
		f.Add(packet[:len(packet)-1])
	}
	f.Fuzz(func(t *testing.T, packet []byte) {
		s, err := ParsePacket(packet)
		if err != nil {
			return
		}
		again, err := s.AppendPacket(nil)
		if err != nil {
			t.Fatalf("%s: %v", s, err)
		}
		if got, err := ParsePacket(again); err != nil || !reflect.DeepEqual(got, s) {
			t.Fatalf("got %+v, %v; want %+v", got, err, s)
		}
	})
}

// TestParsePacketErrors truncates a packet at every length. The parser must
// return an error for each, and must not panic.
func TestParsePacketErrors(t *testing.T) {
	for _, s := range segments {
		packet, err := s.AppendPacket(nil)
		if err != nil {
			t.Fatal(err)
		}
		for n := range packet {
			if got, err := ParsePacket(packet[:n]); err == nil {
				t.Errorf("%d of %d bytes: %s", n, len(packet), got)
			}
		}
	}
	udp, err := segments[0].AppendPacket(nil)
	if err != nil {
		t.Fatal(err)
	}
	udp[9] = 17
	if _, err := ParsePacket(udp); !errors.Is(err, ErrNotTCP) {
		t.Errorf("UDP: %v", err)
	}
	binary.BigEndian.PutUint16(udp[2:], 10)
	if _, err := ParsePacket(udp); err == nil || errors.Is(err, ErrNotTCP) {
		t.Errorf("a total length below the header's: %v", err)
	}
}
