package watch

import (
	"strings"
	"testing"
	"time"

	"tcpstate/wording"
)

func TestConditions(t *testing.T) {
	for _, test := range []struct {
		text string
		yes  []int
		no   []int
	}{
		{">100", []int{101, 1000}, []int{0, 100}},
		{">=100", []int{100, 101}, []int{99}},
		{"=3", []int{3}, []int{2, 4}},
		{"==3", []int{3}, []int{2, 4}},
		{"!=0", []int{1}, []int{0}},
		{"<1", []int{0}, []int{1, 2}},
		{"<=1", []int{0, 1}, []int{2}},
		{"  > 0100 ", []int{101}, []int{100}},
	} {
		c, err := ParseCondition(test.text)
		if err != nil || !c.IsSet() {
			t.Errorf("%q: %v, set %v", test.text, err, c.IsSet())
			continue
		}
		for _, n := range test.yes {
			if !c.Holds(n) {
				t.Errorf("%q does not hold for %d", test.text, n)
			}
		}
		for _, n := range test.no {
			if c.Holds(n) {
				t.Errorf("%q holds for %d", test.text, n)
			}
		}
		if again, err := ParseCondition(c.String()); again != c || err != nil {
			t.Errorf("%q is written as %q", test.text, c)
		}
	}
	if none := (Condition{}); none.IsSet() || none.Holds(0) || none.String() != "" {
		t.Errorf("no condition is %q", none)
	}
}

func TestWrongConditions(t *testing.T) {
	for text, want := range map[string]string{
		"":                      `condition "" does not begin with a comparison`,
		"100":                   `condition "100" does not begin with a comparison`,
		"=>1":                   `condition "=>1": ">1" is not a number of sockets`,
		">":                     `condition ">": "" is not a number of sockets`,
		">-1":                   `condition ">-1": "-1" is not a number of sockets`,
		">+1":                   `condition ">+1": "+1" is not a number of sockets`,
		">1k":                   `condition ">1k": "1k" is not a number of sockets`,
		"> 1 2":                 `condition "> 1 2": "1 2" is not a number of sockets`,
		">99999999999999999999": `condition ">99999999999999999999": "99999999999999999999" is not a number of sockets`,
		"<0":                    `condition "<0": a number of sockets is always at least 0`,
		">= 0":                  `condition ">= 0": a number of sockets is always at least 0`,
	} {
		_, err := ParseCondition(text)
		if err == nil || err.Error() != want || !strings.Contains(wording.Hint(err).String(), "'>100'") {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

func FuzzParseCondition(f *testing.F) {
	for _, seed := range []string{">100", "<= 3", "==0", "!=", "=>1", "> -1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ParseCondition(text)
		if (err == nil) != c.IsSet() {
			t.Fatalf("%q: %v and %q", text, err, c)
		}
		if err == nil && c.number < 0 {
			t.Errorf("%q is %q", text, c)
		}
		if again, err2 := ParseCondition(c.String()); err == nil && (err2 != nil || again != c) {
			t.Errorf("%q is written as %q: %v", text, c, err2)
		}
	})
}

// TestHeld checks a condition in ticks that are one second apart.
func TestHeld(t *testing.T) {
	for _, test := range []struct {
		lasting time.Duration
		holds   string // one character for each tick: 1 if it holds
		done    int    // the tick in which it has held long enough; -1: none
	}{
		{0, "0001", 3},
		{0, "1", 0},
		{0, "000", -1},
		{2 * time.Second, "0111", 3},
		{2 * time.Second, "01101101", -1},
		{2 * time.Second, "1101110", 5},
		{1500 * time.Millisecond, "0111", 3},
	} {
		var h held
		done := -1
		for i, c := range test.holds {
			if h.note(c == '1', start.Add(time.Duration(i)*time.Second), test.lasting) {
				done = i
				break
			}
		}
		if done != test.done {
			t.Errorf("%q for %v is done at %d, want %d", test.holds, test.lasting, done, test.done)
		}
	}
}
