//go:build !linux

package procnet

// openTree opens p for one worker.
func (p *Proc) openTree() (tree, error) { return fsTree{p}, nil }
