package doctor

import (
	"slices"
	"strings"

	"tcpstate/lifecycle"
	"tcpstate/wording"
)

// Risk is a value of a setting that does harm.
type Risk struct {
	Setting  string // such as net.ipv4.tcp_retries2
	Severity Severity
	key      string // the word for it in the keys of its sentences
	Source   string

	value string // the value to set instead; "": it depends on the host
	holds func(*Observation) bool
}

// Value returns the value, with the names of thresholds between backquotes.
func (r *Risk) Value() wording.Message { return wording.Say("doctor.risk." + r.key + ".value") }

// Harm returns what the setting then does.
func (r *Risk) Harm() wording.Message { return wording.Say("doctor.risk." + r.key + ".harm") }

// Risks returns what the rule sysctl-risky looks at.
func Risks() []Risk { return slices.Clone(risks) }

const ipSysctl = "Documentation/networking/ip-sysctl.rst"

// risks lists the settings that sysctl-risky checks. The values to set are the
// kernel's defaults, if it has them.
var risks = []Risk{
	{"net.ipv4.tcp_tw_recycle", Warning, "tw-recycle", "removed in Linux 4.12", "0",
		func(o *Observation) bool { return o.Settings.TWRecycle.Or(0) != 0 }},
	{"net.ipv4.tcp_abort_on_overflow", Warning, "abort-on-overflow", ipSysctl, "0",
		func(o *Observation) bool { return o.Settings.AbortOnOverflow.Or(0) != 0 }},
	{"net.ipv4.tcp_syncookies", Warning, "syncookies-off", "RFC 4987 section 3.6; " + ipSysctl, "1",
		func(o *Observation) bool { return o.Settings.SynCookies.Or(1) == 0 && o.hasPublicListener() }},
	{"net.ipv4.tcp_syncookies", Info, "syncookies-always", ipSysctl, "1",
		func(o *Observation) bool { return o.Settings.SynCookies.Or(1) == 2 }},
	{"net.ipv4.tcp_retries2", Warning, "retries2-few", "tcp_retransmit_timer, net/ipv4/tcp_timer.c; " + ipSysctl, "15",
		func(o *Observation) bool {
			n, known := o.Settings.Retries2.Get()
			return known && int64(n) < o.Thresholds.number(riskyRetriesFew)
		}},
	{"net.ipv4.tcp_retries2", Info, "retries2", "RFC 1122 section 4.2.3.5; " + ipSysctl, "15",
		func(o *Observation) bool {
			n, known := o.Settings.Retries2.Get()
			return known && int64(n) < o.Thresholds.number(riskyRetries) && int64(n) >= o.Thresholds.number(riskyRetriesFew)
		}},
	{"net.ipv4.tcp_fin_timeout", Info, "fin-timeout", ipSysctl, "60",
		func(o *Observation) bool {
			d, known := o.Settings.FinTimeout.Get()
			return known && d > o.Thresholds.span(riskyFinTimeout)
		}},
	{"net.ipv4.tcp_max_tw_buckets", Info, "tw-buckets", ipSysctl + "; RFC 1337", "",
		func(o *Observation) bool {
			n, known := o.Settings.MaxTWBuckets.Get()
			return known && int64(n) < o.Thresholds.number(riskyBuckets)
		}},
	{"net.ipv4.ip_local_port_range", Info, "ports", ipSysctl, "\"32768 60999\"",
		func(o *Observation) bool {
			r, known := o.Settings.LocalPortRange.Get()
			return known && int64(r.Len()-o.Settings.LocalReservedPorts.Or(nil).Within(r)) < o.Thresholds.number(riskyPorts)
		}},
	{"net.core.somaxconn", Info, "somaxconn", "listen(2)", "4096",
		func(o *Observation) bool {
			n, known := o.Settings.Somaxconn.Get()
			return known && int64(n) < o.Thresholds.number(riskySomaxconn)
		}},
	{"net.ipv4.tcp_timestamps", Info, "timestamps", "tcp_twsk_unique, net/ipv4/tcp_ipv4.c; RFC 7323", "1",
		func(o *Observation) bool {
			return o.Settings.Timestamps.Or(1) == 0 && (o.Settings.TWReuse.Or(0) == 1 || o.Settings.SynCookies.Or(0) == 2)
		}},
	{"net.ipv4.tcp_window_scaling", Info, "window-scaling", "RFC 7323 section 2", "1",
		func(o *Observation) bool { return o.Settings.WindowScaling.Or(1) == 0 }},
	{"net.ipv4.tcp_sack", Info, "sack", "RFC 2018", "1",
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
		f := Finding{Severity: r.Severity, Title: wording.Say("doctor.sysctl-risky.title", "setting", r.Setting, "value", text, "harm", r.Harm())}
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
