package watch

import (
	"context"
	"io"
	"iter"
	"time"

	"tcpstate/collect"
	"tcpstate/tcp"
)

// Stream writes what a session sees, one event a line and after those of a tick
// one line of its counts, and waits for a condition where there is one.
type Stream struct {
	Session *Session
	Format  LineFormat
	Silent  bool            // write nothing, and only wait
	Names   *collect.Naming // of hosts and services; nil: numbers

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
	out := newLines(w, func(b []byte, l lost) []byte { return s.Format.appendLost(b, s.Session.Now(), l) })
	outcome, err := s.run(ctx, out)
	if endErr := out.close(ctx); err == nil {
		err = endErr
	}
	outcome.LostEvents, outcome.LostTicks = out.total.events, out.total.ticks
	return outcome, err
}

func (s *Stream) run(ctx context.Context, out *lines) (outcome Outcome, err error) {
	began := s.Session.Now()
	var condition held
	due := time.Duration(0) // of the tick, since the first
	for n := 1; ; n++ {
		tick, err := s.Session.Tick(ctx)
		if tick != nil && !s.Silent {
			s.write(ctx, out, tick, err == nil)
		}
		if s.Names != nil {
			s.Session.warnings.Add(s.Names.Warnings()...)
		}
		if s.Warn != nil {
			s.Warn(s.Session.Warnings())
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
		elapsed := s.Session.Now().Sub(began)
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
	i := 0
	for socket := range s.sockets(ctx, tick) {
		out.piece = s.Format.appendEvent(out.buffer(), tick.At, &tick.Events[i], socket)
		out.added(ctx, lost{events: 1})
		i++
	}
	if whole {
		out.piece = s.Format.appendTick(out.buffer(), tick)
		out.added(ctx, lost{ticks: 1})
	}
	out.flush(ctx)
}

// sockets yields the sockets of the tick's events, in one place.
func (s *Stream) sockets(ctx context.Context, tick *Tick) iter.Seq2[*tcp.Socket, error] {
	plain := func(yield func(*tcp.Socket, error) bool) {
		var socket tcp.Socket
		for i := range tick.Events {
			if s.Session.Fill(tick.Events[i].Row, &socket); !yield(&socket, nil) {
				return
			}
		}
	}
	if s.Names == nil {
		return plain
	}
	return s.Names.Name(ctx, s.Interval/2, plain)
}
