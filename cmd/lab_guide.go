package cmd

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"tcpstate/lab"
	"tcpstate/tcp"
	"tcpstate/text"
	"tcpstate/wording"
)

// guide shows a run and waits for the reader: before what comes next, and for the
// answer to a question. The run itself does not wait, because its clocks are the
// kernel's.
type guide struct {
	drawing   *lab.Drawing
	step, ask bool
	input     *bufio.Reader
	color     bool
	env       *environment

	given string    // the answer to the last question
	want  tcp.State // the right answer; 0: it is no state
}

func (g *guide) Step(step lab.Step) error {
	if step.Kind == lab.Answer && g.given != "" {
		if err := g.judge(); err != nil {
			return err
		}
	}
	if err := g.drawing.Step(step); err != nil {
		return err
	}
	switch {
	case step.Kind == lab.Question && g.ask:
		line, err := g.wait("cmd.lab.answer")
		g.given = strings.TrimSpace(line)
		g.want = step.Want
		return err
	case step.Kind == lab.Note && g.step:
		_, err := g.wait("cmd.lab.enter")
		return err
	}
	return nil
}

// wait prints a prompt and waits for a line. At the end of the input it does not wait
// any more.
func (g *guide) wait(prompt string) (string, error) {
	b := append([]byte(nil), text.Dim.If(g.color).Paint(wording.Say(prompt).In(g.env.words))...)
	if _, err := g.env.stdout.Write(append(b, ' ')); err != nil {
		return "", err
	}
	line, err := g.input.ReadString('\n')
	if err != nil || !g.env.stdoutTTY { // no terminal has shown the end of the line
		_, err = g.env.stdout.Write([]byte("\n"))
	}
	return line, err
}

// judge says whether the given answer was right, if it names a state.
func (g *guide) judge() error {
	given := g.given
	g.given = ""
	state, err := tcp.ParseState(given)
	if err != nil || g.want == 0 {
		return nil
	}
	verdict, style := wording.Say("cmd.lab.wrong", "state", g.want), text.Red
	if state == g.want {
		verdict, style = wording.Say("cmd.lab.right", "state", g.want), text.Green
	}
	_, err = fmt.Fprintf(g.env.stdout, "\n%s\n", style.If(g.color).Paint(verdict.In(g.env.words)))
	return err
}

// shellBeside runs a shell on the host Here and waits until it ends. The wire goes on.
func shellBeside(ctx context.Context, places lab.Places, env *environment) error {
	names := []string{"TCPSTATE_HERE=" + places.HerePath, "TCPSTATE_THERE=" + places.TherePath}
	return runShellOf(ctx, wording.Say("cmd.lab.shell", "path", places.TherePath), names, places.Here, env)
}

// runShellOf prints a sentence, starts a shell by start, with more in its environment,
// and waits until it ends.
func runShellOf(ctx context.Context, about wording.Message, more []string, start func(func() error) error, env *environment) error {
	shell := env.getenv("SHELL")
	if shell == "" {
		shell = "/bin/sh"
	}
	c := exec.CommandContext(ctx, shell)
	c.Env = append(os.Environ(), more...)
	c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stderr
	for _, line := range text.WrapString(about.In(env.words), env.labWidth()) {
		if _, err := fmt.Fprintln(env.stdout, line); err != nil {
			return err
		}
	}
	stop := ignoreInterrupts()
	defer stop()
	if err := start(c.Start); err != nil {
		return wording.Wrap(err, "cmd.lab.no-shell", "shell", shell)
	}
	c.Wait() // its exit status is that of its last command
	return nil
}
