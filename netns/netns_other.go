//go:build !linux

package netns

import "errors"

var errNeedsLinux = errors.New("network namespaces need Linux")

// Own returns an error: there are no network namespaces.
func Own() (*Namespace, error) { return nil, errNeedsLinux }

// Find returns an error: there are no network namespaces.
func Find(proc, spec string) (*Namespace, error) { return nil, errNeedsLinux }

// All returns an error: there are no network namespaces.
func All(proc string) (*Listing, error) { return nil, errNeedsLinux }

// Do returns an error: there are no network namespaces.
func (n *Namespace) Do(f func() error) error { return errNeedsLinux }
