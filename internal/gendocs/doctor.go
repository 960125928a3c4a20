package main

import (
	"fmt"
	"strings"

	"tcpstate/doctor"
	"tcpstate/wording"
)

// doctorPart returns a generated part of docs/doctor.md, and whether there is
// one with that name.
func doctorPart(name string) (string, bool) {
	var b strings.Builder
	switch name {
	case "rules":
		for _, r := range doctor.Rules() {
			writeRule(&b, r)
		}
	case "thresholds":
		b.WriteString("| threshold | default | what it limits | why so | source |\n|---|---|---|---|---|\n")
		defaults := doctor.DefaultThresholds()
		for i, t := range doctor.ThresholdTable() {
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", t.Name, defaults.Text(i), t.Limits(), t.Reason(), t.Source())
		}
	case "risks":
		b.WriteString("| setting | when it is | severity | what it then does | source |\n|---|---|---|---|---|\n")
		for _, r := range doctor.Risks() {
			fmt.Fprintf(&b, "| `%s` | %s | %v | %s | %s |\n", r.Setting, r.Value(), r.Severity, r.Harm(), r.Source)
		}
	default:
		return "", false
	}
	return b.String(), true
}

func writeRule(b *strings.Builder, r doctor.Rule) {
	var severities []string
	for _, s := range r.Severities {
		severities = append(severities, s.String())
	}
	fmt.Fprintf(b, "### %s\n\n%s: %s.\n\n%s\n\n", r.Code, strings.Join(severities, ", "), r.Name(), r.Meaning())
	fmt.Fprintf(b, "Condition: %s.\n\nAdvice:\n\n", r.Condition())
	for i, s := range r.Advice {
		fmt.Fprintf(b, "%d. %s", i+1, wording.Say(s.Say))
		if s.Run != "" {
			fmt.Fprintf(b, ": `%s`", s.Run)
		}
		if s.When != "" {
			fmt.Fprintf(b, " (where %s)", wording.Say(s.When))
		}
		if s.Since != "" {
			fmt.Fprintf(b, " (from Linux %s)", s.Since)
		}
		b.WriteString("\n")
	}
	fmt.Fprintf(b, "\nMore: `tcpstate explain %s`. Sources: %s.\n\n", r.Topic, strings.Join(r.Sources, "; "))
}
