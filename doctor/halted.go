package doctor

import (
	"strconv"
	"strings"

	"tcpstate/wording"
)

// addHalted adds to a finding about a program that does not work what its
// processes were doing: one that is stopped, or that waits for a device, neither
// accepts, nor reads, nor closes.
func (o *Observation) addHalted(f *Finding) {
	var stopped, waiting []Process
	for _, p := range f.Processes {
		state := o.States[p.PID]
		switch state.State {
		case 'T', 't':
			stopped = append(stopped, p)
			if state.Tracer != 0 {
				f.Evidence.Add("tracer_pid", state.Tracer)
				f.with("tracer", strconv.Itoa(state.Tracer))
			}
		case 'D':
			waiting = append(waiting, p)
		}
	}
	if len(stopped) > 0 {
		f.Title = wording.Say("doctor.halted.stopped", "title", f.Title, "processes", nameProcesses(stopped))
		f.Evidence.Add("processes_stopped", len(stopped))
		if _, traced := f.fill["tracer"]; !traced { // a debugger lets it go on
			f.with("stopped", strings.Join(pidsOf(stopped[:min(len(stopped), maxPIDs)]), " "))
		}
	}
	if len(waiting) > 0 {
		f.Title = wording.Say("doctor.halted.waiting", "title", f.Title, "processes", nameProcesses(waiting))
		f.Evidence.Add("processes_in_uninterruptible_sleep", len(waiting))
		f.with("waiting", strconv.Itoa(waiting[0].PID))
	}
}

// haltedSteps are the steps for processes that are stopped or that wait. Each is
// left out where there are none.
var haltedSteps = []Step{
	{Say: "doctor.do.halted.stopped", Run: "kill -CONT {stopped}"},
	{Say: "doctor.do.halted.traced", Run: "ps -o pid,user,args -p {tracer}"},
	{Say: "doctor.do.halted.waiting", Run: "cat /proc/{waiting}/stack"},
}
