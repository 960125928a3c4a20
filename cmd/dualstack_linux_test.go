package cmd

import (
	"fmt"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"tcpstate/internal/lab"
)

// TestDualStack lists two listeners on [::], one of which takes IPv4 connections
// too, and compares them with ss. /proc does not show which one it is.
func TestDualStack(t *testing.T) {
	lab.Run(t, func(t *testing.T, _ *lab.Lab) {
		ports := map[string]int{}
		for name, only := range map[string]int{"both": 0, "only": 1} {
			_, at := listenOn(t, &unix.SockaddrInet6{}, func(fd int) {
				must(t, unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, only))
			})
			ports[name] = at.(*unix.SockaddrInet6).Port
		}
		listenOn(t, &unix.SockaddrInet6{Addr: lab.Host6.As16()}, func(int) {}) // not on [::]
		table := runArgs(t, "ls", "-le")
		for name, accepts := range map[string]string{"both": "IPv4+IPv6", "only": "IPv6"} {
			if !regexp.MustCompile(fmt.Sprintf(`(?m)\[::\]:%d +\[::\]:\* .* %s `, ports[name], regexp.QuoteMeta(accepts))).MatchString(table.stdout) {
				t.Errorf("ls -e does not show that :%d accepts %s:\n%s", ports[name], accepts, table.stdout)
			}
			for _, s := range list(t, "-le", fmt.Sprintf("sport = :%d", ports[name])).Sockets {
				if s["v6only"] != (name == "only") {
					t.Errorf("%s: v6only is %v", name, s["v6only"])
				}
			}
			ss, err := exec.Command("ss", "-tlne", fmt.Sprintf("sport = :%d", ports[name])).Output()
			must(t, err)
			if want := map[string]string{"both": "v6only:0", "only": "v6only:1"}[name]; !strings.Contains(string(ss), want) {
				t.Errorf("ss has no %s:\n%s", want, ss)
			}
			story := map[string]string{"both": "It also takes IPv4 connections", "only": "It takes only IPv6 connections"}[name]
			if got := runArgs(t, "explain", fmt.Sprintf(":%d", ports[name])); !strings.Contains(got.stdout, story) {
				t.Errorf("explain does not say %q:\n%s", story, got.stdout)
			}
		}
		for _, row := range []struct {
			args, note string
		}{
			{"ls -4l", "1 listener on [::] takes IPv4 connections too"},
			{"count -4", "1 listener on [::] takes IPv4 connections too"},
			{"ls -4l --source procfs", "2 listeners on [::] may take IPv4 connections too: /proc does not show"},
			{fmt.Sprintf("ls -4l sport = :%d", ports["only"]), ""},
			{fmt.Sprintf("ls -4l --source procfs sport = :%d", ports["only"]), "1 listener on [::] may take"},
			{"ls -4 --state ESTABLISHED", ""},
			{"ls -46l", ""},
			{"ls -6l", ""},
			{"ls -l", ""},
		} {
			got := runArgs(t, strings.Fields(row.args)...)
			if got.code != exitDone || row.note == "" && got.stderr != "" || !strings.Contains(got.stderr, row.note) {
				t.Errorf("%s: exit %d, stderr %q, want a note with %q", row.args, got.code, got.stderr, row.note)
			}
		}
	})
}
