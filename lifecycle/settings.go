package lifecycle

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"tcpstate/tcp"
)

// Settings are the sysctls of a network namespace that control TCP's timers,
// queues and limits. A setting that the kernel does not have is unknown.
// SettingTable describes each setting and the behaviour of a kernel without it.
//
// Any user may read them. Package procnet reads them.
type Settings struct {
	SynRetries        tcp.Optional[int]
	SynLinearTimeouts tcp.Optional[int]
	SynackRetries     tcp.Optional[int]
	Retries1          tcp.Optional[int]
	Retries2          tcp.Optional[int]
	OrphanRetries     tcp.Optional[int]
	RTOMin            tcp.Optional[time.Duration]
	RTOMax            tcp.Optional[time.Duration]
	FinTimeout        tcp.Optional[time.Duration]
	KeepaliveTime     tcp.Optional[time.Duration]
	KeepaliveInterval tcp.Optional[time.Duration]
	KeepaliveProbes   tcp.Optional[int]

	Somaxconn       tcp.Optional[int]
	MaxSynBacklog   tcp.Optional[int]
	SynCookies      tcp.Optional[int]
	AbortOnOverflow tcp.Optional[int]
	FastOpen        tcp.Optional[int]

	MaxTWBuckets tcp.Optional[int]
	TWReuse      tcp.Optional[int]
	TWReuseDelay tcp.Optional[time.Duration]
	TWRecycle    tcp.Optional[int]
	TWTimeout    tcp.Optional[time.Duration]
	RFC1337      tcp.Optional[int]
	Timestamps   tcp.Optional[int]

	LocalPortRange     tcp.Optional[PortRange]
	LocalReservedPorts tcp.Optional[PortRanges]

	MaxOrphans tcp.Optional[int]
	Mem        tcp.Optional[Triple]
	ReadMem    tcp.Optional[Triple]
	WriteMem   tcp.Optional[Triple]

	SACK          tcp.Optional[int]
	WindowScaling tcp.Optional[int]
	ECN           tcp.Optional[int]
	MTUProbing    tcp.Optional[int]
}

// Setting describes one of the Settings.
type Setting struct {
	Name string // such as net.ipv4.tcp_fin_timeout
	Doc  string
	Unit Unit

	// Default is the initial value in kernels that have the setting, as text.
	// It is "" if the value depends on the machine's memory, or if Empty is true.
	Default string
	Empty   bool // the initial value is empty: a list with no element

	// Since is the first kernel that has the setting. Gone is the first kernel
	// that no longer has it. "" means that there is no such limit. Absent is
	// the value that describes the behaviour of kernels without the setting, if
	// there is one.
	Since, Gone, Absent string

	// Only is the distribution whose kernels alone have the setting, or "".
	Only string

	// Host means that the setting applies to the whole machine. The kernel then
	// lists it only in the initial network namespace.
	Host bool

	field func(*Settings) settingValue
}

// Unit is the unit of a Setting's number.
type Unit uint8

// The units.
const (
	UnitNumber       Unit = iota // a count, or a choice that Doc explains
	UnitSwitch                   // 0 is off, 1 is on
	UnitSeconds                  // a time.Duration in Settings
	UnitMilliseconds             // a time.Duration in Settings
	UnitMicroseconds             // a time.Duration in Settings
	UnitPages                    // pages of memory
	UnitBytes
	UnitPorts
)

var unitNames = [...]string{"", "", "s", "ms", "us", "pages", "bytes", "ports"}

// String returns the text that follows the number: "s", "pages", or "".
func (u Unit) String() string { return unitNames[u] }

// duration returns the length of one unit.
func (u Unit) duration() time.Duration {
	switch u {
	case UnitMilliseconds:
		return time.Millisecond
	case UnitMicroseconds:
		return time.Microsecond
	}
	return time.Second
}

