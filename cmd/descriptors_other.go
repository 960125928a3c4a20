//go:build !linux

package cmd

// reserveDescriptors does nothing: only Linux has sockets to read.
func reserveDescriptors() error { return nil }
