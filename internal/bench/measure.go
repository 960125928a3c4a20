//go:build linux

package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// result is the result of one row.
type result struct {
	Scenario string
	Sockets  int
	Command  string
	Against  string
	Wall     time.Duration // tcpstate's wall time, median
	Other    time.Duration // the other command's wall time, median
	Ratio    float64       // median of the ratios of the pairs
	PeakMiB  float64       // tcpstate's highest peak memory
	OtherMiB float64       // the other command's highest peak memory
	Runs     int

	CPU, Apart bool // see row

	AtMost, MaxMilli, MaxMiB float64 // the limits; 0: none
	Waits                    time.Duration
	Per                      int
}

// missed returns the limits that the result misses, or "".
func (r result) missed() string {
	var misses []string
	if r.AtMost > 0 && r.Ratio > r.AtMost {
		misses = append(misses, fmt.Sprintf("ratio %.2f is above %.2f", r.Ratio, r.AtMost))
	}
	if ms := milliseconds(r.Wall); r.MaxMilli > 0 && ms > r.MaxMilli {
		misses = append(misses, fmt.Sprintf("%.1f ms are above %.0f", ms, r.MaxMilli))
	}
	if r.MaxMiB > 0 && r.PeakMiB > r.MaxMiB {
		misses = append(misses, fmt.Sprintf("%.0f MiB are above %.0f", r.PeakMiB, r.MaxMiB))
	}
	return strings.Join(misses, ", ")
}

// measureScenario measures the rows of a scenario. It must run in the lab of
// that scenario.
func measureScenario(name, tcpstate, out string) error {
	index := slices.IndexFunc(scenarios, func(s scenario) bool { return s.name == name })
	if index < 0 {
		return fmt.Errorf("no scenario %q", name)
	}
	var results []result
	for _, row := range scenarios[index].rows {
		in := measure
		if row.apart {
			in = measureApart
		}
		r, err := in(row, tcpstate)
		if err != nil {
			return err
		}
		r.Scenario = name
		results = append(results, r)
	}
	text, err := json.Marshal(results)
	if err != nil {
		return err
	}
	return os.WriteFile(out, text, 0o600)
}

// measureApart is measure in a new network namespace that has one listener.
func measureApart(row row, tcpstate string) (r result, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // the thread ends with its namespace
		if err = unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return
		}
		var fd int
		if fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0); err != nil {
			return
		}
		defer unix.Close(fd)
		if err = unix.Listen(fd, 16); err == nil {
			r, err = measure(row, tcpstate)
		}
	}()
	<-done
	return r, err
}

// measure runs the two commands of a row in turn.
func measure(row row, tcpstate string) (result, error) {
	ours := append([]string{tcpstate}, row.command...)
	theirs := row.against
	if slices.Equal(theirs, bareDump) {
		self, err := os.Executable()
		if err != nil {
			return result{}, err
		}
		theirs = []string{self, "dump", strings.Join(row.command, " ")}
	}
	if theirs[0] == "tcpstate" {
		theirs = append([]string{tcpstate}, theirs[1:]...)
	}
	sockets, err := countSockets(tcpstate)
	if err != nil {
		return result{}, fmt.Errorf("counting: %w", err)
	}
	r := result{
		Sockets: sockets,
		Command: strings.Join(row.command, " "), Against: strings.Join(row.against, " "), Runs: row.runs,
		CPU: row.cpu, Apart: row.apart, AtMost: row.atMost, MaxMilli: row.maxMilli, MaxMiB: row.maxMiB, Waits: row.waits, Per: row.per,
	}
	var walls, others []time.Duration
	var ratios []float64
	for i := range row.runs + 1 {
		wall, peak, err := timed(ours, row.cpu)
		if err != nil {
			return result{}, err
		}
		other, otherPeak, err := timed(theirs, row.cpu)
		if err != nil {
			return result{}, err
		}
		if i == 0 && row.runs > 1 {
			continue // the first pair warms up
		}
		wall = (wall - row.waits) / time.Duration(max(row.per, 1))
		walls, others = append(walls, wall), append(others, other)
		ratios = append(ratios, float64(wall)/float64(other))
		r.PeakMiB, r.OtherMiB = max(r.PeakMiB, peak), max(r.OtherMiB, otherPeak)
	}
	r.Wall, r.Other, r.Ratio = median(walls), median(others), median(ratios)
	fmt.Fprintf(os.Stderr, "bench: tcpstate %s: %v against %v of %s: %.2f, peak %.0f MiB\n", r.Command, r.Wall, r.Other, r.Against, r.Ratio, r.PeakMiB)
	return r, nil
}

// countSockets returns the number of sockets. It does not keep the listing in
// memory, because the memory of this process would count in the peak of the
// commands that it starts.
func countSockets(tcpstate string) (int, error) {
	var lines lineCounter
	c := exec.Command(tcpstate, "ls", "-H", "--format", "csv", "--columns", "state")
	c.Stdout = &lines
	err := c.Run()
	return int(lines), err
}

// lineCounter is a writer that counts lines.
type lineCounter int

func (n *lineCounter) Write(b []byte) (int, error) {
	*n += lineCounter(bytes.Count(b, []byte{'\n'}))
	return len(b), nil
}

// timed runs a command without its output, and returns its wall time, or its
// processor time, and its peak resident memory in MiB.
func timed(args []string, cpu bool) (time.Duration, float64, error) {
	c := exec.Command(args[0], args[1:]...)
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return 0, 0, err
	}
	defer null.Close()
	c.Stdout, c.Stderr = null, io.Discard
	start := time.Now()
	if err := c.Run(); err != nil {
		return 0, 0, fmt.Errorf("%s: %w", strings.Join(args, " "), err)
	}
	wall := time.Since(start)
	usage, ok := c.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0, 0, fmt.Errorf("%s: the system did not report its resource usage", strings.Join(args, " "))
	}
	if cpu {
		wall = c.ProcessState.UserTime() + c.ProcessState.SystemTime()
	}
	return wall, float64(usage.Maxrss) / 1024, nil
}

func median[T time.Duration | float64](values []T) T {
	slices.Sort(values)
	return values[len(values)/2]
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// dumpOnly requests the same sockets as a command, and receives the answers
// without decoding them. No reader can be faster.
func dumpOnly(command string) error {
	states := ^uint32(0)
	if strings.Contains(command, "SYN_RECV") {
		states = 1<<3 | 1<<12
	}
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	const length = 16 + 60 // struct nlmsghdr and struct inet_diag_req
	var request [length]byte
	binary.NativeEndian.PutUint32(request[0:], length)
	binary.NativeEndian.PutUint16(request[4:], 18) // TCPDIAG_GETSOCK: both families
	binary.NativeEndian.PutUint16(request[6:], unix.NLM_F_REQUEST|unix.NLM_F_DUMP)
	binary.NativeEndian.PutUint32(request[16+52:], states)
	if err := unix.Sendto(fd, request[:], 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	buffer := make([]byte, 32<<10)
	for {
		n, _, err := unix.Recvfrom(fd, buffer, 0)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return err
		case n < 16:
			return fmt.Errorf("a datagram of %d bytes", n)
		}
		if kind := binary.NativeEndian.Uint16(buffer[4:]); kind == unix.NLMSG_DONE {
			return nil
		} else if kind == unix.NLMSG_ERROR {
			return fmt.Errorf("the kernel refuses the dump")
		}
	}
}
