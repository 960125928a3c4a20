package sockdiag

import (
	"strconv"
	"strings"
)

// Abilities lists what sock_diag reports to this process on this kernel, of the
// things that depend on the privilege or on the kernel version.
type Abilities struct {
	Marks         bool // marks and MD5 keys: needs CAP_NET_ADMIN
	BoundInactive bool // sockets in BOUND_INACTIVE: needs Linux 6.8
}

// ProbeAbilities returns the abilities of this process on the running kernel.
func ProbeAbilities() Abilities {
	return Abilities{Marks: netAdmin(), BoundInactive: runningRelease().from(6, 8)}
}

// release is the version of a kernel. The zero release is older than all
// others.
type release struct{ major, minor int }

// parseRelease reads the first two numbers of a release such as
// "6.18.44-generic". A text that does not begin with two numbers gives the zero
// release.
func parseRelease(text string) release {
	fields := strings.FieldsFunc(text, func(r rune) bool { return r < '0' || r > '9' })
	if len(fields) < 2 {
		return release{}
	}
	major, err1 := strconv.Atoi(fields[0])
	minor, err2 := strconv.Atoi(fields[1])
	if err1 != nil || err2 != nil {
		return release{}
	}
	return release{major, minor}
}

// from reports whether the release is major.minor or later.
func (r release) from(major, minor int) bool {
	return r.major > major || r.major == major && r.minor >= minor
}
