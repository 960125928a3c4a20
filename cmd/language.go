package cmd

import (
	"cmp"
	"slices"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"tcpstate/wording"
)

// locale returns the locale of the user.
func (env *environment) locale() wording.Locale {
	return wording.Locale{All: env.getenv("LC_ALL"), Messages: env.getenv("LC_MESSAGES"), Ctype: env.getenv("LC_CTYPE"), Lang: env.getenv("LANG")}
}

// languageFlag is the flag --lang. It chooses the language when it is read, so
// that an error in a later flag is in that language too.
type languageFlag struct{ env *environment }

// addLanguageFlag adds --lang to a command and the commands below it, except
// netstat, whose flags are those of net-tools.
func addLanguageFlag(c *cobra.Command, env *environment) {
	if c.Name() == "netstat" {
		return
	}
	c.Flags().Var(languageFlag{env}, "lang", "")
	complete(c, "lang", oneWord(languageCandidates))
	for _, below := range c.Commands() {
		addLanguageFlag(below, env)
	}
}

// Set chooses the language with the given name.
func (f languageFlag) Set(name string) error {
	language, err := wording.ParseLanguage(name)
	if err != nil {
		return err
	}
	f.env.words = wording.For(language)
	return nil
}

// String returns "": the default depends on the locale.
func (languageFlag) String() string { return "" }

// Type returns the name of the value in errors of pflag.
func (languageFlag) Type() string { return "language" }

// inLanguage returns the environment with texts in the language of the locale.
func (env environment) inLanguage() *environment {
	env.words = cmp.Or(env.words, wording.For(env.locale().Language()))
	return &env
}

// speakLanguageOf chooses Chinese if an argument has a Chinese character: who
// names a topic in Chinese reads Chinese, whatever the locale.
func (env *environment) speakLanguageOf(args []string) {
	if slices.ContainsFunc(args, func(arg string) bool {
		return strings.ContainsFunc(arg, func(r rune) bool { return unicode.Is(unicode.Han, r) })
	}) {
		env.words = wording.For(wording.Chinese)
	}
}
