//go:build linux

package main

import "time"

// scenario is a set of sockets in the lab and the rows that are measured with
// them.
type scenario struct {
	name  string   // the name in the report
	words []string // the arguments of the lab
	rows  []row
}

// row is one command of tcpstate, the command to compare it with, and its
// limits.
type row struct {
	command  []string // tcpstate's arguments
	against  []string // the other command: a program, "tcpstate" with arguments, or bareDump
	runs     int
	atMost   float64 // limit for the ratio of the wall times; 0: none
	maxMilli float64 // limit for the wall time in milliseconds; 0: none
	maxMiB   float64 // limit for the peak resident memory in MiB; 0: none

	cpu   bool          // the times are processor time, of user and system, in place of wall time
	apart bool          // the commands run in a new network namespace with one listener, beside the processes of the lab
	waits time.Duration // time that the command waits by design; it is subtracted
	per   int           // the number of ticks of the command, by which its time is divided; 0: it has no ticks
}

// bareDump in row.against means the dump loop that decodes nothing.
var bareDump = []string{"(bare dump loop)"}

// scenarios begins with the idle host: the kernel's work after the other
// scenarios, to free their sockets, would disturb it.
var scenarios = []scenario{{
	name: "an idle host",
	rows: []row{
		{command: words("ls"), against: words("ss -tan"), runs: 51, atMost: 4, maxMilli: 12},
		{command: words("-q"), against: words("ss -tanp"), runs: 51, maxMilli: 100},
	},
}, {
	name:  "300,000 mixed sockets",
	words: []string{"est=200000", "timewait=50000", "synrecv=50000"},
	rows: []row{
		{command: words("ls --format csv"), against: words("ss -tanH"), runs: 7, atMost: 0.5},
		{command: words("ls --format csv"), against: bareDump, runs: 7, atMost: 1.35},
		{command: words("ls -i --format ndjson"), against: words("ss -tanHi"), runs: 3, atMost: 0.5},
		{command: words("ls --format csv dport = :7"), against: words("ss -tanH dport = :7"), runs: 7, atMost: 1.3},
		{command: words("count"), against: words("ss -tanH"), runs: 7, atMost: 0.45},
		// A flood is found here, so the processes are searched too, after the interval.
		{command: words("doctor -q --interval 1s"), against: words("ss -tanH"), runs: 3, atMost: 1.1, waits: time.Second},
		{command: words("doctor -q --interval 1s"), against: words("ss -tanH"), runs: 3, atMost: 1.8, cpu: true},
		{command: words("ls"), against: words("ss -tan"), runs: 3},
		{command: words("ls --source procfs --format csv"), against: words("netstat -tan"), runs: 3},
	},
}, {
	name:  "300,000 sockets, 1,000 connections opened and closed a second",
	words: []string{"est=200000", "timewait=50000", "synrecv=50000", "churn=1000"},
	rows: []row{
		{command: words("watch --json -q --interval 1ms --count 10"), against: words("tcpstate ls --format csv"), runs: 3, atMost: 1.2, per: 10},
	},
}, {
	name:  "200,000 owned sockets",
	words: []string{"est=200000"},
	rows: []row{
		{command: words("ls -p --format csv"), against: words("ss -tanpH"), runs: 1, atMost: 0.2},
		{command: words("doctor -q --interval 1s"), against: words("ss -tanH"), runs: 3, atMost: 1.6, cpu: true},
		{command: words("doctor -q --interval 10ms"), against: words("ss -tanH"), runs: 5, atMost: 4, cpu: true, apart: true},
	},
}, {
	name:  "300,000 half-open connections",
	words: []string{"synrecv=300000"},
	rows: []row{
		{command: words("ls --format csv --state SYN_RECV"), against: words("ss -tanH state syn-recv"), runs: 7, atMost: 0.35},
		{command: words("ls --format csv --state SYN_RECV"), against: bareDump, runs: 7},
	},
}, {
	name:  "1,000,000 sockets",
	words: []string{"synrecv=700000", "timewait=300000"},
	rows: []row{
		{command: words("ls --format csv"), against: words("ss -tanH"), runs: 1, maxMiB: 48},
		{command: words("ls --format ndjson"), against: words("ss -tanH"), runs: 1, maxMiB: 48},
		{command: words("ls"), against: words("ss -tan"), runs: 1, maxMiB: 256},
	},
}}
