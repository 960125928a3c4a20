package fields

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"tcpstate/tcp"
)

func TestNotRequested(t *testing.T) {
	names := func(requested tcp.Detail, missing ...string) map[tcp.Detail]string {
		all := map[tcp.Detail]string{}
		for _, o := range NotRequested(requested, missing) {
			all[o.Detail] = strings.Join(o.Names, ",")
		}
		return all
	}
	plain := names(0)
	for detail, want := range map[tcp.Detail]string{
		tcp.DetailAge:       "age_ms,age_exact,age_at_least,idle_ms",
		tcp.DetailMemory:    "memory",
		tcp.DetailProcesses: "processes,kernel_serves,listener",
		tcp.DetailNames:     "local.host,local.service,peer.host,peer.service",
	} {
		if plain[detail] != want {
			t.Errorf("without detail %d: %s, want %s", detail, plain[detail], want)
		}
	}
	for _, name := range []string{"tcp_info", "congestion", "bbr"} {
		if !slices.Contains(strings.Split(plain[tcp.DetailInfo], ","), name) {
			t.Errorf("without tcp_info: %s has no %s", plain[tcp.DetailInfo], name)
		}
	}
	if got := names(tcp.DetailInfo | tcp.DetailNames); got[tcp.DetailAge]+got[tcp.DetailInfo]+got[tcp.DetailNames] != "" {
		t.Errorf("what was requested: %v", got)
	}
	if got := names(0, Missing(ProcFS)...); got[tcp.DetailInfo] != "tcp_info" || got[tcp.DetailMemory] != "" || got[tcp.DetailProcesses] != plain[tcp.DetailProcesses] {
		t.Errorf("what /proc cannot report is not for want of a request: %v", got)
	}
	all := tcp.DetailAge | tcp.DetailInfo | tcp.DetailMemory | tcp.DetailExtended | tcp.DetailProcesses | tcp.DetailNames
	if got := NotRequested(all, nil); got == nil || len(got) > 0 {
		t.Errorf("everything was requested: %s", fmt.Sprint(got))
	}
}
