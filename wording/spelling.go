package wording

import (
	"cmp"
	"slices"
	"strings"
)

// Unknown is an error for a word that is not among the known words. Only the
// package of the error has these words. Only this package decides which of them
// was probably meant.
type Unknown interface {
	error
	// Spelling returns the word as the user wrote it, and all accepted spellings
	// of the known words.
	Spelling() (given string, known []string)
}

// named is an Unknown whose words have several spellings but one name that is
// shown, as states have.
type named interface{ Shown(known string) string }

// longestTypo is the maximum length of a word that can be a misspelled known word.
const longestTypo = 40

// spellingHint returns a hint with the known word that was probably meant. If no
// word is similar, or err is not an Unknown, it returns the zero Message.
func spellingHint(err error) Message {
	unknown, ok := err.(Unknown)
	if !ok {
		return Message{}
	}
	given, known := unknown.Spelling()
	near, ok := Nearest(given, known)
	if !ok {
		return Message{}
	}
	if n, ok := err.(named); ok {
		near = n.Shown(near)
	}
	return Say("hint.meant", "word", near)
}

// choices returns a hint that lists the known words, or the nearest of them if there
// are many. If err is not an Unknown, it
// returns the zero Message.
func choices(err error) Message {
	unknown, ok := err.(Unknown)
	if !ok {
		return Message{}
	}
	given, known := unknown.Spelling()
	if n, ok := err.(named); ok {
		var names []string
		for _, k := range known {
			if name := n.Shown(k); !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
		known = names
	}
	switch {
	case len(known) == 0:
		return Message{}
	case len(known) > mostChoices:
		nearest := Closest(given, known, 5)
		for len(nearest) > 1 && len(strings.Join(nearest, ", ")) > nearestWidth {
			nearest = nearest[:len(nearest)-1]
		}
		return Say("hint.nearest", "words", nearest)
	}
	return Say("hint.choices", "words", known)
}

// mostChoices is the number of known words up to which a hint lists all of them. Of
// more words it lists the nearest that fit a line, in nearestWidth columns.
const (
	mostChoices  = 24
	nearestWidth = 40
)

// Closest returns at most n known words that are the most similar to the given word,
// the most similar first. If a part of the given word is in known words, it returns
// only these. Words that are equally similar keep their order.
func Closest(given string, known []string, n int) []string {
	given = strings.ToLower(given[:min(len(given), longestTypo)])
	parts := strings.FieldsFunc(given, func(c rune) bool { return strings.ContainsRune("-_. ", c) })
	parts = slices.DeleteFunc(parts, func(part string) bool { return len(part) < 3 })
	list := slices.DeleteFunc(slices.Clone(known), func(k string) bool {
		return !slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(strings.ToLower(k), part) })
	})
	if len(list) == 0 {
		list = slices.Clone(known)
	}
	slices.SortStableFunc(list, func(a, b string) int {
		return cmp.Compare(editDistance(given, strings.ToLower(a)), editDistance(given, strings.ToLower(b)))
	})
	return list[:min(n, len(list))]
}

// Nearest returns the known word that differs from the given word by the fewest
// typing mistakes. A mistake is an extra letter, a missing letter, a wrong letter,
// or two exchanged letters. Case does not matter. If several words have the same
// number of mistakes, it returns the first of them. It reports false if that number
// is more than a third of the letters of the given word.
func Nearest(given string, known []string) (string, bool) {
	if len(given) > longestTypo {
		return "", false
	}
	given = strings.ToLower(given)
	best, fewest := "", len(given)/3+1
	for _, k := range known {
		if mistakes := editDistance(given, strings.ToLower(k)); mistakes < fewest {
			best, fewest = k, mistakes
		}
	}
	return best, best != ""
}

// editDistance returns the optimal string alignment distance between a and b, in
// bytes.
func editDistance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row[0] = i + 1
		for j := range len(b) {
			wrong := last[j]
			if a[i] != b[j] {
				wrong++
			}
			row[j+1] = min(wrong, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
