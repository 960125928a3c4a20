package render

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"tcpstate/fields"
	"tcpstate/tcp"
	"tcpstate/wording"
)

// Column is one column of a table, of CSV or of markdown. Sockets can be sorted
// by it.
type Column struct {
	name    string
	heading string // "": made from the name
	kind    kind
	needs   tcp.Detail
	names   []string                         // of the bits, for an optionSet
	get     func(*tcp.Socket) fields.Value   // nil for an address or an endpoint
	addr    fields.AddressFunc               // for an address
	end     func(*tcp.Socket) netip.AddrPort // for an endpoint
	nameOf  func(*tcp.Socket) tcp.Name       // the names of host and service, for local and peer
	holders fields.ProcessesFunc             // for holders
	field   *fields.Field                    // the field that it shows; nil for a composite

	// A table omits the column if no socket has a value, unless the column was
	// requested by name.
	rare bool

	doc string // for docs/json.md
}

// Name returns the name of the column in --columns and in the header of CSV.
func (c *Column) Name() string { return c.name }

// Needs returns the detail, in addition to the base, for which the source must
// be asked so that the column is known.
func (c *Column) Needs() tcp.Detail { return c.needs }

// Heading returns the heading of the column in a table.
func (c *Column) Heading() string {
	if c.heading != "" {
		return c.heading
	}
	name := strings.TrimPrefix(c.name, "tcp_info.")
	return strings.ToUpper(strings.NewReplacer("_", "-", ".", "-").Replace(name))
}

// composites are the columns for people for which JSON has no field.
var composites = []*Column{
	{name: "local", kind: endpoint, doc: "the local address and port: 10.0.0.1:443, [fe80::1%eth0]:443; in tables with -r their names, web1:https",
		end: func(s *tcp.Socket) netip.AddrPort { return s.Local }, nameOf: func(s *tcp.Socket) tcp.Name { return s.LocalName }},
	{name: "peer", kind: endpoint, doc: "the remote address and port, or their names",
		end: func(s *tcp.Socket) netip.AddrPort { return s.Peer }, nameOf: func(s *tcp.Socket) tcp.Name { return s.PeerName }},
	{name: "process", kind: holders, needs: tcp.DetailProcesses, doc: "at most two processes, and the number of the others: 812/nginx 813/nginx +2. For a socket without a process, a table shows the processes or the address of its listener in parentheses: (812/nginx)",
		holders: fields.Named("processes").Processes, get: fields.Named("processes").Get},
	{name: "pid", kind: number, needs: tcp.DetailProcesses, doc: "the lowest id of its processes",
		get: func(s *tcp.Socket) fields.Value {
			if len(s.Processes) == 0 {
				return fields.Value{}
			}
			return fields.Value{Known: true, N: uint64(s.Processes[0].PID)}
		}},
	{name: "listener", kind: endpoint, needs: tcp.DetailProcesses, doc: "listener.address and listener.port",
		end: func(s *tcp.Socket) netip.AddrPort {
			if s.Listener == nil {
				return netip.AddrPort{}
			}
			return s.Listener.Local
		}},
	{name: "command", kind: arguments, needs: tcp.DetailProcesses | tcp.DetailCommands, doc: "the arguments of the first process, separated by spaces",
		get: func(s *tcp.Socket) fields.Value {
			return fields.Value{Known: len(s.Processes) > 0 && len(s.Processes[0].Cmdline) > 0}
		}},
	{name: "recv_q", kind: number, doc: "accept_queue for a listener, recv_q_bytes for other sockets",
		get: ofListener("accept_queue", "recv_q_bytes")},
	{name: "send_q", kind: number, doc: "accept_queue_max for a listener, send_q_bytes for other sockets",
		get: ofListener("accept_queue_max", "send_q_bytes")},
	{name: "timer", kind: countdown, doc: "the timer, the time until it fires, and how often it fired without an answer: persist 1.6s, 3 probes",
		get: fields.Named("timer.expires_ms").Get},
	{name: "age", kind: duration, needs: tcp.DetailAge, doc: "age_ms, with ≥ before it if it is a lower bound, and ~ if it is an estimate",
		get: aboutAge},
	{name: "mptcp", kind: enum, needs: tcp.DetailExtended, rare: true, get: mptcpRole,
		doc: "what a socket is in multipath TCP: a connection with its token, a subflow with the token of its connection, or a listener"},
	{name: "accepts", kind: enum, needs: tcp.DetailExtended, rare: true, get: acceptedFamilies,
		doc: "the families of the connections that a socket on the address [::] takes: IPv4+IPv6, or only IPv6 if IPV6_V6ONLY is set (v6only)"},
	of("idle", duration, "idle_ms"),
	of("rtt", duration, "tcp_info.rtt_us"),
	of("min_rtt", duration, "tcp_info.min_rtt_us"),
	of("rto", duration, "tcp_info.rto_us"),
	of("mss", number, "tcp_info.snd_mss_bytes"),
	{name: "retrans", kind: resends, needs: tcp.DetailInfo, get: fields.Named("tcp_info.total_retrans").Get,
		doc: "segments that were resent and not acknowledged yet, and all that were resent: tcp_info.retrans/tcp_info.total_retrans"},
	of("sent", size, "tcp_info.sent_bytes"),
	of("received", size, "tcp_info.received_bytes"),
	of("rate", rate, "tcp_info.delivery_rate_bytes_per_sec"),
	of("rmem", size, "memory.recv_alloc_bytes"),
	of("rcvbuf", size, "memory.recv_buffer_bytes"),
	of("wmem", size, "memory.send_queued_bytes"),
	of("sndbuf", size, "memory.send_buffer_bytes"),
	of("fwd", size, "memory.forward_alloc_bytes"),
	of("backlog", size, "memory.backlog_bytes"),
}

