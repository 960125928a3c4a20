package doctor

import (
	"regexp"
	"strings"
)

// enter returns a command of the advice as it is to be run from outside the
// network namespace that the finding is of: by its name in /run/netns, or by the
// file that stands for it. "" is the namespace of the reader.
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
	return command // processes and files are the same from everywhere
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9_./:@-]+$`)

// quoteWord quotes a word for the shell, where that is needed.
func quoteWord(word string) string {
	if plainWord.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
