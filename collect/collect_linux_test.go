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

// TestMissingDependsOnPrivilege looks as root of the namespace, and again after
// it has given up CAP_NET_ADMIN: marks are then missing, and absent.
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
		look := func() (mark tcp.Optional[uint32], missing []string) {
			s := mustOpen(t, Query{Source: SockDiag, States: tcp.All, Families: both, Detail: tcp.DetailExtended})
			sockets := readAll(t, s)
			if len(sockets) != 1 {
				t.Fatalf("%d sockets, want the one", len(sockets))
			}
			return sockets[0].Extended.Mark, s.Missing()
		}
		if mark, missing := look(); mark != tcp.Known[uint32](7) || slices.Contains(missing, "mark") {
			t.Errorf("as root: mark %v, missing %q", mark, missing)
		}
		// The kernel answers the thread that asks. It is not unlocked, and so
		// ends with the test.
		runtime.LockOSThread()
		dropNetAdmin(t)
		if mark, missing := look(); mark.IsKnown() || !slices.Contains(missing, "mark") || !slices.Contains(missing, "md5_keys") {
			t.Errorf("without CAP_NET_ADMIN: mark %v, missing %q", mark, missing)
		}
	})
}

// TestInterfaceNames asks for the names of links by their index.
func TestInterfaceNames(t *testing.T) {
	links, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	var names interfaceNames
	for _, link := range links {
		for range 2 { // asked, then remembered
			if got := names.name(uint32(link.Index)); got != link.Name {
				t.Errorf("interface %d is %q, want %q", link.Index, got, link.Name)
			}
		}
	}
	if got := names.name(1 << 30); got != "" {
		t.Errorf("an interface that is not there is called %q", got)
	}
}

// TestTheHostsOwnSocketsAreListed opens a listener and looks for it, from both
// sources, as whoever runs the test.
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
