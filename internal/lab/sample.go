package lab

import (
	"math/rand/v2"
	"os"
)

// Full reports whether the tests that compare thousands of inputs with another
// program or with the kernel shall take them all: the environment variable
// TCPSTATE_FULL is 1. It is for a machine that has the time, as .ci/run is; go
// test alone takes a sample.
func Full() bool { return os.Getenv("TCPSTATE_FULL") == "1" }

// Sample returns which of the inputs 0 to all-1 a test takes: every one if Full,
// and otherwise some of them, one out of each equal part. Which one of a part is
// drawn with a fixed seed, so a test that fails fails again.
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
