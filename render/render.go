// Package render writes sockets: as a table for people, as JSON, NDJSON or CSV
// for programs, and as Markdown for reports.
//
// The columns of all formats come from one table, fields. docs/json.md is
// generated from the same table. The machine formats stream: they keep nothing
// of a socket after it is written, and allocate nothing for it. A table must
// know all its rows before it can draw the first one, so it keeps the encoded
// rows.
//
// Text from outside, such as the name of an interface, is data. A table,
// Markdown and CSV show it as text.Escape returns it, and JSON as text.AppendJSON
// does. So no such text can control a terminal.
package render

import (
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"time"

	"tcpstate/tcp"
	"tcpstate/wording"
)

// Format is an output format.
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

// ParseFormat returns the format with the given name, and ignores case. The
// error is an *UnknownFormatError.
func ParseFormat(name string) (Format, error) {
	for i, known := range formatNames {
		if strings.EqualFold(name, known) {
			return Format(i), nil
		}
	}
	return 0, &UnknownFormatError{Name: name}
}

// UnknownFormatError is the error for a name that is not the name of a format.
type UnknownFormatError struct {
	Name string // as the user wrote it
}

func (e *UnknownFormatError) Error() string { return e.Message().String() }

// Message returns the sentence.
func (e *UnknownFormatError) Message() wording.Message {
	return wording.Say("render.error.format", "name", e.Name)
}

// Spelling returns what was given, and the names of the formats.
func (e *UnknownFormatError) Spelling() (string, []string) {
	return e.Name, slices.Clone(formatNames[:])
}

// forPeople reports whether the format is for people. Such a format sorts the
// sockets by state by default.
func (f Format) forPeople() bool { return f == Table || f == Markdown }

// Meta is the metadata of a JSON document.
type Meta struct {
	TakenAt time.Time
	Host    string
	Source  string   // sock_diag or procfs
	Missing []string // names of fields that the source cannot know

	// Unlisted are the states whose sockets the source does not list, so that their
	// number is not known.
	Unlisted tcp.StateSet

	NotRequested []OptionJSON // nil in documents without sockets
}

// Listing says how to list sockets. JSON and NDJSON have all the fields of a
// socket. The other formats have Columns.
type Listing struct {
	Format  Format
	Columns []*Column
	Sort    []SortKey // none: tables and Markdown by state, the others in the order of the source
	// Unsorted keeps the order of the source also in tables and Markdown.
	Unsorted bool

	Limit  int  // the maximum number of sockets, the first in that order; 0: all
	Sparse bool // a table leaves out the extended columns in which no socket has a value
	Header bool // column headings in a table or CSV

	// If a table is wider than Width columns, only its first Head columns are in
	// the row of a socket, or fewer. The others are in lines below it. If one of
	// both is 0, every socket has one row.
	Width, Head int

	Color bool // ANSI colours in a table
	Meta  Meta // metadata of a JSON document
}

// Write writes the sockets to w. If it does not sort, it stops reading when
// Limit is reached.
//
// It returns the first error of w or of sockets. After an error of sockets it
// still writes what it has read. A JSON document is then incomplete, so that no
// program takes it for a complete one.
//
// For JSON, Write calls warnings after it has read all sockets. warnings may be
// nil.
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

// writeHead writes the text before the first socket. It does not write the
// header of a table, because the widths of the columns depend on the rows.
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
	if len(keys) == 0 && l.Format.forPeople() && !l.Unsorted {
		keys = byState
	}
	if len(keys) == 0 && l.Format != Table {
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

// stream writes the sockets in the order of the source.
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

// collect encodes the sockets and keeps them, at the end at most Limit of them.
func (l *Listing) collect(sockets iter.Seq2[*tcp.Socket, error], keys []SortKey) (*sortedRows, error) {
	kept := &sortedRows{limit: l.Limit}
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

// appendRow appends one socket, with the end of its row.
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

// separate returns out's buffer, with a separator between two rows of JSON.
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

// output is a buffer that writes large pieces to w.
type output struct {
	w    io.Writer
	buf  []byte
	rows int
}

// flushAt is the number of bytes at which the buffer is written.
const flushAt = 64 << 10

// endRow counts a row, and writes the buffer if it is large enough.
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
