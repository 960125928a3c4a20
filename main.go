// Command tcpstate shows the TCP sockets of a Linux host and their states. It is
// a netstat for people who must find out why connections hang, leak or flood.
package main

import (
	"os"

	"tcpstate/cmd"
)

func main() { os.Exit(cmd.Main()) }
