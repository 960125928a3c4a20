// Package render writes sockets: as a table for people, as JSON, NDJSON or CSV
// for machines, as markdown for reports.
//
// The columns of all formats are made from one table, fields; docs/json.md is
// generated from the same. The machine formats stream: they hold nothing of a
// socket once it is written, and allocate nothing for it. A table must know all
// its rows before it can draw the first, so it keeps them, encoded.
//
// Text that somebody else chose, such as the name of an interface, is data. A
// table, markdown and CSV have it as text.Escape returns it, and JSON as
// text.AppendJSON does. None can act on a terminal.
package render

import (
	"fmt"
	"io"
	"iter"
	"strings"
	"time"

	"tcpstate/tcp"
)

// Format is a form of output.
type Format uint8

// The formats.
const (
	Table Format = iota
	JSON
	NDJSON
	CSV
	Markdown
)

var formatNames = [...]string{"table", "json", "ndjson", "csv", "markdown"}

// String returns the name that ParseFormat reads.
func (f Format) String() string { return formatNames[f] }

// ParseFormat returns the format with the name, in any case. The error is an
// *UnknownFormatError.
func ParseFormat(name string) (Format, error) {
	for i, known := range formatNames {
		if strings.EqualFold(name, known) {
			return Format(i), nil
		}
	}
	return 0, &UnknownFormatError{Name: name}
}

// UnknownFormatError is the error for a name that no format has.
type UnknownFormatError struct {
	Name string // as it was given
}

func (e *UnknownFormatError) Error() string { return fmt.Sprintf("unknown format %q", e.Name) }

// Hint lists the formats.
func (e *UnknownFormatError) Hint() string {
	return "the formats are " + strings.Join(formatNames[:], ", ")
}

// forPeople reports whether the format groups the sockets by state where
// nothing else is asked for.
func (f Format) forPeople() bool { return f == Table || f == Markdown }

// Meta is what a JSON document says of itself.
type Meta struct {
	TakenAt time.Time
	Host    string
	Source  string   // sock_diag or procfs
	Missing []string // names of fields that the source cannot know
}

// Listing is how sockets are to be listed. JSON and NDJSON have all fields that
// a socket has; the other formats have Columns.
type Listing struct {
	Format  Format
	Columns []*Column
	Sort    []SortKey // none: tables and markdown by state, the others as they come
	Limit   int       // only so many sockets, the first in that order; 0: all
	Sparse  bool      // leave out of a table the extended columns that no socket has a value for
	Header  bool      // column headings, of a table or CSV
	Color   bool      // ANSI colours, in a table
	Meta    Meta      // of JSON
}

// Write writes the sockets to w. It stops reading them once Limit is reached,
// where it need not see the others to know which are first.
//
// It returns the first error of w or of sockets. What was read before an error
// of sockets is still written, but a JSON document is then left open, so that
// it cannot be taken for a whole one.
//
// Write calls warnings once all sockets have been read, for JSON only; it may
// be nil.
func (l *Listing) Write(w io.Writer, sockets iter.Seq2[*tcp.Socket, error], warnings func() []string) error {
	out := &output{w: w}
	err := l.write(out, sockets, warnings)
	if flushErr := out.flush(); flushErr != nil {
		return flushErr
	}
	return err
}

func (l *Listing) write(out *output, sockets iter.Seq2[*tcp.Socket, error], warnings func() []string) error {
	if err := l.writeHead(out); err != nil {
		return err
	}
	if err := l.writeSockets(out, sockets); err != nil {
		return err
	}
	if l.Format == JSON {
		return l.writeTail(out, warnings)
	}
	return nil
}

