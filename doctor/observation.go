package doctor

import (
	"net/netip"
	"time"

	"tcpstate/lifecycle"
	"tcpstate/tcp"
	"tcpstate/wording"
)

// Observation is everything that the rules use, for one network namespace. A
// field with its zero value is unknown. The rules that need it are not judged,
// and Check reports them as Unchecked.
//
// The best time to read the sockets is near the end of the interval. By then
// the kernel has resent the first SYN-ACK for requests of a flood from before
// the interval.
type Observation struct {
	Survey     *Survey
	Settings   lifecycle.Settings
	Thresholds Thresholds
	Release    string // the release of the kernel, such as 6.18.5; "": unknown
	Netns      string // the network namespace, if it is not the reader's own; the commands of the advice enter it

	// Before and After are two readings of /proc/net/netstat and snmp, with
	// names such as TcpExt.ListenOverflows. Interval is the time between them.
	// If only Before is missing, After holds the counts since the namespace was
	// created. It is then unknown whether a counter rises, and the rules report
	// such a count only as info.
	Before, After map[string]int64
	Interval      time.Duration

	// Earlier is a reading of the sockets at the time of Before; nil: there is
	// none. SetEarlier sets it, before a socket is added to the Survey.
	Earlier *Earlier
	samples samples // of readings between; see Sample

	baseline *space  // SetBaseline sets it
	wanted   *Wanted // what the rules need, while Wanted applies them; nil: they judge

	SockStat map[string]int64     // from /proc/net/sockstat, with names such as TCP.orphan
	Limits   []Limit              // of processes that hold sockets: Survey.Holders
	States   map[int]ProcessState // of the same processes, by their ids
	// LimitsRead says that the descriptors of all processes of the namespace were
	// compared with their limits, so that Limits has all that are nearly used up.
	LimitsRead bool
	Ended      []Ended // of the same processes, those that have some

	// Conntrack is how many connections the firewall of the namespace tracks, and
	// ConntrackMax how many it can; 0: it tracks none, or ConntrackUnread is set.
	Conntrack, ConntrackMax int64
	ConntrackUnread         bool // the kernel may track some, and these could not be read

	// Addresses are the local addresses of the namespace. The rules use them only
	// if Survey.NeedsAddresses; none: unknown.
	Addresses []netip.Prefix
	Unlisted  tcp.StateSet // states whose sockets the source does not list: their number is not known
	Unseen    []string     // what the collector could not read, as text for people
}

// Limit is how many descriptors a process has open, and how many it may have.
type Limit struct {
	Process
	Open int // descriptors open, of files of all kinds
	Soft int // its soft RLIMIT_NOFILE
}

// Ended is how many TCP sockets a process has open whose connections have ended,
// so that no table lists them.
type Ended struct {
	Process
	Sockets int
	Open    int // descriptors open, of files of all kinds
}

// MayHoldEnded reports whether so many of n descriptors of a process are none of
// the sockets that the survey has seen that the rule ended-not-closed may apply. It
// does not apply to a process of which not all sockets were searched for.
func (o *Observation) MayHoldEnded(pid, n int) bool {
	if held := o.Survey.processes[pid]; held != nil {
		if held.cut {
			return false
		}
		n -= held.sockets
	}
	return n > 0 && int64(n) >= o.Thresholds.number(endedCount)
}

// NearLimit reports whether the rule fd-limit-near applies to a process with so
// many open descriptors.
func (o *Observation) NearLimit(open, soft int) bool {
	return o.Thresholds.reaches(fdNear, int64(open), int64(soft))
}

// ProcessState is what a process was doing when the sockets had been read.
type ProcessState struct {
	State  byte // of its first thread, as in proc_pid_status(5): T is stopped, D an uninterruptible sleep
	Tracer int  // the process that traces it, such as a debugger; 0: none
}

// Process is one process that a finding is about.
type Process struct {
	PID  int
	Name string // set by the process itself, so it may hold any bytes
}

// Observe returns an Observation with an empty Survey. The survey needs the
// settings and the thresholds before the first socket.
func Observe(settings lifecycle.Settings, thresholds Thresholds) *Observation {
	return &Observation{Survey: newSurvey(settings, thresholds), Settings: settings, Thresholds: thresholds}
}

// SetEarlier sets the first reading of the sockets, with which the Survey
// compares each socket that is added to it.
func (o *Observation) SetEarlier(e *Earlier) { o.Earlier, o.Survey.earlier = e, e }

// rise returns how much a counter rose between the readings, and whether that
// is known. It is unknown if the counter fell: then it was reset between the
// readings.
func (o *Observation) rise(name string) (int64, bool) {
	before, had := o.Before[name]
	after, has := o.After[name]
	return after - before, had && has && after >= before
}

// rises is like rise, and returns 0 if the rise is unknown.
func (o *Observation) rises(name string) int64 {
	n, known := o.rise(name)
	if !known {
		return 0
	}
	return n
}

// sinceBoot returns the value of a counter if it is not known to rise: there is
// only one reading, or it is the same in both.
func (o *Observation) sinceBoot(name string) (int64, bool) {
	if n, known := o.rise(name); len(o.Before) > 0 && (!known || n > 0) {
		return 0, false
	}
	n, known := o.After[name]
	return n, known
}

// notNow returns ", and none within 1s" if a counter since boot was read twice.
func (o *Observation) notNow() wording.Message {
	if len(o.Before) == 0 {
		return wording.Message{}
	}
	return wording.Say("doctor.none-within", "time", o.within())
}

// within returns the interval as titles name it.
func (o *Observation) within() string { return formatDuration(o.Interval.Round(time.Millisecond)) }

// addRises adds to the evidence those counters of the list that rose.
func (o *Observation) addRises(e *Evidence, names ...string) {
	for _, name := range names {
		if n := o.rises(name); n > 0 {
			e.Add(counterFact(name), n)
		}
	}
}

// knowsSettings reports whether any setting is known.
func (o *Observation) knowsSettings() bool {
	for i := range lifecycle.SettingTable {
		if _, known := lifecycle.SettingTable[i].Text(&o.Settings); known {
			return true
		}
	}
	return false
}

// process returns the process with the given PID, from the survey.
func (o *Observation) process(pid int) (Process, bool) {
	if held := o.Survey.processes[pid]; held != nil {
		return held.Process, true
	}
	return Process{}, false
}
