package doctor

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"tcpstate/tcp"
	"tcpstate/wording"
)

// baselineRule is the code of the rule that compares measures with a baseline.
const baselineRule = "unlike-baseline"

// change is a measure that differs from the baseline.
type change struct {
	text   wording.Message
	fact   string
	now    int64
	before int64
	factor float64 // how many times more it is, or less
	state  string  // of sockets, in the spelling of filters; "": it is a counter
}

// shownChanges is how many changes the title names.
const shownChanges = 3

// judgeBaseline compares how many sockets are in each state, and how fast counters
// rise, with the baseline.
func judgeBaseline(o *Observation) []Finding {
	if o.baseline == nil {
		return nil
	}
	changes := append(o.stateChanges(), o.rateChanges()...)
	if len(changes) == 0 {
		return nil
	}
	slices.SortStableFunc(changes, func(a, b change) int { return cmp.Compare(b.factor, a.factor) })
	f := Finding{Severity: Warning}
	var texts []wording.Message
	for i, c := range changes {
		if i < shownChanges {
			texts = append(texts, c.text)
		}
		f.Evidence.Add(c.fact, c.now)
		f.Evidence.Add(c.fact+"_in_baseline", c.before)
		if c.state != "" {
			f.withDefault("state", c.state)
			f.Topic = cmp.Or(f.Topic, strings.ToUpper(c.fact))
		}
	}
	f.Evidence.Add("baseline", o.baseline.takenAt.UTC().Format(time.RFC3339))
	if more := len(changes) - shownChanges; more > 0 {
		texts = append(texts, wording.Say("doctor.unlike-baseline.more", "n", more))
	}
	f.Title = wording.Say("doctor.unlike-baseline.title", "changes", texts)
	return []Finding{f}
}

func (f *Finding) withDefault(word, is string) {
	if _, known := f.fill[word]; !known {
		f.with(word, is)
	}
}

// stateChanges compares the numbers of sockets. A listener that is missing is always
// a change; in other states numbers rise and fall.
func (o *Observation) stateChanges() []change {
	if o.baseline.counts == nil {
		return nil
	}
	factor, least := o.Thresholds.number(baselineFactor), o.Thresholds.number(baselineSockets)
	var changes []change
	for s := range (tcp.All &^ (o.Unlisted | o.baseline.unlisted)).States() {
		now, before := int64(o.Survey.Counts.Of(s)), int64(o.baseline.counts.Of(s))
		switch {
		case now >= factor*before && now-before >= least:
		case before >= factor*now && before-now >= least && s == tcp.Established: // a fall of the others is good news, or a lull
		case s == tcp.Listen && now < before:
		default:
			continue
		}
		c := change{text: wording.Say("doctor.unlike-baseline.sockets", "state", s, "n", now, "before", before),
			fact: strings.ToLower(s.String()), now: now, before: before, state: strings.ToLower(strings.ReplaceAll(s.String(), "_", "-"))}
		c.factor = float64(max(now, before)) / float64(max(1, min(now, before)))
		changes = append(changes, c)
	}
	return changes
}

// rateChanges compares how fast counters rise.
func (o *Observation) rateChanges() []change {
	if o.baseline.elapsed <= 0 || o.Interval <= 0 {
		return nil
	}
	factor, least := o.Thresholds.number(baselineFactor), o.Thresholds.number(baselineRate)
	perSecond := func(n int64, in time.Duration) int64 { return int64(float64(n) / in.Seconds()) }
	var changes []change
	for _, name := range baselineCounters {
		rise, known := o.rise(name)
		earlier, had := o.baseline.rises[name]
		now, before := perSecond(rise, o.Interval), perSecond(earlier, o.baseline.elapsed)
		if !known || !had || now < factor*before || now-before < least {
			continue
		}
		_, short, _ := strings.Cut(name, ".")
		changes = append(changes, change{text: wording.Say("doctor.unlike-baseline.rate", "counter", short, "n", now, "before", before),
			fact: counterFact(name) + "_per_second", now: now, before: before, factor: float64(now) / float64(max(1, before))})
	}
	return changes
}
