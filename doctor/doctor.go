// Package doctor judges what is wrong with the sockets of a host. Its rules are
// pure functions from an Observation to Findings. It reads nothing from the
// host and prints nothing: package collect fills an Observation, and package
// render shows the Findings.
//
//	o := doctor.Observe(settings, thresholds)
//	o.SetEarlier(earlier) // a first reading, if there is one
//	o.Survey.Defer()      // if the sockets come without their processes
//	for each socket { o.Survey.Add(socket) }
//	o.Attribute(...)      // the processes of the sockets that o.Wanted returns
//	o.Before, o.After, o.Interval = ...
//	findings := doctor.Examine(o, doctor.Rules())
//
// A rule has a text in rules.go and a judge function in a file judge_*.go. Its
// numbers are in thresholds_table.go. docs/doctor.md is generated from them.
//
// Findings contain strings from outside: the names of processes, which may hold
// any bytes. They appear unchanged in titles, so the code that shows a title
// must escape it. The commands of advice contain no such strings.
package doctor

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"tcpstate/lifecycle"
	"tcpstate/wording"
)

//go:generate go run tcpstate/internal/gendocs ../docs/doctor.md

// Rule is one problem that the doctor looks for.
type Rule struct {
	Code       string
	Severities []Severity // that its findings can have, in rising order
	Advice     []Step     // in order
	Topic      string     // of explain
	Sources    []string   // RFC, kernel file, man page
	Needs      Need       // what the observation must hold
	Settings   []string   // the settings that it must hold, with NeedSettings

	judge func(*Observation) []Finding
}

// Name returns what is wrong, in a few words.
func (r *Rule) Name() wording.Message { return wording.Say("doctor." + r.Code + ".name") }

// Meaning returns why it matters, in one sentence.
func (r *Rule) Meaning() wording.Message { return wording.Say("doctor." + r.Code + ".meaning") }

// Condition returns when the rule applies. The names of thresholds in it stand
// between backquotes.
func (r *Rule) Condition() wording.Message { return wording.Say("doctor." + r.Code + ".when") }

// Step is one step of advice before it is known which finding it is for. Words in
// braces in a command stand for what the finding is about; a step is left out where
// one of them is not known.
type Step struct {
	When    string // the key of the cause that it is for; "": any
	Say     string // the key of its sentence
	About   string // the place in the sentence; "": it has none
	Run     string // a command; "": none
	Setting string // the sysctl it changes: left out where the host has none of that name
	// AtLeast is the confidence that a finding must have: a step that takes
	// something from real clients is for a cause that is sure enough.
	AtLeast Confidence
	Since   string // the first kernel that has what it names; "": all
}

// Need is a set of the things that an observation must hold so that a rule can
// be judged.
type Need uint16

// The needs.
const (
	NeedCounters  Need = 1 << iota // one reading of the counters
	NeedRates                      // two readings
	NeedProcesses                  // the processes that hold the sockets
	NeedClocks                     // the clocks of tcp_info
	NeedLimits                     // the open descriptors of processes and their limits
	NeedSockStat
	NeedSettings
	NeedStates    // a source that lists the sockets in all states
	NeedConntrack // how many connections the firewall tracks
	NeedBaseline  // without a baseline the rule is left out, as the user gave none
)

// Rules returns the rules in the order of a connection's life.
func Rules() []Rule { return slices.Clone(rules) }

// Select returns the rules whose codes are in only, or all rules if only is
// empty, without those in skip. The error is an *UnknownRuleError.
func Select(only, skip []string) ([]Rule, error) {
	for _, code := range slices.Concat(only, skip) {
		if !slices.ContainsFunc(rules, func(r Rule) bool { return r.Code == code }) {
			return nil, &UnknownRuleError{Code: code}
		}
	}
	return slices.DeleteFunc(Rules(), func(r Rule) bool {
		return len(only) > 0 && !slices.Contains(only, r.Code) || slices.Contains(skip, r.Code)
	}), nil
}

// UnknownRuleError is the error for a code that is not the code of a rule.
type UnknownRuleError struct {
	Code string // as the user wrote it
}

func (e *UnknownRuleError) Error() string { return e.Message().String() }

// Message returns the sentence.
func (e *UnknownRuleError) Message() wording.Message {
	return wording.Say("doctor.error.rule", "code", e.Code)
}

// Spelling returns what was given, and the codes.
func (e *UnknownRuleError) Spelling() (string, []string) {
	var codes []string
	for _, r := range rules {
		codes = append(codes, r.Code)
	}
	return e.Code, codes
}

