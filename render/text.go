package render

import (
	"strconv"
	"time"
	"unicode/utf8"

	"tcpstate/tcp"
)

// escapeFrom escapes in b[start:] what could act on the terminal that shows it,
// or deceive its reader: control characters, those that change the direction or
// the form of a text, other spaces than the common one, and bytes that are no
// UTF-8. They become \x1b, \u202e or \U000e0001, as in Go's own strings.
func escapeFrom(b []byte, start int) []byte {
	if isPlain(b[start:]) {
		return b
	}
	raw := string(b[start:])
	b = b[:start]
	for i, r := range raw {
		switch _, width := utf8.DecodeRuneInString(raw[i:]); {
		case r == utf8.RuneError && width == 1:
			b = appendHex(append(b, `\x`...), uint32(raw[i]), 2)
		case strconv.IsPrint(r):
			b = utf8.AppendRune(b, r)
		case r < utf8.RuneSelf:
			b = appendHex(append(b, `\x`...), uint32(r), 2)
		case r <= 0xffff:
			b = appendHex(append(b, `\u`...), uint32(r), 4)
		default:
			b = appendHex(append(b, `\U`...), uint32(r), 8)
		}
	}
	return b
}

// isPlain reports whether all of b is printable ASCII.
func isPlain(b []byte) bool {
	for _, c := range b {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return true
}

// appendHex appends n in hexadecimal of the given number of digits.
func appendHex(b []byte, n uint32, digits int) []byte {
	for shift := 4 * (digits - 1); shift >= 0; shift -= 4 {
		b = append(b, "0123456789abcdef"[n>>shift&0xf])
	}
	return b
}

// appendDuration appends n nanoseconds in at most two units: 180us, 1.2ms, 42s,
// 3m20s, 1h59m, 4d3h. What is too small for the last unit is left out, so a
// time is never shown as longer than it is.
func appendDuration(b []byte, n uint64) []byte {
	d := time.Duration(n)
	switch {
	case d < time.Millisecond:
		return append(strconv.AppendInt(b, d.Microseconds(), 10), "us"...)
	case d < time.Second:
		return append(appendTenths(b, uint64(d/(100*time.Microsecond))), "ms"...)
	case d < time.Minute:
		return append(appendTenths(b, uint64(d/(100*time.Millisecond))), 's')
	case d < time.Hour:
		return appendTwo(b, d, time.Minute, 'm', time.Second, 's')
	case d < 24*time.Hour:
		return appendTwo(b, d, time.Hour, 'h', time.Minute, 'm')
	}
	return appendTwo(b, d, 24*time.Hour, 'd', time.Hour, 'h')
}

// appendTwo appends d in a unit and the next smaller one.
func appendTwo(b []byte, d, unit time.Duration, name byte, next time.Duration, nextName byte) []byte {
	b = append(strconv.AppendInt(b, int64(d/unit), 10), name)
	return append(strconv.AppendInt(b, int64(d%unit/next), 10), nextName)
}

// appendTenths appends n tenths: with the tenth below 100, without it above.
func appendTenths(b []byte, n uint64) []byte {
	b = strconv.AppendUint(b, n/10, 10)
	if n%10 != 0 && n < 1000 {
		b = append(b, '.', byte('0'+n%10))
	}
	return b
}

// appendSize appends n bytes in decimal units: 512B, 12.5MB.
func appendSize(b []byte, n uint64) []byte {
	const units = "kMGTPE"
	if n < 1000 {
		return append(strconv.AppendUint(b, n, 10), 'B')
	}
	unit := 0
	for n /= 100; n >= 10000; n /= 1000 {
		unit++
	}
	return append(appendTenths(b, n), units[unit], 'B')
}

// appendCountdown appends a timer that runs.
func appendCountdown(b []byte, t tcp.Timer) []byte {
	b = append(b, t.Kind.String()...)
	b = appendDuration(append(b, ' '), uint64(t.Expires))
	switch {
	case t.Retransmits == 0:
		return b
	case t.Kind == tcp.TimerOn:
		return appendCount(b, t.Retransmits, "resend")
	default:
		return appendCount(b, t.Retransmits, "probe")
	}
}

// appendCount appends how many things there were, after a comma.
func appendCount(b []byte, n uint8, thing string) []byte {
	b = strconv.AppendUint(append(b, ", "...), uint64(n), 10)
	b = append(append(b, ' '), thing...)
	if n != 1 {
		b = append(b, 's')
	}
	return b
}