// of makes a composite of one field, in a unit for people.
func of(name string, k kind, field string) *Column {
	f := fields.Named(field)
	return &Column{name: name, kind: k, needs: f.Needs, doc: f.Name, get: f.Get}
}

// ofListener returns a getter of the first field for a listener, and of the second
// for other sockets.
func ofListener(first, second string) func(*tcp.Socket) fields.Value {
	a, b := fields.Named(first).Get, fields.Named(second).Get
	return func(s *tcp.Socket) fields.Value {
		if s.State == tcp.Listen {
			return a(s)
		}
		return b(s)
	}
}

// aboutAge returns the age, with the sign ≥ if it is a lower bound, and ~ if it is
// an estimate.
func aboutAge(s *tcp.Socket) fields.Value {
	d, known := s.Age.Get()
	v := fields.Value{Known: known, N: uint64(d)}
	switch {
	case s.AgeAtLeast:
		v.Text = "≥"
	case !s.AgeExact:
		v.Text = "~"
	}
	return v
}

// mptcpRole returns what a socket is in multipath TCP.
func mptcpRole(s *tcp.Socket) fields.Value {
	token, known := s.MPTCPToken.Get()
	v := fields.Value{Known: true, N: uint64(token) << 1}
	switch {
	case s.State == tcp.Listen && (s.IsConnection() || s.Extended != nil && s.Extended.ULP == "mptcp"):
		v.Text = "listener"
	case s.IsConnection():
		v.Text = fmt.Sprintf("connection %#x", token)
		if s.Connection.Fallback {
			v.Text += " as plain TCP"
		}
	case known:
		v.N, v.Text = v.N|1, fmt.Sprintf("subflow of %#x", token)
	case s.Extended != nil && s.Extended.MPTCP != nil:
		v.N, v.Text = 1, "subflow" // its connection has ended, or is not listed yet
	default:
		return fields.Value{}
	}
	return v
}

// acceptedFamilies returns the families that a socket on [::] takes.
func acceptedFamilies(s *tcp.Socket) fields.Value {
	dual, _ := s.DualStack()
	switch both, known := dual.Get(); {
	case !known:
		return fields.Value{}
	case both:
		return fields.Value{Known: true, N: 2, Text: "IPv4+IPv6"}
	}
	return fields.Value{Known: true, N: 1, Text: "IPv6"}
}

// ASCII returns the columns as they are for a terminal that shows only ASCII: the
// age of a socket has >= before it instead of ≥.
func ASCII(list []*Column) []*Column {
	plain := slices.Clone(list)
	for i, c := range plain {
		if c.name != "age" {
			continue
		}
		age := *c
		age.get = func(s *tcp.Socket) fields.Value {
			v := aboutAge(s)
			if v.Text == "≥" {
				v.Text = ">="
			}
			return v
		}
		plain[i] = &age
	}
	return plain
}

// showsAge adds the column of the age to the default columns of a table that is
// sorted by it, so that the order can be seen.
func showsAge(list []*Column, sort []SortKey) []*Column {
	shown := func(c *Column) bool { return c.name == "age" }
	if slices.ContainsFunc(list, shown) || !slices.ContainsFunc(sort, func(k SortKey) bool { return k.Column.name == "age" || k.Column.name == "age_ms" }) {
		return list
	}
	return append(list, columns("age")...)
}

// column returns the column that a word stands for. The words are those of
// fields.Words: the name of the column, its heading such as RECV-Q, the word of
// filters and others.
func column(word string) (*Column, error) {
	if c := columnNamed(word); c != nil {
		return c, nil // without the vocabulary, which takes time to make
	}
	if name, ok := fields.Meaning(word, fields.InColumns); ok {
		return columnNamed(name), nil // a test looks up all words
	}
	return nil, &UnknownColumnError{Name: word}
}

// columnNamed returns the column with the name, or nil.
func columnNamed(name string) *Column {
	for _, list := range [...][]*Column{composites, fieldColumns} {
		for _, c := range list {
			if c.name == name {
				return c
			}
		}
	}
	return nil
}

// columns returns the columns with the names, which are constants of the
// program.
func columns(names string) []*Column {
	list, err := ParseColumns(names)
	if err != nil {
		panic(err) // a test uses all default columns
	}
	return list
}

