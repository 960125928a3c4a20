package screen

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"

	"tcpstate/tcp"
)

// TestSortPart compares the result of sortPart with a full sort. Some of the
// inputs are bad cases for a quicksort.
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
					t.Errorf("%s, %d elements: the elements are not the same afterwards", name, n)
				}
				if most := 60 * n; window[1]-window[0] <= 40 && n > 100 && compares > most {
					t.Errorf("%s, %d elements: %d comparisons for a window, want at most %d", name, n, compares, most)
				}
			}
		}
	}
}

// BenchmarkSortPart sorts parts of 300,000 keys that are almost sorted.
func BenchmarkSortPart(b *testing.B) {
	sortKeys := make([]sortKey, 300_000)
	for b.Loop() {
		b.StopTimer()
		for i := range sortKeys {
			sortKeys[i] = sortKey{a: uint64(i % 2), c: rand.Uint32N(1000)}
		}
		b.StartTimer()
		sortPart(sortKeys, 0, 400, compareSortKeys)
		sortPart(sortKeys, len(sortKeys)-120, len(sortKeys), compareSortKeys)
	}
}

func TestSort(t *testing.T) {
	d := drive(t, nil, someSockets()...)
	d.press("s")
	d.wants("sort recv-q down")
	if item := d.m.frame.items.item(0); item.socket.RecvQueue != 77 {
		t.Errorf("the first row has %d bytes", item.socket.RecvQueue)
	}
	d.press("S")
	d.wants("sort recv-q\n")
	if item := d.m.frame.items.item(d.m.total() - 1); item.socket.RecvQueue != 77 {
		t.Errorf("the last row has %d bytes", item.socket.RecvQueue)
	}
	for d.m.want.sort.by != byPeer {
		d.press("s")
	}
	for range 2 { // items without a peer are last in both directions
		if item := d.m.frame.items.item(d.m.total() - 1); item.socket.State != tcp.Listen {
			t.Errorf("sorted by peer the last row is %s", item.socket.Peer)
		}
		d.press("S")
	}
	for range socketOrders {
		d.press("s")
		for i := range d.m.total() {
			if d.m.frame.items.item(i) == nil {
				t.Fatalf("no row %d in the order by %s", i, d.m.want.sort.by)
			}
		}
	}
}
