package lifecycle

import (
	"slices"
	"strings"

	"tcpstate/tcp"
)

// NoSocket means that there is no socket: before the first state and after the
// last. RFC 9293 calls it CLOSED. CLOSE in Linux is a different thing: a socket
// that a program still holds.
const NoSocket tcp.State = 0

// Transition is one step from a state to another, or back to the same state.
type Transition struct {
	From     tcp.State
	FromForm Form // the form of the socket in From; AnyForm: any form
	Event    Event
	Sent     Control // the segment sent at once, 0 for none
	To       tcp.State
	ToForm   Form // the form of the socket in To; AnyForm: the same as before

	// Spawns means that the socket in From does not change, and that the one in
	// To is a new socket: a connection of a listener.
	Spawns bool

	Role     Role
	Standing Standing
	RFC      string // the section of the standard, such as "RFC 9293 3.10.7.4"
	Linux    string // what Linux does differently, or how it does it; a sentence, or ""
	Source   string // the function of Linux, such as "net/ipv4/tcp_input.c: tcp_fin"
}

// Key identifies the transition, such as
// "FIN_WAIT2.small/receive-fin/TIME_WAIT.small". It does not depend on the
// language.
func (t *Transition) Key() string {
	return nodeKey(t.From, t.FromForm) + "/" + t.Event.ID() + "/" + nodeKey(t.To, t.ToForm)
}

func nodeKey(s tcp.State, f Form) string {
	switch {
	case s == NoSocket:
		return "NONE"
	case f == AnyForm:
		return s.String()
	}
	return s.String() + "." + f.String()
}

// Entered returns the transitions into s from other states, in the order of
// Transitions.
func Entered(s tcp.State) []Transition {
	return selected(func(t *Transition) bool { return t.To == s && t.From != s })
}

// Left returns the transitions out of s into other states, in the order of
// Transitions.
func Left(s tcp.State) []Transition {
	return selected(func(t *Transition) bool { return t.From == s && t.To != s })
}

// Within returns the transitions that stay in s: the events that do not change
// the state of the socket.
func Within(s tcp.State) []Transition {
	return selected(func(t *Transition) bool { return t.From == s && t.To == s })
}

func selected(keep func(*Transition) bool) []Transition {
	var list []Transition
	for i := range transitions {
		if keep(&transitions[i]) {
			list = append(list, transitions[i])
		}
	}
	return list
}

// Transitions returns all transitions of RFC 9293 figure 5 and of Linux, in the
// order of a connection's life.
func Transitions() []Transition { return slices.Clone(transitions) }

// Form is the kind of object that the kernel uses for a socket.
type Form uint8

// The forms.
const (
	AnyForm Form = iota
	Held         // a full socket that a program holds, or that waits to be accepted
	Orphan       // a full socket that its program has closed
	Request      // a request socket of a listener: SYN_RECV
	Small        // a time-wait socket, which the kernel keeps after a close: TIME_WAIT, orphaned FIN_WAIT2
)

var formNames = [...]string{"any", "held", "orphan", "request", "small"}

// String returns any, held, orphan, request or small.
func (f Form) String() string { return formNames[f] }

// Role says which end of a connection makes a transition.
type Role uint8

// The roles. The active opener sends the first SYN. The active closer sends the
// first FIN.
const (
	EitherEnd     Role = iota
	ActiveOpener       // the client
	PassiveOpener      // the server
	ActiveCloser
	PassiveCloser
)

var roleNames = [...]string{"either", "active opener", "passive opener", "active closer", "passive closer"}

// String returns either, active opener, passive opener, active closer or passive
// closer.
func (r Role) String() string { return roleNames[r] }

// Standing says whether a transition is part of the standard, of Linux, or of
// both.
type Standing uint8

// The standings.
const (
	InBoth    Standing = iota // the standard and Linux
	LinuxOnly                 // only Linux: the standard does not have it and does not forbid it
	RFCOnly                   // only the standard: Linux does not have it
)

var standingNames = [...]string{"both", "linux", "rfc"}

// String returns both, linux or rfc.
func (s Standing) String() string { return standingNames[s] }

// Control is a set of the control bits of a segment (RFC 9293 section 3.1).
type Control uint8

// The control bits that transitions send, as on the wire.
const (
	FIN Control = 1 << 0
	SYN Control = 1 << 1
	RST Control = 1 << 2
	ACK Control = 1 << 4
)

// String returns the names of the bits, such as "SYN,ACK"; "" for none.
func (c Control) String() string {
	var names []string
	for _, bit := range [...]struct {
		Control
		name string
	}{{SYN, "SYN"}, {FIN, "FIN"}, {RST, "RST"}, {ACK, "ACK"}} {
		if c&bit.Control != 0 {
			names = append(names, bit.name)
		}
	}
	return strings.Join(names, ",")
}

// EventKind says where an event comes from.
type EventKind uint8

// The kinds of events.
const (
	ByCall    EventKind = iota // a system call of the local program
	BySegment                  // a segment of the peer, or an ICMP error
	ByTimer                    // a timer of the socket
	ByKernel                   // a limit of the host, or a command of its administrator
)

var eventKindNames = [...]string{"call", "segment", "timer", "kernel"}

// String returns call, segment, timer or kernel.
func (k EventKind) String() string { return eventKindNames[k] }

// Event is what causes a transition.
type Event uint8

