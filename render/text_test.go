package render

import (
	"strconv"
	"testing"
	"time"
	"unicode/utf8"

	"tcpstate/tcp"
)

func TestEscape(t *testing.T) {
	for text, want := range map[string]string{
		"eth0":                  "eth0",
		"":                      "",
		`a\b`:                   `a\b`,
		"\x1b[31mred\x07\t":     `\x1b[31mred\x07\x09`,
		"\x7f\u0085\u009b":      `\x7f\u0085\u009b`,
		"\u202egnp\u2066\ufeff": `\u202egnp\u2066\ufeff`,
		"\u2028\u00a0":          `\u2028\u00a0`,
		"\U000e0041":            `\U000e0041`,
		"\xff\xc3":              `\xff\xc3`,
		"\ufffd":                "\ufffd",
		"中é\U0001f600":          "中é\U0001f600",
	} {
		if got := string(escapeFrom([]byte("keep\n"+text), 5)); got != "keep\n"+want {
			t.Errorf("%q is escaped as %q, want %q", text, got[5:], want)
		}
	}
}

func FuzzEscape(f *testing.F) {
	for _, text := range hostileTexts {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := string(escapeFrom([]byte(text), 0))
		if !utf8.ValidString(got) {
			t.Errorf("%q is escaped as %q, which is no UTF-8", text, got)
		}
		for _, r := range got {
			if !strconv.IsPrint(r) {
				t.Errorf("%q is escaped as %q, which holds %U", text, got, r)
			}
		}
	})
}

func TestAppendDuration(t *testing.T) {
	for text, want := range map[string]string{
		"0s": "0us", "999ns": "0us", "180us": "180us", "999999ns": "999us", "1ms": "1ms", "1250us": "1.2ms", "99990us": "99.9ms",
		"123456us": "123ms", "999999us": "999ms", "1s": "1s", "1250ms": "1.2s", "59999ms": "59.9s", "60s": "1m0s", "200s": "3m20s",
		"3599s": "59m59s", "7180950ms": "1h59m", "23h59m59s": "23h59m", "24h": "1d0h", "99h30m": "4d3h",
	} {
		d, err := time.ParseDuration(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(appendDuration(nil, uint64(d))); got != want {
			t.Errorf("%s is shown as %s, want %s", text, got, want)
		}
	}
}

func TestAppendSize(t *testing.T) {
	for n, want := range map[uint64]string{
		0: "0B", 999: "999B", 1000: "1kB", 1099: "1kB", 1100: "1.1kB", 99999: "99.9kB", 100000: "100kB", 999999: "999kB", 1000000: "1MB",
		12512345: "12.5MB", 999999999: "999MB", 1e9: "1GB", 1e12: "1TB", 1e15: "1PB", ^uint64(0): "18.4EB",
	} {
		if got := string(appendSize(nil, n)); got != want {
			t.Errorf("%d is shown as %s, want %s", n, got, want)
		}
	}
}

func TestAppendCountdown(t *testing.T) {
	for want, timer := range map[string]tcp.Timer{
		"on 200ms, 1 resend":   {Kind: tcp.TimerOn, Expires: 200 * time.Millisecond, Retransmits: 1},
		"keepalive 2h0m":       {Kind: tcp.TimerKeepalive, Expires: 2 * time.Hour},
		"persist 6s, 3 probes": {Kind: tcp.TimerPersist, Expires: 6 * time.Second, Retransmits: 3},
		"timewait 42.1s":       {Kind: tcp.TimerTimeWait, Expires: 42100 * time.Millisecond},
		"delack 40ms":          {Kind: tcp.TimerDelayedAck, Expires: 40 * time.Millisecond},
		"unknown 1s":           {Kind: 9, Expires: time.Second},
	} {
		if got := string(appendCountdown(nil, timer)); got != want {
			t.Errorf("%+v is shown as %q, want %q", timer, got, want)
		}
	}
}
