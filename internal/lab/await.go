package lab

import (
	"testing"
	"time"
)

// Patience is how long the lab, and a test, waits for something that must come.
// On an idle host it comes at once or when a timer of the kernel ends; a loaded
// host may take a hundred times as long. The limit exists only to end a test that
// waits in vain with a message: nothing is asserted of the time that passed.
const Patience = 2 * time.Minute

// Await calls check until it returns nil. After Patience it ends the test with
// the last error that check returned. check runs in the goroutine of the test, so
// it may end the test itself where waiting longer cannot help.
func Await(t testing.TB, check func() error) {
	t.Helper()
	pause := time.Millisecond
	for deadline := time.Now().Add(Patience); ; time.Sleep(pause) {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("after %v: %v", Patience, err)
		}
		pause = min(pause*5/4, 50*time.Millisecond) // many ask at once
	}
}
