package collect

import (
	"context"
	"errors"
	"testing"

	"tcpstate/filter"
	"tcpstate/sockdiag"
	"tcpstate/tcp"
)

// TestEverythingLeavesTheSelectionToSelects reads sockets that the query does
// not select. They must still be yielded, and Selects must report that they are
// not selected.
func TestEverythingLeavesTheSelectionToSelects(t *testing.T) {
	ssh, err := filter.Parse([]string{"sport = :22"}, filter.Names{})
	if err != nil {
		t.Fatal(err)
	}
	s := mustOpen(t, Query{Source: ProcFS, Proc: fakeProc(t, tables), States: tcp.Set(tcp.Listen), Families: both,
		Filter: ssh, Everything: true})
	plain := readAll(t, mustOpen(t, Query{Source: ProcFS, Proc: fakeProc(t, tables), States: tcp.All, Families: both}))
	listed := readAll(t, s)
	if len(listed) != len(plain) || len(listed) == 0 {
		t.Fatalf("%d sockets of %d came", len(listed), len(plain))
	}
	selected := 0
	for _, socket := range listed {
		want := socket.State == tcp.Listen && socket.Local.Port() == 22
		if s.Selects(socket) != want {
			t.Errorf("%v %v is selected: %v", socket.State, socket.Local, !want)
		}
		if want {
			selected++
		}
	}
	if selected == 0 || selected == len(listed) {
		t.Errorf("%d of %d sockets are selected: the test proves nothing", selected, len(listed))
	}
}

func TestEverythingJudgesTheFilterFirst(t *testing.T) {
	port, err := filter.Parse([]string{"autobound"}, filter.Names{})
	if err != nil {
		t.Fatal(err)
	}
	for _, source := range []Source{SockDiag, ProcFS} {
		if _, err := Open(t.Context(), Query{Source: source, Proc: fakeProc(t, tables), States: tcp.All, Families: both,
			Filter: port, Everything: true}); err == nil {
			t.Errorf("%v: autobound, which only the kernel can judge, was accepted", source)
		}
	}
}

// TestListenersAreNotEverything checks what the kernel is asked for when a
// query with Everything also needs the listeners.
func TestListenersAreNotEverything(t *testing.T) {
	refused := errors.New("refused")
	var asked sockdiag.Request
	refuses := &sockDiag{probe: sockdiag.ProbeAbilities, open: func(_ context.Context, request sockdiag.Request) (dump, error) {
		asked = request
		return nil, refused
	}}
	_, err := FindListeners(t.Context(), Query{Source: refuses, States: tcp.All, Families: both, Everything: true})
	if !errors.Is(err, refused) || asked.States != tcp.Set(tcp.Listen) {
		t.Errorf("%v, requested %v", err, asked.States)
	}
}
