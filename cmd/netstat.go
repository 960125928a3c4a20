package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"tcpstate/collect"
	"tcpstate/procnet"
	"tcpstate/render"
	"tcpstate/tcp"
	"tcpstate/wording"
)

// arguments returns the arguments of the process. If the program is called by the
// name netstat, it runs that command.
func arguments(argv []string) []string {
	if filepath.Base(argv[0]) == "netstat" {
		return append([]string{"netstat"}, argv[1:]...)
	}
	return argv[1:]
}

func newNetstatCommand(env *environment) *cobra.Command {
	c := &cobra.Command{
		Use: "netstat [OPTIONS]",
		Example: `  tcpstate netstat -ant | awk '{print $6}' | sort | uniq -c
  tcpstate netstat -tlnp | grep :80`,
		// netstat's own getopt accepts what pflag does not: shortened long names,
		// and arguments without a meaning.
		DisableFlagParsing:    true,
		DisableFlagsInUseLine: true,
		RunE: func(c *cobra.Command, args []string) error {
			o, err := parseNetstat(args)
			switch {
			case err != nil:
				return misused(err)
			case o.help:
				return c.Help()
			case o.version:
				_, err := fmt.Fprintf(env.stdout, "tcpstate %s, with the netstat of net-tools 2.10\n", version())
				return err
			}
			if env.privileged {
				if err := guard("proc", o.proc); err != nil {
					return misused(err)
				}
			}
			source, err := collect.ParseSource(o.source)
			if err != nil {
				return misused(err)
			}
			n := &netstat{netstatOptions: o, source: source, names: newNetstatNames(o), printed: map[string]bool{}, env: env}
			return repeat(c.Context(), n.interval(), func() error { return n.list(c.Context()) })
		},
	}
	c.InitDefaultHelpFlag()
	c.Flags().Lookup("help").Hidden = true // the list of options in the text has it
	return c
}

// netstat is one run of netstat, with all its listings.
type netstat struct {
	netstatOptions
	source  collect.Source
	names   *netstatNames
	printed map[string]bool // the notes that have been printed
	env     *environment
}

// interval returns how long netstat -c waits between two listings
// (wait_continous, netstat.c).
func (n *netstat) interval() time.Duration {
	if n.continuous {
		return time.Second
	}
	return 0
}

// list writes one listing. As in netstat, the processes are searched before the
// sockets are read.
func (n *netstat) list(ctx context.Context) error {
	layout := render.Netstat{
		All: n.all, Listening: n.listening, Extended: n.extended, Timers: n.timers, Wide: n.wide,
		Host: n.names.host, Service: n.names.service, User: n.names.user,
	}
	if n.programs {
		proc := procnet.Open(n.proc)
		owners, err := proc.Owners(ctx, procnet.OwnersQuery{Details: true})
		if err != nil {
			return err
		}
		if owners.Len() == 0 {
			fmt.Fprintf(n.env.stderr, "(No info could be read for \"-p\": geteuid()=%d but you should be root.)\n", os.Geteuid())
		} else if owners.Unreadable > 0 && anyClosed(proc.FS) {
			fmt.Fprint(n.env.stderr, "(Not all processes could be identified, non-owned process info\n"+
				" will not be shown, you would have to be root to see it all.)\n")
		}
		layout.Program = func(inode uint32) (int, string, bool) { return firstHolder(owners.Of(inode)) }
	}
	sockets, err := n.open(ctx)
	if err != nil {
		return err
	}
	if !n.numericHosts {
		kept, err := keep(sockets, layout.Shows)
		if err != nil {
			return err
		}
		if !n.names.resolve(ctx, kept) {
			if err := ctx.Err(); err != nil {
				return err
			}
			n.note(wording.Say("cmd.netstat.names", "time", resolveLimit).In(n.env.words))
		}
		sockets = each(kept)
	}
	return layout.Write(n.env.stdout, sockets)
}

// anyClosed reports whether there is a process whose directory of descriptors
// this user may not open. Only then netstat reports that something is missing.
// Root may open all of them, but may not always read the links in them
// (proc_pid_fd(5)).
func anyClosed(proc fs.FS) bool {
	directories, _ := fs.Glob(proc, "[0-9]*/fd") // the only error is that of a wrong pattern
	for _, directory := range directories {
		file, err := proc.Open(directory)
		if errors.Is(err, fs.ErrPermission) {
			return true
		}
		if err == nil {
			file.Close()
		}
	}
	return false
}

// firstHolder returns the one process that netstat shows for a socket: the first
// in /proc, which lists processes by their ids (prg_cache_add, netstat.c).
func firstHolder(holders []procnet.Holder) (pid int, argument string, ok bool) {
	if len(holders) == 0 {
		return 0, "", false
	}
	first := holders[0].Process
	if len(first.Cmdline) > 0 {
		argument = first.Cmdline[0]
	}
	return first.PID, argument, true
}

// open begins to read the sockets, those of IPv4 first. It leaves out states that
// /proc does not list and netstat never shows: BOUND_INACTIVE, and CLOSE if the
// source reports that state.
func (n *netstat) open(ctx context.Context) (iter.Seq2[*tcp.Socket, error], error) {
	var snapshots []*collect.Snapshot
	closeAll := func() {
		for _, s := range snapshots {
			s.Close()
		}
	}
	for _, family := range n.families() {
		s, err := collect.Open(ctx, collect.Query{
			Source: n.source, Proc: n.proc, Families: []tcp.Family{family}, States: tcp.All,
		})
		if err != nil {
			closeAll()
			return nil, err
		}
		snapshots = append(snapshots, s)
	}
	return func(yield func(*tcp.Socket, error) bool) {
		defer closeAll()
		for _, s := range snapshots {
			hidden := tcp.Set(tcp.BoundInactive)
			if !slices.Contains(s.Missing(), "close") {
				hidden |= tcp.Set(tcp.Close)
			}
			for socket, err := range s.Sockets() {
				if err == nil && hidden.Has(socket.State) {
					continue
				}
				if !yield(socket, err) {
					return
				}
			}
			for _, warning := range s.Warnings() {
				// Each family is read alone, and none is left out.
				if warning.Err == nil && warning.Code != collect.DualStack {
					n.note(warning.Text.In(n.env.words))
				}
			}
			if err := s.Warnings().Failure(); err != nil {
				yield(nil, err)
				return
			}
		}
	}, nil
}

// note prints a note on stderr, once in all listings.
func (n *netstat) note(note string) {
	if !n.printed[note] {
		n.printed[note] = true
		fmt.Fprintf(n.env.stderr, "tcpstate: %s\n", wording.Say("cmd.note", "note", note).In(n.env.words))
	}
}

// keep returns copies of the sockets that are shown.
func keep(sockets iter.Seq2[*tcp.Socket, error], shown func(*tcp.Socket) bool) ([]*tcp.Socket, error) {
	var kept []*tcp.Socket
	for s, err := range sockets {
		if err != nil {
			return nil, err
		}
		if shown(s) {
			kept = append(kept, s.Clone())
		}
	}
	return kept, nil
}

// each yields the sockets of a slice.
func each(sockets []*tcp.Socket) iter.Seq2[*tcp.Socket, error] {
	return func(yield func(*tcp.Socket, error) bool) {
		for _, s := range sockets {
			if !yield(s, nil) {
				return
			}
		}
	}
}