// Hint names the nearest rules and the list of all.
func (e *UnknownRuleError) Hint() wording.Message {
	code, codes := e.Spelling()
	return wording.Say("doctor.error.rule.hint", "codes", wording.Closest(code, codes, 3))
}

// Examine judges an observation by some of the rules and returns what it finds,
// the most severe first, then in the order of the rules, then the worst first of
// each. The same observation gives the same findings. What several findings
// would tell of one matter is told once: see folds.
func Examine(o *Observation, by []Rule) []Finding {
	var findings []Finding
	for i := range by {
		for _, f := range by[i].judge(o) {
			f.Code, f.Meaning, f.Topic = by[i].Code, by[i].Meaning(), cmp.Or(f.Topic, by[i].Topic)
			f.Advice, f.limits = by[i].advise(o, &f), &o.Thresholds
			if f.Confidence == 0 {
				f.Confidence = Measured
			}
			findings = append(findings, f)
		}
	}
	findings = fold(findings)
	relate(findings)
	o.compare(findings)
	slices.SortStableFunc(findings, func(a, b Finding) int { return cmp.Compare(b.Severity, a.Severity) })
	return causesFirst(findings)
}

// maxFindings is how many findings of one rule are reported. The others are
// only counted.
const maxFindings = 5

// cut keeps the worst findings of a rule, and adds to the last of them the
// number of the others.
func (o *Observation) cut(findings []Finding) []Finding {
	if o.wanted != nil {
		return findings
	}
	slices.SortStableFunc(findings, func(a, b Finding) int { return cmp.Compare(b.Severity, a.Severity) })
	findings = mergeAlike(findings)
	if more := len(findings) - maxFindings; more > 0 {
		findings = findings[:maxFindings]
		last := &findings[maxFindings-1]
		last.Title = wording.Say("doctor.and-more", "title", last.Title, "n", more)
		last.Evidence.Add("more", more)
	}
	return findings
}

// advise returns the steps that apply to a finding.
func (r *Rule) advise(o *Observation, f *Finding) []Advice {
	var advice []Advice
	for _, s := range r.Advice {
		if s.When != "" && s.When != f.variant || cmp.Or(f.Confidence, Measured) < s.AtLeast || !o.has(s) {
			continue
		}
		say := wording.Say(s.Say)
		if s.About != "" {
			known, ok := f.fill[s.About]
			if !ok {
				continue
			}
			say = wording.Say(s.Say, s.About, known)
		}
		if run, ok := substitute(s.Run, f.fill); ok {
			advice = append(advice, Advice{say, enter(run, o.Netns)})
		}
	}
	return advice
}

// has reports whether the host has the setting and the kernel that a step
// needs.
func (o *Observation) has(s Step) bool {
	return (s.Setting == "" || o.knows(s.Setting)) && (s.Since == "" || atLeast(o.Release, s.Since))
}

// knows reports whether the host has a setting and its value was read.
func (o *Observation) knows(name string) bool {
	setting, ok := lifecycle.SettingOf(name)
	if !ok {
		return false
	}
	_, known := setting.Text(&o.Settings)
	return known
}

// atLeast reports whether release is known and not older than least.
func atLeast(release, least string) bool {
	have, want := versionOf(release), versionOf(least)
	return have != [2]int{} && slices.Compare(have[:], want[:]) >= 0
}

func versionOf(release string) (v [2]int) {
	for i, part := range strings.SplitN(release, ".", 3) {
		if i == len(v) {
			break
		}
		if end := strings.IndexFunc(part, func(r rune) bool { return r < '0' || r > '9' }); end >= 0 {
			part = part[:end]
		}
		n, err := strconv.Atoi(part)
		if err != nil {
			return [2]int{}
		}
		v[i] = n
	}
	return v
}

var word = regexp.MustCompile(`\{[a-z_]+\}`)

// substitute replaces the words in braces with their values, and reports
// whether all values are known.
func substitute(text string, fill map[string]string) (string, bool) {
	ok := true
	text = word.ReplaceAllStringFunc(text, func(w string) string {
		value, known := fill[w[1:len(w)-1]]
		ok = ok && known
		return value
	})
	return text, ok
}

