package filter

import (
	"slices"
	"strings"

	"tcpstate/wording"
)

const (
	blanks   = " \t\n\r"
	brackets = "()&|"
	symbols  = "!=<>"
)

// skip moves to the next character that is not blank.
func (p *parser) skip() {
	for p.at < len(p.expr) && strings.IndexByte(blanks, p.expr[p.at]) >= 0 {
		p.at++
	}
}

// peek moves to the next word and returns it, but does not move past it. A word
// is a parenthesis, a connective, "!", or a text that ends before one of those,
// a blank or an operator. At the end it is "".
func (p *parser) peek() string {
	p.skip()
	rest := p.expr[p.at:]
	switch {
	case rest == "":
		return ""
	case strings.HasPrefix(rest, "&&"), strings.HasPrefix(rest, "||"):
		return rest[:2]
	}
	if end := strings.IndexAny(rest, blanks+brackets+symbols); end >= 0 {
		return rest[:max(end, 1)]
	}
	return rest
}

// operator reads an operator, if there is one.
func (p *parser) operator() (op operator, present bool) {
	p.skip()
	for _, w := range operatorWords {
		rest, ok := strings.CutPrefix(p.expr[p.at:], w.word)
		isWord := w.word[0] >= 'a'
		if ok && !(isWord && rest != "" && strings.IndexByte(blanks, rest[0]) < 0) {
			p.at += len(w.word)
			return w.op, true
		}
	}
	return equal, false
}

// equality reads = or !=. No operator means =.
func (p *parser) equality(k *kind) (not bool, err error) {
	p.skip()
	start := p.at
	op, _ := p.operator()
	if op != equal && op != notEqual {
		return false, p.fail(start, wording.Say("filter.no-order", "word", k.word, "operator", op),
			wording.Say("filter.no-order.hint", "word", k.word, "operand", wording.Say(k.operand)))
	}
	return op == notEqual, nil
}

// value is an operand, or an element of one, with its place in the expression.
type value struct {
	text   string
	offset int
}

// value reads the operand of a term: the text before a blank or one of
// brackets. It removes a backslash and keeps the character after it. A verbatim
// operand ends only at a blank or a closing parenthesis.
func (p *parser) value(k *kind, verbatim bool) (value, error) {
	ends := blanks + brackets
	if verbatim {
		ends = blanks + ")"
	}
	elements, err := p.elements(k, ends, "")
	if err != nil {
		return value{}, err
	}
	return elements[0], nil
}

// elements reads an operand that ends before one of the characters of ends, and splits
// it at those of separators that have no backslash.
func (p *parser) elements(k *kind, ends, separators string) ([]value, error) {
	p.skip()
	start := p.at
	list := []value{{offset: start}}
	var text []byte
	for ; p.at < len(p.expr) && strings.IndexByte(ends, p.expr[p.at]) < 0; p.at++ {
		switch c := p.expr[p.at]; {
		case c == '\\' && p.at+1 < len(p.expr):
			p.at++
		case strings.IndexByte(separators, c) >= 0:
			list[len(list)-1].text = string(text)
			list, text = append(list, value{offset: p.at + 1}), text[:0]
			continue
		}
		text = append(text, p.expr[p.at])
	}
	list[len(list)-1].text = string(text)
	raw := p.expr[start:p.at]
	switch {
	case start == len(p.expr):
		return nil, p.fail(start, wording.Say("filter.no-operand", "word", k.word), k.hint())
	case raw == "" || strings.IndexByte(symbols, raw[0]) >= 0 || isReserved(raw, p.kinds):
		p.at = start
		return nil, p.fail(start, wording.Say("filter.no-operand-before", "word", k.word, "text", quote(p.peek())), k.hint())
	}
	return list, nil
}

// values reads an operand that is a list.
func (p *parser) values(k *kind) ([]value, error) {
	list, err := p.elements(k, blanks+brackets, ",")
	for _, v := range list {
		if v.text == "" {
			return nil, p.fail(v.offset, wording.Say("filter.no-element"), wording.Say("filter.no-element.hint"))
		}
	}
	return list, err
}

// equalTo reads = or != or nothing, and the list of values after it.
func (p *parser) equalTo(k *kind) (list []value, not bool, err error) {
	if not, err = p.equality(k); err != nil {
		return nil, false, err
	}
	list, err = p.values(k)
	return list, not, err
}

// refuse returns the error for an operand that is not what the term takes: the key of
// a text with the place {text}, and the values of its other places.
func (p *parser) refuse(k *kind, v value, key string, values ...any) error {
	return p.fail(v.offset, wording.Say(key, append(values, "text", quote(v.text))...), k.hint())
}

// hint says what the term takes.
func (k *kind) hint() wording.Message {
	if k.word == "" {
		return wording.Say("filter.bare.hint")
	}
	return wording.Say("filter.takes", "word", k.word, "operand", wording.Say(k.operand))
}

// isReserved reports whether a word has a meaning in the language. As an
// operand such a word is probably a mistake, unless it has a backslash.
func isReserved(word string, kinds []kind) bool {
	return word == "not" || isConnective(word) ||
		slices.ContainsFunc(kinds, func(k kind) bool { return k.word == word }) ||
		slices.ContainsFunc(operatorWords, func(w operatorWord) bool { return w.word == word })
}

// Literal writes a text, which is not empty, so that a term reads it back as one
// operand, or as one element of a list.
func Literal(text string) string {
	var b strings.Builder
	if isReserved(text, kinds) || strings.IndexByte(symbols, text[0]) >= 0 {
		b.WriteByte('\\')
	}
	for i := range len(text) {
		if strings.IndexByte(blanks+brackets+`\,`, text[i]) >= 0 {
			b.WriteByte('\\')
		}
		b.WriteByte(text[i])
	}
	return b.String()
}
