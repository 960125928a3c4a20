package lab

import "tcpstate/lab/ground"

// Plan says which sockets to make in a lab, and how to run the command.
type Plan = ground.Plan

// Want is a number of sockets of one kind and one family.
type Want = ground.Want

// Kind is a kind of sockets that Fill makes.
type Kind = ground.Kind

// WordError reports a wrong word of a plan and the reason.
type WordError = ground.WordError

// Kinds returns the kinds of sockets that Fill makes.
func Kinds() []Kind { return ground.Kinds() }

// ParsePlan reads the words of a plan: see [ground.ParsePlan].
func ParsePlan(words ...string) (Plan, error) { return ground.ParsePlan(words...) }
