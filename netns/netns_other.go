//go:build !linux

package netns

import (
	"tcpstate/wording"
)

var errNeedsLinux = error(wording.Fail("netns.needs-linux"))

// Names returns no names: network namespaces need Linux.
func Names() []string { return nil }

// Own returns an error: network namespaces need Linux.
func Own() (*Namespace, error) { return nil, errNeedsLinux }

// Find returns an error: network namespaces need Linux.
func Find(proc, spec string) (*Namespace, error) { return nil, errNeedsLinux }

// All returns an error: network namespaces need Linux.
func All(proc string) (*Listing, error) { return nil, errNeedsLinux }

// Do returns an error: network namespaces need Linux.
func (n *Namespace) Do(f func() error) error { return errNeedsLinux }
