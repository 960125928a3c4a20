package doctor

import (
	"time"

	"tcpstate/lifecycle"
)

// Observation is everything that the rules look at, of one network namespace.
// What is left at its zero value is unknown: the rules that rest on it are not
// judged, and Unchecked says so.
//
// The sockets are best looked at near the end of the interval: what a flood sent
// before it began has by then had its first SYN-ACK resent.
type Observation struct {
	Survey     *Survey
	Settings   lifecycle.Settings
	Thresholds Thresholds
	Release    string // of the kernel, such as 6.18.5; "": unknown
	Netns      string // the network namespace, where it is not the reader's own: commands of the advice enter it

	// Before and After are two readings of /proc/net/netstat and snmp, Interval
	// apart, by names such as TcpExt.ListenOverflows. With Before alone missing,
	// After is what was counted since the namespace was made: then nothing is
	// known to rise, and what the rules make of it is no more than info.
	Before, After map[string]int64
	Interval      time.Duration

	SockStat map[string]int64 // of /proc/net/sockstat, by names such as TCP.orphan
	Limits   []Limit          // of the processes that hold most sockets: Survey.Holders
	Unseen   []string         // what its collector could not see, in its words
}

// Limit is how many descriptors a process has open, and how many it may have.
type Limit struct {
	Process
	Open int // descriptors open, of files of all kinds
	Soft int // its soft RLIMIT_NOFILE
}

// Process is one process that a finding is about.
type Process struct {
	PID  int
	Name string // it chose this itself, and it may hold anything
}

// Observe returns an Observation whose Survey is ready for sockets. The survey
// needs the settings and the thresholds from the beginning.
func Observe(settings lifecycle.Settings, thresholds Thresholds) *Observation {
	return &Observation{Survey: newSurvey(settings, thresholds), Settings: settings, Thresholds: thresholds}
}

// rise returns by how much a counter rose between the readings. A counter that
// fell was not counted through.
func (o *Observation) rise(name string) (int64, bool) {
	before, had := o.Before[name]
	after, has := o.After[name]
	return after - before, had && has && after >= before
}

// rises returns rise, 0 where it is not known.
func (o *Observation) rises(name string) int64 {
	n, known := o.rise(name)
	if !known {
		return 0
	}
	return n
}

// sinceBoot returns a counter where there is only one reading.
func (o *Observation) sinceBoot(name string) (int64, bool) {
	if len(o.Before) > 0 {
		return 0, false
	}
	n, known := o.After[name]
	return n, known
}

// addRises adds those counters of the list to the evidence that rose.
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

// process returns the process with an id, as the survey saw it.
func (o *Observation) process(pid int) (Process, bool) {
	if held := o.Survey.processes[pid]; held != nil {
		return held.Process, true
	}
	return Process{}, false
}
