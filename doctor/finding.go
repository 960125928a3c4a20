package doctor

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"tcpstate/tcp"
	"tcpstate/text"
)

// Finding is one problem, with its evidence and advice.
type Finding struct {
	Code     string
	Severity Severity
	// Title says what is wrong, with which process or peer, and for how long if
	// that is known. Names of processes in it may hold any bytes.
	Title    string
	Evidence Evidence
	Meaning  string // what the problem means, in one sentence; from the rule
	Advice   []Advice
	Topic    string // the topic of explain

	Sockets   []*tcp.Socket // examples, the worst first
	Listeners []*Listener
	Processes []Process

	Confidence Confidence
	Inference  string   // what was inferred, and from what; "" if nothing was
	Related    []string // codes of related findings, including those folded into this one

	variant string            // the cause, which selects the rule's steps
	fill    map[string]string // the values for the words in braces in the steps
}

// Advice is one step for the user. The program itself never takes it.
type Advice struct {
	Say string // a sentence without its full stop
	Run string // a command to paste; "" if there is none
}

// String returns the sentence, and the command after a colon.
func (a Advice) String() string {
	if a.Run == "" {
		return a.Say
	}
	return a.Say + ": " + a.Run
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
func (f *Finding) with(word, text string) {
	if f.fill == nil {
		f.fill = make(map[string]string)
	}
	f.fill[word] = text
}

// about sets a process as the subject of the finding.
func (f *Finding) about(p Process) {
	f.Processes = append(f.Processes, p)
	f.with("pid", strconv.Itoa(p.PID))
}

// at sets a listener as the subject of the finding.
func (f *Finding) at(l *Listener) {
	f.Listeners = append(f.Listeners, l)
	f.Processes = append(f.Processes, l.Processes...)
	f.with("port", strconv.Itoa(int(l.Local.Port())))
	if len(l.Processes) > 0 {
		f.with("pid", strconv.Itoa(l.Processes[0].PID))
	}
}

// String returns the process in the form of titles: nginx (pid 812).
func (p Process) String() string { return fmt.Sprintf("%s (pid %d)", p.Name, p.PID) }

// String returns the listener in the form of titles: 0.0.0.0:443 of nginx (pid
// 812).
func (l *Listener) String() string {
	if len(l.Processes) == 0 {
		return l.Local.String()
	}
	return fmt.Sprintf("%v of %v", l.Local, l.Processes[0])
}

// forAtLeast returns ", for at least 42s", or "" for less than a second.
func forAtLeast(d time.Duration) string {
	if d < time.Second {
		return ""
	}
	return ", for at least " + formatDuration(d.Truncate(time.Second))
}

// count returns "1 connection", "2,000 connections".
func count(n int64, one, many string) string {
	return text.Grouped(n) + " " + text.Plural(n, one, many)
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
	case "sysctl", "tcpdump", "nstat", "ip":
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
