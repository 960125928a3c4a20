package filter

import (
	"math"
	"strconv"
	"strings"
	"time"

	"tcpstate/fields"
	"tcpstate/tcp"
	"tcpstate/wording"
)

// measure is a number that a socket has.
type measure struct {
	word  string
	unit  unit
	field *fields.Field
	of    func(*tcp.Socket) fields.Value
}

// unit is the way in which the numbers of a measure are written.
type unit uint8

const (
	plainNumber unit = iota
	bytes            // may end in K, M or G for powers of 1024
	duration         // in the format of time.Duration; the number counts nanoseconds
	identifier       // in hexadecimal, after 0x
)

// measureOf returns the measure that the word asks for: a word of kinds, or the name
// of a field.
func measureOf(word string) *measure {
	f := fields.Comparable(word)
	if f == nil {
		f = fields.ForFilter(word)
	}
	m := &measure{word: word, field: f, unit: unitOf(f), of: f.Get}
	if word == "retrans" {
		// JSON leaves this out of a socket without a timer. To a filter it is 0.
		m.of = func(s *tcp.Socket) fields.Value {
			return fields.Value{Known: true, N: uint64(s.Timer.Retransmits)}
		}
	}
	return m
}

// unitOf returns the unit in which the numbers of a field are written.
func unitOf(f *fields.Field) unit {
	switch {
	case f.Kind == fields.Duration:
		return duration
	case f.Kind == fields.Cookie:
		return identifier
	case f.Unit() == fields.Bytes, f.Unit() == fields.BytesPerSec:
		return bytes
	}
	return plainNumber
}

// measureTerm compares a measure.
type measureTerm struct {
	plain
	*measure
	op     operator
	number uint64
}

func parseMeasure(p *parser, k *kind) (node, error) {
	m := measureOf(k.word)
	op, present := p.operator()
	if !present {
		return nil, p.fail(p.at, wording.Say("filter.no-operator", "word", k.word),
			wording.Say("filter.no-operator.hint", "word", k.word, "operand", wording.Say(k.operand)))
	}
	v, err := p.value(k, false)
	if err != nil {
		return nil, err
	}
	n, ok := m.unit.parse(v.text)
	if !ok {
		return nil, p.refuse(k, v, m.unit.wrong())
	}
	return p.leaf(measureTerm{measure: m, op: op, number: n}), nil
}

// wrong returns the key of the text for what is no number in the unit.
func (u unit) wrong() string {
	return [...]string{plainNumber: "filter.no-number", bytes: "filter.no-bytes", duration: "filter.no-duration", identifier: "filter.no-number"}[u]
}

// parse reads a number in the unit.
func (u unit) parse(text string) (uint64, bool) {
	shift := 0
	switch u {
	case duration:
		d, err := time.ParseDuration(text)
		return uint64(d), err == nil && d >= 0
	case identifier:
		n, err := strconv.ParseUint(text, 0, 64)
		return n, err == nil
	case bytes:
		if i := strings.IndexByte("KMGkmg", text[len(text)-1]); i >= 0 {
			shift = 10 * (i%3 + 1)
			text = text[:len(text)-1]
		}
	}
	if !isNumber(text) {
		return 0, false
	}
	n, err := strconv.ParseUint(text, 10, 64)
	return n << shift, err == nil && n <= math.MaxUint64>>shift
}

// format writes a number so that parse reads back the same number.
func (u unit) format(n uint64) string {
	switch u {
	case duration:
		return time.Duration(n).String()
	case identifier:
		return "0x" + strconv.FormatUint(n, 16)
	}
	suffix := ""
	for _, next := range []string{"K", "M", "G"} {
		if u != bytes || n == 0 || n%1024 != 0 {
			break
		}
		n, suffix = n/1024, next
	}
	return strconv.FormatUint(n, 10) + suffix
}

func (t measureTerm) String() string {
	return t.word + " " + t.op.String() + " " + t.unit.format(t.number)
}

func (t measureTerm) negated() term        { t.op = t.op.opposite(); return t }
func (t measureTerm) field() string        { return t.measure.field.Name }
func (t measureTerm) states() tcp.StateSet { return t.measure.field.CanBeKnownIn() }

func (t measureTerm) needs(states tcp.StateSet) tcp.Detail { return t.measure.field.NeedsIn(states) }

func (t measureTerm) match() matcher {
	of, op, number := t.of, t.op, t.number
	return func(s *tcp.Socket) bool {
		v := of(s)
		return v.Known && op.compare(v.N, number)
	}
}
