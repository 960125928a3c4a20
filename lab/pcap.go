package lab

import (
	"encoding/binary"
	"io"
	"time"
)

// Capture writes frames to a file that tshark(1) and tcpdump(8) open: the classic
// format of libpcap, with nanoseconds and Ethernet frames
// (draft-ietf-opsawg-pcap).
type Capture struct {
	w   io.Writer
	err error
}

const (
	pcapMagic    = 0xa1b23c4d // times in nanoseconds
	pcapEthernet = 1          // LINKTYPE_ETHERNET
	pcapLongest  = 262144
)

// NewCapture writes the header of a file to w.
func NewCapture(w io.Writer) *Capture {
	b := binary.NativeEndian.AppendUint32(nil, pcapMagic)
	b = binary.NativeEndian.AppendUint16(b, 2) // version 2.4
	b = binary.NativeEndian.AppendUint16(b, 4)
	b = append(b, make([]byte, 8)...) // time zone and accuracy, both always 0
	b = binary.NativeEndian.AppendUint32(b, pcapLongest)
	b = binary.NativeEndian.AppendUint32(b, pcapEthernet)
	c := &Capture{w: w}
	_, c.err = w.Write(b)
	return c
}

// add writes one frame with the time when it was seen.
func (c *Capture) add(at time.Time, frame []byte) {
	if c == nil || c.err != nil {
		return
	}
	b := binary.NativeEndian.AppendUint32(nil, uint32(at.Unix()))
	b = binary.NativeEndian.AppendUint32(b, uint32(at.Nanosecond()))
	b = binary.NativeEndian.AppendUint32(b, uint32(len(frame)))
	b = binary.NativeEndian.AppendUint32(b, uint32(len(frame)))
	_, c.err = c.w.Write(append(b, frame...))
}

// Err returns the first error of the writer.
func (c *Capture) Err() error { return c.err }
