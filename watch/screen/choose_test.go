package screen

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"tcpstate/render"
	"tcpstate/tcp"
)

// headings returns the headings of the list.
func (d *driver) headings() []string {
	line := d.line("STATE▲")
	return strings.Fields(strings.ReplaceAll(line, "▲", ""))
}

func TestChooseColumns(t *testing.T) {
	d := drive(t, nil, someSockets()...)
	usual := []string{"STATE", "RECV-Q", "SEND-Q", "LOCAL", "PEER", "AGE", "TIMER"}
	if got := d.headings(); !slices.Equal(got, usual) {
		t.Errorf("at first the columns are %v", got)
	}
	if d.r.detailOf(d.m.want) != 0 {
		t.Errorf("the usual columns need %b", d.r.detailOf(d.m.want))
	}
	d.press("c")
	d.wants("columns", "[x] recv_q", "[ ] uid", "Space shows or hides")
	d.press("down", "down", "space") // recv_q
	d.wants("> [ ] recv_q")
	d.press("end", "up", "space", "enter") // inode
	if got, want := d.headings(), []string{"STATE", "SEND-Q", "LOCAL", "PEER", "AGE", "TIMER", "INODE"}; !slices.Equal(got, want) {
		t.Errorf("the columns are %v, want %v", got, want)
	}
	d.press("P")
	if got := d.headings(); !slices.Contains(got, "PROCESS") || !d.r.detailOf(d.m.want).Has(tcp.DetailProcesses) {
		t.Errorf("with the processes the columns are %v, and need %b", got, d.r.detailOf(d.m.want))
	}
	d.press("P")
	if got := d.headings(); slices.Contains(got, "PROCESS") || d.r.detailOf(d.m.want) != 0 {
		t.Errorf("without the processes the columns are %v, and need %b", got, d.r.detailOf(d.m.want))
	}
	for range choices() { // one column stays
		d.press("c")
		for range choices() {
			if slices.Contains(d.m.columns, choiceNames()[d.m.menu.cursor]) {
				d.press("space")
			}
			d.press("down")
		}
		d.press("esc")
	}
	if len(d.m.columns) != 1 {
		t.Errorf("the columns are %v", d.m.columns)
	}
	d.press("g", "c")
	d.wants("only a list of sockets has columns")
}

// TestSortedColumnIsShown checks that the column by which the list is sorted is on
// the screen, even if there is little room or it is hidden.
func TestSortedColumnIsShown(t *testing.T) {
	d := drive(t, func(s *Screen) { s.chosen = []string{"state", "peer"} }, someSockets()...)
	d.press("s")
	d.wants("RECV-Q▼")
	d.resize(40, 10)
	for _, want := range []string{"SEND-Q▼", "LOCAL▲", "PEER▲", "AGE▼"} {
		d.press("s")
		d.wants(want)
	}
}

func TestScrollColumns(t *testing.T) {
	d := drive(t, nil, someSockets()...)
	d.resize(40, 10)
	d.wants("2/7 columns")
	seen := map[string]bool{}
	for range 10 {
		for _, line := range strings.Split(d.screen(), "\n") {
			for _, heading := range []string{"STATE", "RECV-Q", "SEND-Q", "LOCAL", "PEER", "AGE", "TIMER"} {
				seen[heading] = seen[heading] || strings.Contains(line, heading)
			}
		}
		d.press("right")
	}
	if len(seen) != 7 || strings.Contains(fmt.Sprint(seen), "false") {
		t.Errorf("Right showed only %v", seen)
	}
	for range 10 {
		d.press("left")
	}
	d.wants("STATE▲", "PEER")
}

func TestParseColumns(t *testing.T) {
	got, err := ParseColumns("State,PEER,recv-q,peer")
	if err != nil || !slices.Equal(got, []string{"state", "peer", "recv_q"}) {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := ParseColumns("state,rtt"); err == nil || !strings.Contains(err.Error(), `"rtt" of every socket`) {
		t.Errorf("rtt is %v", err)
	}
	if _, err := ParseColumns("stat"); err == nil {
		t.Error("an unknown column is accepted")
	}
	for _, c := range choices() {
		of, err := render.ParseColumns(c.name)
		if err != nil {
			t.Fatal(err)
		}
		if more := of[0].Needs() &^ c.needs; more != 0 {
			t.Errorf("column %s needs %b that the screen does not read", c.name, more)
		}
		if docOf(c.name) == "" {
			t.Errorf("column %s has no description", c.name)
		}
	}
}
