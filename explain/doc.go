// Package explain holds every sentence for people about TCP's states, and the
// diagrams. It reads nothing from the host: what is known of it comes in as a
// [Host]. The texts stand in one folder a language, en and zh, embedded.
//
// # How a page is written
//
// A page is a text file, named as its topic with small letters and hyphens
// (TIME_WAIT is time-wait.md), in a small strict markup that is also Markdown.
// What breaks a rule fails the tests of this package, with file and line;
// "go test ./explain" reads every page, with a host and without. A line of the
// source has at most 120 columns (a Chinese character takes two); only the rows of
// a table may be longer.
//
// A page is:
//
//   - "# " and the title: a state's name as shown, such as TIME_WAIT, or words.
//   - one paragraph, the summary: one sentence.
//   - sections: "## " and one of the fixed headings below, in their order.
//
// A section is made of blocks with a blank line between them:
//
//   - a paragraph: lines of text, joined and wrapped anew
//   - a list: items that begin with "- ", their later lines indented by two
//     spaces; or steps, in order: "1. ", "2. ", their later lines indented by
//     three. An item may end with commands: lines indented by six spaces.
//   - commands, to be typed as they are: lines indented by four spaces, at most
//     74 columns
//   - a table: "| a | b |" rows, |---|---| below the first
//   - a directive: "@name", alone on its line; see below
//
// Within text, `backticks` enclose what one types, or what the kernel calls it
// (sysctls, counters, calls, flags, columns); **asterisks** stress, rarely. On a
// terminal both are colours, or nothing: a sentence must be clear without them.
// A backslash before a punctuation mark takes its meaning away. There are no
// links, no HTML, no lists in lists. State names stand bare: TIME_WAIT.
//
// # The headings
//
// In this order, here in English; words.txt has them in each language under
// "heading.*", and a page has them as they stand there. For each kind of page: M
// must be there, o may be there, - may not.
//
//	heading                        state  process  question   holds
//	Diagram                          M       o        o       @ladder NAME, once or more, text between them
//	How it works                     -       M        -       text
//	Why                              -       -        M       text
//	How it is entered and left       M       -        -       @transitions, and text
//	Its clock                        M       o        o       @clock, and text
//	On this host now                 M       o        o       @live, and text on how to read it
//	Normal or not                    M       o        -       text: when to worry, when not
//	What is often said               -       o        o       text: the false, and what is true
//	What to do                       M       o        o       text, mostly steps
//	What not to do                   M       o        o       text, mostly a list of folk remedies by name
//	Related                          M       M        M       one paragraph: canonical topic names, joined by ", "
//	Sources                          M       M        M       one list: RFC and section, kernel file, man page
//
// Which topics are states, processes (handshake to protocols) and questions
// (why-three and so on) stands in topic.go. Canonical names are those there:
// TIME_WAIT, half-open. In Chinese pages too they are joined by ", ".
//
// # The directives
//
//   - @ladder NAME: a ladder diagram of ladders.go. The states of the page's topic
//     are marked in it. They are: handshake, teardown, teardown-three (the ACK and
//     the FIN ride together), simultaneous-open, simultaneous-close, half-close,
//     half-open (one end restarts, data is answered by RST), reset (SO_LINGER 0, or
//     close() with unread data), refused (a SYN to a port where nobody listens),
//     keepalive (probes answered), client-died (probes not answered), syn-flood,
//     syn-cookies, backlog (the accept queue is full), syn-lost (SYN_SENT resends),
//     bound (bind(), then connect()), old-syn (two-way handshake and an old SYN),
//     last-ack-lost (TIME_WAIT answers a FIN that is resent), old-segment (a new
//     connection receives what the old one was sent).
//   - @transitions: the table of how a state is entered and left, from package
//     tcp's machine.
//   - @clock: what ends the state and when, and the settings it comes from: a
//     table made from clocks.go. Text after it need not say the numbers again.
//   - @live: on this host now: how many, the oldest, the largest groups, counters.
//     Without a host it says that none was looked at. Text after it is for reading
//     those figures, and holds in both cases.
//
// # The placeholders
//
// They are those of text/template; strings stand in "double quotes". With a host
// they give its values, without one the kernel's defaults, and say so where they
// stand for a setting by name. Never write a number that a placeholder can give.
//
//	{{sysctl "net.ipv4.tcp_fin_timeout"}}   `net.ipv4.tcp_fin_timeout` = 60, and whether
//	                                        that is the default, or differs from it
//	{{value "net.ipv4.tcp_syn_retries"}}    the bare value: 6
//	{{time "net.ipv4.tcp_fin_timeout"}}     the value of a setting that is a time: 60 s
//	{{default "net.ipv4.tcp_retries2"}}     what a kernel starts with, host or not: 15
//	{{constant "TCP_TIMEWAIT_LEN"}}         a constant of the kernel: 60 s; also
//	                                        TCP_TIMEOUT_INIT (1 s), TCP_RTO_MIN (200 ms)
//	{{total "syn_sent"}}                    when a clock ends what it runs for: 131 s
//	{{count "syn_sent"}}                    how often is sent again before that: 10
//	{{resends "syn_sent"}}                  when: 1, 2, 3, 4, 5, 7, 11, 19, 35, 67 s
//	{{last "syn_sent"}}                     the last of these: 67 s
//	{{duration "2h11m15s"}}                 a fixed time as the language writes it
//	{{if live}}with a host{{else}}without{{end}}
//	{{if eq (number "net.ipv4.tcp_syncookies") 1}}...{{end}}
//
// The clocks are syn_sent, syn_recv (SYN-ACKs), data (unacknowledged data in a
// socket that a program holds), orphan (data or a FIN in one that none holds),
// keepalive, fin_wait2 (once no program holds it), time_wait. Settings are those
// of lifecycle.SettingTable. A sentence must read well whatever the number is.
//
// # The other files of a language
//
// words.txt has the short texts that code puts together, "key = text"; the keys
// are those of words.go. machine.txt has the sentences of tcp's machine in the
// language; English has none. stories.md has what is told of very sockets: for
// each condition of condition.go a text of blocks, and for the timers and queues
// one each; their placeholders are those of pages and the fields of type facts in
// story.go, such as {{.Fires}}.
//
// # Two languages
//
// A Chinese page has the same headings, directives, placeholders and commands in
// the same order as the English one, and the same numbers (digits; write a
// number as digits in both languages or in neither). It is written anew, not
// word by word.
package explain
