package doctor

import (
	"time"

	"tcpstate/tcp"
)

// samples sums up the readings between the first and the last. They show what
// both of these miss: a burst that comes and goes.
type samples struct {
	readings int
	last     map[string]int64   // the counters of the latest reading
	at       time.Duration      // when it was, from the first reading on
	rates    map[string]float64 // the highest rise of each counter in a second
}

// queueSamples is what the readings between show of an accept queue.
type queueSamples struct {
	most uint32 // connections that waited in it
	full int    // readings at which it was full
}

// Sample adds a reading of the counters, the given time after the first one.
// Readings should be a second or more apart: less counts as a second.
func (o *Observation) Sample(at time.Duration, counters map[string]int64) {
	s := &o.samples
	if s.last == nil {
		s.last, s.rates = o.Before, make(map[string]float64)
	}
	s.readings++
	seconds := max(1, (at - s.at).Seconds())
	for name, n := range counters {
		if before, had := s.last[name]; had && n > before {
			s.rates[name] = max(s.rates[name], float64(n-before)/seconds)
		}
	}
	s.last, s.at = counters, at
}

// SampleListener adds a reading of a LISTEN socket. Its accept queue is kept by
// the cookie of the socket, of at most maxListeners sockets.
func (o *Observation) SampleListener(s *tcp.Socket) {
	most, known := s.AcceptQueueMax.Get()
	if s.State != tcp.Listen || s.Cookie == 0 || !known {
		return
	}
	queues := o.Survey.queues
	q, found := queues[s.Cookie]
	if !found && len(queues) >= maxListeners {
		return
	}
	q.most = max(q.most, s.AcceptQueue)
	if o.Thresholds.reaches(acceptFill, int64(s.AcceptQueue), max(1, int64(most))) {
		q.full++
	}
	queues[s.Cookie] = q
}

// Readings returns how many readings there were between the first and the last.
func (o *Observation) Readings() int { return o.samples.readings }

// perSecond reports whether a counter that rose by n between the first and the
// last reading reached a threshold that is for one second: on the average, or at
// the busiest time between two readings. A shorter interval counts as one second.
func (o *Observation) perSecond(id thresholdID, n int64, counter string) bool {
	limit := float64(o.Thresholds.number(id))
	rate := max(float64(n)/max(1, o.Interval.Seconds()), o.samples.rates[counter])
	return n > 0 && rate >= limit
}