// SettingTable lists the settings, grouped by subject: resends and timers,
// queues, TIME_WAIT, ports, memory, options. Defaults and versions are those of
// Documentation/networking/ip-sysctl.rst and tcp_sk_init in
// net/ipv4/tcp_ipv4.c.
var SettingTable = [...]Setting{
	{Name: "net.ipv4.tcp_syn_retries", Doc: "resends of a SYN, besides those of tcp_syn_linear_timeouts", Default: "6",
		field: func(s *Settings) settingValue { return number{&s.SynRetries} }},
	{Name: "net.ipv4.tcp_syn_linear_timeouts", Doc: "resends of a SYN that go out a second apart, before the waits double", Default: "4", Since: "6.5", Absent: "0",
		field: func(s *Settings) settingValue { return number{&s.SynLinearTimeouts} }},
	{Name: "net.ipv4.tcp_synack_retries", Doc: "resends of a SYN-ACK", Default: "5",
		field: func(s *Settings) settingValue { return number{&s.SynackRetries} }},
	{Name: "net.ipv4.tcp_retries1", Doc: "resends after which the kernel looks for another route", Default: "3",
		field: func(s *Settings) settingValue { return number{&s.Retries1} }},
	{Name: "net.ipv4.tcp_retries2", Doc: "resends from which the kernel computes the time after which it gives up a connection; and unanswered window probes", Default: "15",
		field: func(s *Settings) settingValue { return number{&s.Retries2} }},
	{Name: "net.ipv4.tcp_orphan_retries", Doc: "like tcp_retries2, for a socket that no program holds; 0 means 8", Default: "0",
		field: func(s *Settings) settingValue { return number{&s.OrphanRetries} }},
	{Name: "net.ipv4.tcp_fin_timeout", Doc: "how long FIN_WAIT2 lasts once no program holds the socket", Unit: UnitSeconds, Default: "60",
		field: func(s *Settings) settingValue { return span{&s.FinTimeout, UnitSeconds} }},
	{Name: "net.ipv4.tcp_keepalive_time", Doc: "idle time before the first keepalive probe, where the program asked for keepalive", Unit: UnitSeconds, Default: "7200",
		field: func(s *Settings) settingValue { return span{&s.KeepaliveTime, UnitSeconds} }},
	{Name: "net.ipv4.tcp_keepalive_intvl", Doc: "time between keepalive probes", Unit: UnitSeconds, Default: "75",
		field: func(s *Settings) settingValue { return span{&s.KeepaliveInterval, UnitSeconds} }},
	{Name: "net.ipv4.tcp_keepalive_probes", Doc: "unanswered keepalive probes before the connection is given up", Default: "9",
		field: func(s *Settings) settingValue { return number{&s.KeepaliveProbes} }},
	{Name: "net.ipv4.tcp_rto_min_us", Doc: "shortest retransmission timeout", Unit: UnitMicroseconds, Default: "200000", Since: "6.11", Absent: "200000",
		field: func(s *Settings) settingValue { return span{&s.RTOMin, UnitMicroseconds} }},
	{Name: "net.ipv4.tcp_rto_max_ms", Doc: "longest retransmission timeout", Unit: UnitMilliseconds, Default: "120000", Since: "6.15", Absent: "120000",
		field: func(s *Settings) settingValue { return span{&s.RTOMax, UnitMilliseconds} }},

	{Name: "net.core.somaxconn", Doc: "upper limit of listen()'s backlog; 128 before Linux 5.4", Default: "4096",
		field: func(s *Settings) settingValue { return number{&s.Somaxconn} }},
	{Name: "net.ipv4.tcp_max_syn_backlog", Doc: "half-open requests of a listener; acts only with tcp_syncookies 0",
		field: func(s *Settings) settingValue { return number{&s.MaxSynBacklog} }},
	{Name: "net.ipv4.tcp_syncookies", Doc: "SYN cookies: 0 never, 1 when a listener's queue is full, 2 always", Default: "1",
		field: func(s *Settings) settingValue { return number{&s.SynCookies} }},
	{Name: "net.ipv4.tcp_abort_on_overflow", Doc: "reset a connection if the accept queue is full, and do not wait for the client to try again", Unit: UnitSwitch, Default: "0",
		field: func(s *Settings) settingValue { return number{&s.AbortOnOverflow} }},
	{Name: "net.ipv4.tcp_fastopen", Doc: "TCP Fast Open: a sum of 1 for clients, 2 for listeners, and rarer bits", Default: "1",
		field: func(s *Settings) settingValue { return number{&s.FastOpen} }},

	{Name: "net.ipv4.tcp_max_tw_buckets", Doc: "maximum number of TIME_WAIT sockets; above it they are destroyed at once",
		field: func(s *Settings) settingValue { return number{&s.MaxTWBuckets} }},
	{Name: "net.ipv4.tcp_tw_reuse", Doc: "connect() may take the port of a TIME_WAIT: 0 never, 1 always, 2 over the loopback; 0 or 1 before Linux 4.19", Default: "2",
		field: func(s *Settings) settingValue { return number{&s.TWReuse} }},
	{Name: "net.ipv4.tcp_tw_reuse_delay", Doc: "age that a TIME_WAIT must have for tcp_tw_reuse", Unit: UnitMilliseconds, Default: "1000", Since: "6.14", Absent: "1000",
		field: func(s *Settings) settingValue { return span{&s.TWReuseDelay, UnitMilliseconds} }},
	{Name: "net.ipv4.tcp_tw_recycle", Doc: "shorten TIME_WAIT; breaks clients behind NAT", Unit: UnitSwitch, Default: "0", Gone: "4.12", Absent: "0",
		field: func(s *Settings) settingValue { return number{&s.TWRecycle} }},
	{Name: "net.ipv4.tcp_tw_timeout", Doc: "how long TIME_WAIT lasts", Unit: UnitSeconds, Absent: "60", Only: "Alibaba Cloud Linux",
		field: func(s *Settings) settingValue { return span{&s.TWTimeout, UnitSeconds} }},
	{Name: "net.ipv4.tcp_rfc1337", Doc: "TIME_WAIT ignores resets (RFC 1337)", Unit: UnitSwitch, Default: "0",
		field: func(s *Settings) settingValue { return number{&s.RFC1337} }},
	{Name: "net.ipv4.tcp_timestamps", Doc: "timestamps (RFC 7323): 0 off, 1 on from a random start, 2 on", Default: "1",
		field: func(s *Settings) settingValue { return number{&s.Timestamps} }},

	{Name: "net.ipv4.ip_local_port_range", Doc: "ports that connect() and bind() of port 0 choose from", Unit: UnitPorts, Default: "32768\t60999",
		field: func(s *Settings) settingValue { return portRange{&s.LocalPortRange} }},
	{Name: "net.ipv4.ip_local_reserved_ports", Doc: "ports of that range that are not chosen", Unit: UnitPorts, Empty: true,
		field: func(s *Settings) settingValue { return portRanges{&s.LocalReservedPorts} }},

	{Name: "net.ipv4.tcp_max_orphans", Doc: "maximum number of sockets that no program holds; above it they are reset", Host: true,
		field: func(s *Settings) settingValue { return number{&s.MaxOrphans} }},
	{Name: "net.ipv4.tcp_mem", Doc: "memory of all TCP sockets: no pressure below the first, pressure from the second on, no more memory above the third", Unit: UnitPages, Host: true,
		field: func(s *Settings) settingValue { return triple{&s.Mem} }},
	{Name: "net.ipv4.tcp_rmem", Doc: "receive buffer of a socket: minimum, initial value, maximum", Unit: UnitBytes,
		field: func(s *Settings) settingValue { return triple{&s.ReadMem} }},
	{Name: "net.ipv4.tcp_wmem", Doc: "send buffer of a socket: minimum, initial value, maximum", Unit: UnitBytes,
		field: func(s *Settings) settingValue { return triple{&s.WriteMem} }},

	{Name: "net.ipv4.tcp_sack", Doc: "selective acknowledgements (RFC 2018)", Unit: UnitSwitch, Default: "1",
		field: func(s *Settings) settingValue { return number{&s.SACK} }},
	{Name: "net.ipv4.tcp_window_scaling", Doc: "windows over 64 KiB (RFC 7323)", Unit: UnitSwitch, Default: "1",
		field: func(s *Settings) settingValue { return number{&s.WindowScaling} }},
	{Name: "net.ipv4.tcp_ecn", Doc: "explicit congestion notification: 0 off, 1 request and accept, 2 accept; 3 to 5 Accurate ECN from Linux 6.18", Default: "2",
		field: func(s *Settings) settingValue { return number{&s.ECN} }},
	{Name: "net.ipv4.tcp_mtu_probing", Doc: "search for the largest packet that a path carries (RFC 4821): 0 off, 1 after full segments got no answer, 2 always", Default: "0",
		field: func(s *Settings) settingValue { return number{&s.MTUProbing} }},
}

