package doctor

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"tcpstate/tcp"
	"tcpstate/text"
	"tcpstate/wording"
)

// Baseline is what was measured and found in a good hour. Findings of an
// Observation with a Baseline are compared with it: what was so before is info.
type Baseline struct {
	TakenAt time.Time
	spaces  []*space
}

// space is the baseline of one network namespace.
type space struct {
	takenAt  time.Time
	netns    string
	judged   bool // findings are known, even if there are none
	counts   *tcp.Counts
	unlisted tcp.StateSet // states of which the baseline has no number
	elapsed  time.Duration
	rises    map[string]int64
	findings []earlierFinding
}

// earlierFinding is a finding of a baseline.
type earlierFinding struct {
	code, title string
	subject     string
	severity    Severity
	numbers     map[string]int64
}

// Measures is what an observation has measured that a later one can be compared
// with.
type Measures struct {
	Counts   tcp.Counts
	Unlisted tcp.StateSet     // states whose sockets the source does not list
	Elapsed  time.Duration    // between the two readings of the counters
	Rises    map[string]int64 // of the counters in baselineCounters
}

// baselineCounters are the counters that are compared with a baseline.
var baselineCounters = [...]string{
	"Tcp.ActiveOpens", "Tcp.PassiveOpens", "Tcp.AttemptFails", "Tcp.EstabResets", "Tcp.RetransSegs", "Tcp.OutRsts", "Tcp.InErrs",
	"TcpExt.ListenOverflows", "TcpExt.ListenDrops", "TcpExt.TCPTimeouts", "TcpExt.TCPSynRetrans", "TcpExt.SyncookiesSent",
	"TcpExt.TCPAbortOnClose", "TcpExt.TCPAbortOnData", "TcpExt.TCPAbortOnTimeout", "TcpExt.TCPTimeWaitOverflow",
	"TcpExt.PruneCalled", "TcpExt.TCPRcvQDrop", "TcpExt.TCPBacklogDrop",
}

// Measures returns what was measured.
func (o *Observation) Measures() Measures {
	m := Measures{Counts: o.Survey.Counts, Unlisted: o.Unlisted, Elapsed: o.Interval, Rises: make(map[string]int64)}
	for _, name := range baselineCounters {
		if n, known := o.rise(name); known {
			m.Rises[name] = n
		}
	}
	return m
}

// ReadBaseline reads a document of findings, of counts, or of the overview, as this
// program writes it as JSON.
func ReadBaseline(r io.Reader) (*Baseline, error) {
	var document struct {
		Schema   string
		Kind     string
		TakenAt  time.Time `json:"taken_at"`
		States   map[string]int
		Measures []struct {
			Netns     string
			States    map[string]int
			ElapsedMS int64 `json:"elapsed_ms"`
			Rises     map[string]int64
		}
		Findings []struct {
			Code, Title, Netns, Severity string
			Evidence                     map[string]any
			Listeners                    []struct {
				Address string
				Port    int
			}
			Processes []struct{ Name string }
		}
	}
	if err := json.NewDecoder(r).Decode(&document); err != nil {
		return nil, wording.Wrap(err, "doctor.error.baseline.json")
	}
	if document.Schema != "tcpstate/v1" || !slices.Contains([]string{"findings", "counts", "overview"}, document.Kind) {
		return nil, wording.Fail("doctor.error.baseline.kind", "kind", document.Kind).WithHint("doctor.error.baseline.hint")
	}
	b := &Baseline{TakenAt: document.TakenAt}
	for _, m := range document.Measures {
		s := b.in(m.Netns)
		s.elapsed, s.rises = time.Duration(m.ElapsedMS)*time.Millisecond, m.Rises
		var err error
		if s.counts, s.unlisted, err = countsOf(m.States); err != nil {
			return nil, err
		}
	}
	if document.States != nil {
		counts, unlisted, err := countsOf(document.States)
		if err != nil {
			return nil, err
		}
		b.in("").counts, b.in("").unlisted = counts, unlisted
	}
	for _, f := range document.Findings {
		severity, err := ParseSeverity(f.Severity)
		if err != nil {
			return nil, err
		}
		earlier := earlierFinding{code: f.Code, title: f.Title, severity: severity, numbers: map[string]int64{}}
		var parts []string
		for name, value := range f.Evidence {
			switch value := value.(type) {
			case float64:
				earlier.numbers[name] = int64(value)
			case string:
				if slices.Contains(identifying[:], name) {
					parts = append(parts, name+" "+value)
				}
			}
		}
		for _, l := range f.Listeners {
			parts = append(parts, fmt.Sprintf("listener %s %d", l.Address, l.Port))
		}
		for _, p := range f.Processes {
			parts = append(parts, "process "+p.Name)
		}
		earlier.subject = subjectOf(parts)
		s := b.in(f.Netns)
		s.findings = append(s.findings, earlier)
	}
	if document.Kind == "findings" && len(b.spaces) == 0 {
		b.in("")
	}
	for _, s := range b.spaces {
		s.judged = document.Kind != "counts"
	}
	return b, nil
}

