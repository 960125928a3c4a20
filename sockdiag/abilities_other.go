//go:build !linux

package sockdiag

func runningRelease() release { return release{} }

func netAdmin() bool { return false }
