//go:build !linux

package procnet

import (
	"io/fs"

	"tcpstate/tcp"
)

// isLive reports whether p is a /proc that the kernel of this host makes.
func (p *Proc) isLive() bool { return false }

// openTree opens p for one worker.
func (p *Proc) openTree() (tree, error) { return fsTree{p}, nil }

// userOf knows no user: only Linux has a real /proc.
func userOf(fs.FileInfo) tcp.Optional[uint32] { return tcp.Optional[uint32]{} }
