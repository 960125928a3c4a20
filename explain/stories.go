package explain

import (
	"fmt"
	"slices"
	"strings"
)

// storiesFile holds the texts of stories: "## " and a key, then blocks of the
// markup, with the placeholders of pages and the fields of facts, such as
// {{.Fires}}. Each key stands there once and no other.
const storiesFile = "stories.md"

// storyParts are the keys beside those of the conditions.
var storyParts = []string{
	"who", "queues",
	"timer-off", "timer-on", "timer-keepalive", "timer-linger", "timer-timewait", "timer-persist",
}

// storyTexts reads the texts of stories.
func (b *Book) storyTexts() (map[string]string, error) {
	file := b.Language.String() + "/" + storiesFile
	raw, err := folders.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading the stories in language %q: %w", b.Language, err)
	}
	return parseStories(file, string(raw))
}

// parseStories cuts the file into its texts.
func parseStories(file, raw string) (map[string]string, error) {
	keys := slices.Clone(storyParts)
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
			wrong = fmt.Sprintf("%q stands here twice", next)
		case heading && !slices.Contains(keys, next):
			wrong = fmt.Sprintf("%q is no part of a story", next)
		case heading:
			key = next
			texts[key] = ""
		case key != "":
			texts[key] += line + "\n"
		case i == 0 && !strings.HasPrefix(line, "# "):
			wrong = "the file begins with \"# \" and a title"
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
