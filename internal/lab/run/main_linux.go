// Run fills a new network namespace with real TCP sockets, runs a command in
// it, and exits with the command's status:
//
//	go run ./internal/lab/run est=100000 timewait=50000 synrecv=50000 -- COMMAND ARGS
//
// The words are
//
//	states      at least one socket of each state in both families
//	KIND=N      N sockets of a kind, half of them IPv6
//	KIND4=N     N sockets of a kind, all IPv4; KIND6=N likewise
//	churn=N     N connections opened and closed a second while COMMAND runs
//	netns=A,B   further network namespaces with these names in /run/netns, and in
//	            each a listener on 127.0.0.1: port 8001 in A, 8002 in B
//	nodiag=E    COMMAND gets the error E, EPERM or EPROTONOSUPPORT, when it
//	            opens a NETLINK_SOCK_DIAG socket
//
// A wrong word makes it list the words and exit with status 2. It reports the
// kernel's counts on stderr. Any user who may create a user namespace can run
// it. (The go command turns every exit status other than 0 into 1.)
package main

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"tcpstate/internal/lab"
	"tcpstate/tcp"
)

func main() {
	status, err := run()
	if err != nil {
		fmt.Fprintf(os.Stderr, "lab: %v\n", err)
		var hinted interface{ Hint() string }
		if errors.As(err, &hinted) {
			fmt.Fprintf(os.Stderr, "lab: hint: %s\n", hinted.Hint())
		}
	}
	os.Exit(status)
}

func run() (int, error) {
	args := os.Args[1:]
	end := slices.Index(args, "--")
	if end < 0 || end+1 >= len(args) {
		return 2, errors.New("usage: run [WORD...] -- COMMAND [ARG...]")
	}
	plan, err := lab.ParsePlan(args[:end]...)
	if err != nil {
		return 2, err
	}
	return lab.Main(func(l *lab.Lab) (int, error) { return inside(l, plan, os.Args[end+2:]) })
}

// The address of the listeners in the additional namespaces. The first one uses
// firstPort, and the others use the ports after it.
var loopback = netip.MustParseAddr("127.0.0.1")

const firstPort = 8001

// inside fills the lab and runs the command.
func inside(l *lab.Lab, plan lab.Plan, command []string) (int, error) {
	start := time.Now()
	if plan.States {
		if _, err := l.States(); err != nil {
			return 1, err
		}
	}
	if err := l.FillPlan(plan.Fill); err != nil {
		return 1, err
	}
	for i, name := range plan.Netns {
		ns, err := l.Namespace(name)
		if err != nil {
			return 1, err
		}
		if _, err := ns.Listen(netip.AddrPortFrom(loopback, uint16(firstPort+i))); err != nil {
			return 1, err
		}
	}
	counts, err := lab.Count()
	if err != nil {
		return 1, err
	}
	fmt.Fprintf(os.Stderr, "lab: %s, made in %.1f s\n", summary(counts), time.Since(start).Seconds())
	stop := func() (int, error) { return 0, nil }
	if plan.Churn > 0 {
		if stop, err = l.Churn(plan.Churn); err != nil {
			return 1, err
		}
	}
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	status, err := lab.Supervise(cmd, plan.DenyDiag)
	churned, churnErr := stop()
	if plan.Churn > 0 {
		fmt.Fprintf(os.Stderr, "lab: %d connections churned\n", churned)
	}
	if err := errors.Join(err, churnErr); err != nil {
		return max(status, 1), err
	}
	return status, nil
}

// summary returns the number of sockets in each state, and how many of them are
// IPv6.
func summary(counts lab.Counts) string {
	var parts []string
	for state := range tcp.All.States() {
		v4, v6 := counts[tcp.IPv4][state], counts[tcp.IPv6][state]
		if v4+v6 > 0 {
			parts = append(parts, fmt.Sprintf("%d %s (%d IPv6)", v4+v6, state, v6))
		}
	}
	if parts == nil {
		return "no sockets"
	}
	return strings.Join(parts, ", ")
}
