package procnet

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"tcpstate/lifecycle"
	"tcpstate/tcp"
)

var both = []tcp.Family{tcp.IPv4, tcp.IPv6}

// files returns a Proc with the given files, whose NetDir is "net".
func files(content map[string]string) *Proc {
	m := fstest.MapFS{}
	for name, text := range content {
		m[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return &Proc{FS: m, NetDir: "net"}
}

// read returns one line for each socket, with its family and state, and one
// line for an error.
func read(p *Proc, families ...tcp.Family) string {
	var got []string
	for s, err := range p.Sockets(families) {
		if err != nil {
			got = append(got, err.Error())
			continue
		}
		got = append(got, fmt.Sprint(s.Family, " ", s.State))
	}
	return strings.Join(got, "\n")
}

func TestSockets(t *testing.T) {
	one4, one6 := table(tcp.IPv4, 1), table(tcp.IPv6, 1)
	for _, test := range []struct {
		name     string
		files    map[string]string
		families []tcp.Family
		want     string
	}{
		{"both", map[string]string{"net/tcp": one4, "net/tcp6": one6}, both, "ipv4 LISTEN\nipv6 LISTEN"},
		{"in the order of the request", map[string]string{"net/tcp": one4, "net/tcp6": one6}, []tcp.Family{tcp.IPv6, tcp.IPv4}, "ipv6 LISTEN\nipv4 LISTEN"},
		{"one of two", map[string]string{"net/tcp": one4, "net/tcp6": one6}, both[1:], "ipv6 LISTEN"},
		{"no family requested", map[string]string{"net/tcp": one4}, nil, ""},
		{"a kernel without IPv6", map[string]string{"net/tcp": one4}, both, "ipv4 LISTEN"},
		{"a kernel without IPv6, only IPv6 requested", map[string]string{"net/tcp": one4}, both[1:], ""},
		{"no net/tcp", map[string]string{"net/tcp6": one6}, both, "reading net/tcp: file does not exist\nipv6 LISTEN"},
		{"no /proc at all", nil, both[1:], "reading net/tcp6: file does not exist"},
		{"bad line in net/tcp", map[string]string{"net/tcp": one4 + "x", "net/tcp6": one6}, both,
			"ipv4 LISTEN\n" + `reading net/tcp: line 3: line "x": 1 columns, not 12` + "\nipv6 LISTEN"},
		{"an empty net/tcp", map[string]string{"net/tcp": "", "net/tcp6": one6}, both,
			`reading net/tcp: line 1: header "": not that of net/tcp or net/tcp6` + "\nipv6 LISTEN"},
		{"bad line in net/tcp6", map[string]string{"net/tcp": one4, "net/tcp6": strings.Replace(one6, "341200FD", "0G00", 1)}, both,
			"ipv4 LISTEN\n" + `reading net/tcp6: line 2: local address "0G00BC9A78560000000001000000": not hexadecimal`},
		{"the other family's file", map[string]string{"net/tcp": one6}, both[:1],
			`reading net/tcp: line 2: local address "341200FDBC9A78560000000001000000": 32 digits, not 8`},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := read(files(test.files), test.families...); got != test.want {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
		})
	}
}

func TestCheckTables(t *testing.T) {
	one4, one6 := table(tcp.IPv4, 1), table(tcp.IPv6, 1)
	for _, test := range []struct {
		name     string
		files    map[string]string
		families []tcp.Family
		want     string
	}{
		{"both", map[string]string{"net/tcp": one4, "net/tcp6": one6}, both, ""},
		{"one, with a bad line", map[string]string{"net/tcp": header4 + "x"}, both, ""},
		{"a good one beside an empty one", map[string]string{"net/tcp": "", "net/tcp6": header6}, both, ""},
		{"a good one beside none", map[string]string{"net/tcp6": one6}, both, ""},
		{"not the one that is requested", map[string]string{"net/tcp6": one6}, both[:1], "reading net/tcp: file does not exist"},
		{"two bad ones", map[string]string{"net/tcp": "x", "net/tcp6": ""}, both, `reading net/tcp: line 1: header "x": not that of net/tcp or net/tcp6`},
		{"none", nil, both, "reading net/tcp: file does not exist"},
	} {
		err := files(test.files).CheckTables(test.families)
		if got := fmt.Sprint(err); got != test.want && (err != nil || test.want != "") {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
	}
}

// An error has the full path of the file, and unwraps to its cause.
func TestSocketsErrorNamesFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "proc")
	for _, err := range Open(dir).Sockets(both[:1]) {
		readErr, ok := errors.AsType[*ReadError](err)
		if !ok || readErr.File != dir+"/net/tcp" || readErr.Line != 0 || !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("got %#v, want a ReadError about %s/net/tcp that is fs.ErrNotExist", err, dir)
		}
	}
}

