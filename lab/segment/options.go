package segment

import (
	"encoding/binary"
	"fmt"
	"strings"
)

// Options are the options of a segment that the lab shows.
type Options struct {
	MSS           uint16 // 0: none
	WindowScale   int    // -1: none
	SACKPermitted bool
	Timestamps    bool
	Value, Echo   uint32   // of the timestamps
	SACK          []uint32 // the edges of the blocks, two for each
	FastOpen      bool
}

// The kinds of options (IANA, TCP Option Kind Numbers).
const (
	optionEnd, optionNothing          = 0, 1
	optionMSS, optionScale            = 2, 3
	optionSACKPermitted, optionSACK   = 4, 5
	optionTimestamps, optionsFastOpen = 8, 34
)

// ParseOptions reads the options of a segment. It skips unknown ones. It stops
// where an option is longer than what is left.
func ParseOptions(b []byte) Options {
	o := Options{WindowScale: -1}
	for len(b) > 0 && b[0] != optionEnd {
		if b[0] == optionNothing {
			b = b[1:]
			continue
		}
		if len(b) < 2 || b[1] < 2 || int(b[1]) > len(b) {
			return o
		}
		o.add(b[0], b[2:b[1]])
		b = b[b[1]:]
	}
	return o
}

func (o *Options) add(kind byte, value []byte) {
	switch {
	case kind == optionMSS && len(value) == 2:
		o.MSS = binary.BigEndian.Uint16(value)
	case kind == optionScale && len(value) == 1:
		o.WindowScale = int(value[0])
	case kind == optionSACKPermitted && len(value) == 0:
		o.SACKPermitted = true
	case kind == optionTimestamps && len(value) == 8:
		o.Timestamps = true
		o.Value, o.Echo = binary.BigEndian.Uint32(value), binary.BigEndian.Uint32(value[4:])
	case kind == optionSACK && len(value)%8 == 0:
		for ; len(value) > 0; value = value[4:] {
			o.SACK = append(o.SACK, binary.BigEndian.Uint32(value))
		}
	case kind == optionsFastOpen:
		o.FastOpen = true
	}
}

// String returns the options as words, such as "mss=1460 sack wscale=7".
func (o Options) String() string {
	var words []string
	if o.MSS != 0 {
		words = append(words, fmt.Sprintf("mss=%d", o.MSS))
	}
	if o.WindowScale >= 0 {
		words = append(words, fmt.Sprintf("wscale=%d", o.WindowScale))
	}
	if o.SACKPermitted {
		words = append(words, "sack")
	}
	if o.FastOpen {
		words = append(words, "fastopen")
	}
	if o.Timestamps {
		words = append(words, "ts")
	}
	if len(o.SACK) > 0 {
		words = append(words, fmt.Sprintf("sack-blocks=%d", len(o.SACK)/2))
	}
	return strings.Join(words, " ")
}
