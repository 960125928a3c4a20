package screen

import (
	"slices"
	"strings"
	"testing"

	"tcpstate/tcp"
	"tcpstate/wording"
)

func TestStart(t *testing.T) {
	start := func(group, sort, columns string) *driver {
		return drive(t, func(s *Screen) {
			if err := s.GroupBy(group); err != nil {
				t.Fatal(err)
			}
			if err := s.SortBy(sort); err != nil {
				t.Fatal(err)
			}
			if err := s.ShowColumns(columns); err != nil {
				t.Fatal(err)
			}
		}, someSockets()...)
	}
	d := start("none", "-recv-q", "state,recv_q,process,inode")
	d.wants("sort recv-q down", "RECV-Q▼", "INODE", "PROCESS", "> ESTABLISHED       77")
	if detail := d.r.detailOf(d.m.want); !detail.Has(tcp.DetailProcesses) || detail.Has(tcp.DetailAge) {
		t.Errorf("the columns need %b", detail)
	}
	d = start("PEER", "name", "age")
	d.wants("groups by peer", "PEER▲")
	d.press("g", "g", "g")
	d.wants("AGE")
	if detail := d.r.detailOf(d.m.want); !detail.Has(tcp.DetailAge) {
		t.Errorf("the ages are not read: %b", detail)
	}
}

func TestStartIsWrong(t *testing.T) {
	for _, test := range []struct {
		err        error
		text, hint string
	}{
		{new(Screen).GroupBy("pear"), `group by "pear"`, "peer"},
		{new(Screen).SortBy("prozess"), `sort by "prozess"`, "did you mean process"},
		{new(Screen).SortBy("rtt"), `sort by "rtt"`, "last_change"},
		{(&Screen{group: byHost}).SortBy("age"), `sort by "age"`, "total"},
	} {
		if test.err == nil || !strings.Contains(test.err.Error(), test.text) {
			t.Errorf("the error is %v, want %s", test.err, test.text)
		}
		if hint := wording.Hint(test.err).String(); !strings.Contains(hint, test.hint) {
			t.Errorf("the hint of %v is %q, want %s", test.err, hint, test.hint)
		}
	}
	for _, name := range append(choiceNames(), "last_change", "-age", "Last-Change") {
		if err := new(Screen).SortBy(name); err != nil {
			t.Error(err)
		}
	}
	if names := choiceNames(); !slices.Contains(names, "cookie") {
		t.Errorf("the columns are %v", names)
	}
}
