package lab

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"tcpstate/lab/private"
)

// Actor is a process that a test needs: one that holds sockets, under a name and
// with arguments that the test chooses. It is the test binary, run again; a test
// package with actors calls Play from its init function.
type Actor struct {
	Name string   // of the process, of which the kernel keeps 15 bytes
	Role string   // of those that Play knows; empty: hold
	Args []string // its argv; nil: its name
	Path string   // of its file; empty: this binary's
	Attr *syscall.SysProcAttr
}

// Player is an actor that runs.
type Player struct {
	PID    int
	Answer string // what the role had to say when it was ready
	Input  io.Writer
	Output *bufio.Reader
	end    func()
}

// Role is what an actor does with the descriptors from 3 on. It calls ready once
// the test may go on. When it returns, the actor waits for the end of its input.
type Role func(name string, ready func(answer ...any)) error

// roles are those that every test package has.
var roles = map[string]Role{
	"":           hold3,
	"receive":    receive,
	"threads":    weave,
	"leaderless": leaveFirst,
}

// The role and the name of an actor are in its environment, so that its
// arguments can be anything.
const (
	actorRole = "TCPSTATE_LAB_ACTOR"
	actorName = "TCPSTATE_LAB_ACTOR_NAME"
)

// Play plays the part of an actor and ends the process, where it was started as
// one; elsewhere it does nothing. It must be called by an init function: only
// there does Go run on the first thread of the process, whose name is that of the
// process (proc_pid_comm(5)). Beside the roles of more, which the test package
// defines, there are
//
//   - hold, and none: holds what it was given;
//   - receive: receives one descriptor over the UNIX-domain socket 3, closes that
//     socket, and answers with the number of the descriptor;
//   - threads: has threads with names of their own, thread-0 and on;
//   - leaderless: its first thread ends, and the others live on.
func Play(more map[string]Role) {
	name, is := os.LookupEnv(actorName)
	if !is {
		return
	}
	if err := play(os.Getenv(actorRole), name, more); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	os.Exit(0)
}

func play(role, name string, more map[string]Role) error {
	if err := SetName(name); err != nil {
		return err
	}
	perform := more[role]
	if perform == nil {
		perform = roles[role]
	}
	if perform == nil {
		return fmt.Errorf("unknown role %q", role)
	}
	err := perform(name, func(answer ...any) { fmt.Println(append([]any{"ready"}, answer...)...) })
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// SetName gives the calling thread a name, of which the kernel keeps 15 bytes.
func SetName(name string) error {
	text, err := unix.BytePtrFromString(name)
	if err != nil {
		return err
	}
	return unix.Prctl(unix.PR_SET_NAME, uintptr(unsafe.Pointer(text)), 0, 0, 0)
}

func hold3(_ string, ready func(...any)) error { ready(); return nil }

func receive(_ string, ready func(...any)) error {
	data, control := make([]byte, 1), make([]byte, unix.CmsgSpace(4))
	_, n, _, _, err := unix.Recvmsg(3, data, control, 0)
	if err != nil {
		return err
	}
	messages, err := unix.ParseSocketControlMessage(control[:n])
	if err != nil {
		return err
	}
	if len(messages) != 1 {
		return errors.New("no descriptor came")
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil {
		return err
	}
	ready(fds[0])
	return unix.Close(3)
}

func weave(_ string, ready func(...any)) error {
	for i := range 3 {
		named := make(chan error)
		go func() {
			runtime.LockOSThread()
			named <- SetName(fmt.Sprint("thread-", i))
			select {}
		}()
		if err := <-named; err != nil {
			return err
		}
	}
	ready()
	return nil
}

func leaveFirst(_ string, ready func(...any)) error {
	go func() {
		ready()
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	syscall.Syscall(syscall.SYS_EXIT, 0, 0, 0) // of this thread alone
	return nil
}

// Start starts the actor, with copies of fds as its descriptors from 3 on, and
// returns it when it is ready. It ends with the test, or when End is called.
func (a Actor) Start(t testing.TB, fds ...int) *Player {
	t.Helper()
	if a.Role == "hold" {
		a.Role = ""
	}
	if a.Args == nil {
		a.Args = []string{a.Name}
	}
	if a.Path == "" {
		a.Path = "/proc/self/exe" // by its own path another user may not reach it
	}
	cmd := &exec.Cmd{Path: a.Path, Args: a.Args, SysProcAttr: a.Attr, Stderr: os.Stderr,
		Env: []string{actorRole + "=" + a.Role, actorName + "=" + a.Name}}
	input, output, err := a.start(cmd, fds)
	if err != nil {
		t.Fatalf("starting the actor %q: %v", a.Name, err)
	}
	ended := false
	p := &Player{PID: cmd.Process.Pid, Input: input, Output: bufio.NewReader(output)}
	p.end = func() {
		if !ended {
			ended = true
			cmd.Process.Kill() // at once: with the race detector a process takes a second to exit
			cmd.Wait()
		}
	}
	t.Cleanup(p.end)
	line, err := p.Output.ReadString('\n')
	answer, ready := strings.CutPrefix(line, "ready")
	if !ready {
		t.Fatalf("the actor %q says %q, %v", a.Name, line, err)
	}
	p.Answer = strings.TrimSpace(answer)
	return p
}

func (a Actor) start(cmd *exec.Cmd, fds []int) (input io.Writer, output io.Reader, err error) {
	for _, fd := range fds {
		copied, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			return nil, nil, os.NewSyscallError("fcntl", err)
		}
		file := os.NewFile(uintptr(copied), "socket")
		defer file.Close()
		cmd.ExtraFiles = append(cmd.ExtraFiles, file)
	}
	if input, err = cmd.StdinPipe(); err != nil {
		return nil, nil, err
	}
	if output, err = cmd.StdoutPipe(); err != nil {
		return nil, nil, err
	}
	return input, output, cmd.Start()
}

// End ends the actor, and returns when the kernel has closed what it held.
func (p *Player) End() { p.end() }

// WithoutCapabilities runs f, which starts processes, in a thread that has no
// capability to give: what f starts has none, though its user be root.
func WithoutCapabilities(f func()) error {
	return private.InThread(func() error {
		const last = 63 // capabilities(7): a set has 64 bits
		for capability := uintptr(0); capability <= last; capability++ {
			if err := unix.Prctl(unix.PR_CAPBSET_DROP, capability, 0, 0, 0); err == unix.EINVAL {
				break // the first that the kernel does not have
			} else if err != nil {
				return os.NewSyscallError("prctl PR_CAPBSET_DROP", err)
			}
		}
		f()
		return nil
	})
}