// SettingOf returns the setting with a name, such as net.ipv4.tcp_fin_timeout,
// and whether there is one.
func SettingOf(name string) (*Setting, bool) {
	for i := range SettingTable {
		if SettingTable[i].Name == name {
			return &SettingTable[i], true
		}
	}
	return nil, false
}

// DefaultSettings returns the initial values of a new kernel. Settings whose
// default depends on the machine are unknown.
func DefaultSettings() Settings { return settingsFrom(func(d *Setting) string { return d.Default }) }

// Effective returns s with a value for each unknown setting that has one. If
// the setting describes a behaviour that older kernels have in another form,
// this is the behaviour of a kernel without the setting: no linear timeouts
// before 6.5, for example. Otherwise it is the default.
func (s Settings) Effective() Settings {
	fallback := settingsFrom(func(d *Setting) string {
		if d.Absent != "" {
			return d.Absent
		}
		return d.Default
	})
	for i := range SettingTable {
		d := &SettingTable[i]
		if _, known := d.Text(&s); known {
			continue
		}
		if text, known := d.Text(&fallback); known {
			d.Set(&s, text)
		}
	}
	return s
}

// settingsFrom returns the settings for which text returns a value. It ignores
// errors: the texts come from SettingTable, and a test parses each of them.
func settingsFrom(text func(*Setting) string) Settings {
	var s Settings
	for i := range SettingTable {
		if d := &SettingTable[i]; text(d) != "" {
			d.Set(&s, text(d))
		}
	}
	return s
}

