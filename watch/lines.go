package watch

import (
	"context"
	"io"
	"time"
)

// lines carries lines to a writer that may be slow. A goroutine writes them, in
// pieces of whole lines, of which only so many may wait. Where there is room for
// no more, what follows waits for a while, and is lost then.
type lines struct {
	pieces chan []byte
	spare  chan []byte // pieces that have been written, to be filled again
	ended  chan struct{}
	err    error // of the writer, once it has ended

	piece    []byte
	in       lost                      // what the piece has
	unsaid   lost                      // was lost since the last line that said so
	total    lost                      // was lost in all
	say      func([]byte, lost) []byte // appends the line that says what was lost
	patience <-chan time.Time          // nil: without end
}

// lost counts what did not reach the reader.
type lost struct{ events, ticks int }

func (l *lost) add(more lost) { l.events += more.events; l.ticks += more.ticks }

const (
	pieceSize    = 64 << 10 // a pipe holds as much (pipe(7))
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

// buffer returns what the next line is to be appended to, and the piece is then
// to be set to.
func (l *lines) buffer() []byte {
	if len(l.piece) == 0 && l.unsaid != (lost{}) {
		l.piece = l.say(l.piece, l.unsaid)
	}
	return l.piece
}

// added ends a line, of an event or of a tick.
func (l *lines) added(ctx context.Context, what lost) {
	l.in.add(what)
	if len(l.piece) >= pieceSize {
		l.flush(ctx)
	}
}

// flush sends the piece, or loses it.
func (l *lines) flush(ctx context.Context) {
	if len(l.piece) == 0 {
		return
	}
	if l.send(ctx) {
		l.unsaid = lost{} // it began with that
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

// send hands the piece to the writer, if that takes it in time.
func (l *lines) send(ctx context.Context) bool {
	select {
	case l.pieces <- l.piece: // though time may be over
		return true
	default:
	}
	select {
	case l.pieces <- l.piece:
		return true
	case <-l.patience:
		l.patience = over
	case <-l.ended:
	case <-ctx.Done():
	}
	return false
}

// over is a time that is over.
var over = func() <-chan time.Time {
	c := make(chan time.Time)
	close(c)
	return c
}()

// close writes what is left, and the line that says what was lost, and waits for
// the writer, however slow it is. It returns the error of the writer, or of ctx,
// which ends the wait.
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
