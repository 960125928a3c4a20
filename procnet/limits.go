package procnet

import (
	"io/fs"
	"math"
	"path"
	"strconv"
	"strings"

	"tcpstate/wording"
)

// OpenFilesLimit returns how many descriptors a process may have open: its soft
// RLIMIT_NOFILE (getrlimit(2)), or math.MaxInt if that is unlimited. Any user
// may read it. The error is a *ReadError. Its cause is fs.ErrNotExist if the
// process has ended.
func (p *Proc) OpenFilesLimit(pid int) (int, error) {
	name := path.Join(strconv.Itoa(pid), "limits")
	text, err := fs.ReadFile(p.FS, name)
	if err != nil {
		return 0, &ReadError{File: p.path(name), Err: cause(err)}
	}
	soft, err := parseOpenFiles(string(text))
	if err != nil {
		return 0, &ReadError{File: p.path(name), Err: err}
	}
	return soft, nil
}

// parseOpenFiles returns the soft limit of open files from the text of
// PID/limits. Its lines have columns for a name, the soft limit, the hard limit
// and a unit (proc_pid_limits, fs/proc/base.c).
func parseOpenFiles(text string) (int, error) {
	const name = "Max open files"
	for line := range strings.Lines(text) {
		values, ok := strings.CutPrefix(line, name)
		if !ok {
			continue
		}
		fields := strings.Fields(values)
		if len(fields) == 0 {
			return 0, &ValueError{"line", strings.TrimSuffix(line, "\n"), "no limit in it"}
		}
		if fields[0] == "unlimited" {
			return math.MaxInt, nil
		}
		limit, err := strconv.ParseInt(fields[0], 10, 0)
		if err != nil || limit < 0 {
			return 0, &ValueError{"soft limit of open files", fields[0], "not a whole number, nor unlimited"}
		}
		return int(limit), nil
	}
	return 0, wording.Fail("procnet.no-line", "name", name)
}

// Release returns the release of the kernel, such as 6.18.5. The error is a
// *ReadError.
func (p *Proc) Release() (string, error) {
	const name = "sys/kernel/osrelease"
	text, err := fs.ReadFile(p.FS, name)
	if err != nil {
		return "", &ReadError{File: p.path(name), Err: cause(err)}
	}
	return strings.TrimSpace(string(text)), nil
}
