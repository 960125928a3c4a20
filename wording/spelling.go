package wording

import (
	"slices"
	"strings"
)

// Unknown is an error for a word that is none of those that are known. Its own
// package knows the words; which of them was meant is judged here alone.
type Unknown interface {
	error
	// Spelling returns the word as it was given, and the words that are known, as
	// they can be given.
	Spelling() (given string, known []string)
}

// named is an Unknown whose words are shown otherwise than they may be given: a
// state has several spellings and one name.
type named interface{ Shown(known string) string }

// longestSlip is how long a word may be that is taken for a slip of the hand.
const longestSlip = 40

// spellingHint returns the hint for an Unknown: the word that was probably meant; no
// text where no word is near.
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

// choices returns the hint that lists the words that are known.
func choices(err error) Message {
	unknown, ok := err.(Unknown)
	if !ok {
		return Message{}
	}
	_, known := unknown.Spelling()
	if n, ok := err.(named); ok {
		var names []string
		for _, k := range known {
			if name := n.Shown(k); !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
		known = names
	}
	if len(known) == 0 {
		return Message{}
	}
	return Say("hint.choices", "words", known)
}

// Nearest returns the word that is fewest slips of the hand away from the given
// one: a letter too many, one missing, one wrong, or two exchanged, in any case. Of
// equals the first is taken. It reports false where even the nearest is too far to
// be meant: more than a third of the letters.
func Nearest(given string, known []string) (string, bool) {
	if len(given) > longestSlip {
		return "", false
	}
	given = strings.ToLower(given)
	best, bestSlips := "", len(given)/3+1
	for _, k := range known {
		if slips := slipsBetween(given, strings.ToLower(k)); slips < bestSlips {
			best, bestSlips = k, slips
		}
	}
	return best, best != ""
}

// slipsBetween is the optimal string alignment distance of a and b, by bytes.
func slipsBetween(a, b string) int {
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
