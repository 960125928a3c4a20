package text

import (
	"math"
	"testing"
	"time"
)

func TestAppendDuration(t *testing.T) {
	for of, want := range map[string]string{
		"0s": "0us", "999ns": "0us", "180us": "180us", "999999ns": "999us", "1ms": "1ms", "1250us": "1.2ms", "99990us": "99.9ms",
		"123456us": "123ms", "999999us": "999ms", "1s": "1s", "1250ms": "1.2s", "59999ms": "59.9s", "60s": "1m0s", "200s": "3m20s",
		"3599s": "59m59s", "7180950ms": "1h59m", "23h59m59s": "23h59m", "24h": "1d0h", "99h30m": "4d3h",
	} {
		d, err := time.ParseDuration(of)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(AppendDuration(nil, uint64(d))); got != want {
			t.Errorf("%s is shown as %s, want %s", of, got, want)
		}
	}
}

func TestDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", time.Second: "1s", 10 * time.Second: "10s", 1500 * time.Millisecond: "1.5s", time.Minute: "1m", 10 * time.Minute: "10m", 90 * time.Second: "1m30s",
		time.Hour: "1h", 20 * time.Hour: "20h", 131 * time.Minute: "2h11m", time.Hour + time.Second: "1h0m1s", 100 * time.Millisecond: "100ms",
	} {
		if got := Duration(d); got != want {
			t.Errorf("%v is shown as %s, want %s", d, got, want)
		}
		if back, err := time.ParseDuration(Duration(d)); err != nil || back != d {
			t.Errorf("%s reads as %v, %v", Duration(d), back, err)
		}
	}
}

func TestAppendSize(t *testing.T) {
	for n, want := range map[uint64]string{
		0: "0B", 999: "999B", 1000: "1kB", 1099: "1kB", 1100: "1.1kB", 99999: "99.9kB", 100000: "100kB", 999999: "999kB", 1000000: "1MB",
		12512345: "12.5MB", 999999999: "999MB", 1e9: "1GB", 1e12: "1TB", 1e15: "1PB", ^uint64(0): "18.4EB",
	} {
		if got := string(AppendSize(nil, n)); got != want {
			t.Errorf("%d is shown as %s, want %s", n, got, want)
		}
	}
}

func TestShortCount(t *testing.T) {
	for n, want := range map[int]string{0: "0", 9999: "9999", 10000: "10k", 999_999: "999k", 1_250_000: "1.2M", 12_000_000: "12M"} {
		if got := ShortCount(n); got != want {
			t.Errorf("ShortCount(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestCounts(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0", 999: "999", 1000: "1,000", 2_000_000: "2,000,000", -1: "-1", -999: "-999", -1000: "-1,000", math.MaxInt64: "9,223,372,036,854,775,807",
	} {
		if got := Grouped(n); got != want {
			t.Errorf("Grouped(%d) = %q, want %q", n, got, want)
		}
	}
	for n, want := range map[int]string{0: "0 processes", 1: "1 process", 2: "2 processes", 2000: "2000 processes"} {
		if got := Count(n, "process", "processes"); got != want {
			t.Errorf("Count(%d) = %q, want %q", n, got, want)
		}
	}
}
