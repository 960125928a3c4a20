//go:build linux

// Bench compares whole commands of tcpstate with ss and netstat on the same
// sockets in a private network namespace, and writes docs/performance.md:
//
//	go run ./internal/bench
//
// The two commands of a row run in turn, A B A B ..., so that both see the same
// table and the same machine. The ratio is the median of the ratios of the
// pairs. Bench exits with status 1 if a result misses its limit.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

const report = "docs/performance.md"

// settle is the pause after a scenario. The kernel needs it to free the sockets
// of a namespace that has ended. It does so in the background, and there are
// hundreds of thousands of them.
const settle = 20 * time.Second

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		os.Exit(1)
	}
}

// run runs the whole benchmark. The benchmark runs this program again with
// arguments, and run then does one part of it.
func run(args []string) error {
	switch {
	case len(args) == 0:
		return benchmark()
	case args[0] == "measure" && len(args) == 4:
		return measureScenario(args[1], args[2], args[3])
	case args[0] == "dump" && len(args) == 2:
		return dumpOnly(args[1])
	}
	return errors.New("usage: bench")
}

// benchmark runs every scenario in a new lab and writes the report.
func benchmark() error {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	tools := map[string]string{"tcpstate": ".", "lab": "./internal/lab/run", "bench": "./internal/bench"}
	for name, from := range tools {
		tools[name] = filepath.Join(dir, name)
		if err := command("go", "build", "-o", tools[name], from).Run(); err != nil {
			return fmt.Errorf("building %s: %w", name, err)
		}
	}
	var results []result
	for i, s := range scenarios {
		if i > 1 {
			time.Sleep(settle)
		}
		fmt.Fprintf(os.Stderr, "bench: %s\n", s.name)
		out := filepath.Join(dir, "results.json")
		args := append(append([]string{}, s.words...), "--", tools["bench"], "measure", s.name, tools["tcpstate"], out)
		if err := command(tools["lab"], args...).Run(); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		text, err := os.ReadFile(out)
		if err != nil {
			return err
		}
		var part []result
		if err := json.Unmarshal(text, &part); err != nil {
			return err
		}
		results = append(results, part...)
	}
	if err := writeReport(report, results); err != nil {
		return err
	}
	for _, r := range results {
		if missed := r.missed(); missed != "" {
			err = errors.Join(err, fmt.Errorf("%s: tcpstate %s: %s", r.Scenario, r.Command, missed))
		}
	}
	return err
}

// command returns a command whose output goes to this program's stderr.
func command(name string, args ...string) *exec.Cmd {
	c := exec.Command(name, args...)
	c.Stdout, c.Stderr = os.Stderr, os.Stderr
	return c
}

func words(s string) []string { return strings.Fields(s) }
