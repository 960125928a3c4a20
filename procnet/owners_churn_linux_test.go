package procnet

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"tcpstate/internal/lab"
)

// The open table of a process that has ended must not show the descriptors of a
// new process with the same pid.
func TestOwnersTableOutlivesProcess(t *testing.T) {
	inode, file := listener(t)
	c := hold(t, "mortal", file)
	opened, err := Open("/proc").openTree()
	if err != nil {
		t.Fatal(err)
	}
	defer opened.close()
	held, err := opened.open(c.PID, c.PID)
	if err != nil {
		t.Fatal(err)
	}
	defer held.close()
	if got, err := held.socket(3); got != inode || err != nil {
		t.Fatalf("socket %d, %v, want %d", got, err, inode)
	}
	c.End()
	if os.Geteuid() == 0 { // only root may choose the next pid
		reuse(t, c.PID, file)
	}
	if got, err := held.socket(3); got != 0 || err != nil {
		t.Errorf("the descriptor of an ended process refers to socket %d, %v", got, err)
	}
	if name, err := readName(held); !isGone(err) {
		t.Errorf("the ended process has the name %q, %v", name, err)
	}
	if link, err := held.link("exe"); !isGone(err) {
		t.Errorf("the ended process runs %q, %v", link, err)
	}
	if seen, err := held.sockets(0, func(int32, uint32) error { return nil }); seen != 0 || !isGone(err) {
		t.Errorf("the ended process has %d descriptors, %v", seen, err)
	}
}

// reuse starts a process with the pid of a process that has ended, and gives it
// the file as descriptor 3. Another process may get the pid first, so reuse
// tries again.
func reuse(t *testing.T, pid int, file *os.File) {
	t.Helper()
	for range 200 {
		if err := os.WriteFile("/proc/sys/kernel/ns_last_pid", []byte(strconv.Itoa(pid-1)), 0); err != nil {
			t.Logf("the pid is not used again: %v", err) // root in a container may not choose it either
			return
		}
		c := hold(t, "impostor", file)
		if c.PID == pid {
			return
		}
		c.End()
	}
	t.Errorf("no process got the pid %d", pid)
}

// Hundreds of processes start and end, and each of their sockets has its own
// name. Most sockets exist only briefly, and a search may miss them. One socket
// of each process stays open until two more searches have started and ended, so
// both ways to read /proc must find it.
func TestOwnersUnderChurn(t *testing.T) {
	type owner struct {
		pid  int
		name string
	}
	var mu sync.Mutex
	searched := sync.NewCond(&mu) // signals the end of a search
	owners, patient := map[uint32]owner{}, map[uint32]bool{}
	begun, ended, over := 0, 0, false
	const children = 15
	var spawners sync.WaitGroup
	for w := range 2 {
		spawners.Go(func() {
			for i := range children {
				c := lab.Actor{Name: fmt.Sprint("n", w, "-", i), Role: "rename"}.Start(t)
				for n := range renamings {
					line, err := c.Output.ReadString('\n')
					if err != nil {
						break
					}
					number, name, _ := strings.Cut(strings.TrimSpace(line), " ")
					inode, err := strconv.ParseUint(number, 10, 32)
					if err != nil {
						t.Errorf("a child printed %q", line)
						break
					}
					mu.Lock()
					owners[uint32(inode)] = owner{c.PID, name}
					if n == renamings/2 {
						patient[uint32(inode)] = true
						for enough := begun + 2; ended < enough && !over; {
							searched.Wait()
						}
					}
					mu.Unlock()
					fmt.Fprintln(c.Input, "next")
				}
				c.End()
			}
		})
	}
	// The shell starts more processes, as fast as it can, which hold no socket.
	shell := exec.Command("/bin/sh", "-c", "while :; do /bin/true; done")
	shell.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := shell.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { spawners.Wait(); close(done) }()

	seen := map[uint32]map[owner]int{}
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		mu.Lock()
		begun++
		mu.Unlock()
		for _, p := range ways() {
			o, err := p.Owners(t.Context(), OwnersQuery{Details: true})
			if err != nil {
				t.Error(err)
				continue
			}
			for _, h := range o.holders {
				if seen[h.Inode] == nil {
					seen[h.Inode] = map[owner]int{}
				}
				seen[h.Inode][owner{h.PID, h.Name}]++
			}
		}
		mu.Lock()
		ended++
		over = t.Failed()
		searched.Broadcast()
		mu.Unlock()
	}
	shell.Process.Kill()
	shell.Wait()

	known := 0
	for inode, want := range owners {
		sightings := seen[inode]
		if len(sightings) > 0 {
			known++
		}
		for got := range sightings {
			if got != want {
				t.Errorf("socket %d belongs to %d %q, but was attributed to %d %q", inode, want.pid, want.name, got.pid, got.name)
			}
		}
		if patient[inode] && sightings[want] < len(ways()) {
			t.Errorf("socket %d of %d %q was open during a whole search but was found %d times", inode, want.pid, want.name, sightings[want])
		}
	}
	if len(owners) != 2*children*renamings || len(patient) != 2*children {
		t.Errorf("%d children held %d sockets", len(patient), len(owners))
	}
	t.Logf("%d rounds, %d of %d sockets seen", ended, known, len(owners))
}
