package doctor

import (
	"fmt"
	"slices"
	"strings"

	"tcpstate/lifecycle"
)

// Risk is a setting with a harmful value.
type Risk struct {
	Setting  string // such as net.ipv4.tcp_retries2
	Severity Severity
	When     string // the harmful values, with the names of thresholds
	Why      string // the effect of such a value
	Source   string

	value string // the value to set instead; "": it depends on the host
	holds func(*Observation) bool
}

// Risks returns the list that the rule sysctl-risky checks.
func Risks() []Risk { return slices.Clone(risks) }

const ipSysctl = "Documentation/networking/ip-sysctl.rst"

// risks lists the settings that sysctl-risky checks. The values to set are the
// kernel's defaults, if it has them.
var risks = []Risk{
	{"net.ipv4.tcp_tw_recycle", Warning, "1", "clients behind one NAT address are dropped at random", "removed in Linux 4.12 for that", "0",
		func(o *Observation) bool { return o.Settings.TWRecycle.Or(0) != 0 }},
	{"net.ipv4.tcp_abort_on_overflow", Warning, "1", "a burst that would be served a second later is answered with resets", ipSysctl, "0",
		func(o *Observation) bool { return o.Settings.AbortOnOverflow.Or(0) != 0 }},
	{"net.ipv4.tcp_syncookies", Warning, "0, with a listener that others can reach", "a SYN flood shuts out all clients of listeners that others can reach", "RFC 4987 section 3.6; " + ipSysctl, "1",
		func(o *Observation) bool { return o.Settings.SynCookies.Or(1) == 0 && o.hasPublicListener() }},
	{"net.ipv4.tcp_syncookies", Info, "2", "every connection goes by cookie, which carries options only where timestamps are on; meant for tests", ipSysctl, "1",
		func(o *Observation) bool { return o.Settings.SynCookies.Or(1) == 2 }},
	{"net.ipv4.tcp_retries2", Warning, "below `sysctl-risky.retries2`", "connections are given up sooner than RFC 1122 allows (100 s)", "RFC 1122 section 4.2.3.5; " + ipSysctl, "15",
		func(o *Observation) bool {
			n, known := o.Settings.Retries2.Get()
			return known && int64(n) < o.Thresholds.number(riskyRetries)
		}},
	{"net.ipv4.tcp_fin_timeout", Info, "over `sysctl-risky.fin-timeout`", "orphans stay in FIN_WAIT2 long after their program has left", ipSysctl, "60",
		func(o *Observation) bool {
			d, known := o.Settings.FinTimeout.Get()
			return known && d > o.Thresholds.span(riskyFinTimeout)
		}},
	{"net.ipv4.tcp_max_tw_buckets", Info, "below `sysctl-risky.tw-buckets`", "a busy client or server soon leaves out TIME_WAIT", ipSysctl + "; RFC 1337", "",
		func(o *Observation) bool {
			n, known := o.Settings.MaxTWBuckets.Get()
			return known && int64(n) < o.Thresholds.number(riskyBuckets)
		}},
	{"net.ipv4.ip_local_port_range", Info, "fewer than `sysctl-risky.ports` ports, less the reserved ones", "so few ports bound how many connections one destination can have", ipSysctl, "\"32768 60999\"",
		func(o *Observation) bool {
			r, known := o.Settings.LocalPortRange.Get()
			return known && int64(r.Len()-o.Settings.LocalReservedPorts.Or(nil).Within(r)) < o.Thresholds.number(riskyPorts)
		}},
	{"net.core.somaxconn", Info, "below `sysctl-risky.somaxconn`", "it cuts the backlog of every listener, whatever its program asks for", "listen(2)", "4096",
		func(o *Observation) bool {
			n, known := o.Settings.Somaxconn.Get()
			return known && int64(n) < o.Thresholds.number(riskySomaxconn)
		}},
	{"net.ipv4.tcp_timestamps", Info, "0, with tcp_tw_reuse 1 or tcp_syncookies 2", "tcp_tw_reuse is without effect, and cookies carry no options", "tcp_twsk_unique, net/ipv4/tcp_ipv4.c; RFC 7323", "1",
		func(o *Observation) bool {
			return o.Settings.Timestamps.Or(1) == 0 && (o.Settings.TWReuse.Or(0) == 1 || o.Settings.SynCookies.Or(0) == 2)
		}},
	{"net.ipv4.tcp_window_scaling", Info, "0", "no window over 64 KiB: slow over long paths", "RFC 7323 section 2", "1",
		func(o *Observation) bool { return o.Settings.WindowScaling.Or(1) == 0 }},
	{"net.ipv4.tcp_sack", Info, "0", "every loss costs more resends than it must", "RFC 2018", "1",
		func(o *Observation) bool { return o.Settings.SACK.Or(1) == 0 }},
}

func judgeSysctl(o *Observation) []Finding {
	var findings []Finding
	for _, r := range risks {
		if !r.holds(o) {
			continue
		}
		setting, ok := lifecycle.SettingOf(r.Setting)
		if !ok {
			continue
		}
		text, known := setting.Text(&o.Settings)
		if !known {
			continue
		}
		text = strings.Join(strings.Fields(text), " ") // the kernel puts tabs between numbers
		f := Finding{Severity: r.Severity, Title: fmt.Sprintf("%s is %s: %s", r.Setting, text, r.Why)}
		f.Evidence.Add("setting", r.Setting)
		f.Evidence.Add("value", text)
		f.Evidence.Add("source", r.Source)
		f.with("setting", r.Setting)
		if r.value != "" {
			f.with("value", r.value)
		}
		findings = append(findings, f)
	}
	return findings // without cut, because there are few
}

func (o *Observation) hasPublicListener() bool {
	for _, l := range o.Survey.Listeners() {
		if !l.Local.Addr().Unmap().IsLoopback() && l.Sockets > 0 {
			return true
		}
	}
	return false
}
