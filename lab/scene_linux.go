package lab

import (
	"context"
	"errors"
	"io/fs"
	"strconv"

	"tcpstate/wording"
)

// Scene is a script that the two hosts play.
type Scene struct {
	Name  string
	also  []string // other names
	title string   // the key of its title
	fast  []Set
	play  func(*script)
}

// slow reports whether the scene has slow clocks, which Fast lowers.
func (scene *Scene) slow() bool { return len(scene.fast) > 0 }

// prepare gives both hosts the clocks of this host, and lowers the slow ones with
// Fast.
func (scene *Scene) prepare(s *stage, o Options) error {
	for _, clock := range o.Clocks {
		now, err := s.hosts[Here].get(clock.Name)
		if err == nil && now != strconv.Itoa(clock.Value) {
			err = s.set(clock.Name, clock.Value)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return wording.Wrap(err, "lab.setting", "name", clock.Name)
		}
	}
	if s.fast {
		for _, lowered := range scene.fast {
			err := s.set(lowered.Name, lowered.Value)
			if err != nil && !errors.Is(err, fs.ErrNotExist) { // an older kernel has no such clock
				return wording.Wrap(err, "lab.setting", "name", lowered.Name)
			}
		}
	}
	var err error
	s.settings, err = s.hosts[Here].proc.Settings()
	return err
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

// The settings that make slow clocks fast.
var (
	fastSYN       = []Set{{"net.ipv4.tcp_syn_retries", 1}, {"net.ipv4.tcp_syn_linear_timeouts", 0}}
	fastSYNACK    = []Set{{"net.ipv4.tcp_synack_retries", 1}}
	fastOrphan    = []Set{{"net.ipv4.tcp_orphan_retries", 3}}
	fastFIN       = []Set{{"net.ipv4.tcp_fin_timeout", 2}}
	fastKeepalive = []Set{{"net.ipv4.tcp_keepalive_time", 1}, {"net.ipv4.tcp_keepalive_intvl", 1}, {"net.ipv4.tcp_keepalive_probes", 3}}
)

// Scenes returns all scenes, in the order in which a learner meets them.
func Scenes() []*Scene {
	return []*Scene{
		{Name: "handshake", also: []string{"three-way-handshake", "open"}, title: "lab.handshake.title", play: handshake},
		{Name: "teardown", also: []string{"four-way-teardown", "close-connection"}, title: "lab.teardown.title", play: teardown},
		{Name: "teardown-three", title: "lab.teardown-three.title", play: teardownThree},
		{Name: "half-close", title: "lab.half-close.title", play: halfClose},
		{Name: "simultaneous-open", title: "lab.simultaneous-open.title", play: simultaneousOpen},
		{Name: "simultaneous-close", title: "lab.simultaneous-close.title", play: simultaneousClose},
		{Name: "reset", also: []string{"RST"}, title: "lab.reset.title", play: reset},
		{Name: "refused", also: []string{"ECONNREFUSED"}, title: "lab.refused.title", play: refused},

		{Name: "LISTEN", title: "lab.listen.title", play: listenState},
		{Name: "SYN_SENT", title: "lab.syn-sent.title", fast: fastSYN, play: synSent},
		{Name: "SYN_RECV", also: []string{"SYN-RECEIVED"}, title: "lab.syn-recv.title", fast: fastSYNACK, play: synRecv},
		{Name: "ESTABLISHED", also: []string{"estab"}, title: "lab.established.title", play: established},
		{Name: "FIN_WAIT1", also: []string{"FIN-WAIT-1"}, title: "lab.fin-wait.title", fast: fastOrphan, play: finWait1},
		{Name: "FIN_WAIT2", also: []string{"FIN-WAIT-2"}, title: "lab.fin-wait2.title", fast: fastFIN, play: finWait2},
		{Name: "CLOSING", title: "lab.closing.title", play: closing},
		{Name: "TIME_WAIT", title: "lab.time-wait.title", play: timeWait},
		{Name: "CLOSE_WAIT", title: "lab.close-wait.title", fast: fastFIN, play: closeWait},
		{Name: "LAST_ACK", title: "lab.last-ack.title", fast: fastOrphan, play: lastAck},
		{Name: "CLOSE", also: []string{"CLOSED"}, title: "lab.close.title", play: closeState},
		{Name: "BOUND_INACTIVE", title: "lab.bound-inactive.title", play: boundInactive},

		{Name: "syn-flood", title: "lab.syn-flood.title", play: synFlood},
		{Name: "backlog", also: []string{"accept-queue"}, title: "lab.backlog.title", play: backlog},
		{Name: "zero-window", title: "lab.zero-window.title", play: zeroWindow},
		{Name: "keepalive", title: "lab.keepalive.title", fast: fastKeepalive, play: keepalive},
		{Name: "orphan", title: "lab.orphan.title", play: orphan},
		{Name: "power-loss", also: []string{"client-died", "half-open"}, title: "lab.power-loss.title", play: powerLoss},
		{Name: "time-wait-assassination", title: "lab.time-wait-assassination.title", play: assassination},

		{Name: "lose-syn", also: []string{"lose-first-segment"}, title: "lab.lose-syn.title", play: loseSYN},
		{Name: "lose-syn-ack", also: []string{"lose-second-segment"}, title: "lab.lose-syn-ack.title", play: loseSYNACK},
		{Name: "lose-third-ack", also: []string{"lose-third-segment"}, title: "lab.lose-third-ack.title", play: loseThirdACK},
		{Name: "lose-fin", also: []string{"lose-first-fin"}, title: "lab.lose-fin.title", play: loseFIN},
		{Name: "lose-ack-of-fin", title: "lab.lose-ack-of-fin.title", play: loseACKOfFIN},
		{Name: "lose-second-fin", title: "lab.lose-second-fin.title", play: loseSecondFIN},
		{Name: "lose-last-ack", title: "lab.lose-last-ack.title", play: loseLastACK},
		{Name: "lose-keepalive", also: []string{"lose-keepalive-probe"}, title: "lab.lose-keepalive.title", fast: fastKeepalive, play: loseKeepalive},
		{Name: "lose-window-update", title: "lab.lose-window-update.title", play: loseWindowUpdate},

		{Name: "without-third-ack", title: "lab.without-third-ack.title", play: withoutThirdACK},
		{Name: "without-time-wait", title: "lab.without-time-wait.title", play: withoutTimeWait},
		{Name: "without-time-wait-syn", title: "lab.without-time-wait-syn.title", play: withoutTimeWaitSYN},
		{Name: "without-random-numbers", also: []string{"without-random-sequence-numbers"}, title: "lab.without-random-numbers.title", play: withoutRandomNumbers},
		{Name: "without-cookies", also: []string{"without-syn-cookies"}, title: "lab.without-cookies.title", fast: fastSYNACK, play: withoutCookies},
		{Name: "without-persist", also: []string{"without-persist-timer"}, title: "lab.without-persist.title", play: withoutPersist},
	}
}
