package procnet

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tcpstate/lifecycle"
	"tcpstate/tcp"
)

func TestSettings(t *testing.T) {
	for _, test := range []struct {
		name  string
		files map[string]string
		want  lifecycle.Settings
		err   string
	}{
		{"each form of value", map[string]string{
			"sys/net/ipv4/tcp_fin_timeout":         "15\n",
			"sys/net/ipv4/tcp_tw_reuse_delay":      "1500\n",
			"sys/net/core/somaxconn":               "512\n",
			"sys/net/ipv4/ip_local_port_range":     "32768\t60999\n",
			"sys/net/ipv4/ip_local_reserved_ports": "8080,9000-9010\n",
			"sys/net/ipv4/tcp_rmem":                "4096\t131072\t33554432\n",
		}, lifecycle.Settings{
			FinTimeout: tcp.Known(15 * time.Second), TWReuseDelay: tcp.Known(1500 * time.Millisecond), Somaxconn: tcp.Known(512),
			LocalPortRange:     tcp.Known(lifecycle.PortRange{First: 32768, Last: 60999}),
			LocalReservedPorts: tcp.Known(lifecycle.PortRanges{{First: 8080, Last: 8080}, {First: 9000, Last: 9010}}),
			ReadMem:            tcp.Known(lifecycle.Triple{4096, 131072, 33554432}),
		}, ""},
		{"no reserved ports", map[string]string{"sys/net/ipv4/ip_local_reserved_ports": "\n"},
			lifecycle.Settings{LocalReservedPorts: tcp.Known(lifecycle.PortRanges{})}, ""},
		{"no settings at all", nil, lifecycle.Settings{}, `reading sys/net/ipv4: file does not exist`},
		{"nonsense", map[string]string{"sys/net/ipv4/tcp_retries2": "many\n"}, lifecycle.Settings{},
			`reading sys/net/ipv4/tcp_retries2: value "many": not a whole number of 32 bits`},
		{"half a range", map[string]string{"sys/net/ipv4/ip_local_port_range": "32768\n"}, lifecycle.Settings{},
			`reading sys/net/ipv4/ip_local_port_range: value "32768": not two ports`},
		{"a directory", map[string]string{"sys/net/ipv4/tcp_mem/x": ""}, lifecycle.Settings{},
			`reading sys/net/ipv4/tcp_mem: invalid argument`},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := files(test.files).Settings()
			if diff := cmp.Diff(test.want, got, cmp.Comparer(equalSettings)); diff != "" {
				t.Errorf("want -, got +:\n%s", diff)
			}
			var readError *ReadError
			switch {
			case err == nil && test.err != "", err != nil && err.Error() != test.err:
				t.Errorf("got error %v, want %q", err, test.err)
			case err != nil && !errors.As(err, &readError):
				t.Errorf("error %v is a %T", err, err)
			}
		})
	}
}

// equalSettings compares settings by the texts that the kernel writes for them.
func equalSettings(a, b lifecycle.Settings) bool {
	for i := range lifecycle.SettingTable {
		textA, knownA := lifecycle.SettingTable[i].Text(&a)
		textB, knownB := lifecycle.SettingTable[i].Text(&b)
		if textA != textB || knownA != knownB {
			return false
		}
	}
	return true
}

// TestClocksReadsFewFiles checks that a listing opens only four files to
// compute ages.
func TestClocksReadsFewFiles(t *testing.T) {
	p := files(map[string]string{"sys/net/ipv4/tcp_fin_timeout": "60"})
	counted := &countingFS{FS: p.FS}
	p.FS = counted
	if _, err := p.Clocks(); err != nil {
		t.Fatal(err)
	}
	if len(counted.opened) != 4 {
		t.Errorf("opened %q", counted.opened)
	}
}

type countingFS struct {
	fs.FS
	opened []string
}

func (c *countingFS) Open(name string) (fs.File, error) {
	c.opened = append(c.opened, name)
	return c.FS.Open(name)
}

func (c *countingFS) Stat(name string) (fs.FileInfo, error) { return fs.Stat(c.FS, name) }

// FuzzParseSetting checks that the parser either rejects a text, and quotes it
// in the error, or returns a setting whose text has the same meaning.
func FuzzParseSetting(f *testing.F) {
	for _, text := range []string{"60\n", "-1", "", "4096\t131072\t33554432\n", "32768\t60999\n", "8080,9000-9010\n", "1-0", "65536", "9,8", "1,"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for i := range lifecycle.SettingTable {
			setting := &lifecycle.SettingTable[i]
			var s, again lifecycle.Settings
			if err := parseSetting(&s, setting, text); err != nil {
				if len(text) < 300 && !strings.Contains(err.Error(), quote(strings.TrimSuffix(text, "\n"))) {
					t.Errorf("%s: %v does not quote %q", setting.Name, err, text)
				}
				if _, known := setting.Text(&s); known {
					t.Errorf("%s: %q was rejected but is known", setting.Name, text)
				}
				continue
			}
			first, known := setting.Text(&s)
			if !known {
				t.Errorf("%s: %q was accepted but is unknown", setting.Name, text)
			}
			if err := parseSetting(&again, setting, first); err != nil || !equalSettings(s, again) {
				t.Errorf("%s: %q became %q: %v", setting.Name, text, first, err)
			}
		}
	})
}
