package main

import (
	"bytes"
	"fmt"
	"go/format"
	"strings"

	"tcpstate/fields"
)

// writeGetters returns the file of the getters.
func writeGetters(r *resolver) ([]byte, error) {
	var values, addresses, processes bytes.Buffer
	for i := range fields.All {
		p, err := r.resolve(&fields.All[i])
		if err != nil {
			return nil, err
		}
		switch p.field.Kind {
		case fields.Address:
			p.writeGetter(&addresses, "netip.Addr", "netip.Addr{}", p.expression)
		case fields.Processes:
			p.writeGetter(&processes, "[]tcp.Process", "nil", p.expression)
			fallthrough
		default:
			p.writeGetter(&values, "Value", "Value{}", p.value())
		}
	}
	return format.Source([]byte(fmt.Sprintf(`%s//go:build !genfields

package fields

import (
	"net/netip"

	"tcpstate/tcp"
)

// getterOf returns the getter of the field with the name.
func getterOf(name string) (get func(s *tcp.Socket) Value) {
	switch name {
%s	}
	panic("fields: " + name + " has no getter: run go generate ./fields")
}

// addressOf returns the getter of an address.
func addressOf(name string) AddressFunc {
	switch name {
%s	}
	panic("fields: " + name + " has no getter: run go generate ./fields")
}

// processesOf returns the getter of a list of processes.
func processesOf(name string) ProcessesFunc {
	switch name {
%s	}
	panic("fields: " + name + " has no getter: run go generate ./fields")
}
`, header, &values, &addresses, &processes)))
}

// writeGetter writes one case of a switch: a function that returns the value, or
// unknown.
func (p *place) writeGetter(b *bytes.Buffer, typ, unknown, value string) {
	fmt.Fprintf(b, "case %q:\nreturn func(s *tcp.Socket) %s {\n", p.field.Name, typ)
	for _, g := range p.guards {
		if g.optional {
			fmt.Fprintf(b, "%s, known := %s.Get()\nif !known {\nreturn %s\n}\n", g.variable, g.expression, unknown)
		} else {
			fmt.Fprintf(b, "%s := %s\nif %s == nil {\nreturn %s\n}\n", g.variable, g.expression, g.variable, unknown)
		}
	}
	if len(p.conditions) > 0 {
		fmt.Fprintf(b, "if %s {\n", strings.Join(p.conditions, " && "))
	}
	if p.optional && !p.plainOptional() {
		fmt.Fprintf(b, "v, known := %s.Get()\nif !known {\nreturn %s\n}\n", p.expression, unknown)
	}
	fmt.Fprintf(b, "return %s\n", value)
	if len(p.conditions) > 0 {
		fmt.Fprintf(b, "}\nreturn %s\n", unknown)
	}
	b.WriteString("}\n")
}

// plainOptional reports whether fields.optional can make the value.
func (p *place) plainOptional() bool {
	switch p.field.Kind {
	case fields.Number, fields.Duration, fields.Flags:
		return p.optional
	}
	return false
}

// value returns the Go expression that makes the fields.Value.
func (p *place) value() string {
	x := p.expression
	switch {
	case p.plainOptional():
		return "optional(" + x + ")"
	case p.optional:
		x = "v"
	}
	switch p.field.Kind {
	case fields.Boolean:
		return "truth(" + x + ")"
	case fields.Enum:
		return "enum(" + x + ")"
	case fields.Text, fields.User, fields.LongID:
		return "text(" + x + ")"
	case fields.Networks, fields.Processes:
		return "length(len(" + x + "))"
	}
	return "number(" + x + ")" // also for a Duration, which is a number of nanoseconds
}
