package procnet

import (
	"testing"
	"testing/fstest"
)

func TestBelowTCP(t *testing.T) {
	p := &Proc{NetDir: "net", FS: fstest.MapFS{
		"net/softnet_stat":                     {Data: []byte("004a7a34 00000010 00000000\n0052ea2e 00000002 00000002\n")},
		"net/stat/nf_conntrack":                {Data: []byte("entries  clashres found new invalid ignore delete chainlength insert insert_failed drop early_drop\n0 0 0 0 0 0 0 0 0 0 0000000a 0\n0 0 0 0 0 0 0 0 0 0 00000001 0\n")},
		"sys/net/netfilter/nf_conntrack_count": {Data: []byte("900\n")},
		"sys/net/netfilter/nf_conntrack_max":   {Data: []byte("1000\n")},
	}}
	got := p.BelowTCP()
	if len(got) != 2 || got["Softnet.Dropped"] != 18 || got["Conntrack.Drop"] != 11 {
		t.Errorf("the counters are %v", got)
	}
	if count, most, ok := p.Conntrack(); count != 900 || most != 1000 || !ok {
		t.Errorf("%d connections of %d are tracked, %v", count, most, ok)
	}
	p.FS = fstest.MapFS{"net/softnet_stat": {Data: []byte("004a7a34\n")}}
	if got := p.BelowTCP(); len(got) != 0 {
		t.Errorf("without the columns the counters are %v", got)
	}
	if _, _, ok := p.Conntrack(); ok {
		t.Error("without the files connections are tracked")
	}
}
