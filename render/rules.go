package render

import (
	"fmt"
	"io"
	"strings"

	"tcpstate/doctor"
	"tcpstate/text"
)

// Rules says how to list the doctor's rules: as Table, JSON, NDJSON or
// Markdown.
type Rules struct {
	Format     Format
	Color      bool
	Width      int               // width of the terminal in columns; 0: 80
	Thresholds doctor.Thresholds // the values in use
}

// rulesJSON is the document of the rules; docs/json.md describes it.
type rulesJSON struct {
	Schema string     `json:"schema"`
	Kind   string     `json:"kind"`
	Rules  []ruleJSON `json:"rules"`
}

type ruleJSON struct {
	Code       string            `json:"code"`
	Title      string            `json:"title"`
	Severities []doctor.Severity `json:"severities"`
	Meaning    string            `json:"meaning"`
	Condition  string            `json:"condition"`
	Thresholds []thresholdJSON   `json:"thresholds"`
	Topic      string            `json:"topic"`
	Sources    []string          `json:"sources"`
}

type thresholdJSON struct {
	Name    string `json:"name"`
	Value   string `json:"value"`
	Default string `json:"default"`
	Unit    string `json:"unit"`
	Doc     string `json:"doc"`
	Reason  string `json:"reason"`
	Source  string `json:"source"`
}

// Write lists the rules to w.
func (r *Rules) Write(w io.Writer, rules []doctor.Rule) error {
	out := &output{w: w}
	list := make([]ruleJSON, 0, len(rules))
	for i := range rules {
		list = append(list, r.of(&rules[i]))
	}
	var err error
	switch r.Format {
	case JSON:
		err = appendLineOf(out, rulesJSON{Schema: schema, Kind: "rules", Rules: list})
	case NDJSON:
		for _, rule := range list {
			if err = appendLineOf(out, rule); err != nil {
				break
			}
		}
	case Markdown:
		for _, rule := range list {
			out.buf = rule.appendMarkdown(out.buf)
		}
	default:
		findings := Findings{Color: r.Color, Width: r.Width}
		for i, rule := range list {
			if i > 0 {
				out.buf = append(out.buf, '\n')
			}
			out.buf = rule.appendText(out.buf, &findings)
		}
	}
	if err != nil {
		return err
	}
	return out.flush()
}

func (r *Rules) of(rule *doctor.Rule) ruleJSON {
	j := ruleJSON{Code: rule.Code, Title: rule.Title, Severities: rule.Severities, Meaning: rule.Meaning,
		Condition: rule.Condition, Thresholds: []thresholdJSON{}, Topic: rule.Topic, Sources: rule.Sources}
	defaults := doctor.DefaultThresholds()
	for i, t := range doctor.ThresholdTable() {
		if strings.HasPrefix(t.Name, rule.Code+".") {
			j.Thresholds = append(j.Thresholds, thresholdJSON{t.Name, r.Thresholds.Text(i), defaults.Text(i), t.Unit.String(), t.Doc, t.Reason, t.Source})
		}
	}
	return j
}

func (r *ruleJSON) severities() string {
	var names []string
	for _, s := range r.Severities {
		names = append(names, s.String())
	}
	return strings.Join(names, " or ")
}

func (r *ruleJSON) appendText(b []byte, f *Findings) []byte {
	b = f.appendWrapped(b, text.Bold, 0, r.Code)
	for _, line := range []string{r.Title + " (" + r.severities() + ")", r.Meaning, "When: " + strings.ReplaceAll(r.Condition, "`", "")} {
		b = f.appendWrapped(append(b, "  "...), "", 2, line)
	}
	for _, t := range r.Thresholds {
		value := t.Name + "=" + t.Value
		if t.Value != t.Default {
			value += " (default " + t.Default + ")"
		}
		b = f.appendWrapped(append(b, "    "...), text.Cyan, 6, value)
		b = f.appendWrapped(append(b, "      "...), text.Dim, 6, fmt.Sprintf("%s; %s (%s)", t.Doc, t.Reason, t.Source))
	}
	return b
}

func (r *ruleJSON) appendMarkdown(b []byte) []byte {
	b = fmt.Appendf(b, "## %s\n\n%s (%s). %s\n\nWhen: %s.\n\n", r.Code, r.Title, r.severities(), r.Meaning, r.Condition)
	for _, t := range r.Thresholds {
		b = fmt.Appendf(b, "- `%s=%s`: %s; %s (%s)\n", t.Name, t.Value, t.Doc, t.Reason, t.Source)
	}
	if len(r.Thresholds) > 0 {
		b = append(b, '\n')
	}
	return b
}
