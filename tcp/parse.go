package tcp

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// spellings maps every accepted spelling, folded, to its state: the shown
// names, those of ss(8), of RFC 9293, and of other systems and textbooks.
var spellings = map[string]State{
	"listen": Listen, "listening": Listen,
	"synsent": SynSent, "synsend": SynSent,
	"synrecv": SynRecv, "synrcvd": SynRecv, "synreceived": SynRecv,
	"established": Established, "estab": Established,
	"finwait1": FinWait1,
	"finwait2": FinWait2,
	"closing":  Closing,
	"timewait": TimeWait, "timedwait": TimeWait,
	"closewait": CloseWait, "closedwait": CloseWait,
	"lastack": LastAck,
	"close":   Close, "closed": Close, "unconnected": Close, "unconn": Close,
	"boundinactive": BoundInactive,
}

// groups maps ss's names for sets of states to the sets.
var groups = map[string]StateSet{
	"all": All, "connected": Connected, "synchronized": Synchronized, "bucket": Bucket, "big": Big,
}

// fold removes the differences between spellings of a state: case, '-' and '_'.
func fold(name string) string {
	return strings.Map(func(r rune) rune {
		if r == '-' || r == '_' {
			return -1
		}
		return r
	}, strings.ToLower(name))
}

// ParseState returns the state with the given name. It ignores case, '-' and
// '_'. The error is an *UnknownStateError.
func ParseState(name string) (State, error) {
	if s, ok := spellings[fold(name)]; ok {
		return s, nil
	}
	return 0, &UnknownStateError{Name: name}
}

// ParseStateSet returns the set that text lists: names of states as ParseState
// reads them, and ss's groups (all, connected, synchronized, bucket, big),
// separated by commas. The error is an *UnknownStateError.
func ParseStateSet(text string) (StateSet, error) {
	var set StateSet
	for name := range strings.SplitSeq(text, ",") {
		if group, ok := groups[fold(name)]; ok {
			set |= group
			continue
		}
		s, err := ParseState(name)
		if err != nil {
			return 0, err
		}
		set |= 1 << s
	}
	return set, nil
}

// UnknownStateError is the error for a name that is not the name of a state.
type UnknownStateError struct {
	Name string // as the user wrote it
}

func (e *UnknownStateError) Error() string { return fmt.Sprintf("unknown state %q", e.Name) }

// Hint suggests the state whose name is nearest to Name. If none is near, it
// lists all states.
func (e *UnknownStateError) Hint() string {
	if near, ok := Nearest(fold(e.Name), slices.Sorted(maps.Keys(spellings))); ok {
		return fmt.Sprintf("did you mean %s?", spellings[near])
	}
	if near, ok := Nearest(fold(e.Name), slices.Sorted(maps.Keys(groups))); ok {
		return fmt.Sprintf("did you mean %s?", near)
	}
	return "the states are " + strings.ReplaceAll(All.String(), ",", ", ")
}

// Nearest returns the candidate with the fewest typing errors between it and
// word. A typing error is an extra letter, a missing letter, a wrong letter, or
// two letters in the wrong order. If several are equally near, Nearest returns
// the first. It returns false if even the nearest has more errors than a third
// of the letters of word.
func Nearest(word string, candidates []string) (string, bool) {
	best, bestSlips := "", len(word)/3+1
	for _, c := range candidates {
		if slips := slipsBetween(word, c); slips < bestSlips {
			best, bestSlips = c, slips
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
