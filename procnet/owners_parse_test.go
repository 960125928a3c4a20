package procnet

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestParseSocketLink(t *testing.T) {
	for link, want := range map[string]uint32{
		"socket:[1]":             1,
		"socket:[4026531840]":    4026531840,
		"socket:[4294967295]":    4294967295,
		"socket:[4294967297]":    0,
		"socket:[9999999999]":    0,
		"socket:[99999999999]":   0,
		"socket:[0]":             0,
		"socket:[01]":            0,
		"socket:[]":              0,
		"socket:[":               0,
		"socket:[12":             0,
		"socket:[12]x":           0,
		"socket:[-12]":           0,
		"socket:[1 2]":           0,
		"socket:12":              0,
		"pipe:[12]":              0,
		"/tmp/socket:[12]":       0,
		"anon_inode:[eventpoll]": 0,
		"":                       0,
	} {
		if got := parseSocketLink([]byte(link)); got != want {
			t.Errorf("%q: %d, want %d", link, got, want)
		}
	}
}

func FuzzParseSocketLink(f *testing.F) {
	for _, link := range []string{"socket:[4026531840]", "socket:[4294967297]", "socket:[007]", "socket:[", "pipe:[1]", ""} {
		f.Add([]byte(link))
	}
	f.Fuzz(func(t *testing.T, link []byte) {
		var want uint32
		if _, err := fmt.Sscanf(string(link), "socket:[%d]", &want); err != nil || fmt.Sprintf("socket:[%d]", want) != string(link) {
			want = 0
		}
		if got := parseSocketLink(link); got != want {
			t.Errorf("%q: %d, want %d", link, got, want)
		}
	})
}

func TestParseUID(t *testing.T) {
	for _, test := range []struct{ status, want string }{
		{"Name:\tx\nUid:\t1\t2\t3\t4\n", "2"},
		{"Name:\tUid: 5 6\nUid:\t0\t4294967295\t3\t4\n", "4294967295"},
		{"Uid:\t1\t2", "2"},
		{"Name:\tx\nGid:\t1\t2\n", `status "Name:\tx\nGid:\t1\t2\n": no line Uid`},
		{"", `status "": no line Uid`},
		{"Uid:\t1\n", `line "Uid:\t1\n": no effective user id`},
		{"Uid:\t1\t-1\n", `effective user id "-1": not a whole number of 32 bits`},
		{"Uid:\t1\t4294967296\n", `effective user id "4294967296": not a whole number of 32 bits`},
	} {
		uid, err := parseUID(test.status)
		got := fmt.Sprint(uid)
		if err != nil {
			got = err.Error()
		}
		if got != test.want {
			t.Errorf("%q: %s, want %s", test.status, got, test.want)
		}
	}
}

func FuzzParseUID(f *testing.F) {
	f.Add("Name:\tx\nUid:\t0\t1000\t0\t0\nGid:\t0\n")
	f.Add("Uid:\t")
	f.Fuzz(func(t *testing.T, status string) {
		uid, err := parseUID(status)
		if _, ok := errors.AsType[*ValueError](err); err != nil && (!ok || uid != 0) {
			t.Errorf("%q: %d, %#v", status, uid, err)
		}
		if err == nil && !strings.Contains(status, "Uid:") {
			t.Errorf("%q: got %d, but the text has no Uid", status, uid)
		}
		if again, err := parseUID("Name:\ty\nUid:\t9\t" + fmt.Sprint(uid) + "\n" + status); err != nil || again != uid {
			t.Errorf("%d is parsed again as %d, %v", uid, again, err)
		}
	})
}

func TestParseCmdline(t *testing.T) {
	for text, want := range map[string][]string{
		"":                                 {},
		"\x00":                             {},
		"sleep\x00100\x00":                 {"sleep", "100"},
		"sh\x00-c\x00\x00x\x00":            {"sh", "-c", "", "x"},
		"nginx: worker process":            {"nginx: worker process"},
		"nginx: master\x00\x00\x00\x00":    {"nginx: master"},
		"a b\nc\x1b[2J\x00\xff\xfe\x00":    {"a b\nc\x1b[2J", "\xff\xfe"},
		strings.Repeat("x", 5000) + "\x00": {strings.Repeat("x", 5000)},
	} {
		if got := parseCmdline(text); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func FuzzParseCmdline(f *testing.F) {
	f.Add("sh\x00-c\x00\x00x\x00\x00")
	f.Fuzz(func(t *testing.T, text string) {
		args := parseCmdline(text)
		if back := strings.Join(args, "\x00"); back != strings.TrimRight(text, "\x00") {
			t.Errorf("%q: %q", text, args)
		}
	})
}
