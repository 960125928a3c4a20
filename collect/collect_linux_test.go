package collect

import (
	"net"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"tcpstate/internal/lab"
	"tcpstate/tcp"
)

// TestMissingDependsOnPrivilege reads as root of the namespace, and again
// without CAP_NET_ADMIN. The second time marks are missing and absent.
func TestMissingDependsOnPrivilege(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fd)
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_MARK, 7); err != nil {
			t.Fatal(err)
		}
		if err := unix.Listen(fd, 1); err != nil {
			t.Fatal(err)
		}
		readMark := func() (mark tcp.Optional[uint32], missing []string) {
			s := mustOpen(t, Query{Source: SockDiag, States: tcp.All, Families: both, Detail: tcp.DetailExtended})
			sockets := readAll(t, s)
			if len(sockets) != 1 {
				t.Fatalf("%d sockets, want 1", len(sockets))
			}
			return sockets[0].Extended.Mark, s.Missing()
		}
		if mark, missing := readMark(); mark != tcp.Known[uint32](7) || slices.Contains(missing, "mark") {
			t.Errorf("as root: mark %v, missing %q", mark, missing)
		}
		// The kernel checks the privileges of the calling thread. The thread is
		// not unlocked, so it ends with the test.
		runtime.LockOSThread()
		dropNetAdmin(t)
		if mark, missing := readMark(); mark.IsKnown() || !slices.Contains(missing, "mark") || !slices.Contains(missing, "md5_keys") {
			t.Errorf("without CAP_NET_ADMIN: mark %v, missing %q", mark, missing)
		}
	})
}

// TestInterfaceNames looks up the names of links by their index.
func TestInterfaceNames(t *testing.T) {
	links, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	var names interfaceNames
	for _, link := range links {
		for range 2 { // looked up, then remembered
			if got := names.name(uint32(link.Index)); got != link.Name {
				t.Errorf("interface %d is %q, want %q", link.Index, got, link.Name)
			}
		}
	}
	if got := names.name(1 << 30); got != "" {
		t.Errorf("an interface that does not exist has the name %q", got)
	}
}

// TestTheHostsOwnSocketsAreListed opens a listener and looks for it in both
// sources, as the user who runs the test.
func TestTheHostsOwnSocketsAreListed(t *testing.T) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	for _, source := range []Source{Auto, SockDiag, ProcFS} {
		s := mustOpen(t, Query{Source: source, States: tcp.Set(tcp.Listen), Families: both})
		found := false
		for _, socket := range readAll(t, s) {
			if socket.Local.String() == listener.Addr().String() {
				found = socket.Owner.UID == tcp.Known(uint32(os.Geteuid()))
			}
		}
		if !found || source != Auto && s.Source() != source || len(s.Warnings()) != 0 {
			t.Errorf("%s: the listener is listed as ours: %v; source %s, warnings %q", source, found, s.Source(), strings.Join(s.Warnings().Texts(), "; "))
		}
	}
}
