package procnet

import (
	"io/fs"
	"path"
	"strconv"
	"strings"

	"tcpstate/wording"
)

// Status is what a process is doing, from PID/status.
type Status struct {
	State  byte // of its first thread: R, S, D, T, t, Z and others of proc_pid_status(5)
	Tracer int  // the process that traces it, such as a debugger; 0: none
}

// Status returns what a process is doing. Any user may read it. The error is a
// *ReadError. Its cause is fs.ErrNotExist if the process has ended.
func (p *Proc) Status(pid int) (Status, error) {
	name := path.Join(strconv.Itoa(pid), "status")
	text, err := fs.ReadFile(p.FS, name)
	if err != nil {
		return Status{}, &ReadError{File: p.path(name), Err: cause(err)}
	}
	status, err := parseStatus(string(text))
	if err != nil {
		return Status{}, &ReadError{File: p.path(name), Err: err}
	}
	return status, nil
}

// parseStatus reads the lines "State:" and "TracerPid:" (proc_pid_status in
// fs/proc/array.c). The name of the process comes first in the file, with its
// line ends escaped.
func parseStatus(text string) (s Status, err error) {
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		value = strings.TrimSpace(value)
		switch name {
		case "State":
			if value == "" {
				return Status{}, &ValueError{"line", strings.TrimSuffix(line, "\n"), "no state in it"}
			}
			s.State = value[0]
		case "TracerPid":
			if s.Tracer, err = strconv.Atoi(value); err != nil || s.Tracer < 0 {
				return Status{}, &ValueError{"tracer", value, "no process id"}
			}
		}
	}
	if s.State == 0 {
		return Status{}, wording.Fail("procnet.no-line", "name", "State")
	}
	return s, nil
}
