package explain

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"tcpstate/tcp"
	"tcpstate/text"
)

// facts are the values that the texts in stories.md may use. Strings are
// escaped for the markup. A range is written as "3" or "3 to 7".
type facts struct {
	State   string
	Is      string // the Condition
	Many    bool   // more than one socket
	N       int
	Sockets string // the first few sockets: local > peer
	More    int    // how many sockets are not in Sockets
	Holders string // the first processes; "": unknown
	Kernel  bool   // no process holds some of them: the kernel itself serves them
	Came    string // the first listeners that the sockets came in through, with their processes; "": unknown
	// How many processes and listeners are not in Holders and Came.
	MoreHolders, MoreCame int
	Age                   string // "": unknown
	AgeAtLeast            bool   // Age is a lower bound, see lifecycle.Clocks.SetAge
	AgeAbout              bool   // Age is an estimate
	// How many of them are on [::] and take IPv4 connections too, or do not, or
	// of how many this is not known.
	DualStack, V6Only, V6Unknown int
	Unread                       int64  // the largest number of bytes of data that are not read
	Unsent                       int64  // the largest number of bytes of data that are not acknowledged
	UnreadS                      string // Unread and Unsent as ranges
	UnsentS                      string
	Queued                       string // the accept queue of a listener
	Most                         string // the maximum of the accept queue; "": unknown
	Fires                        string // when the timer fires
	Resent                       string // how often the timer has fired without an answer
	ResentN                      int64  // the largest number in Resent
	Left                         string // how many resends or probes are left
	LeftN                        int64  // the largest number in Left
	End                          string // when the kernel ends the socket; "": it does not
	Exact                        bool   // End is not an estimate
}

func (s *SocketExplainer) facts(g *tally, t *SocketGroup) facts {
	w := s.book.words
	f := facts{State: g.state.String(), Is: string(g.condition), N: g.count, Many: g.count > 1, More: g.count - len(g.examples), DualStack: g.dualStack, V6Only: g.v6only, V6Unknown: g.v6unknown, AgeAtLeast: g.ageAtLeast, AgeAbout: g.ageEstimated && !g.ageAtLeast, Exact: !g.inexact}
	var names []string
	for _, e := range g.examples {
		names = append(names, literal(text.Escape(ends(e))))
	}
	f.Sockets = strings.Join(names, w.say("list.join"))
	f.Holders, f.Came, f.Kernel = w.names(t.Holders), w.names(t.Listeners), g.kernel > 0
	f.MoreHolders, f.MoreCame = len(g.holders)-len(t.Holders), len(g.listeners)-len(t.Listeners)
	f.Unread, f.Unsent = g.unread.greatest, g.unsent.greatest
	f.UnreadS, f.UnsentS = w.spread(g.unread.least, g.unread.greatest), w.spread(g.unsent.least, g.unsent.greatest)
	f.Queued = w.spread(g.queued.least, g.queued.greatest)
	if g.most.seen {
		f.Most = w.spread(g.most.least, g.most.greatest)
	}
	f.Fires, f.Age, f.End = w.timeSpread(g.fires), w.timeSpread(g.age), w.timeSpread(g.end)
	f.Resent, f.ResentN = w.spread(g.resent.least, g.resent.greatest), g.resent.greatest
	f.Left, f.LeftN = w.spread(g.left.least, g.left.greatest), g.left.greatest
	return f
}

// spread writes a range of counts.
func (w words) spread(least, greatest int64) string {
	if least == greatest {
		return fmt.Sprint(least)
	}
	return w.say("story.spread", "from", fmt.Sprint(least), "to", fmt.Sprint(greatest))
}

// timeSpread writes a range of times, "" if there is none.
func (w words) timeSpread(s timeSpread) string {
	if !s.seen {
		return ""
	}
	from, to := w.duration(time.Duration(s.least)), w.duration(time.Duration(s.greatest))
	if from == to {
		return from
	}
	return w.say("story.spread", "from", from, "to", to)
}

// ends writes the addresses of both ends of a socket. For a listener it writes
// only the local one.
func ends(s *tcp.Socket) string {
	if s.State == tcp.Listen || s.State == tcp.BoundInactive {
		return end(s.Local)
	}
	return end(s.Local) + " > " + end(s.Peer)
}

// end writes an address and a port. A port 0 is left out.
func end(a netip.AddrPort) string {
	if a.Port() == 0 {
		return a.Addr().String()
	}
	return a.String()
}

// names lists the names of groups, escaped for the terminal and for the markup.
func (w words) names(groups []Group) string {
	var names []string
	for _, g := range groups {
		names = append(names, literal(text.Escape(g.Name)))
	}
	return strings.Join(names, w.say("list.join"))
}
