package text

import (
	"strconv"
	"strings"
	"time"
)

// AppendDuration appends n nanoseconds in at most two units: 180us, 1.2ms, 42s,
// 3m20s, 1h59m, 4d3h. It rounds down, so that it never shows a time as longer
// than it is.
func AppendDuration(b []byte, n uint64) []byte {
	d := time.Duration(n)
	const day = 24 * time.Hour
	switch {
	case d < time.Millisecond:
		return append(strconv.AppendInt(b, d.Microseconds(), 10), "us"...)
	case d < time.Second:
		return append(appendTenths(b, uint64(d/(100*time.Microsecond))), "ms"...)
	case d < time.Minute:
		return append(appendTenths(b, uint64(d/(100*time.Millisecond))), 's')
	case d < time.Hour:
		return appendTwo(b, d, time.Minute, 'm', time.Second, 's')
	case d < day:
		return appendTwo(b, d, time.Hour, 'h', time.Minute, 'm')
	}
	return appendTwo(b, d, day, 'd', time.Hour, 'h')
}

// appendTwo appends d in a unit and the next smaller one.
func appendTwo(b []byte, d, unit time.Duration, name byte, next time.Duration, nextName byte) []byte {
	b = append(strconv.AppendInt(b, int64(d/unit), 10), name)
	return append(strconv.AppendInt(b, int64(d%unit/next), 10), nextName)
}

// Duration returns the exact value of d in the format of time.ParseDuration,
// without parts that are zero: 2h11m and 1m, where the method String returns
// 2h11m0s and 1m0s.
func Duration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// AppendSize appends n bytes in decimal units, rounded down: 512B, 12.5MB.
func AppendSize(b []byte, n uint64) []byte {
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

// appendTenths appends n tenths. It shows the tenth only for values below 100.
func appendTenths(b []byte, n uint64) []byte {
	b = strconv.AppendUint(b, n/10, 10)
	if n%10 != 0 && n < 1000 {
		b = append(b, '.', byte('0'+n%10))
	}
	return b
}

// ShortCount returns a count in at most four columns, rounded down: 9999, 12k,
// 1.2M. From ten thousand million on it takes more columns.
func ShortCount(n int) string {
	switch {
	case n < 10_000:
		return strconv.Itoa(n)
	case n < 1_000_000:
		return strconv.Itoa(n/1000) + "k"
	case n < 10_000_000:
		return strconv.Itoa(n/1_000_000) + "." + strconv.Itoa(n/100_000%10) + "M"
	}
	return strconv.Itoa(n/1_000_000) + "M"
}

// Grouped returns n with a comma between thousands: 2,000,000.
func Grouped(n int64) string {
	s := strconv.FormatInt(n, 10)
	sign := 0
	if n < 0 {
		sign = 1
	}
	for i := len(s) - 3; i > sign; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Plural returns the word for n things. For zero that is the plural.
func Plural[N int | int64 | uint8 | uint64](n N, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// Count returns how many things there are: "1 socket", "20 sockets".
func Count(n int, one, many string) string {
	return strconv.Itoa(n) + " " + Plural(n, one, many)
}
