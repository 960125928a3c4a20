package render

import (
	"cmp"
	"io"
	"slices"
	"time"

	"tcpstate/doctor"
	"tcpstate/tcp"
	"tcpstate/wording"
)

// Checkup is the result of the doctor for one network namespace.
type Checkup struct {
	Netns     string // "" means that of the process, if the user requested no other
	Label     string // of the namespace, for people; "": its name
	Findings  []doctor.Finding
	Checked   []string // codes of the rules that were judged
	Unchecked []doctor.Unchecked
	Sockets   int // the number of sockets examined
	Measures  doctor.Measures
	Gone      []string // titles of findings of the baseline that are no longer found
}

// Findings says how to write findings: as Table, JSON, NDJSON or Markdown.
type Findings struct {
	Format   Format
	Color    bool
	Width    int                // columns of the terminal; 0: 80
	Words    *wording.Catalogue // of what is not JSON; nil: English
	Quiet    bool               // a text says nothing where nothing was found
	Interval time.Duration      // between the two readings of the counters
	Baseline time.Time          // when the baseline was taken; zero: there is none
	Meta     Meta
}

// Write writes the findings of all checkups to w.
func (f *Findings) Write(w io.Writer, checkups []Checkup, warnings []string) error {
	out := &output{w: w}
	var err error
	switch f.Format {
	case JSON:
		err = f.appendJSON(out, checkups, warnings)
	case NDJSON:
		for _, found := range inOrder(checkups) {
			if err = appendLineOf(out, findingOf(found.finding, found.netns)); err != nil {
				return err
			}
		}
	case Markdown:
		if !f.silent(checkups) {
			out.buf = f.appendMarkdown(out.buf, checkups)
		}
	default:
		if !f.silent(checkups) {
			out.buf = f.appendText(out.buf, checkups)
		}
	}
	if err != nil {
		return err
	}
	return out.flush()
}

// silent reports whether a text says nothing at all.
func (f *Findings) silent(checkups []Checkup) bool {
	return f.Quiet && !slices.ContainsFunc(checkups, func(c Checkup) bool { return len(c.Findings) > 0 })
}

// findingsJSON is a document of findings; docs/json.md describes it.
type findingsJSON struct {
	headJSON
	IntervalMS int64           `json:"interval_ms"`
	Sockets    int             `json:"sockets_total"`
	Findings   []findingJSON   `json:"findings"`
	Checked    []string        `json:"checked"`
	Unchecked  []uncheckedJSON `json:"unchecked"`
	Measures   []measuresJSON  `json:"measures"`
	Baseline   *baselineJSON   `json:"baseline,omitempty"`
	tailJSON
}

// measuresJSON is what a later reading of a network namespace can be compared with.
type measuresJSON struct {
	Netns     label            `json:"netns,omitzero"`
	Total     int              `json:"total"`
	States    statesJSON       `json:"states"`
	ElapsedMS int64            `json:"elapsed_ms"`
	Rises     map[string]int64 `json:"rises"`
}

type baselineJSON struct {
	TakenAt time.Time `json:"taken_at"`
	Gone    []label   `json:"gone"`
}

type uncheckedJSON struct {
	Netns  label  `json:"netns,omitzero"`
	Code   string `json:"code"`
	Reason label  `json:"reason"`
}

type findingJSON struct {
	Code       string            `json:"code"`
	Severity   doctor.Severity   `json:"severity"`
	Title      label             `json:"title"`
	Netns      label             `json:"netns,omitzero"`
	Evidence   evidenceJSON      `json:"evidence"`
	Confidence doctor.Confidence `json:"confidence"`
	Inference  label             `json:"inference,omitzero"`
	Sockets    []findingSocket   `json:"sockets"`
	Listeners  []findingListener `json:"listeners"`
	Processes  []findingProcess  `json:"processes"`
	Meaning    string            `json:"meaning"`
	Advice     []label           `json:"advice"`
	Topic      string            `json:"topic"`
	Related    []string          `json:"related"`
	Steps      []findingStep     `json:"steps"`
	Thresholds map[string]string `json:"thresholds"`
	Baseline   doctor.Likeness   `json:"baseline,omitempty"`
}

// findingStep is a step of the advice, with its command apart.
type findingStep struct {
	Text    label `json:"text"`
	Command label `json:"command,omitzero"`
}

// findingSocket is a socket in the format of ls.
type findingSocket struct{ *tcp.Socket }

func (s findingSocket) MarshalJSON() ([]byte, error) { return appendSocket(nil, s.Socket), nil }

// evidenceJSON is evidence with escaped texts, because they may come from
// outside.
type evidenceJSON doctor.Evidence

func (e evidenceJSON) MarshalJSON() ([]byte, error) {
	escaped := make(doctor.Evidence, len(e))
	for i, fact := range e {
		if text, ok := fact.Value.(string); ok {
			fact.Value = label(text)
		}
		escaped[i] = fact
	}
	return escaped.MarshalJSON()
}

