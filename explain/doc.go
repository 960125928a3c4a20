// Package explain has the texts and diagrams that explain TCP's states. It reads
// nothing from the host: the caller passes what is known about it as a [Host].
// The texts are embedded, with one folder for each language, en and zh.
//
// # How a page is written
//
// A page is a text file with the name of its topic in small letters and hyphens
// (TIME_WAIT is time-wait.md). Its markup is small and strict, and is also valid
// Markdown. A page that breaks a rule fails the tests of this package, which
// report the file and line; "go test ./explain" reads every page with a host and
// without. A line of the source has at most 120 columns (a Chinese character takes
// two); only the rows of a table may be longer.
//
// A page is:
//
//   - "# " and the title: the name of a state, such as TIME_WAIT, or words.
//   - one paragraph, the summary: one sentence.
//   - sections: "## " and one of the fixed headings below, in this order.
//
// A section consists of blocks with a blank line between them:
//
//   - a paragraph: lines of text, which are joined and wrapped again
//   - a list: items that start with "- ", with further lines indented by two
//     spaces; or steps in order: "1. ", "2. ", with further lines indented by
//     three. An item may end with commands: lines indented by six spaces.
//   - commands that the user can type: lines indented by four spaces, at most 74
//     columns
//   - a table: "| a | b |" rows, |---|---| below the first
//   - a directive: "@name", alone on its line; see below
//
// Within text, `backticks` enclose what a user types, or a name of the kernel
// (sysctls, counters, calls, flags, columns); **asterisks** emphasize, rarely. On
// a terminal both are colours or not visible, so a sentence must be clear without
// them. After a backslash, a punctuation mark has no special meaning. There are no
// links, no HTML, no lists in lists. State names have no markup: TIME_WAIT.
//
// # The headings
//
// The headings in their order, in English. words.txt has them in each language
// under "heading.*", and a page uses exactly those. For each kind of page: M means
// required, o optional, - not allowed.
//
//	heading                        state  process  question   holds
//	Diagram                          M       o        o       @ladder NAME, once or more, text between them
//	How it works                     -       M        -       text
//	Why                              -       -        M       text
//	How it is entered and left       M       -        -       @transitions, and text
//	Its clock                        M       o        o       @clock, and text
//	On this host now                 M       o        o       @live, and text on how to read it
//	Normal or not                    M       o        -       text: when to worry, when not
//	What is often said               -       o        o       text: common errors, and what is true
//	What to do                       M       o        o       text, mostly steps
//	What not to do                   M       o        o       text, mostly a list of folk remedies by name
//	Related                          M       M        M       one paragraph: canonical topic names, joined by ", "
//	Sources                          M       M        M       one list: RFC and section, kernel file, man page
//
// topic.go says which topics are states, processes (handshake to protocols) and
// questions (why-three and so on). It has the canonical names: TIME_WAIT,
// half-open. In Chinese pages too they are joined by ", ".
//
// # The directives
//
//   - @ladder NAME: a ladder diagram of ladder_table.go, with the state of the
//     page's topic marked. The names are: handshake, teardown, teardown-three (one
//     segment has the ACK and the FIN), simultaneous-open, simultaneous-close,
//     half-close, half-open (one end restarts, and answers data with RST), reset
//     (SO_LINGER 0, or close() with unread data), refused (a SYN to a port without a
//     listener), keepalive (probes with answers), client-died (probes without
//     answers), syn-flood, syn-cookies, backlog (the accept queue is full), syn-lost
//     (SYN_SENT resends), bound (bind(), then connect()), old-syn (two-way handshake
//     and an old SYN), last-ack-lost (TIME_WAIT answers a FIN that is resent),
//     old-segment (TIME_WAIT meets a segment of the old connection), old-accepted
//     (the same without TIME_WAIT), syn-meets-last-ack (a new connection without it).
//   - @transitions: the list of how a state is entered and left, from the state
//     machine in package lifecycle.
//   - @clock: what ends the state and when, and the settings that determine it: a
//     table made from clocks.go. Text after it need not repeat the numbers.
//   - @live: the sockets on this host now: how many, the oldest, the largest groups,
//     counters. Without a host it says that no host was read. Text after it explains
//     these figures, and must be true in both cases.
//
// # The placeholders
//
// They are those of text/template; strings are in "double quotes". With a host
// they give its values, without one the kernel's defaults. A placeholder that names
// a setting says that it is a default. Never write a number that a placeholder can
// give.
//
//	{{sysctl "net.ipv4.tcp_fin_timeout"}}   `net.ipv4.tcp_fin_timeout` = 60, and whether
//	                                        that is the default, or differs from it
//	{{value "net.ipv4.tcp_syn_retries"}}    the bare value: 6
//	{{time "net.ipv4.tcp_fin_timeout"}}     the value of a setting that is a time: 60 s
//	{{default "net.ipv4.tcp_retries2"}}     the kernel's default, with or without a host: 15
//	{{constant "TCP_TIMEWAIT_LEN"}}         a constant of the kernel: 60 s; also
//	                                        TCP_TIMEOUT_INIT (1 s), TCP_RTO_MIN (200 ms)
//	{{total "syn_sent"}}                    when a clock ends the state: 131 s
//	{{count "syn_sent"}}                    how often the kernel resends before that: 10
//	{{resends "syn_sent"}}                  when it resends: 1, 2, 3, 4, 5, 7, 11, 19, 35, 67 s
//	{{last "syn_sent"}}                     the last of these: 67 s
//	{{duration "2h11m15s"}}                 a fixed time as the language writes it
//	{{if live}}with a host{{else}}without{{end}}
//	{{if eq (number "net.ipv4.tcp_syncookies") 1}}...{{end}}
//
// The clocks are syn_sent, syn_recv (SYN-ACKs), data (unacknowledged data in a
// socket that a program holds), orphan (data or a FIN in a socket that no program
// holds), keepalive, fin_wait2 (once no program holds it), time_wait. Settings are
// those of lifecycle.SettingTable. A sentence must read well with any number.
//
// # The other files of a language
//
// words.txt has the short texts that code puts together, "key = text"; the keys
// are those of words.go. machine.txt has the sentences of the state machine in the
// language; English has no such file. stories.md has the texts about particular
// sockets: blocks for each condition of condition.go, each timer and the queues.
// Their placeholders are those of pages and the fields of type facts in
// socket_facts.go, such as {{.Fires}}.
//
// # Two languages
//
// A Chinese page has the same headings, directives, placeholders and commands in
// the same order as the English one, and the same numbers (digits; write a
// number as digits in both languages or in neither). It is not a translation word
// by word.
package explain