// ParseColumns returns the columns in list, which are separated by commas. The
// error is an *UnknownColumnError.
func ParseColumns(list string) ([]*Column, error) {
	var columns []*Column
	for name := range strings.SplitSeq(list, ",") {
		c, err := column(name)
		if err != nil {
			return nil, err
		}
		columns = append(columns, c)
	}
	return columns, nil
}

// ColumnNames returns the names of all columns.
func ColumnNames() []string {
	var names []string
	for _, c := range Columns() {
		names = append(names, c.name)
	}
	return names
}

// Columns returns all columns.
func Columns() []*Column { return slices.Concat(composites, fieldColumns) }

// Doc says what the column shows.
func (c *Column) Doc() string { return c.doc }

// UnknownColumnError is the error for a name that is not the name of a column.
type UnknownColumnError struct {
	Name string // as the user wrote it
}

func (e *UnknownColumnError) Error() string { return e.Message().String() }

// Message returns the sentence.
func (e *UnknownColumnError) Message() wording.Message {
	return wording.Say("render.error.column", "name", e.Name)
}

// Spelling returns the name that the user wrote, and all words for columns.
func (e *UnknownColumnError) Spelling() (string, []string) {
	return e.Name, wording.KnownIn(fields.InColumns, e.Name)
}

// Hint says where a word for no column has a meaning.
func (e *UnknownColumnError) Hint() wording.Message { return wording.Elsewhere(e.Name) }

// Sections are the parts of a listing that are shown in addition to its first
// columns.
type Sections struct {
	Processes bool // -p
	Timers    bool // -o
	Extended  bool // -e
	Info      bool // -i
	Memory    bool // -m
	Commands  bool // -p with -e
	Names     bool // -r
	Netns     bool // -N
	MPTCP     bool // --mptcp
}

// Needs returns the detail for which the source must be asked to show the
// sections. It also applies to formats without columns.
func (s Sections) Needs() (detail tcp.Detail) {
	for _, c := range machineColumns(s) {
		detail |= c.needs
	}
	return detail
}

// Head returns how many of the default columns of a table stay in the row of a
// socket if the table is too wide: those that do not describe it in detail.
func (s Sections) Head(sort []SortKey) int {
	return len(DefaultColumns(Table, Sections{Netns: s.Netns, Processes: s.Processes, Timers: s.Timers}, sort))
}

// DefaultColumns returns the columns of a table, of markdown or of CSV that are
// shown if none were requested by name. A table that is sorted by the age shows
// it.
func DefaultColumns(f Format, s Sections, sort []SortKey) []*Column {
	if f == CSV {
		return machineColumns(s)
	}
	var list []*Column
	if s.Netns {
		list = columns("netns")
	}
	if s.MPTCP {
		list = append(list, columns("mptcp")...)
	}
	list = append(list, columns("state,recv_q,send_q,local,peer")...)
	if s.Processes {
		list = append(list, columns("process")...)
	}
	if s.Timers {
		list = append(list, columns("timer,age")...)
	} else {
		list = showsAge(list, sort)
	}
	if s.Extended {
		list = append(list, columns("user,inode,cookie,mark,interface,accepts")...)
		if !s.MPTCP {
			list = append(list, columns("mptcp")...)
		}
		list = append(list, columns("unit,container")...)
	}
	if s.Info {
		list = append(list, columns("congestion,rtt,min_rtt,rto,tcp_info.cwnd,mss,retrans,tcp_info.lost,sent,received,rate,idle")...)
	}
	if s.Memory {
		list = append(list, columns("rmem,rcvbuf,wmem,sndbuf,fwd,backlog,memory.drops")...)
	}
	if s.Extended {
		list = append(list, columns("cgroup")...) // last, because a long path would move the columns after it
	}
	return list
}

// machineColumns are the default columns of CSV: the fields of the sections.
func machineColumns(s Sections) []*Column {
	var list []*Column
	if s.Netns {
		list = columns("netns")
	}
	list = append(list, columns("state,recv_q_bytes,send_q_bytes,accept_queue,accept_queue_max,local,peer")...)
	if s.Names {
		list = append(list, columns("local.host,local.service,peer.host,peer.service")...)
	}
	if s.Processes {
		list = append(list, columns("processes,listener,listener.processes")...)
	}
	if s.Commands {
		list = append(list, columns("command")...)
	}
	if s.Timers {
		list = append(list, columns("timer.kind,timer.expires_ms,timer.retransmits,age_ms,age_exact,age_at_least,idle_ms")...)
	}
	if s.Extended {
		list = append(list, columns("uid,user,inode,cookie,mptcp_token,interface")...)
		for _, c := range part("Extended") {
			if c.kind != networks {
				list = append(list, c)
			}
		}
	}
	if s.MPTCP {
		if !s.Extended {
			list = append(list, columns("mptcp_token")...)
		}
		list = append(list, part("Connection")...)
	}
	if s.Info {
		list = append(list, part("Congestion")...)
		list = append(list, part("Info")...)
	}
	if s.Memory {
		list = append(list, part("Memory")...)
	}
	return list
}
