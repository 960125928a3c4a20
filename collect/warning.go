package collect

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"tcpstate/procnet"
)

// Warning is something that a reader should know about a reading as a whole. Its
// code and its subject say what it is about: two warnings with the same code and
// subject are the same. The text is for people, and may contain numbers that change
// from reading to reading.
type Warning struct {
	Code    WarningCode
	Subject string // which one, if a code can be about several things; else ""
	Text    string // one sentence in English, without a full stop; may hold names from outside
}

// WarningCode says what a warning is about. A code keeps its meaning.
type WarningCode string

// The codes of warnings.
const (
	NothingMatches      WarningCode = "nothing-matches"      // the query excludes every socket
	SourceFailed        WarningCode = "source-failed"        // another source is read in place of the one that failed
	TableChanged        WarningCode = "table-changed"        // sockets may be missing or listed twice
	AgesUnknown         WarningCode = "ages-unknown"         // settings that ages depend on could not be read
	OwnersUnknown       WarningCode = "owners-unknown"       // the processes of some sockets were not found
	HostNamesLate       WarningCode = "host-names-late"      // name servers were too slow
	HostNamesFailed     WarningCode = "host-names-failed"    // name servers did not answer
	HostNamesMany       WarningCode = "host-names-many"      // there are more hosts than are looked up
	NamespaceSkipped    WarningCode = "namespace-skipped"    // subject: the error
	NamespaceUnreadable WarningCode = "namespace-unreadable" // subject: its name
	NamespacesClosed    WarningCode = "namespaces-closed"    // this user may not enter some
	NamespacesHidden    WarningCode = "namespaces-hidden"    // not all processes are listed
	NamespacesUnseen    WarningCode = "namespaces-unseen"    // some processes do not show theirs
	HostUnread          WarningCode = "host-unread"          // subject: the error; something of the host could not be read
	HostLeftOut         WarningCode = "host-left-out"        // a page of explain has no numbers of this host
)

// Warnings are the warnings of a reading, in the order in which they came up.
type Warnings []Warning

// Add appends the warnings whose code and subject are not in the list yet. Of
// several about the same thing the first stays.
func (w *Warnings) Add(list ...Warning) {
	for _, warning := range list {
		if !slices.ContainsFunc(*w, warning.isAbout) {
			*w = append(*w, warning)
		}
	}
}

// Texts returns the texts of the warnings, nil if there are none.
func (w Warnings) Texts() (texts []string) {
	for _, warning := range w {
		texts = append(texts, warning.Text)
	}
	return texts
}

// isAbout reports whether both warnings are about the same thing.
func (w Warning) isAbout(other Warning) bool {
	return w.Code == other.Code && w.Subject == other.Subject
}

// The rest of this file makes the warnings. Their texts are nowhere else.

func nothingMatches() Warning {
	return Warning{Code: NothingMatches,
		Text: "nothing can match: the states, families and filter that are asked for exclude each other"}
}

// insteadOfSockDiag is what a reader should know if /proc is read because sock_diag
// failed.
const insteadOfSockDiag = "reading /proc/net/tcp instead, which knows less of each socket and may list one twice or miss one while it changes"

// sourceFailed reports that another source is read, and what to know about it.
func sourceFailed(err error, instead string) Warning {
	return Warning{Code: SourceFailed, Text: fmt.Sprintf("%v; %s", err, instead)}
}

func tableChanged() Warning {
	return Warning{Code: TableChanged,
		Text: "the kernel says that its table changed during the dump: sockets may be missing or listed twice"}
}

func agesUnknown(err error) Warning {
	return Warning{Code: AgesUnknown, Subject: err.Error(),
		Text: fmt.Sprintf("%v; the ages of SYN_SENT and FIN_WAIT2 are not known", err)}
}

// ownersUnknown reports for how many sockets with a file the processes were not
// found, and the probable reason, which may be "".
func ownersUnknown(unknown, all int, reason string) Warning {
	text := fmt.Sprintf("the processes of %d of %d sockets are not known", unknown, all)
	if reason != "" {
		text += ": " + reason
	}
	return Warning{Code: OwnersUnknown, Text: text}
}

// openedSince is the reason why a complete search of all processes did not find the
// process of a socket.
const openedSince = "they were opened after the processes were searched, or no process holds them"

// obstacleOf returns what a search of processes could not see, "" for nothing.
func obstacleOf(search *procnet.Owners) string {
	switch {
	case search.Hidden:
		return "not all processes are listed (see hidepid in proc(5))"
	case search.Unreadable == 1:
		return "one process may not be read by this user"
	case search.Unreadable > 0:
		return fmt.Sprintf("%d processes may not be read by this user", search.Unreadable)
	}
	return ""
}

func hostNamesLate(late, all int, patience time.Duration) Warning {
	return Warning{Code: HostNamesLate,
		Text: fmt.Sprintf("the names of %d of %d hosts were not found within %v", late, all, patience)}
}

func hostNamesFailed(failed, all int, err error) Warning {
	return Warning{Code: HostNamesFailed,
		Text: fmt.Sprintf("the names of %d of %d hosts could not be looked up: %v", failed, all, err)}
}

func hostNamesMany(most int) Warning {
	return Warning{Code: HostNamesMany,
		Text: fmt.Sprintf("the names of hosts beyond the first %d were not looked up", most)}
}

func namespaceSkipped(err error) Warning {
	return Warning{Code: NamespaceSkipped, Subject: err.Error(), Text: err.Error()}
}

func namespaceUnreadable(name string, err error) Warning {
	return Warning{Code: NamespaceUnreadable, Subject: name, Text: fmt.Sprintf("network namespace %q: %v", name, err)}
}

func namespacesClosed(names []string) Warning {
	quoted := make([]string, 0, len(names))
	for _, name := range names {
		quoted = append(quoted, strconv.Quote(name))
	}
	w := Warning{Code: NamespacesClosed}
	if len(quoted) == 1 {
		w.Text = fmt.Sprintf("the network namespace %s may not be entered by this user", quoted[0])
	} else {
		w.Text = fmt.Sprintf("%d network namespaces may not be entered by this user: %s", len(quoted), strings.Join(quoted, ", "))
	}
	return w
}

func namespacesHidden() Warning {
	return Warning{Code: NamespacesHidden,
		Text: "not all processes are listed (see hidepid in proc(5)): there may be network namespaces that are not known"}
}

func namespacesUnseen(processes int) Warning {
	w := Warning{Code: NamespacesUnseen, Text: "the network namespace of one process may not be seen by this user"}
	if processes > 1 {
		w.Text = fmt.Sprintf("the network namespaces of %d processes may not be seen by this user", processes)
	}
	return w
}

// hostUnread reports what could not be read of the host.
func hostUnread(err error) Warning {
	return Warning{Code: HostUnread, Subject: err.Error(), Text: err.Error()}
}

// LeaveHostOut returns the warning that a page has no numbers of this host, because
// the host could not be read.
func LeaveHostOut(err error) Warning {
	return Warning{Code: HostLeftOut, Text: fmt.Sprintf("%v; this host is left out", err)}
}