// in returns the baseline of a network namespace, and adds it if it is new.
func (b *Baseline) in(netns string) *space {
	for _, s := range b.spaces {
		if s.netns == netns {
			return s
		}
	}
	s := &space{takenAt: b.TakenAt, netns: netns}
	b.spaces = append(b.spaces, s)
	return s
}

// countsOf returns the numbers of a document, and the states of which it has none.
func countsOf(states map[string]int) (counts *tcp.Counts, unlisted tcp.StateSet, err error) {
	counts, unlisted = new(tcp.Counts), tcp.All
	for name, n := range states {
		state, err := tcp.ParseState(name)
		if err != nil {
			return nil, 0, err
		}
		counts[state] = n
		unlisted &^= tcp.Set(state)
	}
	return counts, unlisted, nil
}

// SetBaseline gives an observation the part of a baseline that is of its network
// namespace. Where the baseline is of one namespace and only is set, it is that one,
// whatever its name.
func (o *Observation) SetBaseline(b *Baseline, only bool) {
	for _, s := range b.spaces {
		if s.netns == o.Netns || only && len(b.spaces) == 1 {
			o.baseline = s
		}
	}
}

// identifying are the facts that say what a finding is about.
var identifying = [...]string{"setting", "destination", "local"}

// subjectOf returns what a finding is about as one text, from its parts in any order.
// It has no PIDs, which change when a program is restarted.
func subjectOf(parts []string) string {
	slices.Sort(parts)
	return strings.Join(slices.Compact(parts), "\n")
}

func (f *Finding) subject() string {
	var parts []string
	for _, fact := range f.Evidence {
		if value, ok := fact.Value.(string); ok && slices.Contains(identifying[:], fact.Name) {
			parts = append(parts, fact.Name+" "+asInJSON(value))
		}
	}
	for _, l := range f.Listeners {
		parts = append(parts, fmt.Sprintf("listener %s %d", l.Local.Addr(), l.Local.Port()))
	}
	for _, p := range f.Processes {
		parts = append(parts, "process "+asInJSON(p.Name))
	}
	return subjectOf(parts)
}

// asInJSON returns a text from outside as a reader of the JSON gets it.
func asInJSON(s string) string {
	var read string
	if err := json.Unmarshal(text.AppendJSON(nil, s), &read); err != nil {
		return s
	}
	return read
}

// Likeness says how a finding compares with the baseline.
type Likeness string

// The likenesses. The zero Likeness is that there is no baseline.
const (
	Same  Likeness = "same"  // it was found in the baseline, and is no worse
	Worse Likeness = "worse" // it was found in the baseline, less severe or with smaller numbers
	New   Likeness = "new"   // it was not found in the baseline
)

// compare sets how findings compare with the baseline, and makes those info that are
// the same.
func (o *Observation) compare(findings []Finding) {
	if o.baseline == nil || !o.baseline.judged {
		return
	}
	for i := range findings {
		f := &findings[i]
		if f.Code == baselineRule {
			continue
		}
		before := o.baseline.find(f.Code, f.subject())
		switch {
		case before == nil:
			f.Likeness = New
		case f.Severity > before.severity || o.grown(f, before):
			f.Likeness = Worse
		default:
			f.Likeness = Same
			if f.Severity > Info {
				f.Evidence.Add("severity_without_baseline", f.Severity.String())
				f.Severity = Info
			}
		}
	}
}

func (s *space) find(code, subject string) *earlierFinding {
	for i := range s.findings {
		if s.findings[i].code == code && s.findings[i].subject == subject {
			return &s.findings[i]
		}
	}
	return nil
}

// grown reports whether a count or a size of a finding is much larger than before.
// Times only show how long it has lasted.
func (o *Observation) grown(f *Finding, before *earlierFinding) bool {
	factor := o.Thresholds.number(baselineFactor)
	for _, fact := range f.Evidence {
		now, ok := fact.Value.(int64)
		earlier, had := before.numbers[fact.Name]
		if ok && had && !strings.HasSuffix(fact.Name, "_ms") && now > earlier && now >= factor*max(earlier, 1) {
			return true
		}
	}
	return false
}

// Gone returns the titles of the findings of the baseline that are no longer found,
// of the rules that were judged.
func (o *Observation) Gone(findings []Finding, by []Rule) []string {
	if o.baseline == nil {
		return nil
	}
	var gone []string
	for i := range o.baseline.findings {
		before := &o.baseline.findings[i]
		judged := slices.ContainsFunc(by, func(r Rule) bool { return r.Code == before.code })
		if judged && before.code != baselineRule && !slices.ContainsFunc(findings, func(f Finding) bool {
			return f.Code == before.code && f.subject() == before.subject
		}) {
			gone = append(gone, before.title)
		}
	}
	return gone
}
