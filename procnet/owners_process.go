package procnet

import (
	"errors"
	"io/fs"
	"strconv"
	"strings"
	"syscall"

	"tcpstate/tcp"
)

// describe reads the name of a process and then, if requested, its details.
func describe(t fdTable, pid int, details bool) (*Process, error) {
	name, err := readName(t)
	if err != nil {
		return nil, err
	}
	p := &Process{PID: pid, Name: name}
	if details {
		err = p.addDetails(t)
	}
	return p, err
}

// readName reads the name of a process. The kernel adds a newline, and the name
// itself may contain newlines (proc_task_name, fs/proc/array.c).
func readName(t fdTable) (string, error) {
	name, err := t.read("comm")
	return strings.TrimSuffix(name, "\n"), err
}

// addDetails adds the details that can be read. A detail that does not exist or
// may not be read stays unknown: for example, a process whose first thread has
// ended has no command line. The caller notices that a process has ended when
// it reads the name again.
func (p *Process) addDetails(t fdTable) error {
	status, err := t.read("status")
	if err == nil {
		var uid uint32
		if uid, err = parseUID(status); err != nil {
			return &ReadError{File: t.path("status"), Err: err}
		}
		p.UID = tcp.Known(uid)
	}
	exe, exeErr := t.link("exe")
	cmdline, cmdlineErr := t.read("cmdline")
	p.Exe, p.Cmdline = exe, parseCmdline(cmdline)
	for _, err := range []error{err, exeErr, cmdlineErr} {
		if err != nil && !isGone(err) && !errors.Is(err, fs.ErrPermission) {
			return err
		}
	}
	return nil
}

// isGone reports whether err means that a process has ended: its files do not
// exist (ENOENT), or they are open but their process has ended (ESRCH, see
// proc_single_show in fs/proc/base.c).
func isGone(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH)
}

// parseSocketLink returns the inode in the target of a link in /proc/PID/fd:
// the target is socket:[12345] for a socket (sockfs_dname, net/socket.c). It
// returns 0 for every other target. It is called for every descriptor of the
// host.
func parseSocketLink(link []byte) uint32 {
	const prefix, suffix = "socket:[", "]"
	if len(link) <= len(prefix)+len(suffix) || string(link[:len(prefix)]) != prefix || link[len(link)-1] != suffix[0] {
		return 0
	}
	digits := link[len(prefix) : len(link)-1]
	if len(digits) > len("4294967295") || digits[0] == '0' {
		return 0
	}
	var inode uint64
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0
		}
		inode = inode*10 + uint64(c-'0')
	}
	if inode != uint64(uint32(inode)) {
		return 0
	}
	return uint32(inode)
}

// parseUID returns the effective user id from a status file. The line is
// "Uid:", then the real, effective, saved and file system id. The name of a
// process cannot imitate this line, because the kernel escapes newlines in
// names here (task_state and proc_task_name, fs/proc/array.c).
func parseUID(status string) (uint32, error) {
	for line := range strings.Lines(status) {
		ids, ok := strings.CutPrefix(line, "Uid:")
		if !ok {
			continue
		}
		fields := strings.Fields(ids)
		if len(fields) < 2 {
			return 0, &ValueError{What: "line", Text: line, Problem: "no effective user id"}
		}
		uid, err := strconv.ParseUint(fields[1], 10, 32)
		if err != nil {
			return 0, &ValueError{What: "effective user id", Text: fields[1], Problem: "not a whole number of 32 bits"}
		}
		return uint32(uid), nil
	}
	return 0, &ValueError{What: "status", Text: status, Problem: "no line Uid"}
}

// parseCmdline splits a command line at the zero bytes that end its arguments.
// It drops empty arguments at the end: a program that writes a title over its
// arguments leaves zero bytes after the title (get_mm_cmdline, fs/proc/base.c).
func parseCmdline(text string) []string {
	text = strings.TrimRight(text, "\x00")
	if text == "" {
		return nil
	}
	return strings.Split(text, "\x00")
}
