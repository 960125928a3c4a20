// Command tcpstate shows the TCP sockets of a Linux host and their states: a
// netstat for people who have to find out why connections hang, leak or flood.
package main

import (
	"os"

	"tcpstate/cmd"
)

func main() { os.Exit(cmd.Main()) }
