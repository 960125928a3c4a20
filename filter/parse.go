package filter

import (
	"slices"

	"tcpstate/fields"
	"tcpstate/tcp"
	"tcpstate/wording"
)

// maxDepth is the maximum nesting depth of an expression. Parentheses,
// negations and each change between and and or add to the depth.
const maxDepth = 200

// parser reads an expression from left to right. The meaning of a character
// depends on its place (the path of a cgroup may have any character), so there
// is no list of tokens. Each method reads what the grammar expects next.
type parser struct {
	expr  string
	at    int // the place of the next character to read
	start int // the place where the present term begins
	names Names
	kinds []kind
}

// filter reads the whole expression. The result is nil if it selects
// everything.
func (p *parser) filter() (node, error) {
	lead, several, err := p.leading()
	if err != nil {
		return nil, err
	}
	next := p.peek()
	if next == "" {
		return lead, nil
	}
	if !isConnective(next) { // the states restrict the whole expression after them
		rest, err := p.whole(nil)
		if err != nil || lead == nil {
			return rest, err
		}
		return join(false, lead, rest), nil
	}
	if several {
		return nil, p.fail(p.at, wording.Say("filter.several-states", "text", quote(next)),
			wording.Say("filter.several-states.hint", "word", next))
	}
	return p.whole(lead)
}

// leading reads the states before the expression and reports whether there were
// several. The set starts empty if the first word is state, and with all states
// if it is exclude, as in main of iproute2's misc/ss.c.
func (p *parser) leading() (lead node, several bool, err error) {
	var set tcp.StateSet
	p.skip()
	start, count := p.at, 0
	for ; ; count++ {
		word := p.peek()
		if word != "state" && word != "exclude" && word != "excl" {
			break
		}
		p.at += len(word)
		states, exclude, err := p.states(&p.kinds[0])
		if err != nil {
			return nil, false, err
		}
		if exclude = exclude != (word != "state"); !exclude {
			set |= states
			continue
		}
		if count == 0 {
			set = tcp.All
		}
		set &^= states
	}
	switch {
	case count == 0:
		return nil, false, nil
	case set == 0:
		return nil, false, p.fail(start, wording.Say("filter.no-states"), wording.Say("filter.no-states.hint"))
	}
	return &leaf{stateTerm{set: set}, start}, count > 1, nil
}

// whole reads the expression to the end of the text.
func (p *parser) whole(left node) (node, error) {
	root, err := p.expression(left, 0)
	if err == nil && p.peek() == ")" {
		return nil, p.fail(p.at, wording.Say("filter.closes-nothing"), wording.Message{})
	}
	return root, err
}

// expression reads operands and connectives up to the end or to a closing
// parenthesis. If left is not nil, it is the first operand, which was read
// before.
func (p *parser) expression(left node, depth int) (node, error) {
	var err error
	if left == nil {
		if left, err = p.operand(depth); err != nil {
			return nil, err
		}
	}
	for {
		next := p.peek()
		start := p.at
		if next == "" || next == ")" {
			return left, nil
		}
		if isConnective(next) {
			p.at += len(next)
		}
		right, err := p.operand(depth)
		if err != nil {
			return nil, err
		}
		if left = join(isOr(next), left, right); depthOf(left) > maxDepth {
			return nil, p.tooDeep(start)
		}
	}
}

// operand reads a term, a negation, or an expression in parentheses.
func (p *parser) operand(depth int) (node, error) {
	word := p.peek()
	start := p.at
	if depth > maxDepth {
		return nil, p.tooDeep(start)
	}
	switch {
	case word == "":
		return nil, p.fail(start, wording.Say("filter.ends"), p.termHint())
	case word == ")" || isConnective(word):
		return nil, p.fail(start, wording.Say("filter.term-expected", "text", quote(word)), p.termHint())
	case word == "!" || word == "not":
		p.at += len(word)
		kid, err := p.operand(depth + 1)
		if err != nil {
			return nil, err
		}
		return negated(kid), nil
	case word == "(":
		p.at++
		inner, err := p.expression(nil, depth+1)
		if err != nil {
			return nil, err
		}
		if p.peek() != ")" {
			return nil, p.fail(start, wording.Say("filter.not-closed"), wording.Message{})
		}
		p.at++
		return inner, nil
	}
	return p.term(word)
}

// term reads a term that begins with word, or a bare word.
func (p *parser) term(word string) (node, error) {
	p.start = p.at
	if k, ok := p.kind(word); ok {
		p.at += len(word)
		return k.parse(p, &k)
	}
	if word == "exclude" || word == "excl" {
		return nil, p.fail(p.at, wording.Say("filter.exclude", "word", word), wording.Say("filter.exclude.hint"))
	}
	return p.bare(word)
}

// kind returns the kind of the terms that begin with a word: with the word of a
// kind, with another spelling of it, or with the name of a field.
func (p *parser) kind(word string) (kind, bool) {
	i := slices.IndexFunc(p.kinds, func(k kind) bool { return k.word == word })
	if i >= 0 {
		return p.kinds[i], true
	}
	name, ok := fields.Meaning(word, fields.InFilters)
	if !ok {
		return kind{}, false
	}
	if i = slices.IndexFunc(p.kinds, func(k kind) bool { return k.word == name }); i >= 0 {
		return p.kinds[i], true
	}
	f := fields.Comparable(name)
	if f == nil {
		return kind{}, false
	}
	return kindOf(f), true
}

// unknown returns the error for a word that begins no term. If it is a word for
// other places, the hint says for which.
func (p *parser) unknown(word value, what, hint wording.Message) error {
	if elsewhere := wording.Elsewhere(word.text); !elsewhere.IsZero() {
		return p.fail(word.offset, what, elsewhere)
	}
	return &Error{Expr: p.expr, Offset: word.offset, What: what, hint: hint, given: word.text, known: p.vocabulary()}
}

func (p *parser) tooDeep(offset int) error {
	return p.fail(offset, wording.Say("filter.too-deep"), wording.Say("filter.too-deep.hint", "n", maxDepth))
}

// leaf returns a term with its place in the expression.
func (p *parser) leaf(t term) node { return &leaf{t, p.start} }

// words returns the words that are valid where a term is expected.
func (p *parser) words() []string {
	words := []string{"and", "or", "not"}
	for _, k := range p.kinds {
		words = append(words, k.word)
	}
	return words
}

// vocabulary returns the same words with their other spellings, and the fields.
func (p *parser) vocabulary() []string {
	return append(p.words(), fields.Spellings(fields.InFilters)...)
}

func (p *parser) termHint() wording.Message {
	return wording.Say("filter.terms", "words", p.words()[3:])
}

// fail returns an error about the place at offset.
func (p *parser) fail(offset int, what, hint wording.Message) error {
	return &Error{Expr: p.expr, Offset: offset, What: what, hint: hint}
}

func isOr(word string) bool  { return word == "or" || word == "|" || word == "||" }
func isAnd(word string) bool { return word == "and" || word == "&" || word == "&&" }

func isConnective(word string) bool { return isOr(word) || isAnd(word) }
