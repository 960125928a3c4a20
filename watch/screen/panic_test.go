package screen

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"tcpstate/collect"
	"tcpstate/explain"
	"tcpstate/filter"
	"tcpstate/internal/pane"
	"tcpstate/tcp"
	"tcpstate/watch"
	"tcpstate/wording"
)

// TestMain makes the test binary a program that shows a screen which panics, if
// the environment says so.
func TestMain(m *testing.M) {
	if what := os.Getenv("SCREEN_PANICS"); what != "" {
		panicOnScreen(what)
		return
	}
	os.Exit(m.Run())
}

func panicOnScreen(what string) {
	book, err := explain.Open(wording.English)
	if err != nil {
		panic(err)
	}
	s := &Screen{
		Session: &watch.Session{Now: time.Now, Query: collect.Query{Source: collect.ProcFS, States: tcp.All,
			Families: []tcp.Family{tcp.IPv4, tcp.IPv6}, Proc: os.Getenv("SCREEN_PROC")}},
		Interval: 100 * time.Millisecond, Book: book, Input: os.Stdin, Output: os.Stdout, Environ: os.Environ(),
		Parse: func(text string, _ bool) (*filter.Filter, error) { panic("parsing " + text) },
	}
	if what == "reader" {
		readings := 0
		s.Session.Now = func() time.Time {
			if readings++; readings > 20 {
				panic("reading")
			}
			return time.Now()
		}
	}
	if err := s.Run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// TestTerminalOutlivesPanics makes the model or the reader panic, each in its
// own goroutine, and checks that the terminal is restored.
func TestTerminalOutlivesPanics(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	d := drive(t, nil, someSockets()...) // only its files are used
	for _, test := range []struct {
		what    string
		status  int
		message string
	}{{"model", 1, "parsing x"}, {"reader", 2, "reading"}} {
		t.Run(test.what, func(t *testing.T) {
			p := pane.Start(t, 80, 24, fmt.Sprintf("SCREEN_PANICS=%s SCREEN_PROC=%s exec %s", test.what, d.dir, self))
			if test.what == "model" {
				p.Wait("18 sockets")
				p.Press("/")
				p.Wait("filter:")
				p.Press("x")
			}
			if status := p.Ended(); status != test.status {
				t.Errorf("exit %d, want %d", status, test.status)
			}
			if text := p.Stderr(); !strings.Contains(text, test.message) || !strings.Contains(text, "goroutine ") {
				t.Errorf("stderr does not report what happened and where: %q", text)
			}
		})
	}
}
