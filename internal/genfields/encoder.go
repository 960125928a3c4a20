package main

import (
	"bytes"
	"fmt"
	"go/format"
	"reflect"
	"slices"
	"strings"

	"tcpstate/fields"
	"tcpstate/tcp"
)

// encoder writes the Go code that appends a socket, or an element of a list, as
// a JSON object. Adjacent constant parts of the output become one append. Each
// part of a socket behind a pointer or an Optional has its own function: if all
// were in one function, it would be so long that the compiler would no longer
// inline the functions that append a value.
type encoder struct {
	code    *bytes.Buffer   // of the function that is being written
	outer   []*bytes.Buffer // of the functions that call it
	parts   bytes.Buffer    // whole functions
	pending string          // constant output not written yet
	open    []guard         // the parts that are being written
	object  string          // the object that is being written; "": the outermost
	first   bool            // no key of the object has been written
	late    bool            // the object has keys that may all be absent

	condition string // of the block that is being written; "": none
}

// writeEncoder returns the file of the encoder.
func writeEncoder(r *resolver) ([]byte, error) {
	socket, parts, err := encode(r, fields.All)
	if err != nil {
		return nil, err
	}
	var bits, lists bytes.Buffer
	for i := range fields.All {
		if f := &fields.All[i]; f.Kind == fields.Flags {
			fmt.Fprintf(&bits, "%s = fields.Named(%q).Bits\n", bitsVariable(f), f.Name)
		}
	}
	for _, list := range []struct {
		kind           fields.Kind
		name, variable string
		typ            string
	}{{fields.Processes, "appendProcesses", "p", "tcp.Process"}, {fields.Networks, "appendNetworks", "k", "tcp.MD5Key"}} {
		element, _, err := encode(r, fields.Elements(list.kind))
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&lists, `
// %[1]s appends the elements of a list and its end.
func %[1]s(b []byte, list []%[2]s) []byte {
	for i := range list {
		%[3]s := &list[i]
		if i > 0 {
			b = append(b, ',')
		}
%[4]s	}
	return append(b, ']')
}
`, list.name, list.typ, list.variable, element)
	}
	return format.Source([]byte(fmt.Sprintf(`%spackage render

import (
	"strconv"

	"tcpstate/fields"
	"tcpstate/tcp"
	"tcpstate/text"
)

// The names of bits, in lists of strings.
var (
%s)

// appendSocket appends s as a JSON object, without allocating.
func appendSocket(b []byte, s *tcp.Socket) []byte {
%s	return b
}
%s%s`, header, &bits, socket, parts, &lists)))
}

// bitsVariable returns the name of the variable that holds the names of a field's
// bits.
func bitsVariable(f *fields.Field) string {
	name := "bits"
	for word := range strings.FieldsFuncSeq(f.Name, func(r rune) bool { return r == '.' || r == '_' }) {
		name += strings.ToUpper(word[:1]) + word[1:]
	}
	return name
}

// encode returns the code that appends an object with the rows as its keys, and
// the functions that it calls for parts of the object.
func encode(r *resolver, rows []fields.Field) (code, parts string, err error) {
	e := &encoder{code: &bytes.Buffer{}, pending: "{", first: true}
	for i := range rows {
		p, err := r.resolve(&rows[i])
		if err != nil {
			return "", "", err
		}
		object, key := "", p.field.Name
		if name, nested := p.field.Object(); nested {
			object, key = name, p.field.Name[len(name)+1:]
		}
		e.enter(object, p)
		e.key(key, p)
	}
	e.endCondition()
	e.leave("", nil)
	e.pending += "}"
	e.flush()
	return e.code.String(), e.parts.String(), nil
}

func (e *encoder) printf(format string, args ...any) { fmt.Fprintf(e.code, format, args...) }

// flush writes the append of the pending output.
func (e *encoder) flush() {
	switch len(e.pending) {
	case 0:
	case 1:
		e.printf("b = append(b, %s)\n", quoteByte(e.pending[0]))
	default:
		e.printf("b = append(b, `%s`...)\n", e.pending)
	}
	e.pending = ""
}

func quoteByte(c byte) string { return "'" + string(rune(c)) + "'" }

// take returns the pending output and the text after it as a Go literal.
func (e *encoder) take(text string) string {
	text, e.pending = e.pending+text, ""
	return "`" + text + "`"
}

// enter leaves the parts and the object of the row before that do not contain
// this row, and enters the parts and the object of this row.
func (e *encoder) enter(object string, p *place) {
	if condition := strings.Join(p.conditions, " && "); condition != e.condition || object != e.object {
		e.endCondition()
	}
	e.leave(object, p.guards)
	for _, g := range p.guards[len(e.open):] {
		e.flush()
		name, typ := "append"+g.typ.Name(), g.typ.String()
		if g.optional {
			e.printf("if %[1]s, known := %[2]s.Get(); known {\nb = %[3]s(b, &%[1]s)\n}\n", g.variable, g.expression, name)
		} else {
			e.printf("if %[1]s := %[2]s; %[1]s != nil {\nb = %[3]s(b, %[1]s)\n}\n", g.variable, g.expression, name)
		}
		e.open, e.outer = append(e.open, g), append(e.outer, e.code)
		e.code = bytes.NewBufferString(fmt.Sprintf("\nfunc %s(b []byte, %s *%s) []byte {\n", name, g.variable, typ))
	}
	if object == e.object {
		return
	}
	e.object, e.first = object, true
	if e.late = p.mayBeAbsent(); !e.late {
		e.pending += fmt.Sprintf(`,"%s":{`, object)
		return
	}
	// It is known only at the end whether the object has a key. Until then its
	// first key has a comma before it, like the others.
	e.flush()
	e.printf("const key = `,\"%s\":`\nstart := len(b)\nb = append(b, key...)\n", object)
	e.first = false
}

