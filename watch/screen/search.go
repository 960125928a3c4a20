package screen

import (
	"context"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"tcpstate/render"
	"tcpstate/tcp"
	"tcpstate/text"
	"tcpstate/watch"
)

// search asks the reader for the next item whose cells contain a text. The model
// cannot find it: it has only the items around those on the screen.
type search struct {
	serial  int    // of the search; 0: there was none
	text    string // in lower case
	columns string // of sockets, joined by commas
	from    watch.ID
	name    string // of the group to start from
	back    bool   // search upwards
	here    bool   // the item to start from may be the result
}

// found is the result of a search.
type found struct {
	serial  int
	at      int  // the index of the item; -1: no item has the text
	wrapped bool // the search went on at the other end of the list
}

// answerSearch finds the item that the request searches, and shows the items around
// it.
func (r *reader) answerSearch(ctx context.Context) {
	want := r.serving.search
	if want.serial == r.found.serial {
		return
	}
	r.found = found{serial: want.serial, at: -1}
	switch {
	case want.text == "":
	case r.serving.group != ungrouped:
		r.searchGroups(want)
	default:
		r.searchSockets(ctx, want)
	}
	if at, n := r.found.at, r.serving.height; at >= 0 && (at < r.serving.top || at >= r.serving.top+n) {
		r.serving.top = max(0, at-n/2)
	}
}

// searchGroups sorts all groups or listeners, and then goes through them.
func (r *reader) searchGroups(want search) {
	compare := compareGroups(r.serving.sort)
	if r.serving.group == theListeners {
		compare = compareListeners(r.serving.sort)
	}
	sortPart(r.items, 0, len(r.items), compare)
	n := len(r.items)
	start := slices.IndexFunc(r.items, func(it item) bool { return it.id == want.from && r.nameOf(&it) == want.name })
	step := 1
	if want.back {
		step = -1
	}
	for i := range n {
		at := start + step*i
		if !want.here {
			at += step
		}
		wrapped := at < 0 || at >= n
		if at = (at%n + n) % n; strings.Contains(strings.ToLower(r.shown(&r.items[at])), want.text) {
			r.found.at, r.found.wrapped = at, wrapped && start >= 0
			return
		}
	}
}

// nameOf returns the name of a group, "" for a listener.
func (r *reader) nameOf(it *item) string {
	if it.socket != nil {
		return ""
	}
	return r.serving.group.label(it.key)
}

// shown returns the cells of a group or a listener in which a search looks.
func (r *reader) shown(it *item) string {
	if it.socket == nil {
		return text.Escape(r.nameOf(it))
	}
	columns, err := render.ParseColumns("netns,local,process")
	if err != nil {
		panic(err) // the names are constants, so this is a bug
	}
	return string(appendCells(nil, columns, it.socket))
}

// searchSockets finds the nearest socket after the one to start from, in the order
// of the list, without sorting the list. If there is none, it takes the one that is
// nearest to the other end.
func (r *reader) searchSockets(ctx context.Context, want search) {
	columns, err := render.ParseColumns(want.columns)
	if err != nil {
		panic(err) // the model has checked the names
	}
	var origin *sortKey
	for i := range r.sortKeys {
		if r.sortKeys[i].id == want.from {
			origin = &r.sortKeys[i]
			break
		}
	}
	before := func(a, b *sortKey) bool { // a comes first in the direction of the search
		if want.back {
			a, b = b, a
		}
		return compareSortKeys(*a, *b) < 0
	}
	var s tcp.Socket
	var cell []byte
	var ahead, behind *sortKey
	for i := range r.sortKeys {
		if i%4096 == 0 && ctx.Err() != nil {
			return
		}
		key := &r.sortKeys[i]
		isAhead := origin == nil || before(origin, key) || want.here && key == origin
		switch {
		case isAhead && ahead != nil && !before(key, ahead), !isAhead && (ahead != nil || behind != nil && !before(key, behind)):
			continue // it would not be nearer
		}
		r.session.Fill(key.row, &s)
		if cell = appendCells(cell[:0], columns, &s); !strings.Contains(strings.ToLower(string(cell)), want.text) {
			continue
		}
		if isAhead {
			ahead = key
		} else {
			behind = key
		}
	}
	result := ahead
	if result == nil {
		if result = behind; result == nil {
			return
		}
		r.found.wrapped = true
	}
	r.found.at = 0
	for i := range r.sortKeys {
		if compareSortKeys(r.sortKeys[i], *result) < 0 {
			r.found.at++
		}
	}
}

// appendCells appends the cells of a socket, with a line end between two cells, so
// that no text is found that begins in one cell and ends in the next.
func appendCells(b []byte, columns []*render.Column, s *tcp.Socket) []byte {
	for _, c := range columns {
		b = append(c.AppendCell(b, s), '\n')
	}
	return b
}

// beginSearch opens the line where the user types what to search for.
func (m *model) beginSearch() tea.Cmd {
	m.input = &input{search: &search{from: m.at, name: m.atName}, line: m.cursor}
	return nil
}

// searchAs searches from the row where the cursor was, for what has been typed.
func (m *model) searchAs(typed string, from search) {
	m.lookFor = typed
	from.here = true
	m.startSearch(from)
}

// startSearch requests the next item that has the text.
func (m *model) startSearch(s search) {
	s.serial, s.text, s.columns = m.want.search.serial+1, strings.ToLower(m.lookFor), ""
	if m.frame != nil && m.want.group == ungrouped {
		s.columns = strings.Join(m.columnNames(), ",")
	}
	if m.want.group == ungrouped && s.columns == "" {
		return // there is no frame yet
	}
	m.want.search = s
}

// searchNext returns the action that goes to the next row with the text, or to the
// one before.
func searchNext(back bool) func(*model) tea.Cmd {
	return func(m *model) tea.Cmd {
		if m.lookFor == "" {
			m.note = m.say("screen.done.no-search")
			return nil
		}
		m.startSearch(search{from: m.at, name: m.atName, back: back})
		return nil
	}
}

// endSearch forgets the text.
func (m *model) endSearch() tea.Cmd {
	m.lookFor = ""
	return nil
}

// takeFound moves the cursor to the item that was found.
func (m *model) takeFound(f found) {
	if f.serial == 0 || f.serial != m.want.search.serial || f.serial == m.lastFound {
		return
	}
	m.lastFound = f.serial
	switch {
	case m.lookFor == "":
	case f.at < 0:
		m.note = m.say("screen.done.not-found", "text", m.lookFor)
	default:
		if m.moveTo(f.at); f.wrapped {
			m.note = m.say("screen.done.wrapped")
		}
	}
}

// putCell draws a cell, and marks the text of the search in it. plain is the style
// of the cell.
func (m *model) putCell(l *line, plain text.Style, cell string) {
	marked := text.Reverse
	if plain == text.Reverse {
		marked = text.Bold // on the row of the cursor, which is in reverse
	}
	rest := cell
	for m.lookFor != "" && len(strings.ToLower(rest)) == len(rest) {
		i := strings.Index(strings.ToLower(rest), strings.ToLower(m.lookFor))
		if i < 0 {
			break
		}
		end := i + len(m.lookFor)
		l.put(plain, rest[:i]).put(marked, rest[i:end])
		rest = rest[end:]
	}
	l.put(plain, rest)
}
