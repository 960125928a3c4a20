package lifecycle

import (
	"strings"
	"testing"

	"tcpstate/tcp"
)

// TestSettingTable checks that names in the table are unique, that its texts
// can be parsed, and that each entry has its own field.
func TestSettingTable(t *testing.T) {
	names := map[string]bool{}
	for i := range SettingTable {
		d := &SettingTable[i]
		if names[d.Name] || d.Doc == "" || !strings.HasPrefix(d.Name, "net.") {
			t.Errorf("%s: the name is used twice or is not of net., or the entry has no text", d.Name)
		}
		names[d.Name] = true
		if d.Since != "" && d.Absent == "" {
			t.Errorf("%s: the table does not say what kernels before %s do", d.Name, d.Since)
		}
		for _, text := range []string{d.Default, d.Absent} {
			var s Settings
			if text == "" {
				continue
			}
			if err := d.Set(&s, text); err != nil {
				t.Errorf("%s: %q: %v", d.Name, text, err)
			}
			if got, known := d.Text(&s); got != text || !known {
				t.Errorf("%s: %q is read back as %q", d.Name, text, got)
			}
			for j := range SettingTable {
				if _, known := SettingTable[j].Text(&s); known && j != i {
					t.Errorf("%s and %s share a field", d.Name, SettingTable[j].Name)
				}
			}
		}
		if span, is := d.field(&Settings{}).(span); is && span.unit != d.Unit {
			t.Errorf("%s: the table has the unit %s, the parser %s", d.Name, d.Unit, span.unit)
		}
	}
	if _, ok := SettingOf("net.ipv4.tcp_fin_timeout"); !ok {
		t.Error("SettingOf does not find tcp_fin_timeout by its full name")
	}
	if _, ok := SettingOf("tcp_fin_timeout"); ok {
		t.Error("SettingOf finds a setting by the end of its name")
	}
}

func TestEffective(t *testing.T) {
	// A kernel of 2019 has neither tcp_syn_linear_timeouts nor tcp_rto_max_ms.
	old := Settings{SynRetries: tcp.Known(6)}.Effective()
	if old.SynLinearTimeouts.Or(-1) != 0 || old.RTOMax.Or(0).Seconds() != 120 {
		t.Errorf("before Linux 6.5: %v linear timeouts, at most %v", old.SynLinearTimeouts, old.RTOMax)
	}
	if DefaultSettings().SynLinearTimeouts.Or(-1) != 4 {
		t.Error("the default of a new kernel must be 4 linear timeouts")
	}
	if old.MaxOrphans.IsKnown() {
		t.Error("tcp_max_orphans depends on the machine's memory, so it must have no default")
	}
	if s := (Settings{FinTimeout: tcp.Known(TimeWaitLength / 4)}).Effective(); s.FinTimeout.Or(0) != TimeWaitLength/4 {
		t.Errorf("a known setting was changed to %v", s.FinTimeout)
	}
}

func TestPortRanges(t *testing.T) {
	reserved := PortRanges{{1000, 1000}, {2000, 2999}, {60000, 65535}}
	if got := reserved.Len(); got != 1+1000+5536 {
		t.Errorf("%d ports", got)
	}
	for _, test := range []struct {
		within PortRange
		want   int
	}{
		{PortRange{32768, 60999}, 1000},
		{PortRange{1000, 1000}, 1},
		{PortRange{2500, 2599}, 100},
		{PortRange{3000, 4000}, 0},
		{PortRange{0, 65535}, 6537},
	} {
		if got := reserved.Within(test.within); got != test.want {
			t.Errorf("%v: got %d, want %d", test.within, got, test.want)
		}
	}
}