// leave closes the object, unless it is the named one, and all parts after
// those of guards.
func (e *encoder) leave(object string, guards []guard) {
	if e.object != "" && e.object != object {
		if e.late {
			e.flush()
			e.printf("if len(b) == start+len(key) {\nb = b[:start] // nothing is known\n} else {\nb[start+len(key)] = '{'\nb = append(b, '}')\n}\n")
		} else {
			e.pending += "}"
		}
		e.object, e.first = "", false
	}
	same := 0
	for same < min(len(e.open), len(guards)) && e.open[same] == guards[same] {
		same++
	}
	for range e.open[same:] {
		e.flush()
		e.printf("return b\n}\n")
		e.parts.Write(e.code.Bytes())
		last := len(e.outer) - 1
		e.code, e.outer = e.outer[last], e.outer[:last]
	}
	e.open = slices.Clone(e.open[:same])
}

// mayBeAbsent reports whether the key is absent from its object for some
// sockets.
func (p *place) mayBeAbsent() bool { return len(p.conditions) > 0 || p.valueMayBeAbsent() }

// valueMayBeAbsent reports whether the value decides if the key is present.
func (p *place) valueMayBeAbsent() bool {
	switch p.field.Kind {
	case fields.Text, fields.User, fields.LongID:
		return p.field.When != fields.Always
	case fields.Networks, fields.Processes, fields.Strings, fields.Integers:
		return true
	}
	return p.optional
}

// key writes the code for one key and its value.
func (e *encoder) key(name string, p *place) {
	key := `,"` + name + `":`
	if e.first {
		key = key[1:]
	}
	e.first = false
	if p.valueMayBeAbsent() {
		e.flush()
	}
	if condition := strings.Join(p.conditions, " && "); condition != e.condition {
		e.flush()
		e.printf("if %s {\n", condition)
		e.condition = condition
	}
	e.value(key, p)
}

// endCondition closes the block of a condition.
func (e *encoder) endCondition() {
	if e.condition != "" {
		e.flush()
		e.printf("}\n")
		e.condition = ""
	}
}

// value writes the code for a key and its value, where the conditions are true.
func (e *encoder) value(key string, p *place) {
	x := p.expression
	switch p.field.Kind {
	case fields.Number:
		switch {
		case p.optional:
			e.printf("b = appendOptional(b, %s, %s)\n", e.take(key), x)
			return
		case p.typ.Kind() == reflect.Int:
			e.printf("b = strconv.AppendInt(append(b, %s...), int64(%s), 10)\n", e.take(key), x)
			return
		}
		e.printf("b = appendUint(b, %s, %s)\n", e.take(key), x)
		return
	case fields.Text, fields.User, fields.LongID:
		if p.valueMayBeAbsent() {
			e.printf("b = appendOptionalText(b, %s, %s)\n", e.take(key), x)
		} else {
			e.printf("b = text.AppendJSON(append(b, %s...), %s)\n", e.take(key), x)
		}
		return
	case fields.Networks:
		e.printf("if len(%[1]s) > 0 {\nb = appendNetworks(append(b, %[2]s...), %[1]s)\n}\n", x, e.take(key+"["))
		return
	case fields.Processes:
		e.printf("if len(%[1]s) > 0 {\nb = appendProcesses(append(b, %[2]s...), %[1]s)\n}\n", x, e.take(key+"["))
		return
	case fields.Strings:
		e.printf("b = appendStrings(b, %s, %s)\n", e.take(key), x)
		return
	case fields.Integers:
		e.printf("b = appendIntegers(b, %s, %s)\n", e.take(key), x)
		return
	}
	if p.optional {
		e.printf("if v, known := %s.Get(); known {\n", x)
		e.scalar(key, "v", p)
		e.flush()
		e.printf("}\n")
		return
	}
	e.scalar(key, x, p)
}

// scalar writes the code for a key and a value that is present.
func (e *encoder) scalar(key, x string, p *place) {
	switch p.field.Kind {
	case fields.Boolean:
		e.printf("b = appendBool(b, %s, %s)\n", e.take(key), x)
	case fields.Duration:
		e.printf("b = strconv.AppendInt(append(b, %s...), %s.%s(), 10)\n", e.take(key), x, durationMethods[p.field.Unit()])
	case fields.Flags:
		e.printf("b = appendList(append(b, %s...), uint64(%s), %s)\n", e.take(key), x, bitsVariable(p.field))
	case fields.Cookie:
		if p.typ != reflect.TypeFor[tcp.Cookie]() {
			x = "tcp.Cookie(" + x + ")"
		}
		e.printf("b = %s.Append(append(b, %s...))\n", x, e.take(key+`"`))
		e.pending = `"`
	case fields.Enum:
		e.printf("b = append(append(b, %s...), %s.String()...)\n", e.take(key+`"`), x)
		e.pending = `"`
	case fields.Address:
		e.printf("b = appendAddress(append(b, %s...), %s)\n", e.take(key+`"`), x)
		e.pending = `"`
	case fields.Prefix:
		e.printf("b = %s.AppendTo(append(b, %s...))\n", x, e.take(key+`"`))
		e.pending = `"`
	}
}

// durationMethods are the methods of time.Duration for the units.
var durationMethods = map[fields.Unit]string{fields.Milliseconds: "Milliseconds", fields.Microseconds: "Microseconds"}
