package main

import (
	"fmt"
	"reflect"
	"strings"
	"time"

	"tcpstate/fields"
	"tcpstate/tcp"
)

// resolver finds the field of a structure to which a row of the table refers.
type resolver struct {
	infoEnds map[string]int // by the name of the field of tcp.Info
}

// roots are the variables with which the expressions of rows start.
var roots = map[string]reflect.Type{
	"s": reflect.TypeFor[tcp.Socket](),
	"p": reflect.TypeFor[tcp.Process](),
	"k": reflect.TypeFor[tcp.MD5Key](),
}

// place is where the value of a row is.
type place struct {
	field      *fields.Field
	guards     []guard // the pointers and Optionals on the way to it, the outermost first
	expression string  // relative to the variable of the last guard
	typ        reflect.Type
	optional   bool     // expression is a tcp.Optional that holds typ
	conditions []string // Go conditions; if one is false, the value is unknown
}

// guard is a pointer or an Optional on the way to a value.
type guard struct {
	expression string // relative to the variable of the guard before
	variable   string // holds the value behind it
	typ        reflect.Type
	optional   bool
}

// resolve returns the place of a row.
func (r *resolver) resolve(f *fields.Field) (*place, error) {
	steps := strings.Split(f.Of, ".")
	p := &place{field: f, expression: steps[0], typ: roots[steps[0]]}
	if p.typ == nil {
		return nil, fmt.Errorf("%s: %q does not start with a variable that the generator knows", f.Name, f.Of)
	}
	for _, step := range steps[1:] {
		p.enter()
		if err := p.step(step); err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	if inner, ok := optionalOf(p.typ); ok {
		p.typ, p.optional = inner, true
	}
	if f.Known != "" {
		p.conditions = append(p.conditions, p.inVariables(f.Known))
	}
	if strings.HasPrefix(f.Of, "s.Info.") {
		end := r.infoEnds[steps[len(steps)-1]]
		if end == 0 {
			return nil, fmt.Errorf("%s: no field of tcpInfo in sockdiag/attributes.go fills %s", f.Name, f.Of)
		}
		known := fmt.Sprintf("info.Len >= %d", end)
		if f.From&fields.ProcFS != 0 {
			known = "(" + known + " || info.OfProc)"
		}
		p.conditions = append(p.conditions, known)
		if !f.CanBeKnownIn().Has(tcp.Listen) {
			p.conditions = append(p.conditions, "!info.Listener")
		}
	}
	return p, p.check()
}

// enter adds a guard for a value behind a pointer or an Optional.
func (p *place) enter() {
	inner, optional := optionalOf(p.typ)
	switch {
	case optional:
		p.typ = inner
	case p.typ.Kind() == reflect.Pointer:
		p.typ = p.typ.Elem()
	default:
		return
	}
	variable := strings.ToLower(p.typ.Name())
	p.guards = append(p.guards, guard{p.expression, variable, p.typ, optional})
	p.expression = variable
}

// step goes to a field, or to the result of a method.
func (p *place) step(name string) error {
	p.expression += "." + name
	if method, ok := strings.CutSuffix(name, "()"); ok {
		m, found := p.typ.MethodByName(method)
		if !found {
			return fmt.Errorf("%s has no method %s", p.typ, method)
		}
		p.typ = m.Type.Out(0)
		return nil
	}
	if p.typ.Kind() != reflect.Struct {
		return fmt.Errorf("%s has no fields", p.typ)
	}
	f, found := p.typ.FieldByName(name)
	if !found {
		return fmt.Errorf("%s has no field %s: declare it in tcp/socket.go or tcp/info.go", p.typ, name)
	}
	p.typ = f.Type
	return nil
}

// inVariables rewrites a condition on s with the variables of the guards.
func (p *place) inVariables(condition string) string {
	prefixes, prefix := make([]string, len(p.guards)), "s"
	for i, g := range p.guards {
		_, last, _ := strings.Cut(g.expression, ".")
		prefix += "." + last
		prefixes[i] = prefix
	}
	for i := len(p.guards) - 1; i >= 0; i-- { // the longest first, for it begins with the others
		condition = strings.ReplaceAll(condition, prefixes[i]+".", p.guards[i].variable+".")
	}
	return condition
}

// optionalOf returns the type that an Optional holds, and whether typ is an
// Optional.
func optionalOf(typ reflect.Type) (inner reflect.Type, ok bool) {
	if !strings.HasPrefix(typ.Name(), "Optional[") {
		return nil, false
	}
	get, _ := typ.MethodByName("Get")
	return get.Type.Out(0), true
}

// check reports an error if the row's kind does not fit the type.
func (p *place) check() error {
	var fits bool
	number := p.typ.Kind() >= reflect.Int && p.typ.Kind() <= reflect.Uint64
	duration := p.typ == reflect.TypeFor[time.Duration]()
	switch p.field.Kind {
	case fields.Number:
		fits = number && !duration && !p.typ.Implements(reflect.TypeFor[fmt.Stringer]())
	case fields.Boolean:
		fits = p.typ.Kind() == reflect.Bool
	case fields.Duration:
		unit := p.field.Unit()
		fits = duration && (unit == fields.Milliseconds || unit == fields.Microseconds)
	case fields.Cookie:
		fits = p.typ.Kind() == reflect.Uint64 && !p.optional
	case fields.Enum:
		fits = number && p.typ.Implements(reflect.TypeFor[fmt.Stringer]())
	case fields.Text, fields.User, fields.LongID:
		fits = p.typ.Kind() == reflect.String && !p.optional
	case fields.Flags:
		fits = number && len(p.field.Bits) > 0
	case fields.Address:
		fits = p.typ.String() == "netip.Addr"
	case fields.Networks:
		fits = p.typ == reflect.TypeFor[[]tcp.MD5Key]()
	case fields.Processes:
		fits = p.typ == reflect.TypeFor[[]tcp.Process]()
	case fields.Strings:
		fits = p.typ == reflect.TypeFor[[]string]()
	case fields.Integers:
		fits = p.typ == reflect.TypeFor[[]int]()
	case fields.Prefix:
		fits = p.typ.String() == "netip.Prefix"
	}
	if !fits {
		return fmt.Errorf("%s: its kind in the table does not fit the type %s of %s", p.field.Name, p.typ, p.field.Of)
	}
	return nil
}
