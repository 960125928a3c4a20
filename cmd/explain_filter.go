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

// explain prints what --explain-filter and -v ask for, and reports whether that
// is all that was asked for.
func (f *sharedFlags) explain(query collect.Query, w *world) (done bool, err error) {
	switch {
	case f.explainFilter && (f.json || f.format != render.Table.String()):
		return true, misused(wording.Fail("cmd.explain-filter"))
	case f.explainFilter:
		return true, explainFilter(w.stdout, query)
	case f.verbose:
		return false, explainFilter(w.stderr, query)
	}
	return false, nil
}

// explainFilter prints how the filter of a query is read, what of it the kernel
// is asked to judge, and what is left to this program.
func explainFilter(w io.Writer, query collect.Query) error {
	plan, err := collect.PlanFor(query)
	if err != nil {
		return err
	}
	var families []string
	for _, f := range plan.Families {
		families = append(families, f.String())
	}
	program := "the kernel runs no program: all sockets in these states pass\n"
	if !plan.Program.Empty() {
		program = fmt.Sprintf("the kernel runs this program, of %d bytes, on each of them:\n%s", len(plan.Program.Bytes()), indent(plan.Program.String()))
	}
	left := "nothing is left to be judged here; it is judged again all the same\n"
	if len(plan.Program.Left) > 0 {
		left = "these are judged here:\n" + indent(strings.Join(plan.Program.Left, "\n"))
	}
	_, err = io.WriteString(w, text.EscapeLines(fmt.Sprintf("filter:\n%sstates, mask %#x: %s\nfamilies: %s\n%s%s",
		indent(query.Filter.Tree()), plan.States.KernelMask(), plan.States, strings.Join(families, ", "), program, left)))
	return err
}

// indent puts two spaces before every line of text, and ends the last.
func indent(text string) string {
	var b strings.Builder
	for line := range strings.Lines(strings.TrimRight(text, "\n")) {
		b.WriteString("  " + strings.TrimRight(line, "\n") + "\n")
	}
	return b.String()
}
