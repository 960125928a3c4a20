//go:build !linux

package tty

import (
	"context"
	"os"
)

type modes struct{}

// Open returns the terminal that out is. On this system it has no events.
func Open(_ context.Context, in, out *os.File) (*Terminal, error) {
	return &Terminal{File: out, in: in}, nil
}

// Close does nothing on this system.
func (t *Terminal) Close() error { return nil }

// Foreground is true on this system.
func (t *Terminal) Foreground() bool { return true }

func (t *Terminal) await(context.Context) error { return nil }

// StopNow does nothing on this system.
func (t *Terminal) StopNow(context.Context, bool) error { return nil }

// Mute does nothing on this system.
func (t *Terminal) Mute() {}

// Unmute does nothing on this system.
func (t *Terminal) Unmute() {}

// Restore does nothing on this system.
func (t *Terminal) Restore() {}

// Die does nothing on this system.
func Die(os.Signal) {}
