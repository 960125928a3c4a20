package explain

import (
	"errors"
	"io/fs"
	"strings"
	"testing"

	"tcpstate/tcp"
)

// TestPages reads every page there is, with a host and without one.
func TestPages(t *testing.T) {
	for _, l := range Languages() {
		if l == Chinese {
			continue
		}
		book, err := Open(l)
		if err != nil {
			t.Fatal(err)
		}
		var unwritten []string
		for _, topic := range Topics() {
			for _, host := range []*Host{nil, {Settings: tcp.DefaultSettings()}} {
				p, err := book.Page(topic, host)
				if errors.Is(err, fs.ErrNotExist) {
					unwritten = append(unwritten, topic.File())
					break
				}
				if err != nil {
					t.Error(err)
					break
				}
				if len(p.Sections) == 0 || p.Summary.String() == "" {
					t.Errorf("%s in %s is empty", topic.Name, l)
				}
			}
		}
		if len(unwritten) > 0 {
			t.Logf("%d pages in %s are not written: %s", len(unwritten), l, strings.Join(unwritten, " "))
		}
	}
}
