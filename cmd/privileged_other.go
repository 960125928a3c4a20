//go:build !linux

package cmd

// hasMoreRights returns false: what needs rights needs Linux.
func hasMoreRights() bool { return false }
