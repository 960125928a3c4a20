package screen

import (
	"context"
	"sync"
	"time"

	"tcpstate/collect"
	"tcpstate/tcp"
	"tcpstate/watch"
)

// reader owns a session, and makes frames of its sockets. Only the goroutine of
// run may use it, except for ask.
type reader struct {
	session    *watch.Session
	names      *collect.Naming
	baseDetail tcp.Detail // the details that the caller of Run wants

	owners *watch.Found // the result of a search for processes, not taken yet

	mu         sync.Mutex
	wanted     request
	newRequest chan struct{} // has room for one signal: there is a new request

	serving      request // the request that the reader answers now
	tick         *watch.Tick
	err          error
	readAt       time.Time // the time of the last reading, and of the one before
	previousAt   time.Time
	firstReading bool
	readFilter   int // request.filtered of the last reading
	history      []sample
	histories    map[string][]sample // of the filters before, by their text
	counted      string              // the text of the filter to which history belongs
	listeners    *collect.Listeners
	drops        map[socketID]uint32 // of the listeners, at the time dropsAt
	dropsBefore  map[socketID]uint32 // in the reading of drops before
	dropsAt      time.Time
	listedAt     time.Time // the time of the reading to which listeners belong

	sortKeys     []sortKey // one for each listed socket
	groups, last tally     // of this reading, and of the one before
	items        []item    // the groups of the list
	gone         int       // how many listed sockets or groups no longer exist
	focus        focusTally
	focusShown   *focusSummary
	detail       *socketDetail
	found        found // of the last search
}

func newReader(s *Screen) *reader {
	if s.Session.Background == nil { // the first frame does not wait for the processes
		s.Session.Background = func(search func()) { go search() }
	}
	return &reader{session: s.Session, names: s.Names, baseDetail: s.Session.Query.Detail &^ tcp.DetailProcesses, newRequest: make(chan struct{}, 1),
		wanted: firstRequest(s)}
}

func firstRequest(s *Screen) request {
	return request{serial: 1, interval: s.Interval, filter: s.Session.Query.Filter, focus: s.Focus, group: s.firstGroup(), sort: s.order(), height: 24,
		needs: needsOf(s.columns())}
}

// ask passes a request to the reader. It does not wait for the answer.
func (r *reader) ask(want request) {
	r.mu.Lock()
	if want.serial > r.wanted.serial {
		r.wanted = want
	}
	r.mu.Unlock()
	select {
	case r.newRequest <- struct{}{}:
	default:
	}
}

func (r *reader) latest() request {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.wanted
}

// run reads the sockets at each interval until ctx ends. It shows a frame for
// each reading, and for each request between two readings. After a reading that
// takes longer than the interval, the next one starts at once.
func (r *reader) run(ctx context.Context, show func(*frame)) {
	for {
		r.debounce(ctx)
		f := r.next(ctx)
		if ctx.Err() != nil {
			return
		}
		show(f)
		r.wait(ctx)
	}
}

// debounceTime is how long the reader waits for another key.
const debounceTime = 250 * time.Millisecond

// debounce waits for the user's next key before a reading that searches for the
// processes of all sockets. That may take seconds, and a user who presses g
// again does not want it.
func (r *reader) debounce(ctx context.Context) {
	for r.tick != nil && r.detailOf(r.latest())&^r.detailOf(r.serving)&tcp.DetailProcesses != 0 {
		select {
		case <-ctx.Done():
			return
		case <-time.After(debounceTime):
			return
		case <-r.newRequest:
		}
	}
}

// next answers the latest request with a frame. It reads the sockets if a
// reading is due or if the request needs one.
func (r *reader) next(ctx context.Context) *frame {
	want := r.latest()
	due := r.readAt.Add(want.interval)
	refresh := r.tick == nil || !want.paused && !r.session.Now().Before(due) || r.needsRefresh(want)
	stale := refresh || r.needsSelection(want) || r.owners != nil
	r.serving = want
	r.takeOwners()
	if refresh {
		r.refresh(ctx)
	}
	if stale {
		r.selectItems(ctx)
	}
	r.answerSearch(ctx)
	if refresh || r.detail == nil || r.detail.id != want.detail {
		r.readDetail(ctx)
	}
	return r.frame(ctx)
}

