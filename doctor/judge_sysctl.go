package doctor

import (
	"fmt"
	"strings"

	"tcpstate/tcp"
)

// risk is a setting that is set to something that hurts.
type risk struct {
	setting  string
	severity Severity
	why      string
	value    string // to set it to; "": that depends
	source   string // with the reason
	// holds reports whether it hurts here.
	holds func(*Observation) bool
}

const ipSysctl = "Documentation/networking/ip-sysctl.rst"

// risks lists the settings that sysctl-risky looks at. Values are those that the
// kernel starts with, where there are such.
var risks = []risk{
	{"net.ipv4.tcp_tw_recycle", Warning, "clients behind one NAT address are dropped at random", "0", "removed in Linux 4.12 for that",
		func(o *Observation) bool { return o.Settings.TWRecycle.Or(0) != 0 }},
	{"net.ipv4.tcp_abort_on_overflow", Warning, "a burst that would be served a second later is answered with resets", "0", ipSysctl,
		func(o *Observation) bool { return o.Settings.AbortOnOverflow.Or(0) != 0 }},
	{"net.ipv4.tcp_syncookies", Warning, "a SYN flood shuts out all clients of listeners that others can reach", "1", "RFC 4987 section 3.6; " + ipSysctl,
		func(o *Observation) bool { return o.Settings.SynCookies.Or(1) == 0 && o.hasPublicListener() }},
	{"net.ipv4.tcp_syncookies", Info, "every connection goes by cookie, which carries options only where timestamps are on; meant for tests", "1", ipSysctl,
		func(o *Observation) bool { return o.Settings.SynCookies.Or(1) == 2 }},
	{"net.ipv4.tcp_retries2", Warning, "connections are given up sooner than RFC 1122 allows (100 s)", "15", "RFC 1122 section 4.2.3.5; " + ipSysctl,
		func(o *Observation) bool {
			n, known := o.Settings.Retries2.Get()
			return known && int64(n) < o.Thresholds.number(riskyRetries)
		}},
	{"net.ipv4.tcp_fin_timeout", Info, "orphans stay in FIN_WAIT2 long after their program has left", "60", ipSysctl,
		func(o *Observation) bool {
			d, known := o.Settings.FinTimeout.Get()
			return known && d > o.Thresholds.span(riskyFinTimeout)
		}},
	{"net.ipv4.tcp_max_tw_buckets", Info, "a busy client or server soon leaves out TIME_WAIT", "", ipSysctl + "; RFC 1337",
		func(o *Observation) bool {
			n, known := o.Settings.MaxTWBuckets.Get()
			return known && int64(n) < o.Thresholds.number(riskyBuckets)
		}},
	{"net.ipv4.ip_local_port_range", Info, "so few ports bound how many connections one destination can have", "\"32768 60999\"", ipSysctl,
		func(o *Observation) bool {
			r, known := o.Settings.LocalPortRange.Get()
			return known && int64(r.Len()-o.Settings.LocalReservedPorts.Or(nil).Within(r)) < o.Thresholds.number(riskyPorts)
		}},
	{"net.core.somaxconn", Info, "it cuts the backlog of every listener, whatever its program asks for", "4096", "listen(2)",
		func(o *Observation) bool {
			n, known := o.Settings.Somaxconn.Get()
			return known && int64(n) < o.Thresholds.number(riskySomaxconn)
		}},
	{"net.ipv4.tcp_timestamps", Info, "tcp_tw_reuse is without effect, and cookies carry no options", "1", "tcp_twsk_unique, net/ipv4/tcp_ipv4.c; RFC 7323",
		func(o *Observation) bool {
			return o.Settings.Timestamps.Or(1) == 0 && (o.Settings.TWReuse.Or(0) == 1 || o.Settings.SynCookies.Or(0) == 2)
		}},
	{"net.ipv4.tcp_window_scaling", Info, "no window over 64 KiB: slow over long paths", "1", "RFC 7323 section 2",
		func(o *Observation) bool { return o.Settings.WindowScaling.Or(1) == 0 }},
	{"net.ipv4.tcp_sack", Info, "every loss costs more resends than it must", "1", "RFC 2018",
		func(o *Observation) bool { return o.Settings.SACK.Or(1) == 0 }},
}

func judgeSysctl(o *Observation) []Finding {
	var findings []Finding
	for _, r := range risks {
		if !r.holds(o) {
			continue
		}
		setting, ok := tcp.SettingOf(r.setting)
		if !ok {
			continue
		}
		text, known := setting.Text(&o.Settings)
		if !known {
			continue
		}
		text = strings.Join(strings.Fields(text), " ") // the kernel puts tabs between numbers
		f := Finding{Severity: r.severity, Title: fmt.Sprintf("%s is %s: %s", r.setting, text, r.why)}
		f.Evidence.Add("setting", r.setting)
		f.Evidence.Add("value", text)
		f.Evidence.Add("source", r.source)
		f.with("setting", r.setting)
		if r.value != "" {
			f.with("value", r.value)
		}
		findings = append(findings, f)
	}
	return findings // all of them: they are few
}

func (o *Observation) hasPublicListener() bool {
	for _, l := range o.Survey.Listeners() {
		if !l.Local.Addr().Unmap().IsLoopback() && l.Sockets > 0 {
			return true
		}
	}
	return false
}
