package lab

import "testing"

// TestSample checks that a sample is spread over the whole, and that in full it
// is the whole.
func TestSample(t *testing.T) {
	t.Setenv("TCPSTATE_FULL", "")
	numbers := Sample(1024, 64)
	if len(numbers) != 64 {
		t.Fatalf("%d numbers", len(numbers))
	}
	for i, n := range numbers {
		if n < 16*i || n >= 16*(i+1) {
			t.Errorf("number %d is %d", i, n)
		}
	}
	// Of the ten bits of these numbers any two have each pair of values.
	for a := range 10 {
		for b := range a {
			pairs := map[[2]int]bool{}
			for _, n := range numbers {
				pairs[[2]int{n >> a & 1, n >> b & 1}] = true
			}
			if len(pairs) != 4 {
				t.Errorf("bits %d and %d have only %v", a, b, pairs)
			}
		}
	}
	t.Setenv("TCPSTATE_FULL", "1")
	for i, n := range Sample(1024, 64) {
		if n != i {
			t.Fatalf("in full, number %d is %d", i, n)
		}
	}
}
