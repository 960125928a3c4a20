package collect

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestServices(t *testing.T) {
	file := filepath.Join(t.TempDir(), "services")
	const text = `# a comment
ftp	21/tcp
fsp	21/udp	fspd
web	80/tcp	WWW http # the first name counts
other	80/tcp
intranet 8080/tcp
redis	7000/tcp

broken
broken2	x/tcp
broken3	70000/tcp
broken4	0/tcp
`
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	withFile, without := openServices(file), openServices(file+".gone")
	for _, test := range []struct {
		of   *services
		port uint16
		name string
	}{
		{withFile, 21, "ftp"}, {withFile, 80, "web"}, {withFile, 8080, "intranet"}, {withFile, 7000, "redis"},
		{withFile, 443, "https"}, {withFile, 6379, "redis"}, {withFile, 0, ""}, {withFile, 54321, ""},
		{without, 80, "http"}, {without, 465, "submissions"}, {without, 6379, "redis"}, {without, 27017, "mongodb"}, {without, 7000, ""},
	} {
		if got := test.of.name(test.port); got != test.name {
			t.Errorf("port %d is %q, want %q", test.port, got, test.name)
		}
	}
	for _, test := range []struct {
		of   *services
		name string
		port uint16
	}{
		{withFile, "web", 80}, {withFile, "WWW", 80}, {withFile, "http", 80}, {withFile, "other", 80}, {withFile, "HTTPS", 443},
		{withFile, "redis", 7000}, {withFile, "fsp", 0}, {withFile, "broken", 0}, {withFile, "broken4", 0}, {withFile, "", 0},
		{without, "smtps", 465}, {without, "imap", 143}, {without, "vnc", 5900}, {without, "web", 0},
	} {
		if got, ok := test.of.port(test.name); got != test.port || ok != (test.port != 0) {
			t.Errorf("%q is port %d, %v, want %d", test.name, got, ok, test.port)
		}
	}
}

// TestWellKnown checks that each line of the table is read, and none twice.
func TestWellKnown(t *testing.T) {
	s := openServices(filepath.Join(t.TempDir(), "gone"))
	lines := strings.Split(strings.TrimSpace(wellKnown), "\n")
	names := 0
	for _, line := range lines {
		names += len(strings.Fields(line)) - 1
	}
	if len(s.names) != len(lines) || len(s.ports) != names {
		t.Errorf("%d lines with %d names make %d ports with %d names", len(lines), names, len(s.names), len(s.ports))
	}
}

func FuzzServices(f *testing.F) {
	f.Add("http 80/tcp www # x\n")
	f.Add(wellKnown)
	f.Fuzz(func(t *testing.T, text string) {
		s := &services{names: map[uint16]string{}, ports: map[string]uint16{}}
		s.parse(strings.NewReader(text))
		for port, name := range s.names {
			if _, known := s.port(name); !known || port == 0 || !strings.Contains(text, name) {
				t.Errorf("of %q: port %d is %q", text, port, name)
			}
		}
	})
}
