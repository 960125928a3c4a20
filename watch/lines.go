package watch

import (
	"context"
	"io"
	"time"
)

// lines carries lines to a writer that may be slow. A goroutine writes them in
// pieces of whole lines. Only piecesAtOnce pieces can wait. If there is no room
// for another piece, it waits for a while, and is then lost.
type lines struct {
	pieces chan []byte
	spare  chan []byte // memory of pieces that were written
	ended  chan struct{}
	err    error // of the writer; set before ended is closed

	piece    []byte
	in       lost                      // what the piece contains
	unsaid   lost                      // lost since the last line that reported losses
	total    lost                      // all losses
	say      func([]byte, lost) []byte // appends the line that reports losses
	patience <-chan time.Time          // nil: no limit
}

// lost counts what did not reach the reader.
type lost struct{ events, ticks int }

func (l *lost) add(more lost) { l.events += more.events; l.ticks += more.ticks }

const (
	pieceSize    = 64 << 10 // the capacity of a pipe (pipe(7))
	piecesAtOnce = 16
)

func newLines(w io.Writer, say func([]byte, lost) []byte) *lines {
	l := &lines{
		pieces: make(chan []byte, piecesAtOnce), spare: make(chan []byte, piecesAtOnce+2),
		ended: make(chan struct{}), say: say,
	}
	go l.write(w)
	return l
}

// write writes the pieces until there are no more or the writer fails.
func (l *lines) write(w io.Writer) {
	defer close(l.ended)
	for piece := range l.pieces {
		if _, err := w.Write(piece); err != nil {
			l.err = err
			return
		}
		select {
		case l.spare <- piece[:0]:
		default:
		}
	}
}

// buffer returns the slice to which the next line is appended. The caller must
// then set piece to the result.
func (l *lines) buffer() []byte {
	if len(l.piece) == 0 && l.unsaid != (lost{}) {
		l.piece = l.say(l.piece, l.unsaid)
	}
	return l.piece
}

// added must be called after each line. what is the event or the tick in it.
func (l *lines) added(ctx context.Context, what lost) {
	l.in.add(what)
	if len(l.piece) >= pieceSize {
		l.flush(ctx)
	}
}

// flush sends the piece. If that is not possible in time, the piece is lost.
func (l *lines) flush(ctx context.Context) {
	if len(l.piece) == 0 {
		return
	}
	if l.send(ctx) {
		l.unsaid = lost{} // the piece began with this report
		select {
		case l.piece = <-l.spare:
		default:
			l.piece = make([]byte, 0, pieceSize+4<<10)
		}
	} else {
		l.unsaid.add(l.in)
		l.total.add(l.in)
		l.piece = l.piece[:0]
	}
	l.in = lost{}
}

// send gives the piece to the writer, if the writer accepts it in time.
func (l *lines) send(ctx context.Context) bool {
	select {
	case l.pieces <- l.piece: // even if no time is left
		return true
	default:
	}
	select {
	case l.pieces <- l.piece:
		return true
	case <-l.patience:
		l.patience = expired
	case <-l.ended:
	case <-ctx.Done():
	}
	return false
}

// expired is a timer that has expired.
var expired = func() <-chan time.Time {
	c := make(chan time.Time)
	close(c)
	return c
}()

// close writes what is left and the line that reports losses, and waits for the
// writer, even if it is slow. It returns the error of the writer, or that of
// ctx, which ends the wait.
func (l *lines) close(ctx context.Context) error {
	l.patience = nil
	l.piece = l.buffer()
	l.flush(ctx)
	close(l.pieces)
	select {
	case <-l.ended:
		return l.err
	case <-ctx.Done():
		return ctx.Err()
	}
}
