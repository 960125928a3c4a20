package filter

import (
	"slices"
	"strings"

	"tcpstate/fields"
	"tcpstate/tcp"
)

// kindOf returns the kind of the terms that compare a field by its name.
func kindOf(f *fields.Field) kind {
	k := kind{word: f.Name, operand: "filter.operand.text", parse: parseText}
	switch f.Kind {
	case fields.Number, fields.Duration, fields.Cookie:
		k.parse = parseMeasure
		k.operand = [...]string{plainNumber: "filter.operand.number", bytes: "filter.operand.bytes",
			duration: "filter.operand.duration", identifier: "filter.operand.identifier"}[unitOf(f)]
	}
	return k
}

// textTerm compares the text of a field. The case of the names that the kernel
// numbers does not matter.
type textTerm struct {
	plain
	of    *fields.Field
	texts []string // one or more
	not   bool
}

func parseText(p *parser, k *kind) (node, error) {
	list, not, err := p.equalTo(k)
	if err != nil {
		return nil, err
	}
	t := textTerm{of: fields.Comparable(k.word), not: not}
	for _, v := range list {
		t.texts = append(t.texts, v.text)
	}
	return p.leaf(t), nil
}

func (t textTerm) String() string {
	texts := make([]string, len(t.texts))
	for i, text := range t.texts {
		texts[i] = Literal(text)
	}
	return t.of.Name + " " + equality(t.not).String() + " " + strings.Join(texts, ",")
}

func (t textTerm) negated() term        { t.not = !t.not; return t }
func (t textTerm) field() string        { return t.of.Name }
func (t textTerm) states() tcp.StateSet { return t.of.CanBeKnownIn() }

func (t textTerm) needs(states tcp.StateSet) tcp.Detail { return t.of.NeedsIn(states) }

func (t textTerm) match() matcher {
	equals := func(a, b string) bool { return a == b }
	if t.of.Kind == fields.Enum {
		equals = strings.EqualFold
	}
	return func(s *tcp.Socket) bool {
		v := t.of.Get(s)
		return v.Known && slices.ContainsFunc(t.texts, func(text string) bool { return equals(text, v.Text) }) != t.not
	}
}
