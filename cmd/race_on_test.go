//go:build race

package cmd

// underRace is whether the race detector is on, which makes this program ten
// times slower: tests that hold it against another over and over do so less often.
const underRace = true
