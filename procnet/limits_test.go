package procnet

import (
	"fmt"
	"math"
	"strings"
	"testing"
)

const limits = `Limit                     Soft Limit           Hard Limit           Units     
Max cpu time              unlimited            unlimited            seconds   
Max open files            1024                 524288               files     
Max locked memory         8388608              8388608              bytes     
`

func TestOpenFilesLimit(t *testing.T) {
	for _, test := range []struct{ name, limits, want string }{
		{"as the kernel writes it", limits, "1024"},
		{"unlimited", strings.Replace(limits, "1024  ", "unlimited", 1), fmt.Sprint(math.MaxInt)},
		{"a last line without a newline", "Max open files 7 8", "7"},
		{"no such line", "Max cpu time unlimited\n", "reading 7/limits: there is no line of Max open files"},
		{"no limit in it", "Max open files\n", `reading 7/limits: line "Max open files": no limit in it`},
		{"no number", "Max open files x 8 files\n", `reading 7/limits: soft limit of open files "x": not a whole number, nor unlimited`},
		{"negative", "Max open files -1 8 files\n", `reading 7/limits: soft limit of open files "-1": not a whole number, nor unlimited`},
		{"no process", "", "reading 7/limits: file does not exist"},
	} {
		content := map[string]string{}
		if test.limits != "" {
			content["7/limits"] = test.limits
		}
		limit, err := files(content).OpenFilesLimit(7)
		got := fmt.Sprint(limit)
		if err != nil {
			got = err.Error()
		}
		if got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}

func FuzzParseOpenFiles(f *testing.F) {
	f.Add(limits)
	f.Add("Max open files unlimited")
	f.Fuzz(func(t *testing.T, text string) {
		n, err := parseOpenFiles(text)
		if err == nil && n != math.MaxInt && !strings.Contains(text, strings.TrimLeft(fmt.Sprint(n), "0")) {
			t.Errorf("%q: %d", text, n)
		}
	})
}

func TestRelease(t *testing.T) {
	if got, err := files(map[string]string{"sys/kernel/osrelease": "6.18.5-generic\n"}).Release(); got != "6.18.5-generic" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := files(nil).Release(); err == nil || err.Error() != "reading sys/kernel/osrelease: file does not exist" {
		t.Errorf("without the file: %v", err)
	}
}
