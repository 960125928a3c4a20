package render

import (
	"fmt"
	"io"
	"strings"

	"tcpstate/doctor"
	"tcpstate/text"
	"tcpstate/wording"
)

// Rules says how to list the doctor's rules: as Table, JSON, NDJSON or
// Markdown.
type Rules struct {
	Format     Format
	Color      bool
	Width      int                // columns of the terminal; 0: 80
	Words      *wording.Catalogue // of what is not JSON; nil: English
	Thresholds doctor.Thresholds  // as they are set
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
		for i := range rules {
			out.buf = r.appendMarkdown(out.buf, &rules[i])
		}
	default:
		findings := Findings{Color: r.Color, Width: r.Width}
		for i := range rules {
			if i > 0 {
				out.buf = append(out.buf, '\n')
			}
			out.buf = r.appendText(out.buf, &rules[i], &findings)
		}
	}
	if err != nil {
		return err
	}
	return out.flush()
}

func (r *Rules) of(rule *doctor.Rule) ruleJSON {
	j := ruleJSON{Code: rule.Code, Title: rule.Name().String(), Severities: rule.Severities, Meaning: rule.Meaning().String(),
		Condition: rule.Condition().String(), Thresholds: []thresholdJSON{}, Topic: rule.Topic, Sources: rule.Sources}
	defaults := doctor.DefaultThresholds()
	for i, t := range doctor.ThresholdTable() {
		if t.Of(rule) {
			j.Thresholds = append(j.Thresholds, thresholdJSON{t.Name, r.Thresholds.Text(i), defaults.Text(i), t.Unit.String(),
				t.Limits().String(), t.Reason().String(), t.Source().String()})
		}
	}
	return j
}

// say returns a text in the language of the list.
func (r *Rules) say(key string, values ...any) string { return wording.Say(key, values...).In(r.Words) }

// title returns what a rule looks for, and how severe its findings can be.
func (r *Rules) title(rule *doctor.Rule) string {
	severities := severityNames[rule.Severities[0]]
	for _, s := range rule.Severities[1:] {
		severities = wording.Say("findings.list.or", "first", severities, "next", severityNames[s])
	}
	return r.say("findings.list.title", "name", rule.Name(), "severities", severities)
}

// threshold returns what a threshold limits, and why.
func (r *Rules) threshold(t *doctor.Threshold) string {
	return r.say("findings.list.threshold", "limits", t.Limits(), "reason", t.Reason(), "source", t.Source())
}

func (r *Rules) appendText(b []byte, rule *doctor.Rule, f *Findings) []byte {
	b = f.appendWrapped(b, text.Bold, 0, rule.Code)
	condition := r.say("findings.list.when", "condition", strings.ReplaceAll(rule.Condition().In(r.Words), "`", ""))
	for _, line := range []string{r.title(rule), rule.Meaning().In(r.Words), condition} {
		b = f.appendWrapped(append(b, "  "...), "", 2, line)
	}
	b = f.appendWrapped(append(b, "  "...), text.Dim, 2, r.say("findings.list.sources", "sources", rule.Sources))
	defaults := doctor.DefaultThresholds()
	for i, t := range doctor.ThresholdTable() {
		if !t.Of(rule) {
			continue
		}
		value := t.Name + "=" + r.Thresholds.Text(i)
		if r.Thresholds.Text(i) != defaults.Text(i) {
			value = r.say("findings.list.default", "setting", value, "default", defaults.Text(i))
		}
		b = f.appendWrapped(append(b, "    "...), text.Cyan, 6, value)
		b = f.appendWrapped(append(b, "      "...), text.Dim, 6, r.threshold(&t))
	}
	return b
}

func (r *Rules) appendMarkdown(b []byte, rule *doctor.Rule) []byte {
	b = fmt.Appendf(b, "## %s\n\n%s. %s\n\n%s.\n\n%s\n\n", rule.Code, r.title(rule), rule.Meaning().In(r.Words),
		r.say("findings.list.when", "condition", rule.Condition()), r.say("findings.list.sources", "sources", rule.Sources))
	some := false
	for i, t := range doctor.ThresholdTable() {
		if t.Of(rule) {
			b = fmt.Appendf(b, "- `%s=%s`: %s\n", t.Name, r.Thresholds.Text(i), r.threshold(&t))
			some = true
		}
	}
	if some {
		b = append(b, '\n')
	}
	return b
}
