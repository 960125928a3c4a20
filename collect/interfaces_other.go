//go:build !linux

package collect

// interfaceNames has no names: a recorded /proc does not contain them.
type interfaceNames struct{ within func(func() error) error }

func (interfaceNames) name(uint32) string { return "" }
