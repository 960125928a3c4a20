package cmd

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tcpstate/collect"
	"tcpstate/doctor"
	"tcpstate/explain"
	"tcpstate/fields"
	"tcpstate/filter"
	"tcpstate/netns"
	"tcpstate/procnet"
	"tcpstate/render"
	"tcpstate/tcp"
	"tcpstate/text"
	"tcpstate/wording"
)

// This file says what a shell offers for the values of flags and for arguments. The
// scripts of the shells are those of cobra: they call the hidden command __complete,
// and show what follows a tab as a description.

// candidate is a word that can be completed to, with its description or "".
type candidate struct{ word, about string }

// named returns candidates without descriptions.
func named(words ...string) (list []candidate) {
	for _, w := range words {
		list = append(list, candidate{word: w})
	}
	return list
}

// offered formats candidates for cobra, each after what the user wrote before it. A word
// that is not printable is left out.
func offered(before string, list []candidate) []cobra.Completion {
	var words []cobra.Completion
	for _, c := range list {
		switch {
		case c.word == "" || text.Escape(c.word) != c.word:
		case c.about == "":
			words = append(words, before+c.word)
		default:
			words = append(words, cobra.CompletionWithDesc(before+c.word, text.Escape(c.about)))
		}
	}
	return words
}

// oneWord completes a value to one of the candidates.
func oneWord(list func() []candidate) cobra.CompletionFunc {
	return func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return offered("", list()), cobra.ShellCompDirectiveNoFileComp
	}
}

// listOf completes the last element of a list that is joined by commas. It offers no
// element twice, and the shell adds no space after it.
func listOf(list func() []candidate) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, value string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return inList(value, list()), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
}

// wordsOf completes the last element of a list of words for columns or groups. It
// offers the other spellings of the vocabulary only for a beginning that no name has.
func wordsOf(place fields.Place, names func() []candidate) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, value string) ([]cobra.Completion, cobra.ShellCompDirective) {
		element := strings.TrimPrefix(value[strings.LastIndexByte(value, ',')+1:], "-")
		list := names()
		if len(beginning(list, element)) == 0 {
			list = beginning(named(fields.Spellings(place)...), element)
		}
		return inList(value, list), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
}

// beginning returns the candidates that begin so. The shells do that too, each in its
// way, so it is only for a choice between lists.
func beginning(list []candidate, with string) []candidate {
	return slices.DeleteFunc(slices.Clone(list), func(c candidate) bool { return !strings.HasPrefix(c.word, with) })
}

// inList returns the words with which the last element of a list can be completed. An
// element may have a '-' before it, as in a list of columns to sort by.
func inList(value string, list []candidate) []cobra.Completion {
	last := strings.LastIndexByte(value, ',') + 1
	before, element := value[:last], value[last:]
	given := strings.Split(strings.TrimSuffix(before, ","), ",")
	for i := range given {
		given[i] = strings.TrimPrefix(given[i], "-")
	}
	if strings.HasPrefix(element, "-") {
		before += "-"
	}
	list = slices.DeleteFunc(list, func(c candidate) bool { return slices.Contains(given, c.word) })
	return offered(before, list)
}

// complete sets what a shell offers for a flag that the command has.
func complete(c *cobra.Command, flag string, f cobra.CompletionFunc) {
	// The only error is that of a flag that does not exist.
	if err := c.RegisterFlagCompletionFunc(flag, f); err != nil {
		panic(err)
	}
}

// completeNoFiles makes the shell offer no files for the values of flags, but for
// those that take one. It comes after all other completions of the command.
func completeNoFiles(c *cobra.Command, files ...string) {
	c.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if _, exists := c.GetFlagCompletionFunc(f.Name); !exists && !slices.Contains(files, f.Name) {
			complete(c, f.Name, cobra.NoFileCompletions)
		}
	})
}

// completeShared sets what a shell offers for the flags that several commands share.
func (f *sharedFlags) completeShared(c *cobra.Command) {
	complete(c, "state", completeStates)
	complete(c, "source", oneWord(func() []candidate { return named(collect.SourceNames()...) }))
	complete(c, "format", oneWord(func() []candidate { return named("table", "json", "ndjson", "csv", "markdown") }))
	complete(c, "color", oneWord(func() []candidate { return named("auto", "always", "never") }))
	complete(c, "proc-byte-order", oneWord(func() []candidate { return named(byteOrders()...) }))
	complete(c, "netns", completeNetns)
	complete(c, "proc", func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return nil, cobra.ShellCompDirectiveFilterDirs
	})
}

