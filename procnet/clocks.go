package procnet

import (
	"errors"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"tcpstate/tcp"
)

// Clocks returns the settings that the timers of this network namespace run
// by. Where a kernel has no such setting, it is what that kernel does: 60 s of
// tcp_fin_timeout (TCP_FIN_TIMEOUT, include/net/tcp.h), no linear timeouts
// (before 6.5), 120 s of tcp_rto_max_ms (TCP_RTO_MAX, before 6.15).
//
// The kernel answers below sys/net for the namespace of whoever reads, in
// another host's /proc too (net_ctl_root, net/sysctl_net.c). Where there are
// no settings at all, as in a recorded /proc, nothing is taken for granted:
// that is an error. All errors are *ReadError.
func (p *Proc) Clocks() (tcp.Clocks, error) {
	const directory = "sys/net/ipv4"
	if _, err := fs.Stat(p.FS, directory); err != nil {
		return tcp.Clocks{}, &ReadError{File: p.path(directory), Err: cause(err)}
	}
	var firstErr error
	read := func(name string, missing int64) int64 {
		value, err := p.setting(directory+"/"+name, missing)
		if firstErr == nil {
			firstErr = err
		}
		return value
	}
	clocks := tcp.Clocks{
		FinTimeout:        time.Duration(read("tcp_fin_timeout", 60)) * time.Second,
		SynLinearTimeouts: int(read("tcp_syn_linear_timeouts", 0)),
		RTOMax:            time.Duration(read("tcp_rto_max_ms", 120_000)) * time.Millisecond,
	}
	if firstErr != nil {
		return tcp.Clocks{}, firstErr
	}
	return clocks, nil
}

// setting reads the number in a file, or returns missing where there is none.
func (p *Proc) setting(name string, missing int64) (int64, error) {
	text, err := fs.ReadFile(p.FS, name)
	if errors.Is(err, fs.ErrNotExist) {
		return missing, nil
	}
	if err != nil {
		return 0, &ReadError{File: p.path(name), Err: cause(err)}
	}
	value, err := parseSetting(string(text))
	if err != nil {
		return 0, &ReadError{File: p.path(name), Err: err}
	}
	return value, nil
}

// parseSetting reads a whole number of the kernel's int, with or without its
// newline. It may be negative: the kernel takes a tcp_fin_timeout of -1.
func parseSetting(text string) (int64, error) {
	text = strings.TrimSuffix(text, "\n")
	value, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		return 0, &ValueError{What: "value", Text: text, Problem: "not a whole number of 32 bits"}
	}
	return value, nil
}
