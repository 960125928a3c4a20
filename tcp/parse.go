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

// GroupNames returns ss's names for sets of states, sorted.
func GroupNames() []string { return slices.Sorted(maps.Keys(groups)) }

// fold removes the differences between spellings of a state: case, and '-' and '_'
// between words. Before or after a name they are no part of it: -LISTEN is not a
// state, because it looks like "all but LISTEN".
func fold(name string) string {
	if strings.Trim(name, "-_") != name {
		return strings.ToLower(name)
	}
	return strings.Map(func(r rune) rune {
		if r == '-' || r == '_' {
			return -1
		}
		return r
	}, strings.ToLower(name))
}

// ParseState returns the state with the given name. It ignores case, and '-' and
// '_' between words. The error is an *UnknownStateError.
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

// Wording returns the key and the values of the error's sentence. Package wording
// reads them; this package imports nothing of the program.
func (e *UnknownStateError) Wording() (key string, values []any) {
	return "error.state", []any{"state", e.Name}
}

// Spelling returns what was given and the spellings that are known, both without
// what spellings may differ in: those of states, then the groups.
func (e *UnknownStateError) Spelling() (given string, known []string) {
	all := slices.Sorted(maps.Keys(spellings))
	for s := range All.States() {
		for _, spelling := range all {
			if spellings[spelling] == s {
				known = append(known, spelling)
			}
		}
	}
	return fold(e.Name), append(known, slices.Sorted(maps.Keys(groups))...)
}

// Shown returns the name under which a spelling is shown: TIME_WAIT for timedwait.
func (e *UnknownStateError) Shown(known string) string {
	if s, ok := spellings[known]; ok {
		return s.String()
	}
	return known
}
