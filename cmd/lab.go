package cmd

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"tcpstate/lab"
	"tcpstate/text"
	"tcpstate/wording"
)

// labFlags are the flags of lab.
type labFlags struct {
	list, json, fast  bool
	step, ask, shell  bool
	pcap, color, fill string
}

func newLabCommand(env *environment) *cobra.Command {
	var f labFlags
	c := &cobra.Command{
		Use: "lab [flags] [SCENE]",
		Example: `  tcpstate lab handshake
  tcpstate lab --step lose the third ACK
  tcpstate lab teardown --pcap teardown.pcap
  tcpstate lab power-loss --ask --fast
  tcpstate lab CLOSE_WAIT --fast --shell
  tcpstate lab --fill est=1000,timewait=5000 --shell`,
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
			var scenes []candidate
			for _, scene := range lab.Scenes() {
				scenes = append(scenes, candidate{scene.Name, scene.Title().In(env.words)})
			}
			if len(args) > 0 {
				scenes = nil
			}
			return offered("", scenes), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(c *cobra.Command, args []string) error {
			if status, yes := lab.Hold(args); yes {
				return ranAgain(status)
			}
			words, clocks, inside := lab.Entered(args)
			if inside {
				return f.inside(c.Context(), words, clocks, env)
			}
			return f.run(words, env)
		},
	}
	flags := c.Flags()
	flags.SortFlags = false
	flags.BoolVar(&f.list, "list", false, "")
	flags.BoolVar(&f.fast, "fast", false, "")
	flags.BoolVar(&f.step, "step", false, "")
	flags.BoolVar(&f.ask, "ask", false, "")
	flags.BoolVar(&f.shell, "shell", false, "")
	flags.StringVar(&f.fill, "fill", "", "")
	flags.BoolVar(&f.json, "json", false, "")
	flags.StringVar(&f.pcap, "pcap", "", "")
	flags.StringVar(&f.color, "color", "auto", "")
	complete(c, "color", oneWord(func() []candidate { return named("auto", "always", "never") }))
	completeNoFiles(c, "pcap")
	return c
}

// ranAgain is the exit status of the program that Enter has run.
type ranAgain int

func (r ranAgain) Error() string { return fmt.Sprintf("exit status %d", int(r)) }

// run lists the scenes, or runs the program again in private namespaces, where it
// plays one.
func (f *labFlags) run(args []string, env *environment) error {
	name := strings.Join(args, " ")
	_, err := useColor(f.color, env)
	switch {
	case err != nil:
		return misused(err)
	case f.list && name != "":
		return misused(wording.Fail("cmd.lab.list", "argument", name))
	case f.json && (f.step || f.ask):
		return misused(wording.Fail("cmd.flag.exclude", "one", "--json", "other", map[bool]string{true: "--step", false: "--ask"}[f.step]))
	case f.fill != "":
		return f.runFill(name, env)
	case f.list || name == "":
		return listScenes(env)
	}
	if _, err := lab.Find(name); err != nil {
		return misused(err)
	}
	return enterLab(env)
}

// enterLab runs the program again in private namespaces.
func enterLab(env *environment) error {
	stop := ignoreInterrupts()
	defer stop()
	status, err := lab.Enter(env.arguments)
	if err == nil && status != 0 {
		return ranAgain(status)
	}
	return err
}

// inside plays a scene in private namespaces. The flags have been checked outside.
func (f *labFlags) inside(ctx context.Context, args []string, clocks []lab.Set, env *environment) error {
	if f.fill != "" {
		return f.fillInside(ctx, env)
	}
	scene, err := lab.Find(strings.Join(args, " "))
	if err != nil {
		return misused(err)
	}
	color, err := useColor(f.color, env)
	if err != nil {
		return misused(err)
	}
	return f.play(ctx, scene, clocks, color, env)
}

// listScenes prints the names of the scenes and what each shows.
func listScenes(env *environment) error {
	widest := 0
	scenes := lab.Scenes()
	for _, scene := range scenes {
		widest = max(widest, text.Width(scene.Name))
	}
	var b []byte
	for _, scene := range scenes {
		b = append(b, text.PadRight(scene.Name, widest+2)...)
		b = text.AppendWrapped(b, scene.Title().In(env.words), env.labWidth(), widest+2, widest+2)
		b = append(b, '\n')
	}
	_, err := env.stdout.Write(b)
	return err
}

