package screen

import (
	"time"

	"tcpstate/tcp"
)

// sample is the counts of one reading.
type sample struct {
	at     time.Time
	counts tcp.Counts
}

// historyLength is the time that a sparkline shows, and maxSamples is the
// largest number of readings in it.
const (
	historyLength = 3 * time.Minute
	maxSamples    = 720
)

// appendSample adds a sample to a history and drops the old ones. It does not
// change the slice that it is given, since frames use it.
func appendSample(history []sample, s sample) []sample {
	first := 0
	for first < len(history) && (s.at.Sub(history[first].at) > historyLength || len(history)-first >= maxSamples) {
		first++
	}
	return append(history[first:len(history):len(history)], s)
}

// The characters of a sparkline, from the lowest to the highest.
var (
	blocks      = []rune("▁▂▃▄▅▆▇█")
	asciiBlocks = []rune("_.-=+*%#")
)

// sparkline draws the count of a state over time, with the latest reading on
// the right. Each column covers a number of intervals, which is a power of two,
// so that the whole history fits in. It shows the largest count of its
// intervals. The height goes from the smallest count to the largest. If these
// are close together, differences are magnified at most tenfold.
func sparkline(history []sample, of tcp.State, interval time.Duration, columns int, steps []rune) string {
	if len(history) == 0 || columns < 1 {
		return ""
	}
	last := history[len(history)-1].at
	span := interval
	for span*time.Duration(columns) < last.Sub(history[0].at) && span*time.Duration(columns) < historyLength {
		span *= 2
	}
	cells := make([]int, columns)
	for i := range cells {
		cells[i] = -1
	}
	end := last.UnixNano() / int64(span)
	least, most := -1, 0
	for _, s := range history {
		cell := columns - 1 - int(end-s.at.UnixNano()/int64(span))
		if cell < 0 {
			continue
		}
		n := s.counts.Of(of)
		cells[cell] = max(cells[cell], n)
		most = max(most, n)
		if least < 0 || n < least {
			least = n
		}
	}
	flat := least == most
	least = min(least, most-most/10)
	line := make([]rune, columns)
	for i, n := range cells {
		switch {
		case n < 0:
			line[i] = ' '
		case n == 0:
			line[i] = steps[0]
		case flat:
			line[i] = steps[1]
		default:
			line[i] = steps[min((n-least)*len(steps)/(most-least+1), len(steps)-1)]
		}
	}
	return string(line)
}
