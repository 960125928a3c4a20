package explain

import (
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"tcpstate/tcp"
	"tcpstate/wording"
)

// Topic is the subject of one page: a state, a process between two ends, or a
// question that people ask.
type Topic struct {
	// Name is the canonical spelling: the name of a state, such as TIME_WAIT,
	// or words joined by '-', such as half-open.
	Name  string
	Kind  Kind
	State tcp.State // the zero State if Kind is not KindState

	// States are the states whose sockets the page counts on this host: the
	// state itself, or those that show the process. Empty: none.
	States tcp.StateSet
	// Counters are the kernel's counters for the topic, such as
	// TcpExt.ListenOverflows: the group and the name in /proc/net/netstat or
	// /proc/net/snmp, joined by a dot. The names in nstat(8) are the same
	// without the dot.
	Counters []string
}

// Kind is the kind of a page. It determines which headings the page has.
type Kind uint8

// The kinds of pages.
const (
	KindState    Kind = iota + 1 // one of the states
	KindProcess                  // a process between two ends, or on a host
	KindQuestion                 // a question that people ask
)

var kindNames = [...]string{"", "state", "process", "question"}

// String returns "state", "process" or "question".
func (k Kind) String() string { return kindNames[k] }

// MarshalText returns what String returns.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// File returns the name of the topic's page in a language's folder.
func (t Topic) File() string {
	return strings.ReplaceAll(strings.ToLower(t.Name), "_", "-") + ".md"
}

// listening are the counters of what happens to incoming connections.
var listening = []string{
	"TcpExt.ListenOverflows", "TcpExt.ListenDrops", "TcpExt.TCPReqQFullDoCookies", "TcpExt.TCPReqQFullDrop",
	"TcpExt.SyncookiesSent", "TcpExt.SyncookiesRecv", "TcpExt.SyncookiesFailed",
}

// topics are all topics in the order of the list.
var topics = []Topic{
	ofState(tcp.Listen, listening...),
	ofState(tcp.SynSent, "Tcp.ActiveOpens", "Tcp.AttemptFails"),
	ofState(tcp.SynRecv, listening...),
	ofState(tcp.Established, "TcpExt.TCPKeepAlive", "TcpExt.TCPAbortOnTimeout"),
	ofState(tcp.FinWait1, "TcpExt.TCPAbortOnTimeout", "TcpExt.TCPAbortOnMemory"),
	ofState(tcp.FinWait2, "TcpExt.TCPAbortOnMemory"),
	ofState(tcp.Closing, "TcpExt.TCPAbortOnTimeout"),
	ofState(tcp.TimeWait, "TcpExt.TCPTimeWaitOverflow", "TcpExt.TW", "TcpExt.TWRecycled"),
	ofState(tcp.CloseWait, "TcpExt.TCPAbortOnClose"),
	ofState(tcp.LastAck, "TcpExt.TCPAbortOnTimeout"),
	ofState(tcp.Close, "Tcp.EstabResets", "Tcp.OutRsts"),
	ofState(tcp.BoundInactive),

	process("handshake", tcp.Set(tcp.SynSent, tcp.SynRecv), "Tcp.ActiveOpens", "Tcp.PassiveOpens", "Tcp.AttemptFails"),
	process("teardown", tcp.Set(tcp.FinWait1, tcp.FinWait2, tcp.Closing, tcp.TimeWait, tcp.CloseWait, tcp.LastAck)),
	process("simultaneous-open", tcp.Set(tcp.SynSent, tcp.SynRecv)),
	process("simultaneous-close", tcp.Set(tcp.Closing)),
	process("half-close", tcp.Set(tcp.FinWait2, tcp.CloseWait)),
	process("half-open", tcp.Set(tcp.Established)),
	process("reset", 0, "Tcp.EstabResets", "Tcp.OutRsts", "TcpExt.TCPAbortOnData", "TcpExt.TCPAbortOnClose",
		"TcpExt.TCPAbortOnTimeout", "TcpExt.TCPAbortOnMemory"),
	process("timers", 0),
	process("linger", 0, "TcpExt.TCPAbortOnData", "TcpExt.TCPAbortOnClose"),
	process("zero-window", tcp.Set(tcp.Established), "TcpExt.TCPToZeroWindowAdv", "TcpExt.TCPWinProbe"),
	process("challenge-ack", 0, "TcpExt.TCPChallengeACK", "TcpExt.TCPSYNChallenge", "TcpExt.TCPACKSkippedChallenge"),
	process("keepalive", tcp.Set(tcp.Established), "TcpExt.TCPKeepAlive", "TcpExt.TCPAbortOnTimeout"),
	process("syn-flood", tcp.Set(tcp.SynRecv), listening...),
	process("syn-cookies", tcp.Set(tcp.SynRecv), listening...),
	process("backlog", tcp.Set(tcp.Listen, tcp.SynRecv), listening...),
	process("port-exhaustion", tcp.Set(tcp.Established, tcp.TimeWait)),
	process("address-in-use", tcp.Set(tcp.Listen, tcp.TimeWait, tcp.BoundInactive)),
	process("2msl", tcp.Set(tcp.TimeWait)),
	process("netstat-words", 0, "TcpExt.ListenOverflows", "TcpExt.ListenDrops", "Tcp.EstabResets", "Tcp.OutRsts",
		"Tcp.RetransSegs", "TcpExt.TCPAbortOnData", "TcpExt.TCPAbortOnClose"),
	process("protocols", tcp.Set(tcp.Listen)),

	question("why-three", 0),
	question("why-four", 0),
	question("why-not-two", 0),
	question("why-time-wait", tcp.Set(tcp.TimeWait)),
	question("client-died", tcp.Set(tcp.Established)),
}

