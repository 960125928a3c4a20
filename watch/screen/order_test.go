package screen

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestSortPart compares what is sorted in part with what is sorted in full, in
// the orders that a quicksort likes least too.
func TestSortPart(t *testing.T) {
	patterns := map[string]func(i, n int) int{
		"sorted":   func(i, n int) int { return i },
		"reversed": func(i, n int) int { return n - i },
		"equal":    func(i, n int) int { return 7 },
		"two":      func(i, n int) int { return i % 2 },
		"pipe":     func(i, n int) int { return min(i, n-i) },
		"shuffled": func(i, n int) int { return i * 7919 % 1009 },
	}
	for name, value := range patterns {
		for _, n := range []int{0, 1, 2, 24, 25, 100, 5000} {
			for _, window := range [][2]int{{0, 10}, {0, n}, {n / 2, n/2 + 40}, {n - 5, n}, {-3, 2}, {3, 3}} {
				list := make([]int, n)
				for i := range list {
					list[i] = value(i, n)
				}
				want := slices.Sorted(slices.Values(list))
				compares := 0
				sortPart(list, window[0], window[1], func(a, b int) int { compares++; return cmp.Compare(a, b) })
				from, to := max(window[0], 0), min(window[1], n)
				if from < to && !slices.Equal(list[from:to], want[from:to]) {
					t.Errorf("%s, %d elements, from %d to %d: %v, want %v", name, n, from, to, list[from:to], want[from:to])
				}
				slices.Sort(list)
				if !slices.Equal(list, want) {
					t.Errorf("%s, %d elements: not the same elements any more", name, n)
				}
				if most := 60 * n; window[1]-window[0] <= 40 && n > 100 && compares > most {
					t.Errorf("%s, %d elements: %d comparisons for a window, want at most %d", name, n, compares, most)
				}
			}
		}
	}
}

// BenchmarkSortPart sorts a window of 300,000 places that come all but sorted.
func BenchmarkSortPart(b *testing.B) {
	places := make([]place, 300_000)
	for b.Loop() {
		b.StopTimer()
		for i := range places {
			places[i] = place{a: uint64(i % 2), c: rand.Uint32N(1000)}
		}
		b.StartTimer()
		sortPart(places, 0, 400, comparePlaces)
		sortPart(places, len(places)-120, len(places), comparePlaces)
	}
}
