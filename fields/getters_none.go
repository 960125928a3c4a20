//go:build genfields

package fields

import "tcpstate/tcp"

// The generator reads the table, and it is built while the generated getters
// may not compile: it has none.

func addressOf(string) AddressFunc                  { return nil }
func processesOf(string) ProcessesFunc              { return nil }
func getterOf(string) (get func(*tcp.Socket) Value) { return nil }
