// Command tcpstate shows the TCP sockets of a Linux host and their states. It is
// a netstat for people who must find out why connections hang, leak or flood.
package main

import (
	"os"

	"tcpstate/cmd"
)

// The getters of the fields are generated first, because the other generators do
// not start without them. go generate ./... begins with this package.
//
//go:generate go generate ./fields

func main() { os.Exit(cmd.Main()) }
