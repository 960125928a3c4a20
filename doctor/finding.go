package doctor

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"tcpstate/tcp"
	"tcpstate/text"
	"tcpstate/wording"
)

// Finding is one problem, with its evidence and advice.
type Finding struct {
	Code     string
	Severity Severity
	// Title is what to read first: what is wrong, which program or peer it is about,
	// and since when if that is known. Names of processes in it may hold anything.
	Title    wording.Message
	Evidence Evidence
	Meaning  wording.Message // in one sentence; from the rule
	Advice   []Advice
	Topic    string // the topic of explain

	Sockets   []*tcp.Socket // examples, the worst first
	Listeners []*Listener
	Processes []Process

	Confidence Confidence
	Inference  wording.Message // what was concluded, and from what; no text where nothing was
	Related    []string        // codes of findings on the same matter; those folded into this one among them

	Likeness Likeness // to the baseline; "": there is none

	variant          string            // the key of the cause; it decides which of the rule's steps apply
	alike, alikeName string            // see resembles
	fill             map[string]string // what stands for the words in braces in them
	limits           *Thresholds       // by which it was judged
}

// Headline returns the title without the parts that only add to it: since when,
// and with which peer. It fits where the title would be cut before the cause.
func (f *Finding) Headline() wording.Message {
	return f.Title.Without("age", "silent", "peer", "dropping")
}

// Setting is a threshold and its value, in the format that Thresholds.Set reads.
type Setting struct{ Name, Value string }

// Thresholds returns the thresholds by which the finding was judged: those of its
// rule, and those of other rules that the condition of its rule names.
func (f *Finding) Thresholds() []Setting {
	i := slices.IndexFunc(rules, func(r Rule) bool { return r.Code == f.Code })
	if i < 0 || f.limits == nil {
		return nil
	}
	condition := rules[i].Condition().String()
	var settings []Setting
	for id := range thresholdTable {
		t := &thresholdTable[id]
		if t.Of(&rules[i]) || strings.Contains(condition, "`"+t.Name+"`") {
			settings = append(settings, Setting{t.Name, f.limits.Text(id)})
		}
	}
	return settings
}

// Advice is one step for the user. The program itself never takes it.
type Advice struct {
	Say wording.Message // a sentence, without its full stop
	Run string          // a command, ready to paste; "" where there is none
}

// String returns the sentence in English, and the command after a colon.
func (a Advice) String() string {
	if a.Run == "" {
		return a.Say.String()
	}
	return a.Say.String() + ": " + a.Run
}

// MarshalText returns what String returns.
func (a Advice) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// Evidence is the list of facts for a finding, in the order in which they are
// shown.
type Evidence []Fact

// Fact is one entry of Evidence. The name of a number ends with its unit: _ms,
// _bytes, _percent. Without a unit it is a count. Value is an int64, a string
// or a bool.
type Fact struct {
	Name  string
	Value any
}

// Add appends a fact. If there is already a fact with the name, Add does
// nothing.
func (e *Evidence) Add(name string, value any) {
	if slices.ContainsFunc(*e, func(f Fact) bool { return f.Name == name }) {
		return
	}
	switch v := value.(type) {
	case int:
		value = int64(v)
	case time.Duration:
		value = v.Milliseconds()
	}
	*e = append(*e, Fact{name, value})
}

// Get returns the value of a fact, or nil if there is no fact with the name.
func (e Evidence) Get(name string) any {
	for _, f := range e {
		if f.Name == name {
			return f.Value
		}
	}
	return nil
}

