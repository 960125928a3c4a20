package render

import (
	"strings"

	"tcpstate/fields"
)

// Field describes one key of a socket in JSON, or one column for people.
type Field struct {
	Name string // for nested keys: all keys on the way to it, joined by dots
	Type string // the name that docs/json.md uses for the type
	When string // when it is present
	Doc  string // its meaning
}

//go:generate go run tcpstate/internal/gendocs ../docs/json.md

// Fields returns the fields of a socket in the order of its keys in JSON, with
// the objects and the keys of the elements of lists. docs/json.md is made from
// this list.
func Fields() []Field {
	var list []Field
	last := ""
	for i := range fields.All {
		f := &fields.All[i]
		object, nested := f.Object()
		if nested && object != last {
			o := fields.ObjectNamed(object)
			list = append(list, Field{o.Name, "object", o.When, o.Doc})
		}
		last = object
		list = append(list, describe(f, f.Name))
		for _, key := range fields.Elements(f.Kind) {
			list = append(list, describe(&key, f.Name+"[]."+key.Name))
		}
	}
	return list
}

func describe(f *fields.Field, name string) Field {
	return Field{Name: name, Type: jsonType(f.Kind), When: f.When, Doc: f.Doc}
}

// jsonType returns the name that docs/json.md uses for the JSON type of a kind.
func jsonType(k fields.Kind) string {
	switch k {
	case fields.Number, fields.Duration:
		return "integer"
	case fields.Boolean:
		return "boolean"
	case fields.Flags, fields.Strings:
		return "list of strings"
	case fields.Integers:
		return "list of integers"
	case fields.Networks, fields.Processes:
		return "list of objects"
	}
	return "string"
}

// PeopleColumns returns the columns for which JSON has no field. They are
// composites, in units that change with the size of the value.
func PeopleColumns() []Field {
	var list []Field
	for _, c := range composites {
		list = append(list, Field{Name: c.name, Doc: c.doc})
	}
	return list
}

// fieldColumns holds a column for every field of a socket, in the same order.
var fieldColumns = func() []*Column {
	list := make([]*Column, len(fields.All))
	for i := range fields.All {
		list[i] = columnOf(&fields.All[i])
	}
	return list
}()

// columnOf returns the column that shows a field.
func columnOf(f *fields.Field) *Column {
	c := &Column{name: f.Name, heading: f.Heading, needs: f.Needs, names: f.Bits, rare: f.Rare, doc: f.Doc,
		get: f.Get, addr: f.Address, holders: f.Processes, field: f}
	switch {
	case f.Name == "netns":
		c.kind = namespace
	case f.Kind == fields.Duration:
		c.kind = milliseconds
		if f.Unit() == fields.Microseconds {
			c.kind = microseconds
		}
	default:
		c.kind = kinds[f.Kind]
	}
	return c
}

// kinds are the kinds of columns, by the kinds of fields.
var kinds = [...]kind{
	fields.Number: number, fields.Boolean: boolean, fields.Cookie: cookie, fields.Enum: enum, fields.Text: word,
	fields.User: userName, fields.LongID: longID, fields.Flags: optionSet, fields.Address: address,
	fields.Networks: networks, fields.Processes: holders,
}

// part returns the columns of the fields in a part of tcp.Socket.
func part(name string) []*Column {
	var list []*Column
	for _, c := range fieldColumns {
		if strings.HasPrefix(c.field.Of, "s."+name+".") {
			list = append(list, c)
		}
	}
	return list
}
