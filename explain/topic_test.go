package explain

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"tcpstate/lifecycle"
	"tcpstate/tcp"
	"tcpstate/wording"
)

func TestFind(t *testing.T) {
	for spelling, want := range map[string]string{
		"time_wait": "TIME_WAIT", "TIME-WAIT": "TIME_WAIT", "timewait": "TIME_WAIT", "tw": "TIME_WAIT", "Time Wait": "TIME_WAIT",
		"SYN_RCVD": "SYN_RECV", "syn-received": "SYN_RECV", "estab": "ESTABLISHED", "FIN-WAIT-1": "FIN_WAIT1", "closed": "CLOSE",
		"half open": "half-open", "Half_Open": "half-open", "2MSL": "2msl", "msl": "2msl", "SYN FLOOD": "syn-flood",
		"three-way handshake": "handshake", "三次握手": "handshake", "四次挥手": "teardown", "why_three": "why-three", "rst": "reset",
		"tcp_fin_timeout": "FIN_WAIT2", "net.ipv4.tcp_fin_timeout": "FIN_WAIT2", "net.core.somaxconn": "backlog",
		"ListenOverflows": "backlog", "TcpExt.ListenOverflows": "backlog", "TcpExtListenOverflows": "backlog", "Tcp.OutRsts": "reset",
		"FTP": "protocols", "Telnet": "protocols", "三次挥手": "teardown", "大量CLOSE_WAIT": "CLOSE_WAIT", "握手丢失": "handshake",
		"为什么需要TIME_WAIT": "why-time-wait", "SYN cookie": "syn-cookies", "why three-way handshake?": "why-three", "四元组": "port-exhaustion",
	} {
		got, err := Find(spelling)
		if err != nil || got.Name != want {
			t.Errorf("Find(%q) = %s, %v; want %s", spelling, got.Name, err, want)
		}
	}
}

func TestFindMisses(t *testing.T) {
	for spelling, want := range map[string]string{
		"":            "tcpstate explain --list shows the topics",
		"?":           "tcpstate explain --list shows the topics",
		"\xff":        "tcpstate explain --list shows the topics",
		"foo":         "tcpstate explain --list shows the topics",
		"tcp":         "tcpstate explain --list shows the topics",
		"没有":          "tcpstate explain --list shows the topics",
		"keepers":     "the most similar topic is keepalive; tcpstate explain --list shows all topics",
		"half":        "did you mean half-close, half-open?",
		"queue":       "did you mean backlog?",
		"timewiat":    "did you mean TIME_WAIT?",
		"handshkae":   "did you mean handshake?",
		"keep-alives": "did you mean keepalive?",
		"synflod":     "did you mean syn-flood?",
	} {
		_, err := Find(spelling)
		var unknown *UnknownTopicError
		if !errors.As(err, &unknown) || wording.Hint(err).String() != want {
			t.Errorf("Find(%q): %v, want the hint %q", spelling, err, want)
		}
	}
}

func TestTopics(t *testing.T) {
	names, files := map[string]bool{}, map[string]bool{}
	for _, topic := range Topics() {
		if names[fold(topic.Name)] || files[topic.File()] {
			t.Errorf("%s is listed twice", topic.Name)
		}
		names[fold(topic.Name)], files[topic.File()] = true, true
		if got, err := Find(topic.Name); err != nil || got.Name != topic.Name {
			t.Errorf("Find(%q) = %s, %v", topic.Name, got.Name, err)
		}
	}
	for s := range tcp.All.States() {
		if topic, ok := TopicOf(s); !ok || topic.State != s {
			t.Errorf("%s has no topic", s)
		}
	}
	for spelling, name := range otherNames {
		if !names[fold(name)] {
			t.Errorf("%q names %q, which is not a topic", spelling, name)
		}
		if names[spelling] || fold(spelling) != spelling {
			t.Errorf("%q is a topic's own name, or not folded", spelling)
		}
	}
	for name, runs := range topicClocks {
		if !names[fold(name)] {
			t.Errorf("%q has clocks but is not a topic", name)
		}
		for _, c := range runs.clocks {
			if _, ok := clocks[c]; !ok {
				t.Errorf("%s: no clock %q", name, c)
			}
		}
		for _, s := range runs.settings {
			if _, ok := lifecycle.SettingOf(s); !ok {
				t.Errorf("%s: no setting %q", name, s)
			}
		}
	}
	for name, c := range clocks {
		for _, s := range c.settings {
			if _, ok := lifecycle.SettingOf(s); !ok {
				t.Errorf("%s: no setting %q", name, s)
			}
		}
	}
}

func FuzzFind(f *testing.F) {
	f.Add("time wait")
	f.Add("三次握手")
	f.Add("\x1b[2J")
	f.Fuzz(func(t *testing.T, spelling string) {
		topic, err := Find(spelling)
		if err != nil {
			var unknown *UnknownTopicError
			if !errors.As(err, &unknown) || wording.Hint(err).IsZero() || strings.Contains(err.Error(), "\x1b") || !utf8.ValidString(err.Error()) {
				t.Errorf("Find(%q): %v", spelling, err)
			}
			return
		}
		if again, err := Find(topic.Name); err != nil || again.Name != topic.Name {
			t.Errorf("%q is %s, which is not found", spelling, topic.Name)
		}
	})
}
