package sockdiag

import (
	"strconv"
	"strings"
)

// Abilities are what this kernel tells this process, of what not every kernel
// tells every process.
type Abilities struct {
	Marks         bool // marks and MD5 keys: needs CAP_NET_ADMIN
	BoundInactive bool // sockets in BOUND_INACTIVE: needs Linux 6.8
}

// ProbeAbilities returns the abilities of this process on the running kernel.
func ProbeAbilities() Abilities {
	return Abilities{Marks: netAdmin(), BoundInactive: runningRelease().from(6, 8)}
}

// release is the version of a kernel. The zero release is before all others.
type release struct{ major, minor int }

// parseRelease reads the beginning of a release such as "6.18.44-generic". What
// does not begin with two numbers is the zero release.
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

// from reports whether the release is major.minor or a later one.
func (r release) from(major, minor int) bool {
	return r.major > major || r.major == major && r.minor >= minor
}
