package cmd

import (
	"encoding/binary"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"tcpstate/internal/lab"
	"tcpstate/procnet"
)

// listenInKernel makes the kernel listen on a port, as it does for an endpoint of
// Multipath TCP that has a port (mptcp_pm_nl_create_listen_socket in
// net/mptcp/pm_kernel.c). No process has the socket. It reports false if the kernel
// has no Multipath TCP.
func listenInKernel(t *testing.T, at netip.AddrPort) bool {
	t.Helper()
	const (
		command                           = 1 // MPTCP_PM_CMD_ADD_ADDR, include/uapi/linux/mptcp.h
		attribute                         = 1 // MPTCP_PM_ATTR_ADDR
		family, address4, portOf, flagsOf = 1, 3, 5, 6
		signal                            = 1 // MPTCP_PM_ADDR_FLAG_SIGNAL
	)
	manager, err := netlink.GenlFamilyGet("mptcp_pm")
	if err != nil {
		t.Logf("this kernel has no Multipath TCP: %v", err)
		return false
	}
	request := nl.NewNetlinkRequest(int(manager.ID), unix.NLM_F_ACK)
	request.AddData(&nl.Genlmsg{Command: command, Version: 1})
	endpoint := nl.NewRtAttr(attribute|unix.NLA_F_NESTED, nil)
	number := func(n uint16) []byte { return binary.NativeEndian.AppendUint16(nil, n) }
	endpoint.AddRtAttr(family, number(unix.AF_INET))
	endpoint.AddRtAttr(address4, at.Addr().AsSlice())
	endpoint.AddRtAttr(portOf, number(at.Port()))
	endpoint.AddRtAttr(flagsOf, binary.NativeEndian.AppendUint32(nil, signal))
	request.AddData(endpoint)
	_, err = request.Execute(unix.NETLINK_GENERIC, 0)
	must(t, err)
	return true
}

// TestSocketsOfTheKernel lists a listener of the kernel beside one of this process.
func TestSocketsOfTheKernel(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		at := netip.AddrPortFrom(lab.Host4, 5555)
		if !listenInKernel(t, at) {
			return
		}
		listenOn(t, loopback4, func(int) {})
		proc := procnet.Open("/proc")
		owners, err := proc.Owners(t.Context(), procnet.OwnersQuery{})
		must(t, err)
		all, _ := proc.ShowsAllProcesses()
		const says = "tcpstate: note: no process holds 1 socket: the kernel itself serves it\n"
		if !all || !owners.Complete() {
			if got := runArgs(t, "ls", "-p"); strings.Contains(got.stdout, "kernel") || !strings.Contains(got.stderr, "are not known: ") {
				t.Errorf("where not all processes can be read: %+v", got)
			}
			return
		}
		for _, source := range []string{"sock_diag", "procfs"} {
			got := runArgs(t, "ls", "-lp", "--source", source)
			if got.code != exitDone || got.stderr != says || strings.Count(got.stdout, "(kernel)") != 1 {
				t.Errorf("%s: %+v", source, got)
			}
			got = runArgs(t, "ls", "-p", "--json", "--source", source)
			for _, s := range readDocument(t, got.stdout).Sockets {
				if s["kernel_serves"] == true != (s["local.port"] == 5555.) {
					t.Errorf("%s: %v", source, s)
				}
			}
		}
		got := runArgs(t, "explain", ":5555")
		if text := strings.Join(strings.Fields(got.stdout), " "); got.code != exitDone || !strings.Contains(text, "No process holds it: the kernel itself serves it.") {
			t.Errorf("explain: %+v", got)
		}
		got = runArgs(t, "doctor", "--interval", "1ms", "--json", "sport = :5555")
		if got.code != exitDone || strings.Contains(got.stdout, "could not be seen") || strings.Count(got.stderr, says) != 1 {
			t.Errorf("doctor: %+v", got)
		}
		got = capless(t, "ls", "-lp")
		if os.Geteuid() == 0 && (strings.Contains(got.stdout, "(kernel)") || !strings.Contains(got.stderr, "may not be read by this user")) {
			t.Errorf("without capabilities: %+v", got)
		}
	})
}
