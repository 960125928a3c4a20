// Package lifecycle models the life of a TCP socket on Linux: the states that it
// may pass through and why ([Transitions]), how long the kernel resends and when
// it gives up ([Schedule]), the settings of a host that these times depend on
// ([Settings]), and how long a socket has been in its state ([Clocks.SetAge]).
//
// Package lifecycle reads nothing from the host. Package procnet reads the
// settings, and packages sockdiag and procnet read the sockets.
package lifecycle
