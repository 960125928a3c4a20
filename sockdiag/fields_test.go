package sockdiag

import (
	"slices"
	"strings"
	"testing"

	"tcpstate/fields"
	"tcpstate/tcp"
)

// everyDetail requests everything that the kernel can send.
const everyDetail = tcp.DetailInfo | tcp.DetailMemory | tcp.DetailExtended

// sample returns a value for an attribute. No byte of it is 0, so every field
// that is read from it differs from the zero value. It is longer than every
// attribute that is a structure.
func sample(kind int) []byte {
	filler := slices.Repeat([]byte{0x13}, 512) // sets a bit in every bit field
	nested := func() []byte {
		var b []byte
		for kind := 1; kind <= 32; kind++ {
			b = join(b, attribute(kind, filler[:8]))
		}
		return b
	}
	switch kind {
	case attrCong:
		return []byte("reno\x00")
	case attrMD5Sig:
		return bytesOf(md5Sig{Family: familyInet, PrefixLen: 24, KeyLen: 8})
	case attrULPInfo:
		return join(attribute(attrULPInfoName, []byte("tls\x00")), attribute(attrULPInfoTLS, nested()), attribute(attrULPInfoMPTCP, nested()))
	}
	return filler
}

// decoded returns the socket that the decoder makes of a base message and the
// attributes.
func decoded(t *testing.T, detail tcp.Detail, state uint8, attributes ...[]byte) *tcp.Socket {
	t.Helper()
	return decodedOf(t, socketsOfTCP, detail, state, attributes...)
}

// What messages may be about.
const (
	socketsOfTCP = iota
	connectionsOfMPTCP
)

// decodedOf is decoded for either protocol.
func decodedOf(t *testing.T, of int, detail tcp.Detail, state uint8, attributes ...[]byte) *tcp.Socket {
	t.Helper()
	msg := message(state, "10.0.0.1:80", "10.0.0.2:5")
	msg.Timer, msg.Retransmits, msg.Expires, msg.RecvQueue, msg.SendQueue, msg.UID, msg.Inode = 1, 1, 1, 1, 1, 1, 1
	msg.ID.Cookie[0] = 1
	d := newDecoder(detail, false)
	d.connections = of == connectionsOfMPTCP
	if err := d.decode(join(bytesOf(msg), join(attributes...))); err != nil {
		t.Fatal(err)
	}
	return d.socket.Clone()
}

// TestEveryFieldIsDecoded sends every attribute. The decoder must set every
// field that package fields says sock_diag knows, with only the detail that the
// field needs.
func TestEveryFieldIsDecoded(t *testing.T) {
	var all [][]byte
	for kind := 1; kind < 1<<8; kind++ {
		all = append(all, attribute(kind, sample(kind)))
	}
	for i := range fields.All {
		f := &fields.All[i]
		if f.Joined || f.From&(fields.SockDiag|fields.SockDiagAdmin) == 0 {
			continue
		}
		sockets := []*tcp.Socket{decoded(t, f.Needs, kernelEstablished, all...), decoded(t, f.Needs, kernelListen, all...),
			decodedOf(t, connectionsOfMPTCP, f.Needs, kernelEstablished, all...), decodedOf(t, connectionsOfMPTCP, f.Needs, kernelListen, all...)}
		shown := slices.ContainsFunc(sockets, func(s *tcp.Socket) bool {
			if f.Kind == fields.Address {
				return f.Address(s).IsValid()
			}
			v := f.Get(s)
			return v.Known && (v.N != 0 || v.Text != "")
		})
		if !shown {
			t.Errorf("package fields says that sock_diag knows %s, but no message sets %s with the detail that it needs: decode it in sockdiag/decode.go or sockdiag/extended.go", f.Name, f.Of)
		}
	}
}

// TestEveryAttributeHasARow sends each attribute alone. At least one field must
// show it.
func TestEveryAttributeHasARow(t *testing.T) {
	bare := decoded(t, everyDetail, kernelEstablished)
	for kind, name := range attrNames {
		s := decoded(t, everyDetail, kernelEstablished, attribute(kind, sample(kind)))
		changed := slices.ContainsFunc(fields.All, func(f fields.Field) bool {
			return f.Get != nil && f.Get(s) != f.Get(bare)
		})
		if !changed {
			t.Errorf("no field shows attribute %d (%s): decode it in sockdiag/decode.go or sockdiag/extended.go, and add a row in fields/table.go", kind, name)
		}
	}
}

// TestEveryDecodedAttributeIsNamed checks that attrNames names every attribute
// that the decoder reads. Error messages and the test above use these names.
func TestEveryDecodedAttributeIsNamed(t *testing.T) {
	bare := decoded(t, everyDetail, kernelEstablished)
	for kind := 1; kind < 1<<8; kind++ {
		if attrNames[kind] != "" {
			continue
		}
		s := decoded(t, everyDetail, kernelEstablished, attribute(kind, sample(kind)))
		for i := range fields.All {
			if f := &fields.All[i]; f.Get != nil && f.Get(s) != f.Get(bare) {
				t.Errorf("attribute %d sets %s, but attrNames in sockdiag/attributes.go does not name it", kind, f.Name)
			}
		}
	}
}

// TestInfoEndsMatchDecoder changes single bytes of a tcp_info: the last byte of
// a field must change its value, and the byte after it must not. This shows
// that the ends of fields in package fields, which come from the declaration of
// tcpInfo, are the ends up to which the decoder reads.
func TestInfoEndsMatchDecoder(t *testing.T) {
	const rtt = 68 // offset of tcpi_rtt: if it is 0, rttvar_us is unknown
	size := len(bytesOf(tcpInfo{}))
	decode := func(changed int) *tcp.Socket {
		raw := make([]byte, size)
		raw[rtt] = 1
		if changed >= 0 {
			raw[changed] = ^raw[changed]
		}
		return decoded(t, everyDetail, kernelEstablished, attribute(attrInfo, raw))
	}
	before := decode(-1)
	for i := range fields.All {
		f := &fields.All[i]
		if !strings.HasPrefix(f.Name, "tcp_info.") {
			continue
		}
		end := 0
		for known := false; !known && end <= size; {
			end++
			s := decode(-1)
			s.Info.Len = end
			if f.Known != "" { // known by another condition than the length
				s.Info.RTT, s.Info.RecvRTT = 1, 1
			}
			known = f.Get(s).Known
		}
		if end < size && f.Get(decode(end)) != f.Get(before) {
			t.Errorf("%s changes with byte %d, but its tag says that it ends before it: see the tags of tcpInfo in sockdiag/attributes.go", f.Name, end)
		}
		// Some kernels store this field as bits of a word, in any byte of the word.
		if f.Name != "tcp_info.accecn_fail_mode" && f.Get(decode(end-1)) == f.Get(before) {
			t.Errorf("%s does not change with byte %d, but its tag says that it ends after it: see the tags of tcpInfo in sockdiag/attributes.go, and decodeInfo", f.Name, end-1)
		}
	}
}
