package collect

import (
	"tcpstate/fields"
	"tcpstate/sockdiag"
)

// knownInDump returns the sources of fields that a dump over sock_diag has for
// this process.
func knownInDump(abilities sockdiag.Abilities, noMarks bool) fields.Sources {
	known := fields.SockDiag
	if abilities.Marks && !noMarks {
		known |= fields.SockDiagAdmin
	}
	if abilities.BoundInactive {
		known |= fields.SockDiagInactive
	}
	return known
}

// judgeable refuses a filter that depends on something that the source does not
// report: it would select nothing, as if there were no such sockets.
func judgeable(q *Query, source Source, known fields.Sources) error {
	return q.Filter.Unknown(source.String(), fields.MissingIn(known, q.States))
}