// completeFilter makes the shell complete the arguments of a command as a filter.
func (f *sharedFlags) completeFilter(c *cobra.Command) {
	c.ValidArgsFunction = func(_ *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return completeExpression(procnet.Open(f.proc), args, word)
	}
}

func completeStates(_ *cobra.Command, _ []string, value string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return inList(value, stateCandidates(value)), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

// stateCandidates returns the states and groups of states in the spelling that the
// user began: syn-recv, syn_recv or SYN_RECV.
func stateCandidates(value string) []candidate {
	names := strings.Split(tcp.All.String(), ",")
	element := value[strings.LastIndexByte(value, ',')+1:]
	if element == "" {
		element = value
	}
	if element != strings.ToUpper(element) {
		separator := "-"
		if strings.Contains(element, "_") {
			separator = "_"
		}
		for i := range names {
			names[i] = strings.ReplaceAll(strings.ToLower(names[i]), "_", separator)
		}
	}
	return named(append(names, tcp.GroupNames()...)...)
}

// completeNetns offers the names of network namespaces, and files for a path.
func completeNetns(_ *cobra.Command, _ []string, value string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if strings.Contains(value, "/") {
		return nil, cobra.ShellCompDirectiveDefault
	}
	return offered("", append(named(netns.Names()...), candidate{word: collect.AllNamespaces})), cobra.ShellCompDirectiveNoFileComp
}

func languageCandidates() (list []candidate) {
	for _, l := range wording.Languages() {
		list = append(list, candidate{word: l.String()})
	}
	return list
}

func columnCandidates() (list []candidate) {
	for _, c := range render.Columns() {
		list = append(list, candidate{c.Name(), firstPart(c.Doc())})
	}
	return list
}

func dimensionCandidates() (list []candidate) {
	for _, d := range collect.Dimensions {
		list = append(list, candidate{d.Name, firstPart(d.Doc)})
	}
	for _, w := range fields.Words(fields.InGroups) {
		if !slices.ContainsFunc(list, func(c candidate) bool { return c.word == w.Group }) {
			list = append(list, candidate{w.Names[0], firstPart(w.Doc)})
		}
	}
	return list
}

// firstPart returns the beginning of a description, which fits beside a word.
func firstPart(doc string) string {
	doc, _, _ = strings.Cut(doc, "; ")
	doc, _, _ = strings.Cut(doc, ". ")
	return doc
}

func ruleCandidates(words *wording.Catalogue) (list []candidate) {
	for _, r := range doctor.Rules() {
		list = append(list, candidate{r.Code, r.Name().In(words)})
	}
	return list
}

func thresholdCandidates(words *wording.Catalogue) (list []candidate) {
	defaults := doctor.DefaultThresholds()
	for i, t := range doctor.ThresholdTable() {
		list = append(list, candidate{t.Name + "=", fmt.Sprintf("%s (%s)", t.Limits().In(words), defaults.Text(i))})
	}
	return list
}

// topicCandidates returns the topics of explain with the summaries of their pages.
func topicCandidates(words *wording.Catalogue) []candidate {
	book, err := explain.Open(words.Language())
	var list []candidate
	for _, t := range explain.Topics() {
		c := candidate{word: t.Name}
		if err == nil {
			if page, err := book.Page(t, nil); err == nil {
				c.about = firstPart(page.Summary.String())
			}
		}
		list = append(list, c)
	}
	return list
}

// explainCandidates returns the words with which the first argument of explain can
// begin. The names of processes, which may be many, come only for a beginning that no
// topic has.
func explainCandidates(words *wording.Catalogue, word string) []candidate {
	list := append(topicCandidates(words), named("pid", "process")...)
	if len(beginning(list, word)) > 0 {
		return list
	}
	return named(plainProcesses(procnet.Open(collect.DefaultProc))...)
}

// completeExpression completes the last word of a filter. The expression may be in
// one argument or in several.
func completeExpression(proc *procnet.Proc, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
	start := strings.LastIndexAny(word, " \t(!") + 1
	before, word := word[:start], word[start:]
	place := filter.PlaceAfter(strings.Join(append(slices.Clone(args), before), " "))
	operand, isList := operandCandidates(proc, place.Operand, word)
	if len(operand) == 0 {
		return offered(before, filterWords(proc, place, word)), cobra.ShellCompDirectiveNoFileComp
	}
	if isList {
		var words []cobra.Completion
		for _, w := range inList(word, operand) {
			words = append(words, before+w)
		}
		return words, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
	return offered(before, operand), cobra.ShellCompDirectiveNoFileComp
}

// isPlain reports whether a name has no character that a shell could take for a part
// of its language. Processes choose their names, and a shell puts what several words
// have in common into the line as it is.
func isPlain(name string) bool {
	return name != "" && name[0] != '-' && !strings.ContainsFunc(name, func(r rune) bool {
		return r >= utf8.RuneSelf && !unicode.IsLetter(r) || r < utf8.RuneSelf && !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune(" _.:/@+-", r)
	})
}

// plainProcesses returns the plain names of the processes that run, each once.
func plainProcesses(proc *procnet.Proc) []string {
	names := slices.Compact(slices.Sorted(maps.Values(proc.ProcessNames())))
	return slices.DeleteFunc(names, func(name string) bool { return !isPlain(name) })
}

// filterWords returns the words that may stand at a place of a filter. If none has the
// beginning, it returns the other spellings of the vocabulary and the names of
// processes, which can stand alone.
func filterWords(proc *procnet.Proc, place filter.Place, word string) []candidate {
	list := named(place.Words...)
	if len(list) == 0 || len(beginning(list, word)) > 0 {
		return list
	}
	processes, _ := operandCandidates(proc, "process", "")
	return beginning(append(named(fields.Spellings(fields.InFilters)...), processes...), word)
}

// operandCandidates returns what can stand after a word of a filter, and whether it
// can be a list.
func operandCandidates(proc *procnet.Proc, after, word string) (list []candidate, isList bool) {
	switch after {
	case "state":
		if word == "" {
			word = "a" // filters are mostly written in lower case
		}
		return stateCandidates(word), true
	case "process":
		for _, name := range plainProcesses(proc) {
			list = append(list, candidate{word: strings.ReplaceAll(name, " ", `\ `)})
		}
		return list, true
	case "pid":
		names := proc.ProcessNames()
		for _, pid := range slices.Sorted(maps.Keys(names)) {
			list = append(list, candidate{strconv.Itoa(pid), names[pid]})
		}
		return list, true
	case "timer":
		for kind := tcp.TimerOff; kind.String() != "unknown"; kind++ {
			list = append(list, candidate{word: kind.String()})
		}
		return list, true
	case "family":
		return named("ipv4", "ipv6"), false
	case "dev":
		links, _ := net.Interfaces() // without them nothing is offered
		for _, l := range links {
			list = append(list, candidate{word: l.Name})
		}
		return list, false
	}
	return nil, false
}

// addCompletion adds the command completion of cobra, with two changes: it rejects a
// shell that it does not know, and bash completes lists that are joined by commas.
func addCompletion(root *cobra.Command, env *environment) {
	root.InitDefaultCompletionCmd()
	c, _, err := root.Find([]string{"completion"})
	if err != nil || c == root {
		return
	}
	var shells []string
	for _, below := range c.Commands() {
		below.Args = noArguments
		shells = append(shells, below.Name())
		if below.Name() == "bash" {
			below.RunE = func(c *cobra.Command, _ []string) error {
				bare, err := c.Flags().GetBool("no-descriptions")
				if err != nil {
					return err
				}
				var script bytes.Buffer
				if err := c.Root().GenBashCompletionV2(&script, !bare); err != nil {
					return err
				}
				_, err = io.WriteString(env.stdout, keepCommas(script.String()))
				return err
			}
		}
	}
	c.Args = nil
	c.RunE = func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return c.Help()
		}
		return misused(wording.Fail("cmd.unknown.shell", "name", args[0]).WithChoices(args[0], shells...))
	}
}

// keepCommas changes the script of cobra for bash where it escapes words with %q. bash
// escapes commas too, so that "state,lo" would not be the beginning of "state\,local".
func keepCommas(script string) string {
	var b strings.Builder
	for line := range strings.Lines(script) {
		b.WriteString(line)
		indent := line[:len(line)-len(strings.TrimLeft(line, " \t"))]
		switch code := strings.TrimSpace(line); {
		case strings.HasPrefix(code, `printf -v comp "%q"`):
			b.WriteString(indent + "comp=${comp//\\\\,/,}\n")
		case strings.HasPrefix(code, `COMPREPLY[0]=$(printf "%q"`):
			b.WriteString(indent + "COMPREPLY[0]=${COMPREPLY[0]//\\\\,/,}\n")
		case strings.HasPrefix(code, `IFS=$'\n' read -ra COMPREPLY -d '' < <(printf "%q\n"`):
			b.WriteString(indent + "COMPREPLY=(\"${COMPREPLY[@]//\\\\,/,}\")\n")
		}
	}
	return b.String()
}