// The events.
const (
	EventSocket Event = iota
	EventBind
	EventListen
	EventConnect
	EventReuse
	EventSend
	EventShutdown
	EventClose
	EventCloseUnread
	EventCloseLinger2
	EventAbort
	EventDisconnect
	EventShutdownListener
	EventCloseListener

	EventReceiveSYN
	EventReceiveFastOpen
	EventReceiveCookie
	EventReceiveSYNACK
	EventReceiveACK
	EventReceiveACKOverflow
	EventReceiveBadSYN
	EventReceiveFIN
	EventReceiveACKOfFIN
	EventReceiveFINACK
	EventReceiveFINAgain
	EventReceiveLate
	EventReceiveRST
	EventReceiveNewSYN
	EventReceiveOldSYN
	EventReceiveStray
	EventICMPError

	EventSYNGivenUp
	EventSYNACKGivenUp
	EventListenerGone
	EventDataGivenUp
	EventProbesGivenUp
	EventKeepaliveGivenUp
	EventFinWait2Shrink
	EventFinWait2End
	EventTimeWaitEnd

	EventBucketsFull
	EventNoResources
	EventDestroy
)

// NumEvents is the number of events. They are numbered from 0.
const NumEvents = int(EventDestroy) + 1

var events = [NumEvents]struct {
	kind     EventKind
	id, text string
}{
	EventSocket:           {ByCall, "socket", "socket()"},
	EventBind:             {ByCall, "bind", "bind()"},
	EventListen:           {ByCall, "listen", "listen()"},
	EventConnect:          {ByCall, "connect", "connect()"},
	EventReuse:            {ByCall, "reuse", "connect() with tcp_tw_reuse takes its place"},
	EventSend:             {ByCall, "send", "send()"},
	EventShutdown:         {ByCall, "shutdown", "shutdown(SHUT_WR)"},
	EventClose:            {ByCall, "close", "close()"},
	EventCloseUnread:      {ByCall, "close-unread", "close() with data unread"},
	EventCloseLinger2:     {ByCall, "close-linger2", "close() with TCP_LINGER2 below 0"},
	EventAbort:            {ByCall, "abort", "close() with SO_LINGER 0"},
	EventDisconnect:       {ByCall, "disconnect", "connect() to AF_UNSPEC"},
	EventShutdownListener: {ByCall, "shutdown-listener", "shutdown(SHUT_RD)"},
	EventCloseListener:    {ByCall, "close-listener", "close() of the listener, before accept()"},

	EventReceiveSYN:         {BySegment, "receive-syn", "receive SYN"},
	EventReceiveFastOpen:    {BySegment, "receive-fast-open", "receive SYN with a Fast Open cookie"},
	EventReceiveCookie:      {BySegment, "receive-cookie", "receive ACK of a SYN cookie"},
	EventReceiveSYNACK:      {BySegment, "receive-syn-ack", "receive SYN,ACK"},
	EventReceiveACK:         {BySegment, "receive-ack", "receive ACK of SYN"},
	EventReceiveACKOverflow: {BySegment, "receive-ack-overflow", "receive ACK of SYN, accept queue full, tcp_abort_on_overflow on"},
	EventReceiveBadSYN:      {BySegment, "receive-bad-syn", "receive another SYN in the window"},
	EventReceiveFIN:         {BySegment, "receive-fin", "receive FIN"},
	EventReceiveACKOfFIN:    {BySegment, "receive-ack-of-fin", "receive ACK of FIN"},
	EventReceiveFINACK:      {BySegment, "receive-fin-and-ack-of-fin", "receive FIN and ACK of FIN"},
	EventReceiveFINAgain:    {BySegment, "receive-fin-again", "receive FIN again"},
	EventReceiveLate:        {BySegment, "receive-late-data", "receive data that nobody can read"},
	EventReceiveRST:         {BySegment, "receive-rst", "receive RST"},
	EventReceiveNewSYN:      {BySegment, "receive-new-syn", "receive SYN of a new connection"},
	EventReceiveOldSYN:      {BySegment, "receive-syn-in-connection", "receive SYN in a connection"},
	EventReceiveStray:       {BySegment, "receive-stray", "receive a segment of no connection"},
	EventICMPError:          {BySegment, "receive-icmp", "receive ICMP destination unreachable"},

	EventSYNGivenUp:       {ByTimer, "syn-given-up", "SYN resends exhausted"},
	EventSYNACKGivenUp:    {ByTimer, "syn-ack-given-up", "SYN,ACK resends exhausted"},
	EventListenerGone:     {ByTimer, "listener-gone", "SYN,ACK timer, listener closed"},
	EventDataGivenUp:      {ByTimer, "data-given-up", "resends exhausted"},
	EventProbesGivenUp:    {ByTimer, "probes-given-up", "zero-window probes unanswered"},
	EventKeepaliveGivenUp: {ByTimer, "keepalive-given-up", "keepalive probes unanswered"},
	EventFinWait2Shrink:   {ByTimer, "fin-wait2-shrink", "all of tcp_fin_timeout over 60 s has passed"},
	EventFinWait2End:      {ByTimer, "fin-wait2-end", "tcp_fin_timeout has passed"},
	EventTimeWaitEnd:      {ByTimer, "time-wait-end", "60 s have passed (2MSL)"},

	EventBucketsFull: {ByKernel, "buckets-full", "TIME_WAIT due, tcp_max_tw_buckets reached"},
	EventNoResources: {ByKernel, "no-resources", "too many orphans, or TCP memory short"},
	EventDestroy:     {ByKernel, "destroy", "SOCK_DESTROY (ss -K)"},
}

// ID returns the name of the event in JSON and in keys, such as "receive-syn".
// It never changes.
func (e Event) ID() string { return events[e].id }

// String returns the event in English, such as "receive SYN".
func (e Event) String() string { return events[e].text }

// Kind returns where the event comes from.
func (e Event) Kind() EventKind { return events[e].kind }

// MarshalText returns the ID.
func (e Event) MarshalText() ([]byte, error) { return []byte(e.ID()), nil }