// closeCounter counts the open files.
type closeCounter struct {
	fs.FS
	open int
}

type countedFile struct {
	fs.File
	c *closeCounter
}

func (c *closeCounter) Open(name string) (fs.File, error) {
	file, err := c.FS.Open(name)
	if err != nil {
		return nil, err
	}
	c.open++
	return countedFile{file, c}, nil
}

func (f countedFile) Close() error {
	f.c.open--
	return f.File.Close()
}

func TestSocketsClosesFiles(t *testing.T) {
	p := files(map[string]string{"net/tcp": table(tcp.IPv4, 100), "net/tcp6": table(tcp.IPv6, 100) + "x"})
	counter := &closeCounter{FS: p.FS}
	p.FS = counter
	n := 0
	for s, err := range p.Sockets(both) {
		if err != nil || counter.open != 1 {
			t.Fatalf("%v, %d files open, want one", err, counter.open)
		}
		if n++; s.Family == tcp.IPv6 {
			break
		}
	}
	if n != 101 || counter.open != 0 {
		t.Errorf("%d sockets, then %d files open; want 101 and none", n, counter.open)
	}
	for range p.Sockets(both) {
	}
	if counter.open != 0 {
		t.Errorf("%d files open after the last socket and an error", counter.open)
	}
}

func TestOpenChoosesNet(t *testing.T) {
	for _, test := range []struct {
		name string
		make func(dir string) error
		want string
	}{
		{"recorded net only", func(dir string) error { return os.Mkdir(filepath.Join(dir, "net"), 0o755) }, "net"},
		{"nothing", func(string) error { return nil }, "net"},
		{"process 1", func(dir string) error { return os.MkdirAll(filepath.Join(dir, "1", "net"), 0o755) }, "1/net"},
		{"process 1 and net", func(dir string) error {
			return errors.Join(os.MkdirAll(filepath.Join(dir, "1", "net"), 0o755), os.Mkdir(filepath.Join(dir, "net"), 0o755))
		}, "1/net"},
		{"process 1 hidden", func(dir string) error { return os.Symlink("self/net", filepath.Join(dir, "net")) }, "1/net"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := test.make(dir); err != nil {
				t.Fatal(err)
			}
			if got := Open(dir).NetDir; got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
	for _, dir := range []string{"/proc", "/proc/", "/proc/self/.."} {
		if got := Open(dir).NetDir; got != "net" {
			t.Errorf("%s: got %s, want net", dir, got)
		}
	}
}

func TestClocks(t *testing.T) {
	const fin, wait, linear, rto = "sys/net/ipv4/tcp_fin_timeout", "sys/net/ipv4/tcp_tw_timeout", "sys/net/ipv4/tcp_syn_linear_timeouts", "sys/net/ipv4/tcp_rto_max_ms"
	for _, test := range []struct {
		name  string
		files map[string]string
		want  lifecycle.Clocks
		err   string
	}{
		{"all set", map[string]string{fin: "15\n", wait: "5\n", linear: "4\n", rto: "30000\n"}, lifecycle.Clocks{FinTimeout: 15 * time.Second, TimeWait: 5 * time.Second, SynLinearTimeouts: 4, RTOMax: 30 * time.Second}, ""},
		{"an old kernel", map[string]string{fin: "60\n"}, lifecycle.Clocks{FinTimeout: time.Minute, TimeWait: time.Minute, RTOMax: 2 * time.Minute}, ""},
		{"no settings at all", nil, lifecycle.Clocks{}, `reading sys/net/ipv4: file does not exist`},
		{"negative, without newline", map[string]string{fin: "-1"}, lifecycle.Clocks{FinTimeout: -time.Second, TimeWait: time.Minute, RTOMax: 2 * time.Minute}, ""},
		{"nonsense", map[string]string{fin: "soon\n", rto: "later\n"}, lifecycle.Clocks{}, `reading sys/net/ipv4/tcp_fin_timeout: value "soon": not a whole number of 32 bits`},
		{"empty", map[string]string{linear: ""}, lifecycle.Clocks{}, `reading sys/net/ipv4/tcp_syn_linear_timeouts: value "": not a whole number of 32 bits`},
		{"too large", map[string]string{rto: "2147483648\n"}, lifecycle.Clocks{}, `reading sys/net/ipv4/tcp_rto_max_ms: value "2147483648": not a whole number of 32 bits`},
		{"a directory", map[string]string{rto + "/x": ""}, lifecycle.Clocks{}, `reading sys/net/ipv4/tcp_rto_max_ms: invalid argument`},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := files(test.files).Clocks()
			if got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
			if err != nil && err.Error() != test.err || err == nil && test.err != "" {
				t.Errorf("got error %v, want %q", err, test.err)
			}
		})
	}
}
