package explain

import (
	"fmt"
	"slices"
	"strings"
)

// socketTextsFile has the texts about particular sockets: "## " and a key, then
// blocks of the markup, with the placeholders of pages and the fields of facts,
// such as {{.Fires}}. The file has each key exactly once and no other keys.
const socketTextsFile = "stories.md"

// commonTexts are the keys of the texts that do not belong to one condition.
var commonTexts = []string{
	"who", "queues",
	"timer-off", "timer-on", "timer-keepalive", "timer-linger", "timer-timewait", "timer-persist",
}

// socketTexts reads the texts about particular sockets.
func (b *Book) socketTexts() (map[string]string, error) {
	file := b.Language.String() + "/" + socketTextsFile
	raw, err := folders.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading the texts about sockets in language %q: %w", b.Language, err)
	}
	return parseSocketTexts(file, string(raw))
}

// parseSocketTexts splits the file into its texts.
func parseSocketTexts(file, raw string) (map[string]string, error) {
	keys := slices.Clone(commonTexts)
	for _, c := range conditions {
		keys = append(keys, string(c.is))
	}
	texts := map[string]string{}
	key := ""
	for i, line := range strings.Split(strings.TrimSuffix(raw, "\n"), "\n") {
		next, heading := strings.CutPrefix(line, "## ")
		_, twice := texts[next]
		wrong := ""
		switch {
		case heading && twice:
			wrong = fmt.Sprintf("%q is here twice", next)
		case heading && !slices.Contains(keys, next):
			wrong = fmt.Sprintf("%q is not a key of these texts", next)
		case heading:
			key = next
			texts[key] = ""
		case key != "":
			texts[key] += line + "\n"
		case i == 0 && !strings.HasPrefix(line, "# "):
			wrong = "the file starts with \"# \" and a title"
		}
		if wrong != "" {
			return nil, &MarkupError{File: file, Line: i + 1, Msg: wrong}
		}
	}
	for _, k := range keys {
		if _, ok := texts[k]; !ok {
			return nil, &MarkupError{File: file, Line: 1, Msg: fmt.Sprintf("%q is missing", k)}
		}
		texts[k] = strings.Trim(texts[k], "\n") + "\n"
	}
	return texts, nil
}
