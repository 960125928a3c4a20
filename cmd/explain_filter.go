package cmd

import (
	"fmt"
	"io"
	"strings"

	"tcpstate/collect"
	"tcpstate/render"
	"tcpstate/text"
	"tcpstate/wording"
)

// explain prints the plan of the filter if --explain-filter or -v is given. It
// reports whether the command is then done.
func (f *sharedFlags) explain(query collect.Query, env *environment) (done bool, err error) {
	switch {
	case f.explainFilter && (f.json || f.format != render.Table.String()):
		return true, misused(wording.Fail("cmd.explain-filter"))
	case f.explainFilter:
		return true, explainFilter(env.stdout, query, env.words)
	case f.verbose:
		return false, explainFilter(env.stderr, query, env.words)
	}
	return false, nil
}

// explainFilter prints how the filter of a query is parsed, which part of it the
// kernel evaluates, and which part is left to this program.
func explainFilter(w io.Writer, query collect.Query, words *wording.Catalogue) error {
	plan, err := collect.PlanFor(query)
	if err != nil {
		return err
	}
	var families []string
	for _, f := range plan.Families {
		families = append(families, f.String())
	}
	var b strings.Builder
	add := func(line wording.Message, below string) { b.WriteString(line.In(words) + "\n" + below) }
	add(wording.Say("cmd.plan.filter"), indent(query.Filter.Tree()))
	add(wording.Say("cmd.plan.states", "mask", fmt.Sprintf("%#x", plan.States.KernelMask()), "states", plan.States), "")
	add(wording.Say("cmd.plan.families", "families", families), "")
	if plan.Program.Empty() {
		add(wording.Say("cmd.plan.no-program"), "")
	} else {
		add(wording.Say("cmd.plan.program", "n", len(plan.Program.Bytes())), indent(plan.Program.String()))
	}
	if len(plan.Program.Left) == 0 {
		add(wording.Say("cmd.plan.nothing-left"), "")
	} else {
		add(wording.Say("cmd.plan.left"), indent(strings.Join(plan.Program.Left, "\n")))
	}
	_, err = io.WriteString(w, text.EscapeLines(b.String()))
	return err
}

// indent puts two spaces before each line of text, and a newline after the last.
func indent(text string) string {
	var b strings.Builder
	for line := range strings.Lines(strings.TrimRight(text, "\n")) {
		b.WriteString("  " + strings.TrimRight(line, "\n") + "\n")
	}
	return b.String()
}
