package lab

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"tcpstate/lab/private"
	"tcpstate/wording"
)

// Enter runs this program again with one more argument at the end, which [Entered]
// reads, in a private network namespace, and in a user namespace if it needs one to
// make the other. It returns the exit status of the program. Ctrl-C then ends only that program, which
// gets it from the terminal too.
func Enter(args []string) (int, error) {
	exe, err := os.Executable()
	if err != nil {
		return 0, err
	}
	var child *exec.Cmd
	status, err := private.Supervise(func(started func()) error {
		_, err := private.Run(func() *exec.Cmd {
			child = exec.Command(exe, append(slices.Clone(args), inside+clocksOfHost())...)
			child.Args[0] = os.Args[0]
			child.Stdin, child.Stdout, child.Stderr = os.Stdin, os.Stdout, os.Stderr
			return child
		}, started)
		return err
	}, func(sig os.Signal) { child.Process.Signal(sig) })
	if err != nil {
		return 0, denied(wording.Wrap(err, "lab.entering"), err)
	}
	return status, nil
}

// arrive is called by a program that Enter has run. Commands that it runs must not
// inherit the pipe to the program outside, which would wait for them.
func arrive() { unix.CloseOnExec(private.ReportFD) }

// clocks are the settings of a host that say how long it waits, and how often it
// sends again. A new namespace does not have those of the host.
var clocks = []string{
	"net.ipv4.tcp_syn_retries", "net.ipv4.tcp_syn_linear_timeouts", "net.ipv4.tcp_synack_retries", "net.ipv4.tcp_retries2",
	"net.ipv4.tcp_orphan_retries", "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_keepalive_intvl",
	"net.ipv4.tcp_keepalive_probes",
}

// clocksOfHost returns the clocks of this network namespace as a text that
// [Entered] reads.
func clocksOfHost() string {
	var b strings.Builder
	for _, name := range clocks {
		text, err := os.ReadFile(sysctl(name))
		if value, wrong := strconv.Atoi(strings.TrimSpace(string(text))); err == nil && wrong == nil {
			fmt.Fprintf(&b, ",%s=%d", name, value)
		}
	}
	return b.String()
}

// sysctl returns the path of a setting.
func sysctl(name string) string { return "/proc/sys/" + strings.ReplaceAll(name, ".", "/") }

// denied adds a hint to an error that shows that namespaces are forbidden.
func denied(worded *wording.Error, err error) error {
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EACCES) {
		return worded.WithHint("lab.denied")
	}
	return worded
}