// wait waits for the time of the next reading, or for a request.
func (r *reader) wait(ctx context.Context) {
	var due <-chan time.Time
	if !r.serving.paused {
		timer := time.NewTimer(r.readAt.Add(r.serving.interval).Sub(r.session.Now()))
		defer timer.Stop()
		due = timer.C
	}
	select {
	case <-ctx.Done():
	case <-due:
	case f := <-r.session.Found():
		r.owners = &f
	case <-r.newRequest:
	}
}

// searchTime is how long a frame waits for the processes of new sockets, so that
// those of a few sockets do not come a moment after each frame. The first frame
// does not wait.
const searchTime = 100 * time.Millisecond

func (r *reader) awaitOwners(ctx context.Context) {
	if !r.session.Searches() {
		return
	}
	select {
	case f := <-r.session.Found():
		r.owners = &f
		r.takeOwners()
	case <-time.After(searchTime):
	case <-ctx.Done():
	}
}

// takeOwners keeps the processes that a search has found.
func (r *reader) takeOwners() {
	if r.owners == nil {
		return
	}
	f := *r.owners
	r.owners = nil
	if err := r.session.Take(f); err != nil && r.err == nil {
		r.err = err
	}
}

// needsRefresh reports whether a request needs data that the last reading does
// not have.
func (r *reader) needsRefresh(want request) bool {
	return want.filtered != r.serving.filtered || r.detailOf(want) != r.detailOf(r.serving)
}

// needsSelection reports whether a request needs other items, or another order.
func (r *reader) needsSelection(want request) bool {
	return want.focus != r.serving.focus || want.group != r.serving.group || want.sort != r.serving.sort
}

// detailOf returns the details that a request needs of every socket. The ages
// of ESTABLISHED, CLOSE_WAIT and held FIN_WAIT2 cost the kernel most of the time of a
// reading, so they are requested only if the screen shows them.
func (r *reader) detailOf(want request) tcp.Detail {
	detail := r.baseDetail | want.needs
	if want.group == byOwner || want.group == theListeners || want.sort.by == byProcess {
		detail |= tcp.DetailProcesses
	}
	if want.sort.by == byAge || want.sort.by == byIdle || tcp.Set(tcp.Established, tcp.CloseWait, tcp.FinWait2).Has(want.focus) {
		detail |= tcp.DetailAge
	}
	return detail
}

// refresh reads the sockets.
func (r *reader) refresh(ctx context.Context) {
	r.session.Query.Filter = r.serving.filter
	r.session.Query.Detail = r.detailOf(r.serving)
	if r.firstReading = r.tick == nil || r.readFilter != r.serving.filtered; r.firstReading {
		r.changeHistory()
	}
	r.readFilter = r.serving.filtered
	r.groups, r.last = r.last, r.groups
	r.previousAt, r.readAt = r.readAt, r.session.Now()
	tick, err := r.session.Tick(ctx)
	r.err = err
	if tick == nil {
		return
	}
	if !tick.First {
		r.awaitOwners(ctx)
	}
	r.tick = tick
	if err == nil {
		r.history = appendSample(r.history, sample{tick.At, tick.Counts})
	}
}

// changeHistory keeps the history of the filter before, and continues that of the
// present filter if it was used a short time ago.
func (r *reader) changeHistory() {
	if r.histories == nil {
		r.histories = make(map[string][]sample)
	}
	if len(r.history) > 0 {
		r.histories[r.counted] = r.history
	}
	for filter, history := range r.histories {
		if r.session.Now().Sub(history[len(history)-1].at) > historyLength {
			delete(r.histories, filter)
		}
	}
	r.counted = ""
	if r.serving.filter != nil {
		r.counted = r.serving.filter.String()
	}
	r.history = r.histories[r.counted]
}

// findListeners finds the current listeners. It stores an error as one of the
// reading.
func (r *reader) findListeners(ctx context.Context) {
	q := r.session.Query
	q.Source, q.Everything = r.session.Source(), false
	var err error
	r.listeners, err = collect.FindListeners(ctx, q)
	r.listedAt = r.readAt
	if r.err == nil {
		r.err = err
	}
}
