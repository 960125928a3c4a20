package screen

import (
	"context"
	"encoding/binary"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/rogpeppe/go-internal/txtar"

	"tcpstate/collect"
	"tcpstate/explain"
	"tcpstate/filter"
	"tcpstate/tcp"
	"tcpstate/text"
	"tcpstate/watch"
	"tcpstate/wording"
)

var update = flag.Bool("update", false, "write new screens into testdata")

// conn is a socket in the /proc of a test.
type conn struct {
	state       tcp.State
	local, peer string
	sent, recvd uint32
	inode       int
}

// line returns the socket as a line of /proc/net/tcp (get_tcp4_sock in
// net/ipv4/tcp_ipv4.c).
func (c conn) line() string {
	hex := func(text string) string {
		at := netip.MustParseAddrPort(text)
		address := at.Addr().As4()
		return fmt.Sprintf("%08X:%04X", binary.LittleEndian.Uint32(address[:]), at.Port())
	}
	kernel := map[tcp.State]int{tcp.Listen: 10, tcp.SynSent: 2, tcp.SynRecv: 3, tcp.Established: 1, tcp.TimeWait: 6, tcp.CloseWait: 8}
	return fmt.Sprintf("   0: %s %s %02X %08X:%08X 00:00000000 00000000  1000        0 %d 1 0000000000000000 20 4 30 10 -1\n",
		hex(c.local), hex(c.peer), kernel[c.state], c.sent, c.recvd, c.inode)
}

// driver runs the reader and the model of a screen in one goroutine, on a /proc
// of files and with its own clock.
type driver struct {
	t    *testing.T
	dir  string
	now  time.Time
	r    *reader
	m    model
	last tea.Msg // the message of the last command

	searches []func() // for processes, that have begun
}

