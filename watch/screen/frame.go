package screen

import (
	"time"

	"tcpstate/collect"
	"tcpstate/lifecycle"
	"tcpstate/tcp"
	"tcpstate/watch"
)

// frame is the result of one reading, for one request. Nobody changes it.
type frame struct {
	request  request // the request that it answers
	at       time.Time
	source   string
	warnings collect.Warnings
	err      error // why there was no reading, or only a part of one

	counts, before tcp.Counts
	unlisted       tcp.StateSet // states whose sockets the source does not list
	firstReading   bool         // there are no earlier counts to compare with
	history        []sample
	items          window        // sockets or groups
	searches       bool          // the processes of some sockets are being looked up
	gone           int           // how many of these items no longer exist, and are shown a last time
	focus          *focusSummary // of the focused state; nil: no state is focused
	detail         *socketDetail
	found          found // the result of the request's search
}

// window is a part of a list: the items around those on the screen, and both
// ends of the list. So a key can move there before the reader has answered.
type window struct {
	total int // items in the whole list
	parts []part
}

// part is a run of consecutive items.
type part struct {
	first int
	items []item
}

// item returns an item of the list, or nil if the window does not hold it.
func (w *window) item(i int) *item {
	for p := range w.parts {
		if at := i - w.parts[p].first; at >= 0 && at < len(w.parts[p].items) {
			return &w.parts[p].items[at]
		}
	}
	return nil
}

// covers reports whether the window holds all items of the list from index from
// to before index to.
func (w *window) covers(from, to int) bool {
	for i := max(from, 0); i < min(to, w.total); i++ {
		if w.item(i) == nil {
			return false
		}
	}
	return true
}

// find returns the index of a socket or group, or -1.
func (w *window) find(id watch.ID, name string) int {
	for _, p := range w.parts {
		for i := range p.items {
			if p.items[i].id == id && p.items[i].name == name {
				return p.first + i
			}
		}
	}
	return -1
}

// mark says what happened to an item between the last two readings.
type mark uint8

// The marks.
const (
	unmarked mark = iota
	opening       // it is new
	changed       // the state of a socket, or the size of a group
	closed        // it no longer exists, and is shown a last time
)

// item is an entry of the list: a socket or a group of sockets.
type item struct {
	mark    mark
	id      watch.ID // of a socket
	name    string   // of a group
	socket  *tcp.Socket
	figures *figures  // of a listener, in the list of listeners
	looked  bool      // its processes are known as far as they can be; of a group: so are those of all its sockets
	since   time.Time // the first reading that saw the socket in its state

	key    groupKey // of a group
	term   string   // the filter term that selects the group; "": there is none
	counts tcp.Counts
	total  int
	change int
}

// socketDetail is a socket with all that is known about it.
type socketDetail struct {
	id       watch.ID
	socket   *tcp.Socket // with all details that the source reports, as it was last seen
	history  []watch.Step
	first    time.Time
	new      bool      // it was opened after the watch began
	gone     time.Time // the first reading that did not see the socket; zero: it still exists
	settings lifecycle.Settings
	err      error // why some of it is unknown
}
