package lab

import (
	"errors"

	"tcpstate/lab/ground"
	"tcpstate/tcp"
	"tcpstate/wording"
)

// Fill fills the namespace of this process, in which [Enter] has run it, with
// sockets. It calls then with their numbers, and closes them when then has returned.
func Fill(wants []ground.Want, then func(Filled) error) error {
	g, err := ground.Open()
	if err != nil {
		return denied(wording.Wrap(err, "lab.filling"), err)
	}
	err = g.FillPlan(wants)
	var counts ground.Counts
	if err == nil {
		counts, err = ground.Count()
	}
	if err != nil {
		return wording.Wrap(errors.Join(err, g.Close()), "lab.filling")
	}
	var filled Filled
	for state := range tcp.All.States() {
		filled.IPv4[state], filled.IPv6[state] = counts[tcp.IPv4][state], counts[tcp.IPv6][state]
	}
	return errors.Join(then(filled), g.Close())
}

// Hold holds sockets for Fill, if the last argument says that this process was
// started for that. It returns the exit status.
func Hold(args []string) (status int, yes bool) {
	if len(args) == 0 || args[len(args)-1] != ground.RoleHold {
		return 0, false
	}
	return ground.Hold(), true
}
