package cmd

import (
	"slices"
	"testing"

	"tcpstate/internal/lab"
)

// TestDocumentSaysWhatWasNotRequested looks for the options that would add fields.
func TestDocumentSaysWhatWasNotRequested(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		listenOn(t, loopback4, func(int) {})
		for _, test := range []struct {
			args []string
			want []string
		}{
			{nil, []string{"-o", "-i", "-m", "-e", "-p", "-r"}},
			{[]string{"-io"}, []string{"-m", "-e", "-p", "-r"}},
			{[]string{"-i"}, []string{"-m", "-e", "-p", "-r"}},
			{[]string{"--sort", "rtt"}, []string{"-m", "-e", "-p", "-r"}}, // it needs tcp_info, which is then written
			{[]string{"--source", "procfs", "-p"}, []string{"-o", "-i", "-e", "-r"}},
		} {
			d := list(t, test.args...)
			var options []string
			for _, o := range d.NotRequested {
				options = append(options, o.Option)
				if o.Option == "-i" && !slices.Contains(o.Fields, "tcp_info") {
					t.Errorf("ls %q: -i adds %q", test.args, o.Fields)
				}
				for _, s := range d.Sockets {
					for _, field := range o.Fields {
						if s[field] != nil {
							t.Errorf("ls %q: %s is there, and not requested", test.args, field)
						}
					}
				}
			}
			if !slices.Equal(options, test.want) {
				t.Errorf("ls %q: not requested are %q, want %q", test.args, options, test.want)
			}
		}
	})
}