// writeHead writes what stands before the first socket. A table's header must
// wait for its rows, whose widths it takes.
func (l *Listing) writeHead(out *output) error {
	switch l.Format {
	case JSON:
		head, err := marshal(l.Meta.head("sockets"))
		if err != nil {
			return fmt.Errorf("encoding the head of the document: %w", err)
		}
		out.buf = append(out.buf, head[:len(head)-1]...) // its brace stays open
		out.buf = append(out.buf, `,"sockets":[`...)
	case CSV:
		if l.Header {
			out.buf = appendCSVHeader(out.buf, l.Columns)
		}
	case Markdown:
		out.buf = appendMarkdownHeader(out.buf, l.Columns)
	}
	return nil
}

func (l *Listing) writeTail(out *output, warnings func() []string) error {
	var said []string
	if warnings != nil {
		said = warnings()
	}
	tail, err := marshal(tailOf(said))
	if err != nil {
		return fmt.Errorf("encoding the warnings: %w", err)
	}
	if out.rows > 0 {
		out.buf = append(out.buf, '\n')
	}
	out.buf = append(out.buf, "],"...)
	out.buf = append(append(out.buf, tail[1:]...), '\n')
	return nil
}

func (l *Listing) writeSockets(out *output, sockets iter.Seq2[*tcp.Socket, error]) error {
	keys := l.Sort
	if len(keys) == 0 && l.Format.forPeople() {
		keys = byState
	}
	if len(keys) == 0 {
		return l.stream(out, sockets)
	}
	kept, err := l.collect(sockets, keys)
	if l.Format == Table {
		if drawErr := l.draw(out, kept); drawErr != nil {
			return drawErr
		}
		return err
	}
	for row := range kept.sorted() {
		out.buf = append(l.separate(out), row...)
		if writeErr := out.endRow(); writeErr != nil {
			return writeErr
		}
	}
	return err
}

// stream writes the sockets as they come.
func (l *Listing) stream(out *output, sockets iter.Seq2[*tcp.Socket, error]) error {
	for s, err := range sockets {
		if err != nil {
			return err
		}
		out.buf = l.appendRow(l.separate(out), s)
		if err := out.endRow(); err != nil {
			return err
		}
		if out.rows == l.Limit {
			break
		}
	}
	return nil
}

// collect encodes the sockets and keeps them, at most Limit of them to the end.
func (l *Listing) collect(sockets iter.Seq2[*tcp.Socket, error], keys []SortKey) (*rows, error) {
	kept := &rows{limit: l.Limit}
	var key, row []byte
	for s, err := range sockets {
		if err != nil {
			return kept, err
		}
		key = appendSortKeys(key[:0], keys, s)
		row = l.appendRow(row[:0], s)
		kept.add(key, row)
	}
	return kept, nil
}

// appendRow appends one socket, with all that ends its row.
func (l *Listing) appendRow(b []byte, s *tcp.Socket) []byte {
	switch l.Format {
	case JSON:
		return appendSocket(b, s)
	case NDJSON:
		return append(appendSocket(b, s), '\n')
	case CSV:
		return appendCSV(b, l.Columns, s)
	case Markdown:
		return appendMarkdown(b, l.Columns, s)
	default:
		return appendCells(b, l.Columns, s)
	}
}

// separate returns out's buffer with what stands between two rows of JSON.
func (l *Listing) separate(out *output) []byte {
	switch {
	case l.Format != JSON:
		return out.buf
	case out.rows == 0:
		return append(out.buf, '\n')
	default:
		return append(out.buf, ",\n"...)
	}
}

// output gathers what is written into large pieces.
type output struct {
	w    io.Writer
	buf  []byte
	rows int
}

// flushAt is how many bytes are gathered before they are written.
const flushAt = 64 << 10

// endRow counts a row and writes what has been gathered, if that is enough.
func (o *output) endRow() error {
	o.rows++
	if len(o.buf) < flushAt {
		return nil
	}
	return o.flush()
}

func (o *output) flush() error {
	if len(o.buf) == 0 {
		return nil
	}
	_, err := o.w.Write(o.buf)
	o.buf = o.buf[:0]
	return err
}
