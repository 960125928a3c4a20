package watch

import (
	"context"
	"io"
	"iter"
	"time"

	"tcpstate/collect"
	"tcpstate/tcp"
)

// Feed is the origin of the events of a stream. A [Session] is a feed that
// compares two readings of the sockets. Other code that sees events can be
// another feed.
type Feed interface {
	// Tick brings the feed up to date and returns the counts. After an error
	// the tick has what was seen before the error, or is nil.
	Tick(ctx context.Context) (*Tick, error)

	// Events yields what happened since the tick before. Each event is valid
	// until the next one.
	Events() iter.Seq[*tcp.Event]

	// Warnings returns what a reader should know, each warning once. Each tick
	// may add more.
	Warnings() collect.Warnings
}

// Stream writes what a feed sees: one line for each event, and after the events
// of a tick one line with its counts. It can wait for a condition.
type Stream struct {
	Feed   Feed
	Now    func() time.Time
	Format LineFormat
	Silent bool            // write nothing, only wait
	Names  *collect.Naming // of hosts and services; nil: numbers

	Interval time.Duration // from the start of one tick to the start of the next; more than 0
	Ticks    int           // the stream ends after this many; 0: no limit
	For      time.Duration // the stream ends after this time, with a tick; 0: no limit

	Until    Condition     // the stream ends when it holds for the number of selected sockets
	UntilFor time.Duration // and has held at every tick for this time

	// Warn is called after each tick with all warnings that there are.
	Warn func(collect.Warnings)
}

// Outcome is the result of a stream.
type Outcome struct {
	Held  bool // whether the condition held
	Total int  // selected sockets in the last tick

	// Events and ticks that were lost because the reader was too slow. The
	// stream itself also reports them, if it can.
	LostEvents, LostTicks int
}

// Run writes to w until the stream ends: after Ticks or For, when Until holds,
// when ctx ends, or when the sockets cannot be read or the lines cannot be
// written. The first tick is at once. If a tick takes longer than the interval,
// the next one follows without a pause. Only whole lines are written.
//
// Run waits for a slow reader, in each tick for at most one interval, and keeps
// a megabyte for it. What the reader is still too slow for is lost. Losses are
// counted and reported. At the end only ctx limits the wait.
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
	due := time.Duration(0) // time of the tick, from the first one
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
		if s.Until.IsSet() && condition.note(s.Until.Holds(outcome.Total), tick.At, s.UntilFor) {
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
			return outcome, nil // close returns the error
		default:
		}
	}
}

// wait waits for a time, or until ended is closed or ctx ends.
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

// write writes the events of a tick and, if it is complete, its counts.
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

// events yields the events of a tick, with names if they are requested. Names
// are looked up for many sockets together, so the events wait in a queue.
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
