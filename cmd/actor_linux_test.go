package cmd

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
)

// An actor is this test binary, run again to hold sockets under a name and with
// arguments of its own. Its role and its name are in its environment, so that
// its arguments can be anything.
const (
	actorRole = "TCPSTATE_TEST_ACTOR"
	actorName = "TCPSTATE_TEST_ACTOR_NAME"
)

// init plays the role of an actor: only here does Go run on the first thread of
// the process, whose name is that of the process (proc_pid_comm(5)).
func init() {
	if role := os.Getenv(actorRole); role != "" {
		if err := act(role, os.Getenv(actorName)); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
}

// act plays a role: it says "ready", and goes on until its input ends.
func act(role, name string) error {
	if err := setName(name); err != nil {
		return err
	}
	switch role {
	case "hold": // what it was born with
	case "receive": // a descriptor, over the UNIX-domain socket 3
		if err := receiveDescriptor(3); err != nil {
			return err
		}
	case "threads": // which have names of their own and share all descriptors
		for i := range 3 {
			named := make(chan error)
			go func() {
				runtime.LockOSThread()
				named <- setName(fmt.Sprint("thread-", i))
				select {}
			}()
			if err := <-named; err != nil {
				return err
			}
		}
	default:
		return fmt.Errorf("unknown role %q", role)
	}
	fmt.Println("ready")
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}

// setName gives the calling thread a name, of which the kernel keeps 15 bytes.
func setName(name string) error {
	text, err := unix.BytePtrFromString(name)
	if err != nil {
		return err
	}
	return unix.Prctl(unix.PR_SET_NAME, uintptr(unsafe.Pointer(text)), 0, 0, 0)
}

func receiveDescriptor(socket int) error {
	data, control := make([]byte, 1), make([]byte, unix.CmsgSpace(4))
	_, n, _, _, err := unix.Recvmsg(socket, data, control, 0)
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
	_, err = unix.ParseUnixRights(&messages[0])
	return err
}

// actor says what a process is to be.
type actor struct {
	role string // empty: hold
	name string
	args []string // its argv; empty: its name
	attr *syscall.SysProcAttr
	path string // of its file; empty: this binary's
}

// start starts the actor, with fds as its descriptors from 3 on, and returns its
// process id once it is ready. It ends with the test, or when end is called.
func (a actor) start(t *testing.T, fds ...int) (pid int, end func()) {
	t.Helper()
	if a.role == "" {
		a.role = "hold"
	}
	if a.args == nil {
		a.args = []string{a.name}
	}
	if a.path == "" {
		a.path = "/proc/self/exe" // by its own path another user may not reach it
	}
	cmd := &exec.Cmd{Path: a.path, Args: a.args, SysProcAttr: a.attr, Stderr: os.Stderr,
		Env: []string{actorRole + "=" + a.role, actorName + "=" + a.name}}
	for _, fd := range fds {
		copied, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
		must(t, err)
		file := os.NewFile(uintptr(copied), "socket")
		defer file.Close()
		cmd.ExtraFiles = append(cmd.ExtraFiles, file)
	}
	input, err := cmd.StdinPipe()
	must(t, err)
	output, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	ended := false
	end = func() {
		if !ended {
			ended = true
			cmd.Process.Kill() // at once: with the race detector a process takes a second to exit
			cmd.Wait()
			input.Close()
		}
	}
	t.Cleanup(end)
	if answer, err := bufio.NewReader(output).ReadString('\n'); answer != "ready\n" {
		t.Fatalf("the actor %q says %q, %v", a.name, answer, err)
	}
	return cmd.Process.Pid, end
}

// startCapless runs f, which starts processes, in a thread that has no
// capability to give: what it starts has none, though its user be root.
func startCapless(t *testing.T, f func()) {
	t.Helper()
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked: the thread ends here
		const last = 63        // capabilities(7): a set has 64 bits
		for capability := uintptr(0); capability <= last; capability++ {
			if err = unix.Prctl(unix.PR_CAPBSET_DROP, capability, 0, 0, 0); err != nil {
				break
			}
		}
		if err == unix.EINVAL { // the first that the kernel does not have
			err = nil
			f()
		}
	}()
	<-done
	must(t, err)
}

// runProgram runs the program in a process of its own, with the given attributes.
func runProgram(t *testing.T, attr *syscall.SysProcAttr, args ...string) outcome {
	t.Helper()
	var stdout, stderr strings.Builder
	cmd := &exec.Cmd{Path: "/proc/self/exe", Args: append([]string{"tcpstate"}, args...),
		SysProcAttr: attr, Stdout: &stdout, Stderr: &stderr, Env: []string{"PATH=" + os.Getenv("PATH"), "GORACE=atexit_sleep_ms=0"}}
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return outcome{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// capless runs the program without any capability.
func capless(t *testing.T, args ...string) (got outcome) {
	t.Helper()
	startCapless(t, func() { got = runProgram(t, nil, args...) })
	return got
}
