package collect

import "tcpstate/fields"

// knows returns the sources of fields that the reading has.
func (r *reading) knows() fields.Sources {
	if r.source == ProcFS {
		return fields.ProcFS
	}
	known := fields.SockDiag
	if r.abilities.Marks && !r.noMarks {
		known |= fields.SockDiagAdmin
	}
	if r.abilities.BoundInactive {
		known |= fields.SockDiagInactive
	}
	return known
}