// labWidth returns the width of what the lab draws: that of the terminal, or 100
// columns in a pipe.
func (env *environment) labWidth() int {
	if env.stdoutTTY && env.size != nil {
		width, _ := env.size()
		return width
	}
	return 100
}

// viewer shows a run while it is played.
type viewer interface {
	Step(lab.Step) error
}

// play plays a scene in this process. The scene does not wait for the output: its
// clocks are the kernel's.
func (f *labFlags) play(ctx context.Context, scene *lab.Scene, clocks []lab.Set, color bool, env *environment) (err error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	options := lab.Options{Fast: f.fast, Clocks: clocks}
	if f.pcap != "" {
		file, err := os.Create(f.pcap)
		if err != nil {
			return err
		}
		defer file.Close()
		options.Capture = lab.NewCapture(file)
	}
	tape := newTape()
	ended, seen := make(chan error, 1), make(chan struct{})
	if f.shell {
		options.Stay = func(places lab.Places) error {
			tape.end()
			<-seen
			return shellBeside(ctx, places, env)
		}
	}
	go func() {
		ended <- lab.Play(ctx, scene, options, tape.add)
		tape.end()
	}()
	shown := f.show(scene, tape, color, env)
	if shown != nil {
		stop()
	}
	close(seen)
	err = <-ended
	switch {
	case shown != nil:
		return shown
	case err != nil:
		return err
	case options.Capture != nil:
		return options.Capture.Err()
	}
	return nil
}

// show shows the steps of a run until it ends.
func (f *labFlags) show(scene *lab.Scene, tape *tape, color bool, env *environment) error {
	if f.json {
		lines := &lab.Lines{W: env.stdout}
		if err := lines.Begin(scene, f.fast); err != nil {
			return err
		}
		last, err := tape.play(lines)
		if err != nil {
			return err
		}
		return lines.End(last)
	}
	locale := wording.Locale{All: env.getenv("LC_ALL"), Messages: env.getenv("LC_MESSAGES"), Ctype: env.getenv("LC_CTYPE"), Lang: env.getenv("LANG")}
	drawing := &lab.Drawing{W: env.stdout, Width: env.labWidth(), Color: color, ASCII: !locale.UTF8(), Words: env.words}
	if err := drawing.Begin(scene, f.fast); err != nil {
		return err
	}
	var v viewer = drawing
	if f.step || f.ask {
		v = &guide{drawing: drawing, step: f.step, ask: f.ask, input: bufio.NewReader(os.Stdin), color: color, env: env}
	}
	_, err := tape.play(v)
	return err
}

// tape holds the steps of a run until they have been shown.
type tape struct {
	mu    sync.Mutex
	more  *sync.Cond
	steps []lab.Step
	done  bool
}

func newTape() *tape {
	t := &tape{}
	t.more = sync.NewCond(&t.mu)
	return t
}

func (t *tape) add(step lab.Step) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.steps = append(t.steps, step)
	t.more.Signal()
}

func (t *tape) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.done = true
	t.more.Signal()
}

// next waits for the next step. It returns false if the run has ended.
func (t *tape) next() (lab.Step, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(t.steps) == 0 {
		if t.done {
			return lab.Step{}, false
		}
		t.more.Wait()
	}
	step := t.steps[0]
	t.steps = slices.Delete(t.steps, 0, 1)
	return step, true
}

// play shows the steps and returns the last one.
func (t *tape) play(v viewer) (lab.Step, error) {
	var last lab.Step
	for {
		step, ok := t.next()
		if !ok {
			return last, nil
		}
		if err := v.Step(step); err != nil {
			return last, err
		}
		last = step
	}
}

// ignoreInterrupts has Ctrl-C reach only the program that this one runs. It must not
// end this one first, or leave the terminal to both. A program that this one starts
// does not ignore it.
func ignoreInterrupts() func() {
	signal.Reset(os.Interrupt)
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt)
	return func() { signal.Stop(interrupts) }
}