type findingListener struct {
	Address        label            `json:"address"`
	Port           uint16           `json:"port"`
	AcceptQueue    int64            `json:"accept_queue"`
	AcceptQueueMax *int64           `json:"accept_queue_max,omitempty"`
	SynRecv        int              `json:"syn_recv"`
	Connections    int              `json:"connections"`
	Processes      []findingProcess `json:"processes"`
	Dropped        *int64           `json:"dropped,omitempty"`
	DroppedTotal   *int64           `json:"dropped_since_opened,omitempty"`
}

type findingProcess struct {
	PID  int   `json:"pid"`
	Name label `json:"name"`
}

func findingProcesses(list []doctor.Process) []findingProcess {
	processes := make([]findingProcess, 0, len(list))
	for _, p := range list {
		processes = append(processes, findingProcess{p.PID, label(p.Name)})
	}
	return processes
}

func findingOf(f *doctor.Finding, netns string) findingJSON {
	j := findingJSON{
		Code: f.Code, Severity: f.Severity, Title: label(f.Title.String()), Netns: label(netns), Evidence: evidenceJSON(f.Evidence),
		Confidence: f.Confidence, Inference: label(f.Inference.String()), Sockets: []findingSocket{}, Listeners: []findingListener{},
		Processes: findingProcesses(f.Processes), Meaning: f.Meaning.String(), Advice: []label{}, Topic: f.Topic,
		Related: append([]string{}, f.Related...), Steps: []findingStep{}, Thresholds: map[string]string{},
		Baseline: f.Likeness,
	}
	for _, s := range f.Sockets {
		j.Sockets = append(j.Sockets, findingSocket{s})
	}
	for _, l := range f.Listeners {
		j.Listeners = append(j.Listeners, findingListenerOf(l))
	}
	for _, a := range f.Advice {
		j.Advice = append(j.Advice, label(a.String()))
		j.Steps = append(j.Steps, findingStep{label(a.Say.String()), label(a.Run)})
	}
	for _, t := range f.Thresholds() {
		j.Thresholds[t.Name] = t.Value
	}
	return j
}

func findingListenerOf(l *doctor.Listener) findingListener {
	j := findingListener{Address: label(l.Local.Addr().String()), Port: l.Local.Port(), AcceptQueue: l.AcceptQueue,
		SynRecv: l.SynRecv, Connections: l.Connections, Processes: findingProcesses(l.Processes)}
	if most, known := l.AcceptQueueMax.Get(); known {
		j.AcceptQueueMax = &most
	}
	if n, known := l.Dropped.Get(); known {
		j.Dropped = &n
	}
	if n, known := l.Drops.Get(); known {
		j.DroppedTotal = &n
	}
	return j
}

func (f *Findings) appendJSON(out *output, checkups []Checkup, warnings []string) error {
	document := findingsJSON{
		headJSON:   f.Meta.head("findings"),
		IntervalMS: f.Interval.Milliseconds(),
		Findings:   []findingJSON{}, Checked: []string{}, Unchecked: []uncheckedJSON{}, Measures: []measuresJSON{},
		tailJSON: tailOf(warnings),
	}
	if !f.Baseline.IsZero() {
		document.Baseline = &baselineJSON{f.Baseline.UTC(), []label{}}
	}
	for i := range checkups {
		c := &checkups[i]
		document.Sockets += c.Sockets
		m := measuresJSON{label(c.Netns), c.Measures.Counts.Total(), statesJSON{c.Measures.Counts, c.Measures.Unlisted}, c.Measures.Elapsed.Milliseconds(), c.Measures.Rises}
		if m.Rises == nil {
			m.Rises = map[string]int64{}
		}
		document.Measures = append(document.Measures, m)
		if document.Baseline != nil {
			for _, title := range c.Gone {
				document.Baseline.Gone = append(document.Baseline.Gone, label(title))
			}
		}
		if i == 0 {
			document.Checked = append(document.Checked, c.Checked...)
		}
		for _, u := range c.Unchecked {
			document.Unchecked = append(document.Unchecked, uncheckedJSON{label(c.Netns), u.Code, label(u.Reason.String())})
		}
	}
	for _, found := range inOrder(checkups) {
		document.Findings = append(document.Findings, findingOf(found.finding, found.netns))
	}
	return appendLineOf(out, document)
}

// found is a finding and the network namespace that it is of.
type found struct {
	finding *doctor.Finding
	netns   string
	label   string // for people
}

// shown returns how people see the network namespace.
func (c *Checkup) shown() string { return cmp.Or(c.Label, c.Netns) }

// inOrder returns the findings of all checkups, the most severe first.
func inOrder(checkups []Checkup) []found {
	var list []found
	for i := range checkups {
		for j := range checkups[i].Findings {
			list = append(list, found{&checkups[i].Findings[j], checkups[i].Netns, checkups[i].shown()})
		}
	}
	slices.SortStableFunc(list, func(a, b found) int { return cmp.Compare(b.finding.Severity, a.finding.Severity) })
	return list
}
