package collect

import (
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"tcpstate/internal/lab"
	"tcpstate/netns"
	"tcpstate/tcp"
)

// nameless starts a process in a namespace that only this process keeps alive.
func nameless(t *testing.T) (pid int, end func()) {
	t.Helper()
	cmd := exec.Command("sleep", "600")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	end = func() { cmd.Process.Kill(); cmd.Wait() }
	t.Cleanup(end)
	return cmd.Process.Pid, end
}

// TestNamespacesThatEndAreLeftOut ends namespaces after they were found, before
// and after their reading has begun.
func TestNamespacesThatEndAreLeftOut(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		for _, source := range []Source{SockDiag, ProcFS} {
			early, endEarly := nameless(t)
			late, endLate := nameless(t)
			stays, _ := nameless(t)
			query := Query{Netns: AllNamespaces, Source: source, States: tcp.All, Families: []tcp.Family{tcp.IPv4, tcp.IPv6}}
			s, err := Open(t.Context(), query)
			if err != nil {
				t.Fatal(err)
			}
			endEarly()
			said := len(s.Warnings()) // about processes that this user may not see
			read := map[string]bool{}
			for r, err := range s.readings() {
				if err != nil {
					t.Fatalf("%v: %v", source, err)
				}
				if r.space.Name == spaceOf(late) {
					endLate()
				}
				read[r.space.Name] = true
				for _, err := range r.Sockets() {
					if err != nil && !errors.Is(err, netns.ErrGone) {
						t.Errorf("%v: %s: %v", source, r.space.Name, err)
					}
				}
			}
			if read[spaceOf(early)] || !read[spaceOf(late)] || !read[spaceOf(stays)] {
				t.Errorf("%v: the namespaces %v were read, of %d, %d and %d", source, read, early, late, stays)
			}
			for _, warning := range s.Warnings()[said:].Texts() {
				if !strings.Contains(warning, "may not be entered") { // namespaces of the host, which the user of the lab may not enter
					t.Errorf("%v: %s", source, warning)
				}
			}

			// For a namespace that was requested by name, its end is an error.
			only, endOnly := nameless(t)
			query.Netns = strconv.Itoa(only)
			if s, err = Open(t.Context(), query); err != nil {
				t.Fatal(err)
			}
			endOnly()
			var failure error
			for _, err := range s.Sockets() {
				failure = err
			}
			if gone := errors.Is(failure, netns.ErrGone); gone != (source == ProcFS) { // a netlink socket keeps the namespace alive
				t.Errorf("%v: the only namespace ended: %v", source, failure)
			}
		}
	})
}

func spaceOf(pid int) string { return fmt.Sprintf("/proc/%d/ns/net", pid) }
