package doctor

import (
	"regexp"
	"strings"
)

// enter returns a command of the advice in a form that works from outside the
// network namespace of the finding. netns is its name in /run/netns, or the
// path of a file that refers to it. "" means the namespace of the reader.
func enter(command, netns string) string {
	if netns == "" {
		return command
	}
	program, rest, _ := strings.Cut(command, " ")
	switch program {
	case "tcpstate":
		verb, rest, _ := strings.Cut(rest, " ")
		return "tcpstate " + verb + " -N " + quoteWord(netns) + " " + rest
	case "sysctl", "tcpdump", "nstat", "ip":
		file := netns
		if !strings.Contains(netns, "/") {
			file = "/run/netns/" + netns
		}
		return "nsenter --net=" + quoteWord(file) + " " + command
	}
	return command // processes and files are the same in every network namespace
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9_./:@-]+$`)

// quoteWord quotes a word for the shell, if necessary.
func quoteWord(word string) string {
	if plainWord.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
