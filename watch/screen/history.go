package screen

import (
	"time"

	"tcpstate/tcp"
)

// sample is the counts of one look.
type sample struct {
	at     time.Time
	counts tcp.Counts
}

// remembered is how far a sparkline goes back, and mostSamples how many looks it
// is drawn from at most.
const (
	remembered  = 3 * time.Minute
	mostSamples = 720
)

// remember adds a sample to a history and drops what is too old. The history
// that was there is left as it is, for frames have it.
func remember(history []sample, s sample) []sample {
	first := 0
	for first < len(history) && (s.at.Sub(history[first].at) > remembered || len(history)-first >= mostSamples) {
		first++
	}
	return append(history[first:len(history):len(history)], s)
}

// The steps of a sparkline, from the least to the most.
var (
	blocks      = []rune("▁▂▃▄▅▆▇█")
	asciiBlocks = []rune("_.-=+*%#")
)

// sparkline draws how a state's count went, in so many columns, the latest to the
// right. A column is as many intervals long as it takes, a power of two, to show
// all that is remembered, and shows the most of them. It goes from the least to
// the most; where these are close together it exaggerates no more than tenfold.
func sparkline(history []sample, of tcp.State, interval time.Duration, columns int, steps []rune) string {
	if len(history) == 0 || columns < 1 {
		return ""
	}
	last := history[len(history)-1].at
	span := interval
	for span*time.Duration(columns) < last.Sub(history[0].at) && span*time.Duration(columns) < remembered {
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