func drive(t *testing.T, change func(*Screen), sockets ...conn) *driver {
	t.Helper()
	d := &driver{t: t, dir: t.TempDir(), now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	if err := os.MkdirAll(filepath.Join(d.dir, "net"), 0o755); err != nil {
		t.Fatal(err)
	}
	d.put(sockets...)
	book, err := explain.Open(wording.English)
	if err != nil {
		t.Fatal(err)
	}
	parse := func(text string, lookUp bool) (*filter.Filter, error) {
		names := filter.Names{}
		if lookUp {
			names.Host = func(string) ([]netip.Addr, error) { return []netip.Addr{netip.MustParseAddr("192.0.2.9")}, nil }
		}
		return filter.Parse([]string{text}, names)
	}
	everything, err := parse("", false)
	if err != nil {
		t.Fatal(err)
	}
	s := &Screen{
		Session: &watch.Session{Now: func() time.Time { return d.now }, Query: collect.Query{Source: collect.ProcFS, Proc: d.dir,
			States: tcp.All, Families: []tcp.Family{tcp.IPv4, tcp.IPv6}, Filter: everything}},
		Interval: time.Second, Host: "web1", Book: book, Parse: parse,
	}
	s.Session.Background = func(search func()) { d.searches = append(d.searches, search) }
	if change != nil {
		change(s)
	}
	d.r = newReader(s)
	d.m = newModel(s, d.r.ask)
	d.m.pages = &pages{ctx: t.Context(), query: s.Session.Query, book: book, now: s.Session.Now}
	d.answer()
	return d
}

// put replaces the sockets in /proc.
func (d *driver) put(sockets ...conn) {
	d.t.Helper()
	text := "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
	for _, c := range sockets {
		text += c.line()
	}
	if err := os.WriteFile(filepath.Join(d.dir, "net/tcp"), []byte(text), 0o644); err != nil {
		d.t.Fatal(err)
	}
}

// refresh replaces the sockets and advances the clock by one interval, so that
// the reader reads again.
func (d *driver) refresh(sockets ...conn) {
	d.t.Helper()
	d.put(sockets...)
	d.now = d.now.Add(d.m.want.interval)
	d.answer()
}

// answer passes the next frame of the reader to the model, and another one when a
// search for processes has ended that was begun for it.
func (d *driver) answer() {
	d.t.Helper()
	d.send(d.r.next(context.Background()))
	list := d.searches
	d.searches = nil
	d.end(list...)
}

// end lets searches for processes run, and passes the frames that follow to the
// model.
func (d *driver) end(searches ...func()) {
	d.t.Helper()
	for _, search := range searches {
		search()
		f := <-d.r.session.Found()
		d.r.owners = &f
		d.send(d.r.next(context.Background()))
	}
}

// hold adds a process to a /proc of files that holds the sockets with these inodes.
func hold(t *testing.T, proc string, pid int, name string, inodes ...int) {
	t.Helper()
	dir := filepath.Join(proc, fmt.Sprint(pid))
	if err := os.MkdirAll(filepath.Join(dir, "fd"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "comm"), []byte(name+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for i, inode := range inodes {
		if err := os.Symlink(fmt.Sprintf("socket:[%d]", inode), filepath.Join(dir, "fd", fmt.Sprint(3+i))); err != nil {
			t.Fatal(err)
		}
	}
}

// send passes a message to the model, and a request that follows to the reader.
func (d *driver) send(msg tea.Msg) {
	d.t.Helper()
	serial := d.m.want.serial
	next, cmd := d.m.Update(msg)
	d.m = next.(model)
	if cmd != nil {
		d.last = cmd()
		switch d.last.(type) {
		case page, parsed:
			d.send(d.last)
		}
	}
	if d.m.want.serial != serial {
		d.now = d.now.Add(time.Millisecond)
		d.answer()
	}
}

var namedKeys = map[string]rune{"up": tea.KeyUp, "down": tea.KeyDown, "left": tea.KeyLeft, "right": tea.KeyRight, "enter": tea.KeyEnter,
	"esc": tea.KeyEscape, "tab": tea.KeyTab, "home": tea.KeyHome, "end": tea.KeyEnd, "pgup": tea.KeyPgUp, "pgdown": tea.KeyPgDown,
	"backspace": tea.KeyBackspace, "delete": tea.KeyDelete}

// press presses keys.
func (d *driver) press(keys ...string) {
	d.t.Helper()
	for _, key := range keys {
		msg := tea.KeyPressMsg{}
		bare, ctrl := strings.CutPrefix(key, "ctrl+")
		code, named := namedKeys[bare]
		switch {
		case ctrl:
			msg.Mod, msg.Code = tea.ModCtrl, rune(bare[0])
		case key == "shift+tab":
			msg.Mod, msg.Code = tea.ModShift, tea.KeyTab
		case named:
			msg.Code = code
		default:
			msg.Code, msg.Text = []rune(key)[0], key
		}
		d.send(msg)
	}
}

// write types a text.
func (d *driver) write(text string) {
	d.t.Helper()
	for _, r := range text {
		d.press(string(r))
	}
}

func (d *driver) resize(width, height int) { d.send(tea.WindowSizeMsg{Width: width, Height: height}) }

func (d *driver) screen() string { return d.m.View().Content }

// line returns the first line of the screen that contains a text.
func (d *driver) line(text string) string {
	for line := range strings.Lines(d.screen()) {
		if strings.Contains(line, text) {
			return strings.TrimRight(line, "\n")
		}
	}
	return ""
}

// wants fails the test unless the screen contains all the texts.
func (d *driver) wants(texts ...string) {
	d.t.Helper()
	for _, text := range texts {
		if !strings.Contains(d.screen(), text) {
			d.t.Fatalf("no %q on the screen:\n%s", text, d.screen())
		}
	}
}

var sizes = [][2]int{{80, 24}, {40, 10}, {200, 60}}

// golden compares the screen, in all sizes, with the file of that name.
func (d *driver) golden(name string) {
	d.t.Helper()
	var got txtar.Archive
	for _, size := range sizes {
		d.resize(size[0], size[1])
		lines := strings.Split(d.screen(), "\n")
		if len(lines) != size[1] {
			d.t.Errorf("%s: %d lines on a screen of %d", name, len(lines), size[1])
		}
		for _, line := range lines {
			if text.Width(line) > size[0] {
				d.t.Errorf("%s: a line of %d columns on a screen of %d: %q", name, text.Width(line), size[0], line)
			}
		}
		for i := range lines {
			lines[i] = strings.TrimRight(lines[i], " ") + "|" // editors may remove trailing spaces
		}
		got.Files = append(got.Files, txtar.File{Name: fmt.Sprintf("%dx%d", size[0], size[1]), Data: []byte(strings.Join(lines, "\n") + "\n")})
	}
	file := filepath.Join("testdata", name+".txtar")
	if *update {
		if err := os.WriteFile(file, txtar.Format(&got), 0o644); err != nil {
			d.t.Fatal(err)
		}
	}
	want, err := txtar.ParseFile(file)
	if err != nil {
		d.t.Fatal(err)
	}
	for i, f := range got.Files {
		if i >= len(want.Files) || !slices.Equal(want.Files[i].Data, f.Data) {
			d.t.Errorf("%s at %s differs from %s; go test -update writes a new one:\n%s", name, f.Name, file, f.Data)
		}
	}
}
