package procnet

import (
	"errors"
	"io/fs"
	"testing"
	"testing/fstest"
)

func TestStatus(t *testing.T) {
	tests := []struct {
		text string
		want Status
		ok   bool
	}{
		{"Name:\tnginx\nUmask:\t0022\nState:\tS (sleeping)\nTgid:\t812\nTracerPid:\t0\n", Status{'S', 0}, true},
		{"Name:\ta\\nState: R\nState:\tt (tracing stop)\nTracerPid:\t4711\n", Status{'t', 4711}, true},
		{"State:\tD (disk sleep)\n", Status{'D', 0}, true},
		{"Name:\tnginx\n", Status{}, false},
		{"State:\n", Status{}, false},
		{"State:\tS\nTracerPid:\tx\n", Status{}, false},
		{"State:\tS\nTracerPid:\t-1\n", Status{}, false},
		{"", Status{}, false},
	}
	for _, test := range tests {
		p := &Proc{FS: fstest.MapFS{"812/status": {Data: []byte(test.text)}}}
		got, err := p.Status(812)
		if got != test.want || (err == nil) != test.ok {
			t.Errorf("%q: %+v, %v", test.text, got, err)
		}
	}
	if _, err := (&Proc{FS: fstest.MapFS{}}).Status(812); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of a process that has ended: %v", err)
	}
}