// Set sets the setting in s. text is what the kernel writes into the setting's
// file, without the newline. The error says what is wrong with text, such as
// "not a whole number of 32 bits". After an error s is unchanged.
func (d *Setting) Set(s *Settings, text string) error { return d.field(s).parse(text) }

// Text returns the setting as the kernel writes it, and whether it is known.
func (d *Setting) Text(s *Settings) (string, bool) { return d.field(s).text() }

// settingValue reads and writes one field of Settings.
type settingValue interface {
	parse(text string) error
	text() (string, bool)
}

type number struct{ to *tcp.Optional[int] }

var errNumber = errors.New("not a whole number of 32 bits")

// parse reads an int of the kernel. It may be negative: the kernel accepts a
// tcp_fin_timeout of -1.
func (n number) parse(text string) error {
	value, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		return errNumber
	}
	*n.to = tcp.Known(int(value))
	return nil
}

func (n number) text() (string, bool) {
	value, known := n.to.Get()
	return strconv.Itoa(value), known
}

type span struct {
	to   *tcp.Optional[time.Duration]
	unit Unit
}

func (d span) parse(text string) error {
	var value tcp.Optional[int]
	if err := (number{&value}).parse(text); err != nil {
		return err
	}
	*d.to = tcp.Known(time.Duration(value.Or(0)) * d.unit.duration())
	return nil
}

