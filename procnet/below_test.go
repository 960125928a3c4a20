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
	if _, _, known := p.Conntrack(); known {
		t.Error("without any settings it is known how many connections are tracked")
	}
	fill := func(files ...string) fstest.MapFS {
		m := fstest.MapFS{"sys/net/ipv4/tcp_rmem": {}}
		for _, name := range files {
			m[name] = &fstest.MapFile{Data: []byte("10\n")}
		}
		return m
	}
	for _, test := range []struct {
		fs    fstest.MapFS
		known bool
	}{
		{fill(), true}, // no connections are tracked
		{fill("net/stat/nf_conntrack"), false},
		{fill("sys/net/netfilter/nf_conntrack_count"), false},
		{fill("sys/net/netfilter/nf_conntrack_count", "sys/net/netfilter/nf_conntrack_max"), true},
	} {
		p.FS = test.fs
		if _, _, known := p.Conntrack(); known != test.known {
			t.Errorf("with %d files it is known how many connections are tracked: %t", len(test.fs), known)
		}
	}
}