// exampleWords has values for the words in braces if there is no finding.
var exampleWords = map[string]string{
	"pid": "812", "pids": "812,813", "which": "pid = 812", "ls": "ls", "port": "443", "peer": "192.0.2.7:5432", "peer_address": "192.0.2.7", "peer_port": "5432",
	"state": "close-wait", "next_to": "192.0.2.7:5432", "local": "192.0.2.1", "reserved": "40001",
	"network": "192.0.2.0/24", "segment": "1220", "resends": "3", "size": "1472",
	"address": "192.0.2.1", "probes": "2", "idle": "24h", "somaxconn": "8192", "stopped": "812 813", "tracer": "4711", "waiting": "812", "setting": "net.ipv4.tcp_retries2", "value": "15", "limit": "65536", "first": "10240", "last": "60999",
}

// ExampleCommands returns every command that advice can contain, with example
// values.
func ExampleCommands() []string {
	var commands []string
	for _, r := range rules {
		for _, s := range r.Advice {
			if s.Run != "" {
				run, _ := substitute(s.Run, exampleWords)
				commands = append(commands, run)
			}
		}
	}
	return commands
}

// Unchecked is a rule that could not be judged, or only in part, and why.
type Unchecked struct {
	Code   string
	Reason wording.Message
	Lacks  []Lack // the parts of the reason
}

// Lack is one thing that an observation does not hold.
type Lack struct {
	Key      string   // of its sentence
	N        int      // of how many sockets it is not known; 0: that does not count
	Settings []string // the settings that are not known; nil: it is about no settings
}

// Message returns the sentence.
func (l *Lack) Message() wording.Message {
	switch {
	case l.N > 0:
		return wording.Say(l.Key, "n", l.N)
	case len(l.Settings) > 0:
		return wording.Say(l.Key, "name", l.Settings, "n", len(l.Settings))
	}
	return wording.Say(l.Key)
}

// Add adds what another Lack of the same key is about.
func (l *Lack) Add(other Lack) {
	l.N += other.N
	for _, name := range other.Settings {
		if !slices.Contains(l.Settings, name) {
			l.Settings = append(slices.Clip(l.Settings), name)
		}
	}
}

// Check returns the codes of the rules that were judged completely, and the
// rules that could not be judged, or only in part, with the reason. No rule is
// in both lists.
func Check(o *Observation, by []Rule) (checked []string, unchecked []Unchecked) {
	for i := range by {
		if by[i].Needs&NeedBaseline != 0 && o.baseline == nil {
			continue
		}
		if lacks := o.lacks(&by[i]); len(lacks) > 0 {
			all := lacks[0].Message()
			for j := range lacks[1:] {
				all = wording.Say("doctor.lacks.and", "first", all, "next", lacks[1+j].Message())
			}
			unchecked = append(unchecked, Unchecked{by[i].Code, all, lacks})
		} else {
			checked = append(checked, by[i].Code)
		}
	}
	return checked, unchecked
}

// lacks returns the needs of a rule that the observation does not hold.
func (o *Observation) lacks(r *Rule) []Lack {
	v, needs := o.Survey, r.Needs
	var lacks []Lack
	check := func(need Need, missing bool, lack Lack) {
		if needs&need != 0 && missing {
			lacks = append(lacks, lack)
		}
	}
	check(NeedCounters|NeedRates, len(o.After) == 0, Lack{Key: "doctor.lacks.counters"})
	check(NeedRates, len(o.After) > 0 && len(o.Before) == 0, Lack{Key: "doctor.lacks.rates"})
	check(NeedProcesses, v.unowned > 0, Lack{Key: "doctor.lacks.processes", N: v.unowned})
	check(NeedClocks, v.unaged > 0, Lack{Key: "doctor.lacks.clocks", N: v.unaged})
	check(NeedLimits, len(o.Limits) == 0 && !o.LimitsRead && v.holdsFiles(), Lack{Key: "doctor.lacks.limits"})
	check(NeedSockStat, len(o.SockStat) == 0, Lack{Key: "doctor.lacks.sockstat"})
	check(NeedStates, o.Unlisted != 0, Lack{Key: "doctor.lacks.states"})
	check(NeedConntrack, o.ConntrackUnread, Lack{Key: "doctor.lacks.conntrack"})
	check(NeedSettings, !o.knowsSettings(), Lack{Key: "doctor.lacks.settings"})
	for _, name := range r.Settings {
		// Some are only told in the first network namespace of a host.
		check(NeedSettings, o.knowsSettings() && !o.knows(name), Lack{Key: "doctor.lacks.setting", Settings: []string{name}})
	}
	return lacks
}
