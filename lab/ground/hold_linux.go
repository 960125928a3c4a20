package ground

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"tcpstate/lab/private"
	"tcpstate/tcp"
)

// job is a part of the sockets of Fill. One process makes and holds them. For
// est the number is even.
type job struct {
	Kind   string
	Family tcp.Family
	First  uint32 // the number of its first peer
	N      int
}

// jobFormat is the format of a job in the input of its holder: kind, family,
// first, number.
const jobFormat = "%s %d %d %d\n"

// perHolder returns how many descriptors one process holds: RLIMIT_NOFILE less
// some for the process itself, and at most 15,000, so that several processes
// share the work.
func perHolder() int {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 512
	}
	return int(min(max(limit.Cur, 256)-200, 15_000)) &^ 1
}

// shares divides n among as few processes as possible.
func shares(n int) []int {
	var shares []int
	for most := perHolder(); n > 0; n -= shares[len(shares)-1] {
		shares = append(shares, min(n, most))
	}
	return shares
}

// holder is a process that holds the descriptors of a job. It runs this program
// again. It ends when its standard input ends, and so also when this process
// ends. (The parent-death signal cannot be used: the kernel sends it when the
// thread that started the holder ends, and a thread that has entered another
// namespace ends early.)
type holder struct {
	cmd   *exec.Cmd
	input io.WriteCloser
}

// hold starts a holder for each job, as many at a time as there are processors,
// and returns when all sockets exist.
func (l *Lab) hold(jobs []job) error {
	errs := make([]error, len(jobs))
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	var group sync.WaitGroup
	for i, j := range jobs {
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			h, err := startHolder(j)
			if err != nil {
				errs[i] = fmt.Errorf("making %d %s of %s: %w", j.N, j.Kind, j.Family, err)
				return
			}
			l.mu.Lock()
			defer l.mu.Unlock()
			l.holders = append(l.holders, h)
		})
	}
	group.Wait()
	return errors.Join(errs...)
}

// startHolder starts a holder and waits until it has made the job's sockets.
func startHolder(j job) (*holder, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer read.Close()
	args := os.Args[1:len(os.Args):len(os.Args)]
	if Role() != "" {
		args = args[: len(args)-1 : len(args)-1]
	}
	cmd := exec.Command(exe, append(args, RoleHold)...)
	cmd.Args[0] = os.Args[0]
	cmd.Stderr = os.Stderr
	cmd.ExtraFiles = []*os.File{write}
	input, err := cmd.StdinPipe()
	if err != nil {
		write.Close()
		return nil, err
	}
	err = cmd.Start()
	write.Close()
	if err != nil {
		return nil, err
	}
	h := &holder{cmd: cmd, input: input}
	if _, err := fmt.Fprintf(input, jobFormat, j.Kind, uint8(j.Family), j.First, j.N); err != nil {
		return nil, errors.Join(err, h.end())
	}
	answer, err := io.ReadAll(read)
	if err == nil && string(answer) != "made" {
		err = fmt.Errorf("its process reported %q", answer)
	}
	if err != nil {
		return nil, errors.Join(err, h.end())
	}
	return h, nil
}

// end ends the holder and waits for it.
func (h *holder) end() error {
	h.input.Close()
	if err := h.cmd.Wait(); err != nil {
		return fmt.Errorf("holding sockets: %w", err)
	}
	return nil
}

// Hold is the main function of a holder. It returns the exit status.
func Hold() int {
	report, err := private.OpenReport()
	if err != nil {
		return 1
	}
	input := bufio.NewReader(os.Stdin)
	var j job
	_, err = fmt.Fscanf(input, jobFormat, &j.Kind, &j.Family, &j.First, &j.N)
	if err == nil {
		_, err = makeHeld(j)
	}
	if err != nil {
		fmt.Fprint(report, strings.TrimSpace(err.Error()))
		report.Close()
		return 0 // the report has the error
	}
	fmt.Fprint(report, "made")
	report.Close()
	io.Copy(io.Discard, input) // until the lab closes it
	return 0
}
