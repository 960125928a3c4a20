package doctor

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tcpstate/tcp"
)

// TestUnansweredPacketsMeetTheTableOfConnections looks for the firewall's table of
// connections in the advice for SYNs and data without an answer.
func TestUnansweredPacketsMeetTheTableOfConnections(t *testing.T) {
	for _, tracked := range []int64{899, 900} {
		p := healthy()
		p.Conntrack, p.ConntrackMax = tracked, 1000
		p.add(3, tcp.SynSent, 3*time.Second, outgoing("192.0.2.1", "198.51.100.7:5432", 40000))
		p.add(1, tcp.Established, 7*time.Second, timer(tcp.TimerOn, 5), queues(0, 100))
		found := p.examine(t)
		for _, code := range []string{"syn-sent-stuck", "dead-path"} {
			advice := fmt.Sprint(find(found, code).Advice)
			if strings.Contains(advice, "is nearly full (900 of 1000)") != (tracked == 900) {
				t.Errorf("%d of 1000 are tracked: %s advises %s", tracked, code, advice)
			}
		}
	}
}

// TestUnreadConntrackIsNotChecked has figures that could not be read.
func TestUnreadConntrackIsNotChecked(t *testing.T) {
	p := healthy()
	p.ConntrackUnread = true
	checked, unchecked := Check(p.Observation, Rules())
	i := slices.IndexFunc(unchecked, func(u Unchecked) bool { return u.Code == "conntrack-full" })
	if i < 0 || slices.Contains(checked, "conntrack-full") || unchecked[i].Reason.String() != "it could not be read how many connections the firewall tracks" {
		t.Errorf("not checked are %v", unchecked)
	}
}
