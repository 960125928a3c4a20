package screen

import (
	"time"

	"tcpstate/lifecycle"
	"tcpstate/tcp"
	"tcpstate/watch"
)

// frame is what the reader shows of one look at the sockets. Nobody changes it.
type frame struct {
	wish     wish // that it fulfils
	at       time.Time
	source   string
	warnings []string
	err      error // why there was no look, or only a part of one

	counts, before tcp.Counts
	fresh          bool // there is nothing to compare the counts with
	history        []sample
	rows           window // of sockets, or of groups
	gone           int    // of these rows, those that are shown once more
	front          *front // of the state in front; nil: none is
	opened         *opened
}

// window is a part of a list: what stands around the rows that are shown, and
// both its ends, so that a key moves there before the reader has answered.
type window struct {
	total int // rows in the whole list
	parts []part
}

// part is rows that follow each other.
type part struct {
	first int
	rows  []row
}

// row returns a row of the list, nil where the window does not reach.
func (w *window) row(i int) *row {
	for p := range w.parts {
		if at := i - w.parts[p].first; at >= 0 && at < len(w.parts[p].rows) {
			return &w.parts[p].rows[at]
		}
	}
	return nil
}

// covers reports whether the window has all the rows of the list from one to
// before another.
func (w *window) covers(from, to int) bool {
	for i := max(from, 0); i < min(to, w.total); i++ {
		if w.row(i) == nil {
			return false
		}
	}
	return true
}

// find returns where a socket or group stands, or -1.
func (w *window) find(id watch.ID, name string) int {
	for _, p := range w.parts {
		for i := range p.rows {
			if p.rows[i].id == id && p.rows[i].name == name {
				return p.first + i
			}
		}
	}
	return -1
}

// mark says what has become of a row at the last look.
type mark uint8

// The marks.
const (
	unmarked mark = iota
	opening       // it was not there before
	changed       // its state, or how many there are of a group
	closed        // it is gone, and shown once more
)

// row is a socket, or a group of sockets.
type row struct {
	mark   mark
	id     watch.ID // of a socket
	name   string   // of a group
	socket *tcp.Socket
	since  time.Time // the look that saw the socket in its state first

	key    groupKey // of a group
	term   string   // of the filter language, that selects the group; "": there is none
	counts tcp.Counts
	total  int
	change int
}

// opened is a socket in full.
type opened struct {
	id       watch.ID
	socket   *tcp.Socket // with all that the source tells of it, as it was last seen
	history  []watch.Step
	first    time.Time
	new      bool      // it was not there when the watch began
	gone     time.Time // the look that did not see it any more; zero: it is there
	settings lifecycle.Settings
	err      error // why not all is known of it
}
