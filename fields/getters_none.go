//go:build genfields

package fields

import "tcpstate/tcp"

// The generator reads the table, and must also compile when the generated
// getters do not. So it is built without getters.

func addressOf(string) AddressFunc                  { return nil }
func processesOf(string) ProcessesFunc              { return nil }
func getterOf(string) (get func(*tcp.Socket) Value) { return nil }
