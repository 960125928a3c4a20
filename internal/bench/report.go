//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// writeReport writes the results as a page for people.
func writeReport(path string, results []result) error {
	var b strings.Builder
	fmt.Fprintf(&b, `# Performance

This page compares whole commands with ss and netstat on the same sockets, from start to exit, with their output
discarded. The lab fills a private network namespace with real sockets. The two commands of a row run in turn. Times are
medians, and the ratio is the median of the ratios of the pairs. The bare dump loop requests the same sockets from the
kernel and does not decode the answer.

Made by `+"`make bench`"+` (go run ./internal/bench) on %s.

| sockets | tcpstate | against | time | its time | ratio | bar | peak memory | its peak | runs |
| --: | :-- | :-- | --: | --: | --: | :-- | --: | --: | --: |
`, machine())
	for _, r := range results {
		fmt.Fprintf(&b, "| %d | `%s` | `%s` | %s | %s | %.2f | %s | %.0f MiB | %.0f MiB | %d |\n",
			r.Sockets, r.Command, r.Against, shown(milliseconds(r.Wall)), shown(milliseconds(r.Other)), r.Ratio, r.bars(), r.PeakMiB, r.OtherMiB, r.Runs)
	}
	b.WriteString("\nA row without a bar is only for comparison.\n")
	return os.WriteFile(path, []byte(b.String()), 0o644)
}

// bars returns the limits of the row as text.
func (r result) bars() string {
	var bars []string
	if r.AtMost > 0 {
		bars = append(bars, fmt.Sprintf("ratio at most %g", r.AtMost))
	}
	if r.MaxMilli > 0 {
		bars = append(bars, fmt.Sprintf("at most %g ms", r.MaxMilli))
	}
	if r.MaxMiB > 0 {
		bars = append(bars, fmt.Sprintf("at most %g MiB", r.MaxMiB))
	}
	if r.CPU {
		bars = append(bars, "processor time")
	}
	if r.Apart {
		bars = append(bars, "in another network namespace than the 200,000 descriptors")
	}
	if r.Waits > 0 {
		bars = append(bars, fmt.Sprintf("%v of waiting not counted", r.Waits))
	}
	if r.Per > 0 {
		bars = append(bars, fmt.Sprintf("a tick of %d", r.Per))
	}
	return strings.Join(bars, ", ")
}

func shown(ms float64) string {
	if ms < 20 {
		return fmt.Sprintf("%.1f ms", ms)
	}
	return fmt.Sprintf("%.0f ms", ms)
}

// machine describes the machine on which the figures were measured.
func machine() string {
	kernel := "an unknown kernel"
	var name unix.Utsname
	if unix.Uname(&name) == nil {
		release, _, _ := strings.Cut(unix.ByteSliceToString(name.Release[:]), "-")
		kernel = "Linux " + release
	}
	return fmt.Sprintf("%s/%s with %d processors, %s, %s, %s", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), kernel, runtime.Version(), toolVersion("ss", "-V"))
}

func toolVersion(name string, args ...string) string {
	out, err := exec.Command(name, args...).Output()
	if err != nil {
		return name
	}
	_, version, _ := strings.Cut(strings.TrimSpace(string(out)), ", ")
	return version
}
