package filter

import "strings"

// Place is what may stand at a place of an expression.
type Place struct {
	Words   []string // words of the language
	Operand string   // the word whose operand may stand there, such as state; "": none
}

// PlaceAfter returns what may stand after the beginning of an expression, for the
// completion of a shell. It looks only at the last words: it does not check whether
// the beginning is right.
func PlaceAfter(beginning string) Place {
	words := strings.Fields(strings.NewReplacer("(", " ( ", ")", " ) ", "!=", " != ", "!", " ! ").Replace(beginning))
	if len(words) == 0 {
		return Place{Words: append([]string{"exclude"}, termWords()...)}
	}
	last := words[len(words)-1]
	compared := isOperator(last)
	if compared {
		if len(words) == 1 {
			return Place{}
		}
		last = words[len(words)-2]
	}
	if last == "exclude" || last == "excl" {
		return Place{Operand: "state"}
	}
	for i := range kinds {
		k := &kinds[i]
		if k.word != last || k.operand == "" {
			continue
		}
		place := Place{Operand: last}
		if !compared && k.orders() {
			place.Words = []string{"eq", "ne", "lt", "le", "gt", "ge"}
		}
		return place
	}
	if last == "not" || last == "!" || last == "(" || isConnective(last) {
		return Place{Words: termWords()}
	}
	return Place{Words: append([]string{"and", "or"}, termWords()...)}
}

// orders reports whether the term compares a number, so that an operator is likely.
func (k *kind) orders() bool {
	switch k.operand {
	case "filter.operand.bytes", "filter.operand.number", "filter.operand.duration", "filter.operand.port":
		return true
	}
	return false
}

// termWords returns the words that begin a term, and not.
func termWords() []string {
	words := []string{"not"}
	for _, k := range kinds {
		words = append(words, k.word)
	}
	return words
}

func isOperator(word string) bool {
	for _, w := range operatorWords {
		if w.word == word {
			return true
		}
	}
	return false
}
