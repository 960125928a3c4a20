package watch

import (
	"context"
	"io"
	"iter"
	"time"

	"tcpstate/collect"
	"tcpstate/tcp"
)

// Feed is where a stream gets its events from. A [Session] is a feed that compares
// two readings of the sockets. Other code that sees events can be another feed.
type Feed interface {
	// Tick brings the feed up to date and returns the counts. After an error
	// there may be a tick of what was seen before the error, or none.
	Tick(ctx context.Context) (*Tick, error)

	// Events yields what happened since the tick before. Each event is valid
	// until the next one.
	Events() iter.Seq[*tcp.Event]

	// Warnings returns what a reader should know, each once. More may come with
	// every tick.
	Warnings() collect.Warnings
}

// Stream writes what a feed sees, one event a line and after those of a tick one
// line of its counts, and waits for a condition where there is one.
type Stream struct {
	Feed   Feed
	Now    func() time.Time
	Format LineFormat
	Silent bool            // write nothing, and only wait
	Names  *collect.Naming // of hosts and services; nil: numbers

	Interval time.Duration // from the beginning of one tick to that of the next; more than 0
	Ticks    int           // end after so many; 0: do not
	For      time.Duration // end after so long, with a tick; 0: do not

	Until    Condition     // end once it holds of how many sockets are selected
	UntilFor time.Duration // and has done so at every tick of this time

	// Warn is given all that a reader should be told, after each tick.
	Warn func(collect.Warnings)
}

// Outcome is how a stream ended.
type Outcome struct {
	Held  bool // the condition
	Total int  // how many sockets were selected at the last tick

	// Events and ticks that the reader was too slow for. The stream itself says
	// so too, where it could.
	LostEvents, LostTicks int
}

// Run writes to w until the stream ends: after Ticks or For, once Until holds,
// with ctx, when the sockets cannot be read or the lines not be written. It
// begins at once; a tick that takes longer than the interval is followed by the
// next without a pause. What was written is whole lines.
//
// A reader that is slow is waited for, in each tick for at most an interval, and
// a megabyte is kept for it. What it still is too slow for is lost to it, which
// is counted and said. At the end it is waited for without a limit but ctx.
func (s *Stream) Run(ctx context.Context, w io.Writer) (Outcome, error) {
	out := newLines(w, func(b []byte, l lost) []byte { return s.Format.appendLost(b, s.Now(), l) })
	outcome, err := s.run(ctx, out)
	if endErr := out.close(ctx); err == nil {
		err = endErr
	}
	outcome.LostEvents, outcome.LostTicks = out.total.events, out.total.ticks
	return outcome, err
}

func (s *Stream) run(ctx context.Context, out *lines) (outcome Outcome, err error) {
	began := s.Now()
	var condition held
	var warnings collect.Warnings
	due := time.Duration(0) // of the tick, since the first
	for n := 1; ; n++ {
		tick, err := s.Feed.Tick(ctx)
		if tick != nil && !s.Silent {
			s.write(ctx, out, tick, err == nil)
		}
		warnings.Add(s.Feed.Warnings()...)
		if s.Names != nil {
			warnings.Add(s.Names.Warnings()...)
		}
		if s.Warn != nil {
			s.Warn(warnings)
		}
		if err != nil {
			return outcome, err
		}
		outcome.Total = tick.Counts.Total()
		if s.Until.IsSet() && condition.look(s.Until.Holds(outcome.Total), tick.At, s.UntilFor) {
			outcome.Held = true
			return outcome, nil
		}
		if n == s.Ticks || s.For > 0 && due >= s.For {
			return outcome, nil
		}
		elapsed := s.Now().Sub(began)
		due = max(due+s.Interval, elapsed)
		if s.For > 0 {
			due = min(due, s.For)
		}
		if err := wait(ctx, due-elapsed, out.ended); err != nil {
			return outcome, err
		}
		select {
		case <-out.ended:
			return outcome, nil // whose error is that of close
		default:
		}
	}
}

// wait waits for a while, or until ended is closed, or ctx ends.
func wait(ctx context.Context, d time.Duration, ended <-chan struct{}) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-ended:
	case <-timer.C:
	}
	return nil
}

// write writes the events of a tick and, if it is whole, its counts.
func (s *Stream) write(ctx context.Context, out *lines, tick *Tick, whole bool) {
	out.patience = time.After(s.Interval)
	for event := range s.events(ctx) {
		out.piece = s.Format.appendEvent(out.buffer(), event)
		out.added(ctx, lost{events: 1})
	}
	if whole {
		out.piece = s.Format.appendTick(out.buffer(), tick)
		out.added(ctx, lost{ticks: 1})
	}
	out.flush(ctx)
}

// events yields the events of a tick, with names if they are requested. Names are
// looked up for many sockets at a time, so the events wait in a queue.
func (s *Stream) events(ctx context.Context) iter.Seq[*tcp.Event] {
	if s.Names == nil {
		return s.Feed.Events()
	}
	return func(yield func(*tcp.Event) bool) {
		var queue []tcp.Event
		sockets := func(yield func(*tcp.Socket, error) bool) {
			for event := range s.Feed.Events() {
				queue = append(queue, *event)
				if !yield(event.Socket, nil) {
					return
				}
			}
		}
		for socket := range s.Names.Name(ctx, s.Interval/2, sockets) {
			event := queue[0]
			queue = queue[1:]
			if event.Socket = socket; !yield(&event) {
				return
			}
		}
	}
}
