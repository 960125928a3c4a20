package lab

import (
	"context"

	"tcpstate/wording"
)

// Scene is a script that the two hosts play.
type Scene struct {
	Name  string
	also  []string // other names
	title string   // the key of its title
	fast  []setting
	play  func(*stage) error
}

// setting is a parameter of the namespaces and the value that makes it fast.
type setting struct {
	name  string
	value int
}

// slow says which clocks of the scene are slow. With --fast it lowers them.
func (scene *Scene) slow(s *stage) error {
	if !s.fast {
		return nil
	}
	for _, lowered := range scene.fast {
		if err := s.set(lowered.name, lowered.value); err != nil {
			return wording.Wrap(err, "lab.setting", "name", lowered.name)
		}
	}
	return nil
}

// Play plays a scene and yields its steps as they happen. The calls of yield are
// one after the other. Play returns when the scene has ended, or with the cause of
// the context. The process must have CAP_SYS_ADMIN and CAP_NET_ADMIN in its user
// namespace.
func Play(ctx context.Context, scene *Scene, o Options, yield func(Step)) error {
	return play(ctx, scene, o, yield)
}

// places returns the hosts for what comes after the scene.
func (s *stage) places() Places {
	return Places{Here: s.hosts[Here].do, HerePath: s.hosts[Here].path, TherePath: s.hosts[There].path}
}

// Scenes returns all scenes, in the order in which a learner meets them.
func Scenes() []*Scene {
	return []*Scene{
		{Name: "handshake", also: []string{"three-way-handshake", "open"}, title: "lab.handshake.title", play: handshake},
		{Name: "teardown", also: []string{"four-way-teardown", "close-connection"}, title: "lab.teardown.title", play: teardown},
	}
}
