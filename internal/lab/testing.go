package lab

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tcpstate/lab/ground"
)

// Patience is how long the lab, and a test, waits for an event. Tests make no
// assertion about the time that has passed.
const Patience = ground.Patience

// Await calls check until it returns nil. After Patience it ends the test with
// the last error that check returned. check runs in the goroutine of the test,
// so it may end the test itself if waiting longer cannot help.
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
		pause = min(pause*5/4, 50*time.Millisecond) // many tests poll at the same time
	}
}

// DiffJSON returns the difference between two texts with one JSON document per
// line, key by key, for the message of a failed test. It returns "" if they are
// equal byte by byte. If the documents have the same values in other bytes, or
// a line is not JSON, it compares the lines themselves.
func DiffJSON(want, got []byte) string {
	if bytes.Equal(want, got) {
		return ""
	}
	if diff := cmp.Diff(documents(want), documents(got)); diff != "" {
		return "(-want +got):\n" + diff
	}
	return "the same values in other bytes (-want +got):\n" + cmp.Diff(bytes.Split(want, []byte("\n")), bytes.Split(got, []byte("\n")))
}

// documents decodes each line. Numbers keep their digits.
func documents(text []byte) (list []any) {
	for line := range bytes.Lines(text) {
		decoder := json.NewDecoder(bytes.NewReader(line))
		decoder.UseNumber()
		var document any
		if err := decoder.Decode(&document); err != nil {
			document = fmt.Sprintf("not JSON (%v): %s", err, line)
		}
		list = append(list, document)
	}
	return list
}

// Full reports whether the tests that compare thousands of inputs with another
// program or with the kernel use all of them: whether the environment variable
// TCPSTATE_FULL is 1. This is for a machine that has the time, as in .ci/run;
// otherwise the tests take a sample.
func Full() bool { return os.Getenv("TCPSTATE_FULL") == "1" }

// Sample returns which of the inputs 0 to all-1 a test uses: all of them if
// Full, and otherwise one from each of some equal parts. The seed is fixed, so
// a test that fails will fail again.
func Sample(all, some int) []int {
	if Full() || some > all {
		some = all
	}
	dice := rand.New(rand.NewPCG(uint64(all), uint64(some)))
	numbers := make([]int, some)
	for i := range numbers {
		first, next := i*all/some, (i+1)*all/some
		numbers[i] = first + dice.IntN(next-first)
	}
	return numbers
}
