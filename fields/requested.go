package fields

import (
	"slices"

	"tcpstate/tcp"
)

// Omission is a detail that was not requested, with what is therefore absent.
type Omission struct {
	Detail tcp.Detail
	Names  []string // of fields and of whole objects
}

// details lists the details that users request, in the order of their options in
// docs/json.md.
var details = []tcp.Detail{tcp.DetailAge, tcp.DetailInfo, tcp.DetailMemory, tcp.DetailExtended, tcp.DetailProcesses, tcp.DetailNames}

// NotRequested returns the details that are not in a request, and the fields that are
// absent because of it. It leaves out what is missing whatever is requested, as
// Missing returns it. The result is never nil.
func NotRequested(requested tcp.Detail, missing []string) []Omission {
	if requested.Has(tcp.DetailInfo) {
		requested |= tcp.DetailAge // the ages are made of it
	}
	list := []Omission{}
	for _, detail := range details {
		if requested.Has(detail) {
			continue
		}
		o := Omission{Detail: detail}
		for i := range All {
			f := &All[i]
			name := f.absentAs(detail)
			if name != "" && !slices.Contains(missing, name) && !slices.ContainsFunc(f.MissingAs, func(m string) bool { return slices.Contains(missing, m) }) && !slices.Contains(o.Names, name) {
				o.Names = append(o.Names, name)
			}
		}
		if len(o.Names) > 0 {
			list = append(list, o)
		}
	}
	return list
}

// absentAs returns the name of what is absent without a detail: the object of the
// field if the whole object is, else the field; "" if the field does not need it.
func (f *Field) absentAs(detail tcp.Detail) string {
	if !f.Needs.Has(detail) {
		return ""
	}
	object, nested := f.Object()
	if !nested {
		return f.Name
	}
	for i := range All {
		if other, _ := All[i].Object(); other == object && !All[i].Needs.Has(detail) {
			return f.Name
		}
	}
	return object
}
