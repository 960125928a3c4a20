package cmd

import (
	"regexp"
	"strings"
	"testing"

	"tcpstate/text"
)

// TestHelpInChinese checks that the help of every command is in Chinese, and that
// its lines fit, and that errors about flags are in Chinese.
func TestHelpInChinese(t *testing.T) {
	chinese := func(env *environment) {
		env.getenv = func(name string) string { return map[string]string{"LANG": "zh_CN.UTF-8"}[name] }
		env.stdoutTTY = true
		env.size = func() (int, int) { return 60, 24 }
	}
	// Two small words beside each other are part of an English sentence.
	sentence := regexp.MustCompile(`(?m)^[^\p{Han}\n]*\b[a-z]{2,} (the|a|of|for|to|is|by|an|argument|default)\b[^\p{Han}\n]*$|Usage:|Flags:|Commands:|\(default|help for|unknown|needs an`)
	for _, c := range []string{"", "ls", "count", "doctor", "watch", "explain", "lab", "version", "help", "completion", "completion bash", "completion zsh", "completion fish", "completion powershell"} {
		got := runIn(t, t.Context(), chinese, append(strings.Fields(c), "--help")...)
		if !strings.Contains(got.stdout, "用法：") {
			t.Errorf("%q --help: no usage in Chinese: %q", c, got.stdout)
		}
		_, below, _ := strings.Cut(got.stdout, "选项：") // above it are examples, which are commands
		above, _, _ := strings.Cut(got.stdout, "示例：")
		if found := sentence.FindString(above + below); found != "" {
			t.Errorf("%q --help has English: %q", c, found)
		}
		for line := range strings.Lines(below) {
			if line = strings.TrimSuffix(line, "\n"); text.Width(line) > 60 {
				t.Errorf("%q --help: %d columns in %q", c, text.Width(line), line)
			}
		}
	}
	for args, want := range map[string]string{
		"ls --no-such":       "未知的选项：--no-such",
		"ls -X":              "未知的选项字母：-X 中的 'X'",
		"ls --state":         "选项需要参数：--state",
		"ls -N":              "选项需要参数：-N 中的 'N'",
		"watch --count many": "--count",
	} {
		got := runIn(t, t.Context(), chinese, strings.Fields(args)...)
		if got.code != exitUsage || !strings.Contains(got.stderr, want) || sentence.MatchString(got.stderr) {
			t.Errorf("%q: %d, %q; want %q", args, got.code, got.stderr, want)
		}
	}
}