func (d span) text() (string, bool) {
	value, known := d.to.Get()
	return strconv.FormatInt(int64(value/d.unit.duration()), 10), known
}

// Triple has three limits in ascending order, such as those of tcp_mem. The
// unit is that of the Setting.
type Triple [3]int64

type triple struct{ to *tcp.Optional[Triple] }

func (t triple) parse(text string) error {
	words := strings.Fields(text)
	if len(words) != len(Triple{}) {
		return errors.New("not three whole numbers")
	}
	var value Triple
	for i, word := range words {
		n, err := strconv.ParseInt(word, 10, 64)
		if err != nil {
			return errors.New("not three whole numbers")
		}
		value[i] = n
	}
	*t.to = tcp.Known(value)
	return nil
}

func (t triple) text() (string, bool) {
	value, known := t.to.Get()
	return fmt.Sprintf("%d\t%d\t%d", value[0], value[1], value[2]), known
}

// PortRange is a range of ports. It includes both ends.
type PortRange struct{ First, Last uint16 }

// Len returns how many ports are in the range.
func (r PortRange) Len() int { return int(r.Last) - int(r.First) + 1 }

type portRange struct{ to *tcp.Optional[PortRange] }

func (r portRange) parse(text string) error {
	words := strings.Fields(text)
	if len(words) != 2 {
		return errors.New("not two ports")
	}
	value, err := parsePorts(words[0], words[1])
	if err != nil {
		return err
	}
	*r.to = tcp.Known(value)
	return nil
}

func (r portRange) text() (string, bool) {
	value, known := r.to.Get()
	return fmt.Sprintf("%d\t%d", value.First, value.Last), known
}

// PortRanges is a list of ranges in ascending order that do not overlap.
type PortRanges []PortRange

// Len returns the number of ports in all ranges.
func (l PortRanges) Len() int {
	n := 0
	for _, r := range l {
		n += r.Len()
	}
	return n
}

// Within returns how many of the ports are in r.
func (l PortRanges) Within(r PortRange) int {
	n := 0
	for _, part := range l {
		n += max(0, PortRange{max(part.First, r.First), min(part.Last, r.Last)}.Len())
	}
	return n
}

type portRanges struct{ to *tcp.Optional[PortRanges] }

// parse reads a list such as 8080,9000-9010, as proc_do_large_bitmap in
// kernel/sysctl.c writes it: in ascending order, and empty if there are no
// ports.
func (l portRanges) parse(text string) error {
	value := PortRanges{}
	for part := range strings.SplitSeq(text, ",") {
		if text == "" {
			break
		}
		first, last, isRange := strings.Cut(part, "-")
		if !isRange {
			last = first
		}
		r, err := parsePorts(first, last)
		if err != nil {
			return err
		}
		if len(value) > 0 && int(r.First) <= int(value[len(value)-1].Last) {
			return errors.New("port ranges that are not in ascending order")
		}
		value = append(value, r)
	}
	*l.to = tcp.Known(value)
	return nil
}

func (l portRanges) text() (string, bool) {
	value, known := l.to.Get()
	var parts []string
	for _, r := range value {
		if r.First == r.Last {
			parts = append(parts, strconv.Itoa(int(r.First)))
		} else {
			parts = append(parts, fmt.Sprintf("%d-%d", r.First, r.Last))
		}
	}
	return strings.Join(parts, ","), known
}

func parsePorts(first, last string) (PortRange, error) {
	a, errA := strconv.ParseUint(first, 10, 16)
	b, errB := strconv.ParseUint(last, 10, 16)
	if errA != nil || errB != nil {
		return PortRange{}, fmt.Errorf("not a port, 0 to %d", math.MaxUint16)
	}
	if a > b {
		return PortRange{}, errors.New("a range of ports whose end is below its beginning")
	}
	return PortRange{uint16(a), uint16(b)}, nil
}