func ofState(s tcp.State, counters ...string) Topic {
	return Topic{Name: s.String(), Kind: KindState, State: s, States: tcp.Set(s), Counters: counters}
}

func process(name string, states tcp.StateSet, counters ...string) Topic {
	return Topic{Name: name, Kind: KindProcess, States: states, Counters: counters}
}

func question(name string, states tcp.StateSet, counters ...string) Topic {
	return Topic{Name: name, Kind: KindQuestion, States: states, Counters: counters}
}

// Topics returns all topics: the states in the order of a connection's life,
// then the others.
func Topics() []Topic { return slices.Clone(topics) }

// TopicOf returns the topic of a state.
func TopicOf(s tcp.State) (Topic, bool) {
	i := slices.IndexFunc(topics, func(t Topic) bool { return t.Kind == KindState && t.State == s })
	if i < 0 {
		return Topic{}, false
	}
	return topics[i], true
}

// Find returns the topic with the given spelling: any spelling of a state that
// tcp.ParseState reads, or a name of another topic, in any case and with '-', '_',
// '.', a space or nothing between the words. A name is also that of a sysctl, an
// errno, a counter, a protocol or a common question: [otherNames] has them. The
// error is an *UnknownTopicError.
func Find(spelling string) (Topic, error) {
	word := fold(spelling)
	if s, err := tcp.ParseState(word); err == nil {
		t, _ := TopicOf(s)
		return t, nil
	}
	for _, group := range [...]string{"", "netipv4", "netcore", "tcpext", "mptcpext", "tcp"} { // of sysctls and counters
		if rest, ok := strings.CutPrefix(word, group); ok {
			if name, ok := otherNames[rest]; ok {
				word = fold(name)
				break
			}
		}
	}
	for _, t := range topics {
		if fold(t.Name) == word {
			return t, nil
		}
	}
	return Topic{}, &UnknownTopicError{Name: spelling}
}

// fold drops what the spellings of a topic may differ in.
func fold(name string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("-_ .?？、，“”", r) {
			return -1
		}
		return r
	}, strings.ToLower(name))
}

// UnknownTopicError is the error for a name that spells no topic.
type UnknownTopicError struct {
	Name string // as it was given
}

func (e *UnknownTopicError) Error() string { return e.Message().String() }

// Message returns the sentence.
func (e *UnknownTopicError) Message() wording.Message {
	return wording.Say("explain.error.topic", "name", e.Name)
}

// Spelling returns what was given and the names that can be given, without what
// their spellings may differ in.
func (e *UnknownTopicError) Spelling() (string, []string) {
	return fold(e.Name), slices.Sorted(maps.Keys(e.names()))
}

// Shown returns the name of the topic that is known by another one.
func (e *UnknownTopicError) Shown(known string) string { return e.names()[known] }

// names returns the topic of each name that can be given.
func (e *UnknownTopicError) names() map[string]string {
	names := map[string]string{}
	for _, t := range topics {
		names[fold(t.Name)] = t.Name
	}
	for other, name := range otherNames {
		if len(other) > 3 { // two letters are near to everything
			names[other] = name
		}
	}
	return names
}

// nearPrefix is how many letters a topic must begin with to be offered as the
// nearest to a name that is not known.
const nearPrefix = 3

// mostOffered is the maximum number of topics that a hint offers. A part of more
// names than that, such as "tcp", says too little.
const mostOffered = 6

// Hint offers the topics whose names contain what was given, or the first that
// begins as it does, and names the list.
func (e *UnknownTopicError) Hint() wording.Message {
	word, known := e.Spelling()
	if len(word) > 2 {
		var having []string
		for _, name := range known {
			if shown := e.Shown(name); strings.Contains(name, word) && !slices.Contains(having, shown) {
				having = append(having, shown)
			}
		}
		if len(having) > 0 && len(having) <= mostOffered {
			return wording.Say("explain.error.topic.containing", "names", having)
		}
	}
	// A shorter beginning is shared by chance.
	for n := utf8.RuneCountInString(word); n >= nearPrefix; n-- {
		begin := string([]rune(word)[:n])
		for _, t := range topics {
			if strings.HasPrefix(fold(t.Name), begin) {
				return wording.Say("explain.error.topic.nearest", "name", t.Name)
			}
		}
	}
	return wording.Say("explain.error.topic.hint")
}
