//go:build !linux

package lab

import (
	"context"

	"tcpstate/lab/ground"
	"tcpstate/wording"
)

// Scene is a script that the two hosts play.
type Scene struct {
	Name  string
	also  []string
	title string
}

func (*Scene) slow() bool { return false }

var errNeedsLinux = error(wording.Fail("lab.needs-linux"))

// Scenes returns no scenes: they need Linux.
func Scenes() []*Scene { return nil }

// Play returns an error: scenes need Linux.
func Play(context.Context, *Scene, Options, func(Step)) error { return errNeedsLinux }

// Enter returns an error: namespaces need Linux.
func Enter([]string) (int, error) { return 0, errNeedsLinux }

// Fill returns an error: sockets in a namespace need Linux.
func Fill([]ground.Want, func(Filled) error) error { return errNeedsLinux }

// Hold reports that this process does not hold sockets.
func Hold([]string) (status int, yes bool) { return 0, false }

func arrive() {}
