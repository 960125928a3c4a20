package cmd

import (
	"os"

	"golang.org/x/sys/unix"
)

// hasMoreRights reports whether the kernel gave the program more rights than its user
// has: it is setuid or setgid, or its file has capabilities (AT_SECURE, getauxval(3)).
func hasMoreRights() bool {
	const secure = 23 // AT_SECURE, include/uapi/linux/auxvec.h
	vector, err := unix.Auxv()
	if err == nil {
		for _, entry := range vector {
			if entry[0] == secure {
				return entry[1] != 0
			}
		}
	}
	return os.Geteuid() != os.Getuid() || os.Getegid() != os.Getgid()
}
