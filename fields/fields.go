// Package fields is the table of a socket's fields. It describes each field
// once: its name, its kind, its cost, the sources that know it, and its meaning.
// Columns, JSON, CSV, the list of what is missing, the words of filters, shell
// completion and docs/json.md all come from it.
//
// The getters of this package and the JSON encoder of package render are
// generated from the table. After a change, run go generate ./...
package fields

import (
	"slices"
	"strings"

	"tcpstate/tcp"
)

//go:generate go run -tags genfields tcpstate/internal/genfields

// Field is one scalar or one list of a socket.
type Field struct {
	// Name is the key in JSON and the column in CSV. A key in an object has the
	// name of the object and a dot before it: "timer.kind".
	Name string
	Kind Kind
	Doc  string // its meaning, in one sentence
	When string // when it is present, for docs/json.md

	// Of is the field of the *tcp.Socket s that holds the value, as a Go
	// expression: "s.Extended.TLS.Version". If a pointer in it is nil or a
	// tcp.Optional in it is unknown, the value is unknown. For a key of the
	// elements of a list, the expression starts with another variable: see
	// Elements.
	Of string

	// Known is a Go condition on s, or "". If the condition is false, the value
	// is unknown. If the field is behind a pointer, the condition may use only
	// what is behind the same pointer.
	Known string

	// Needs is the detail for which a source must be asked. If InfoStates is
	// not empty, the field is read from tcp_info in these states only, and in
	// the others it needs no detail.
	Needs      tcp.Detail
	InfoStates tcp.StateSet

	// States are the states in which the field can be known. There may be too many
	// states in the set, but never too few. The empty set is every state. For a
	// field of tcp_info, the set says whether the kernel fills it for a listener
	// (tcp_get_info, net/ipv4/tcp.c).
	States tcp.StateSet

	// From holds the sources that know the field. If Joined is set, the field is
	// not in what a source reports: package collect adds it.
	From   Sources
	Joined bool

	// MissingAs holds the names that are listed as missing if the source cannot
	// know the field. If it is nil, this is the name of the object, or of the
	// field.
	MissingAs []string

	Bits []string // the names of the bits, for the kind Flags only

	Filter  string // the word that stands for it in a filter; "": none
	Heading string // of its column in a table; "": made from Name
	Rare    bool   // a table omits its column if no socket has a value

	// Get returns the value. It is nil for the kind Address.
	Get       func(s *tcp.Socket) Value
	Address   AddressFunc   // for the kind Address only
	Processes ProcessesFunc // for the kind Processes only
}

// Sources is a set of sources of sockets. If a source reports something only
// under a condition, that counts as a separate source.
type Sources uint8

// The sources. A reading by sock_diag has SockDiag, and the other two if their
// conditions hold.
const (
	ProcFS           Sources = 1 << iota // /proc/net/tcp and tcp6 (get_tcp4_sock, net/ipv4/tcp_ipv4.c)
	SockDiag                             // NETLINK_SOCK_DIAG
	SockDiagAdmin                        // the reader has CAP_NET_ADMIN
	SockDiagInactive                     // Linux 6.8 and later: sockets in BOUND_INACTIVE and CLOSE are listed
)

// Any is every source.
const Any = ^Sources(0)

// All lists the fields in the order of their keys in JSON. It must not be changed.
var All = table()

// table returns the rows of all parts, each with its getters.
func table() []Field {
	all := slices.Concat(base(), extended(), connection(), memory(), congestion(), info())
	for i := range all {
		f := &all[i]
		switch f.Kind {
		case Address:
			f.Address = addressOf(f.Name)
		case Processes:
			f.Processes = processesOf(f.Name)
		}
		if f.Kind != Address {
			f.Get = getterOf(f.Name)
		}
	}
	return all
}

// with returns the rows. Each field that a row leaves empty is taken from
// defaults.
func with(defaults Field, rows []Field) []Field {
	for i := range rows {
		f := &rows[i]
		if f.When == "" {
			f.When = defaults.When
		}
		if f.Needs == 0 {
			f.Needs = defaults.Needs
		}
		if f.From == 0 {
			f.From = defaults.From
		}
		if f.States == 0 {
			f.States = defaults.States
		}
	}
	return rows
}

// Named returns the field with the name. It panics if there is none: names are
// constants of the program.
func Named(name string) *Field {
	if f := find(func(f *Field) bool { return f.Name == name }); f != nil {
		return f
	}
	panic("fields: no field is named " + name)
}

// ForFilter returns the field that the word stands for in a filter. It panics
// if there is none: the words are constants of the program.
func ForFilter(word string) *Field {
	if f := find(func(f *Field) bool { return f.Filter == word }); f != nil {
		return f
	}
	panic("fields: no field in fields/table.go has the word " + word + " for filters")
}

func find(is func(*Field) bool) *Field {
	for i := range All {
		if is(&All[i]) {
			return &All[i]
		}
	}
	return nil
}

// Object returns the name of the object that holds the field, and whether there
// is one.
func (f *Field) Object() (name string, nested bool) {
	name, _, nested = strings.Cut(f.Name, ".")
	return name, nested
}

// Unit returns the unit at the end of a number's name: bytes, bytes per second,
// milliseconds or microseconds; "" for none.
func (f *Field) Unit() Unit { return UnitOf(f.Name) }

// CanBeKnownIn returns the states in which the field can be known.
func (f *Field) CanBeKnownIn() tcp.StateSet {
	if f.States == 0 {
		return tcp.All
	}
	return f.States
}

// NeedsIn returns the detail for which a source must be asked, so that the
// field is known for sockets in the states.
func (f *Field) NeedsIn(states tcp.StateSet) tcp.Detail {
	if f.InfoStates != 0 && f.InfoStates&states == 0 {
		return 0
	}
	return f.Needs
}

// Missing returns the names of what none of the sources knows for any socket:
// fields, whole objects, and states whose sockets are not listed. The names are
// in the order of the table, each once. The result is never nil.
func Missing(sources Sources) []string { return missing(sources, 0) }

// MissingIn returns the names of Missing, and those of the fields that no
// source knows in at least one of the states.
func MissingIn(sources Sources, states tcp.StateSet) []string { return missing(sources, states) }

func missing(sources Sources, states tcp.StateSet) []string {
	names := []string{}
	var unlisted []string
	add := func(list ...string) {
		for _, name := range list {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	for i := range All {
		f := &All[i]
		withoutInfo := f.InfoStates&states != 0 && infoSources&sources == 0
		switch object, nested := f.Object(); {
		case f.From&sources != 0 && !withoutInfo:
		case f.MissingAs != nil:
			add(f.MissingAs...)
		case nested && !knowsPartOf(sources, object):
			add(object)
		default:
			add(f.Name)
		}
	}
	for state := range Unlisted(sources).States() {
		unlisted = append(unlisted, strings.ToLower(state.String()))
	}
	slices.Sort(unlisted)
	add(unlisted...)
	return names
}

// knowsPartOf reports whether the sources know some of the fields of an object.
func knowsPartOf(sources Sources, object string) bool {
	return find(func(f *Field) bool {
		of, nested := f.Object()
		return nested && of == object && f.From&sources != 0
	}) != nil
}

// Unlisted returns the states whose sockets none of the sources lists. Of such a
// state it is not known how many sockets there are: it is not 0.
func Unlisted(sources Sources) tcp.StateSet {
	if sources&SockDiagInactive == 0 {
		return tcp.Set(tcp.BoundInactive, tcp.Close)
	}
	return 0
}