// MarshalJSON writes the facts as an object, in their order.
func (e Evidence) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, f := range e {
		if i > 0 {
			b.WriteByte(',')
		}
		name, err := json.Marshal(f.Name)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(f.Value)
		if err != nil {
			return nil, err
		}
		b.Write(name)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// counterFact turns the name of a counter into the name of a fact:
// TcpExt.TCPReqQFullDrop becomes tcp_req_q_full_drop. A run of capital letters
// is one word, except that its last letter begins the next word if a small
// letter follows.
func counterFact(counter string) string {
	_, name, _ := strings.Cut(counter, ".")
	letters := []rune(name)
	var b strings.Builder
	for i, r := range letters {
		next := i+1 < len(letters) && unicode.IsLower(letters[i+1])
		if i > 0 && unicode.IsUpper(r) && (unicode.IsLower(letters[i-1]) || next) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// with sets the value for a word in braces.
func (f *Finding) with(word, is string) {
	if f.fill == nil {
		f.fill = make(map[string]string)
	}
	f.fill[word] = is
}

// about sets a process as the subject of the finding.
func (f *Finding) about(p Process) {
	f.aboutAll([]Process{p})
}

// aboutAll sets processes as the subject of the finding.
func (f *Finding) aboutAll(list []Process) {
	f.Processes = append(f.Processes, list...)
	if len(list) == 0 {
		return
	}
	f.with("pid", strconv.Itoa(list[0].PID))
	f.with("pids", strings.Join(pidsOf(list[:min(len(list), maxPIDs)]), ","))
}

// maxPIDs is how many processes a command of the advice names.
const maxPIDs = 32

func pidsOf(list []Process) []string {
	var pids []string
	for _, p := range list {
		pids = append(pids, strconv.Itoa(p.PID))
	}
	return pids
}

// at sets a listener as the subject of the finding, with all its processes.
func (f *Finding) at(l *Listener) { f.atOf(l, l.Processes) }

// atOf sets a listener as the subject of the finding, with some of its
// processes.
func (f *Finding) atOf(l *Listener, list []Process) {
	f.Listeners = append(f.Listeners, l)
	f.with("port", strconv.Itoa(int(l.Local.Port())))
	f.aboutAll(list)
}

// Message returns the process as titles name it: nginx (pid 812).
func (p Process) Message() wording.Message {
	return wording.Say("doctor.process", "name", p.Name, "pid", p.PID)
}

// String returns the message in English.
func (p Process) String() string { return p.Message().String() }

// pidsInTitle is how many processes a title names.
const pidsInTitle = 3

// nameProcesses returns processes as titles name them: nginx (pids 812 and 813),
// or nginx (pid 812) and 2 other processes where their names differ.
func nameProcesses(list []Process) wording.Message {
	if len(list) == 1 {
		return list[0].Message()
	}
	if slices.ContainsFunc(list, func(p Process) bool { return p.Name != list[0].Name }) {
		return wording.Say("doctor.processes.mixed", "process", list[0], "n", len(list)-1)
	}
	if len(list) > pidsInTitle {
		return wording.Say("doctor.processes.more", "name", list[0].Name, "pids", pidsOf(list[:pidsInTitle]), "n", len(list)-pidsInTitle)
	}
	return wording.Say("doctor.processes", "name", list[0].Name, "pids", pidsOf(list))
}

// Message returns the listener as titles name it: 0.0.0.0:443 of nginx (pid 812).
func (l *Listener) Message() wording.Message { return l.of(l.Processes) }

// of is Message with some of the listener's processes.
func (l *Listener) of(list []Process) wording.Message {
	if len(list) == 0 && l.Kernel {
		return wording.Say("doctor.listener.kernel", "address", l.Local)
	}
	if len(list) == 0 {
		return wording.Say("doctor.listener.unowned", "address", l.Local)
	}
	return wording.Say("doctor.listener", "address", l.Local, "process", nameProcesses(list))
}

// String returns the message in English.
func (l *Listener) String() string { return l.Message().String() }

// forAtLeast returns ", for at least 42s", or no text for less than a second.
func forAtLeast(d time.Duration) wording.Message {
	if d < time.Second {
		return wording.Message{}
	}
	return wording.Say("doctor.for", "time", inTwoUnits(d))
}

// inTwoUnits returns a time of a second or more as people say it: 3m8s, 2h, 1d2h.
func inTwoUnits(d time.Duration) string {
	const day = 24 * time.Hour
	if d < day {
		return formatDuration(d.Truncate(time.Second))
	}
	return strings.Replace(string(text.AppendDuration(nil, uint64(d))), "d0h", "d", 1)
}

// enter returns a command of the advice in a form that works from outside the
// network namespace of the finding. netns is its name in /run/netns, or the
// path of a file that refers to it. "" means the namespace of the reader.
func enter(command, netns string) string {
	if netns == "" {
		return command
	}
	program, rest, _ := strings.Cut(command, " ")
	switch program {
	case "tcpstate":
		verb, rest, _ := strings.Cut(rest, " ")
		return "tcpstate " + verb + " -N " + quoteWord(netns) + " " + rest
	case "sysctl", "tcpdump", "nstat", "ip", "nft":
		file := netns
		if !strings.Contains(netns, "/") {
			file = "/run/netns/" + netns
		}
		return "nsenter --net=" + quoteWord(file) + " " + command
	}
	return command // processes and files are the same in every network namespace
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9_./:@-]+$`)

// quoteWord quotes a word for the shell, if necessary.
func quoteWord(word string) string {
	if plainWord.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
