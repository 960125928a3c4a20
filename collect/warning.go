package collect

import (
	"slices"
	"strconv"
	"time"

	"tcpstate/procnet"
	"tcpstate/tcp"
	"tcpstate/wording"
)

// Warning is something that a reader should know about a reading as a whole. Its
// code and its subject say what it is about: two warnings with the same code and
// subject are the same. The text is for people, and may contain numbers that change
// from reading to reading.
type Warning struct {
	Code    WarningCode
	Subject string          // which one, if a code can be about several things; else ""
	Text    wording.Message // one sentence, without a full stop; may contain names from outside

	// Err is set if the reading lacks something that it should have. The command
	// shows what was read, and then fails with this error.
	Err error
}

// WarningCode says what a warning is about. A code keeps its meaning.
type WarningCode string

// The codes of warnings.
const (
	NothingMatches      WarningCode = "nothing-matches"      // the query excludes every socket
	SourceFailed        WarningCode = "source-failed"        // another source is read in place of the one that failed
	TableUnread         WarningCode = "table-unread"         // subject: the file; lines of it, or all of it, could not be read
	OtherOrder          WarningCode = "other-order"          // the tables are of a host with another byte order
	TableChanged        WarningCode = "table-changed"        // sockets may be missing or listed twice
	StatesUnlisted      WarningCode = "states-unlisted"      // the source does not list the sockets of some requested states
	AgesUnknown         WarningCode = "ages-unknown"         // settings that ages depend on could not be read
	OwnersUnknown       WarningCode = "owners-unknown"       // the processes of some sockets were not found
	OwnersClosed        WarningCode = "owners-closed"        // some sockets were closed before their processes were found
	OwnersKernel        WarningCode = "owners-kernel"        // no process holds some sockets
	HostNamesLate       WarningCode = "host-names-late"      // name servers were too slow
	HostNamesFailed     WarningCode = "host-names-failed"    // name servers did not answer
	HostNamesMany       WarningCode = "host-names-many"      // there are more hosts than are looked up
	NamespaceSkipped    WarningCode = "namespace-skipped"    // subject: the error
	NamespaceUnreadable WarningCode = "namespace-unreadable" // subject: its name
	NamespacesClosed    WarningCode = "namespaces-closed"    // this user may not enter some
	NamespacesHidden    WarningCode = "namespaces-hidden"    // not all processes are listed
	NamespacesUnseen    WarningCode = "namespaces-unseen"    // some processes do not show theirs
	HostUnread          WarningCode = "host-unread"          // subject: the error; something of the host could not be read
	DualStack           WarningCode = "dual-stack"           // IPv6 listeners that take IPv4 too are left out
	MPTCPUnknown        WarningCode = "mptcp-unknown"        // subflows of multipath TCP cannot be told from connections
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

// Texts returns the texts of the warnings in English, as in JSON. The result is
// nil if there are none.
func (w Warnings) Texts() []string { return w.In(nil) }

// In returns the texts of the warnings in the language of a catalogue.
func (w Warnings) In(c *wording.Catalogue) (texts []string) {
	for _, warning := range w {
		texts = append(texts, warning.Text.In(c))
	}
	return texts
}

// Failure returns the error of a reading that lacks something that it should have,
// or nil.
func (w Warnings) Failure() error {
	var failure error
	for _, warning := range w {
		switch {
		case warning.Err == nil:
		case failure == nil:
			failure = warning.Err
		default:
			failure = wording.Both(failure, warning.Err)
		}
	}
	return failure
}

// isAbout reports whether both warnings are about the same thing.
func (w Warning) isAbout(other Warning) bool {
	return w.Code == other.Code && w.Subject == other.Subject
}

// The rest of this file makes the warnings. Their texts are in
// wording/en/collect.txt.

func nothingMatches() Warning {
	return Warning{Code: NothingMatches,
		Text: wording.Say("collect.nothing-matches")}
}

// insteadOfSockDiag is the key of what a reader should know if /proc is read because
// sock_diag failed.
const insteadOfSockDiag = "collect.instead-of-sock-diag"

// sourceFailed reports that another source is read, and what to know about it.
func sourceFailed(err error, instead string) Warning {
	if hint := wording.Hint(err); !hint.IsZero() {
		return Warning{Code: SourceFailed, Text: wording.Say("collect.source-failed.hint", "cause", err, "hint", hint, "instead", wording.Say(instead))}
	}
	return Warning{Code: SourceFailed, Text: wording.Say("collect.source-failed", "cause", err, "instead", wording.Say(instead))}
}

func tableUnread(file string, err error) Warning {
	return Warning{Code: TableUnread, Subject: file, Text: wording.Say("collect.error", "cause", err), Err: err}
}

// otherOrder reports that the tables of another host are read in the other byte order,
// or may have to be.
func otherOrder(certain bool, order ByteOrder) Warning {
	if certain {
		return Warning{Code: OtherOrder, Text: wording.Say("collect.order.other", "order", order)}
	}
	return Warning{Code: OtherOrder, Text: wording.Say("collect.order.maybe", "order", order)}
}

func tableChanged() Warning {
	return Warning{Code: TableChanged,
		Text: wording.Say("collect.table-changed")}
}

// statesUnlisted reports that a selection has states whose sockets are not listed.
func statesUnlisted(source Source, states tcp.StateSet) Warning {
	return Warning{Code: StatesUnlisted,
		Text: wording.Say("collect.states-unlisted", "source", source, "states", namesOf(states))}
}

func agesUnknown(err error) Warning {
	return Warning{Code: AgesUnknown, Subject: err.Error(),
		Text: wording.Say("collect.ages-unknown", "cause", err)}
}

// ownersUnknown reports for how many sockets with a file the processes were not
// found, and the probable reason, which may be empty.
func ownersUnknown(unknown, all int, reason wording.Message) Warning {
	if reason.IsZero() {
		return Warning{Code: OwnersUnknown, Text: wording.Say("collect.owners-unknown", "unknown", unknown, "all", all)}
	}
	return Warning{Code: OwnersUnknown,
		Text: wording.Say("collect.owners-unknown.reason", "unknown", unknown, "all", all, "reason", reason)}
}

// ownersClosed reports how many sockets were closed before or during the search.
func ownersClosed(closed, all int) Warning {
	return Warning{Code: OwnersClosed, Text: wording.Say("collect.owners-closed", "n", closed, "all", all)}
}

// ownersKernel reports how many sockets no process holds.
func ownersKernel(n int) Warning {
	return Warning{Code: OwnersKernel, Text: wording.Say("collect.owners-kernel", "n", n)}
}

// openedSince is the reason why a complete search of all processes did not find the
// process of a socket.
func openedSince() wording.Message { return wording.Say("collect.reason.opened-since") }

// obstacleOf returns what a search of processes could not see, or an empty message.
func obstacleOf(search *procnet.Owners) wording.Message {
	switch {
	case search.Hidden:
		return wording.Say("collect.reason.hidden")
	case search.Unreadable > 0:
		return wording.Say("collect.reason.unreadable", "n", search.Unreadable)
	}
	return wording.Message{}
}

func hostNamesLate(late, all int, patience time.Duration) Warning {
	return Warning{Code: HostNamesLate,
		Text: wording.Say("collect.host-names-late", "late", late, "all", all, "time", patience)}
}

func hostNamesFailed(failed, all int, err error) Warning {
	return Warning{Code: HostNamesFailed,
		Text: wording.Say("collect.host-names-failed", "failed", failed, "all", all, "cause", err)}
}

func hostNamesMany(most int) Warning {
	return Warning{Code: HostNamesMany,
		Text: wording.Say("collect.host-names-many", "most", most)}
}

func namespaceSkipped(err error) Warning {
	return Warning{Code: NamespaceSkipped, Subject: err.Error(), Text: wording.Say("collect.error", "cause", err)}
}

func namespaceUnreadable(name string, err error) Warning {
	return Warning{Code: NamespaceUnreadable, Subject: name, Text: wording.Say("collect.namespace-unreadable", "name", name, "cause", err)}
}

func namespacesClosed(names []string) Warning {
	quoted := make([]string, 0, len(names))
	for _, name := range names {
		quoted = append(quoted, strconv.Quote(name))
	}
	if len(quoted) == 1 {
		return Warning{Code: NamespacesClosed, Text: wording.Say("collect.namespace-closed", "name", quoted[0])}
	}
	return Warning{Code: NamespacesClosed, Text: wording.Say("collect.namespaces-closed", "n", len(quoted), "names", quoted)}
}

func namespacesHidden() Warning {
	return Warning{Code: NamespacesHidden,
		Text: wording.Say("collect.namespaces-hidden")}
}

func namespacesUnseen(processes int) Warning {
	return Warning{Code: NamespacesUnseen, Text: wording.Say("collect.namespaces-unseen", "n", processes)}
}

// hostUnread reports what could not be read of the host.
func hostUnread(err error) Warning {
	return Warning{Code: HostUnread, Subject: err.Error(), Text: wording.Say("collect.error", "cause", err)}
}

// dualStack reports the listeners on [::] that a query of IPv4 leaves out and that
// take IPv4 connections too, and those that may.
func dualStack(both, unknown int) Warning {
	if unknown > 0 {
		return Warning{Code: DualStack, Text: wording.Say("collect.dual-stack.unknown", "n", both+unknown)}
	}
	return Warning{Code: DualStack, Text: wording.Say("collect.dual-stack", "n", both)}
}

// mptcpUnknown reports that subflows are not recognised. n is how many sockets of
// MPTCP there are, or 0 if that is unknown.
func mptcpUnknown(n int) Warning {
	if n == 0 {
		return Warning{Code: MPTCPUnknown, Text: wording.Say("collect.mptcp-unknown.maybe")}
	}
	return Warning{Code: MPTCPUnknown, Text: wording.Say("collect.mptcp-unknown", "n", n)}
}

// LeaveHostOut returns the warning that a page has no numbers of this host, because
// the host could not be read.
func LeaveHostOut(err error) Warning {
	return Warning{Code: HostLeftOut, Text: wording.Say("collect.host-left-out", "cause", err)}
}
