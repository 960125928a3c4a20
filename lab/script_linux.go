package lab

import (
	"context"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"tcpstate/lab/segment"
	"tcpstate/tcp"
	"tcpstate/wording"
)

// script is what a scene is written with. After an error its methods do nothing, so
// a scene need not check each of them. Only the goroutine of the scene uses it.
type script struct {
	*stage
	err error
}

// try calls f, unless there was an error before.
func (p *script) try(f func() error) {
	if p.err == nil {
		p.err = f()
	}
}

// note says what comes next, and why.
func (p *script) note(m wording.Message) {
	if p.err == nil {
		p.log(Step{Kind: Note, Text: m})
	}
}

// ask asks what will happen. want is the state that is the answer, or 0.
func (p *script) ask(m wording.Message, want tcp.State) {
	if p.err == nil {
		p.log(Step{Kind: Question, Text: m, Want: want})
	}
}

// answer says the answer to the last question.
func (p *script) answer(m wording.Message) {
	if p.err == nil {
		p.log(Step{Kind: Answer, Text: m})
	}
}

// before has a note before the next segment that matches.
func (p *script) before(m match, note wording.Message) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.due = append(p.due, cue{m, note})
}

// set sets a parameter of both hosts.
func (p *script) set(name string, value int) { p.try(func() error { return p.stage.set(name, value) }) }

// until waits until done returns true: see [stage.await].
func (p *script) until(limit time.Duration, what string, done func() bool) {
	p.try(func() error { return p.await(limit, what, done) })
}

// state waits until a host has a socket in a state.
func (p *script) state(side Side, state tcp.State) { p.stateWithin(side, state, 1, patience) }

// stateWithin waits until a host has n sockets in a state.
func (p *script) stateWithin(side Side, state tcp.State, n int, limit time.Duration) {
	p.until(limit, state.String(), func() bool { return p.hosts[side].count(state) >= n })
}

// gone waits until a host has no socket in a state.
func (p *script) gone(side Side, state tcp.State, limit time.Duration) {
	p.until(limit, state.String(), func() bool { return p.hosts[side].count(state) == 0 })
}

// sent waits until n segments that match have been on the wire, since the scene
// began.
func (p *script) sent(m match, n int, limit time.Duration) {
	p.until(limit, "segment", func() bool {
		seen := 0
		for i := range p.wire.passed {
			if m(&p.wire.passed[i]) {
				seen++
			}
		}
		return seen >= n
	})
}

// timer waits until a socket of a host that is in the state has a timer for which
// ok returns true.
func (p *script) timer(side Side, state tcp.State, limit time.Duration, ok func(tcp.Timer) bool) {
	p.until(limit, "timer", func() bool {
		return slices.ContainsFunc(p.hosts[side].listed(), func(k *tcp.Socket) bool { return k.State == state && ok(k.Timer) })
	})
}

// arrived waits until data waits for the program of a host.
func (p *script) arrived(side Side) {
	p.until(patience, "data", func() bool {
		return slices.ContainsFunc(p.hosts[side].listed(), func(k *tcp.Socket) bool { return k.State != tcp.Listen && k.RecvQueue > 0 })
	})
}

// pause lets time pass.
func (p *script) pause(d time.Duration) {
	p.try(func() error {
		select {
		case <-time.After(d):
			return nil
		case <-p.ctx.Done():
			return context.Cause(p.ctx)
		}
	})
}

// settle waits until what is on the wire has arrived and been answered.
func (p *script) settle() { p.pause(5 * Delay) }

// forge puts a segment on the wire that no host has sent.
func (p *script) forge(from Side, sent segment.Segment) {
	p.try(func() error { return p.inject(from, sent) })
}

// connection is a connection between a client and a server.
type connection struct{ client, server, listener *socket }

// connected makes a connection, in the ordinary way.
func (p *script) connected() connection { return p.connectedWith(0) }

// small is a size of a socket's buffer that two segments fill.
const small = 2304

// connectedWith makes a connection whose buffers have a size; 0: the usual one. The
// kernel doubles the size.
func (p *script) connectedWith(buffer int) (c connection) {
	p.note(wording.Say("lab.connected"))
	c.listener = p.listen(There, port, 8)
	c.client = p.socket(Here)
	if buffer > 0 {
		c.listener.option(unix.SOL_SOCKET, unix.SO_RCVBUF, buffer, "SO_RCVBUF")
		c.client.option(unix.SOL_SOCKET, unix.SO_SNDBUF, 2*buffer, "SO_SNDBUF")
	}
	c.client.connect(at(There, port)).returns()
	p.state(There, tcp.Established)
	c.server = c.listener.accept()
	return c
}
