package collect

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"slices"
	"time"

	"tcpstate/doctor"
	"tcpstate/netns"
	"tcpstate/procnet"
	"tcpstate/tcp"
	"tcpstate/wording"
)

// Checkup is an observation of a network namespace that has begun: its
// settings, and a first reading of its counters and its sockets. End reads the
// counters and the sockets again, and then the processes that the findings are
// about.
type Checkup struct {
	Label       string // of the namespace, for people; "": its name
	Netns       string // name of the namespace; "" if only that of the process was requested
	Observation *doctor.Observation

	ctx      context.Context
	job      *job
	proc     *procnet.Proc
	source   Source
	missing  []string
	warnings Warnings
	readings Readings
	holders  *holders // nil: the filter of the query depends on the processes, and they come with the sockets
}

// Readings is how often a checkup reads the counters and the sockets.
type Readings int

// The readings.
const (
	Once  Readings = 1 // only at the end, so nothing is compared
	Twice Readings = 2 // also at the beginning
)

// BeginCheckups begins an observation of each network namespace of a query. The
// filter of the query selects the sockets that are examined. Its detail is
// replaced by what the doctor needs. The warnings are about namespaces that
// could not be observed.
func BeginCheckups(ctx context.Context, q Query, thresholds doctor.Thresholds, readings Readings) (list []*Checkup, warnings Warnings, err error) {
	// The rules use the clocks in tcp_info, and the number of dropped packets.
	q.Detail = tcp.DetailAge | tcp.DetailInfo | tcp.DetailMemory
	q.MPTCP = MPTCPAdded
	all, err := newJob(q)
	if err != nil {
		return nil, nil, err
	}
	for i, space := range all.spaces {
		of, err := all.again(q)
		if err != nil {
			return nil, nil, err
		}
		of.spaces = []*netns.Namespace{space}
		c, err := beginCheckup(ctx, of, thresholds, readings)
		switch {
		case err == nil:
			list = append(list, c)
		case i == 0 || ctx.Err() != nil:
			return nil, nil, err
		case !errors.Is(err, netns.ErrGone):
			all.warnings.Add(namespaceUnreadable(space.Name, err))
		}
	}
	return list, all.warnings, nil
}

func beginCheckup(ctx context.Context, j *job, thresholds doctor.Thresholds, readings Readings) (*Checkup, error) {
	space := j.spaces[0]
	c := &Checkup{ctx: ctx, job: j, proc: procOf(j.query.Proc, space), readings: readings}
	if space != nil {
		c.Netns, c.Label = space.Name, namespaceLabel(j.query.Proc, space)
	}
	settings, err := c.proc.Settings()
	c.note(err)
	c.Observation = doctor.Observe(settings, thresholds)
	c.Observation.Netns = c.Netns
	c.Observation.Release, err = c.proc.Release()
	c.note(err)
	if j.query.judgesOwners() {
		j.query.Detail |= tcp.DetailProcesses
	} else {
		c.Observation.Survey.Defer()
	}
	if readings == Twice {
		if err := c.readEarlier(c.counters()["Tcp.CurrEstab"]); err != nil {
			return nil, err
		}
		// The counters are read after the sockets here, and before them at the
		// end. So whatever the counters count, the sockets show too.
		c.Observation.Before = c.counters()
	}
	return c, nil
}

// readEarlier makes the first reading of the sockets. It reads each set of states
// apart, because it stops when it has as many of them as are kept.
// established is about how many ESTABLISHED ones there are.
func (c *Checkup) readEarlier(established int64) error {
	earlier := &doctor.Earlier{}
	earlier.Crowded(established)
	c.Observation.SetEarlier(earlier)
	for _, states := range doctor.EarlierStates() {
		q := c.job.query
		q.States &= states
		q.Filter = q.Filter.WithoutProcesses()
		q.Detail, q.MPTCP = tcp.DetailInfo|tcp.DetailMemory, MPTCPIgnored
		if q.States != states || q.Filter.String() != "" {
			earlier.Partial() // a socket that is left out now may be selected later
		}
		if q.States == 0 {
			continue
		}
		if err := c.readPart(q, earlier); err != nil {
			return err
		}
	}
	return nil
}

// readPart adds the sockets of a query to the first reading.
func (c *Checkup) readPart(q Query, earlier *doctor.Earlier) error {
	j, err := c.job.again(q)
	if err != nil {
		return err
	}
	s, err := j.open(c.ctx)
	if err != nil {
		return err
	}
	if slices.Contains(s.Missing(), "cookie") {
		earlier.Partial()
		s.Close()
		return nil
	}
	for socket, err := range s.Sockets() {
		if err != nil {
			return err
		}
		if !earlier.Add(socket) {
			break
		}
	}
	return nil
}

// Sample reads the counters and the listeners, the given time after the checkup
// began. It shows what comes and goes between the beginning and the end. It reads
// no other sockets, so it costs little, however many there are.
func (c *Checkup) Sample(at time.Duration) error {
	o := c.Observation
	o.Sample(at, c.counters())
	q := c.job.query
	q.States &= tcp.Set(tcp.Listen)
	q.Filter, q.Detail, q.MPTCP = q.Filter.WithoutProcesses(), 0, MPTCPIgnored
	if q.States == 0 {
		return nil
	}
	j, err := c.job.again(q)
	if err != nil {
		return err
	}
	s, err := j.open(c.ctx)
	if err != nil {
		return err
	}
	for socket, err := range s.Sockets() {
		if err != nil {
			return err
		}
		o.SampleListener(socket)
	}
	return nil
}

// note keeps an error about something that could not be read. The rules that
// depend on it report that they were not evaluated.
func (c *Checkup) note(err error) {
	if err != nil {
		c.warnings.Add(hostUnread(err))
	}
}

// counters reads the counters. It returns nil if they cannot be read.
func (c *Checkup) counters() map[string]int64 {
	counters, err := c.proc.Counters()
	if err != nil {
		return nil
	}
	maps.Copy(counters, c.proc.BelowTCP())
	return counters
}

// holdersRead is the number of processes whose state and limits are read. They
// are those with the most sockets.
const holdersRead = 32

// End reads the counters again, the given time after the checkup began, and
// examines the sockets. If the interval is 0, no readings are compared: there
// is one reading of the counters, and their values are since boot.
func (c *Checkup) End(interval time.Duration) error {
	o := c.Observation
	counters, err := c.proc.Counters()
	c.note(err)
	if err == nil {
		maps.Copy(counters, c.proc.BelowTCP())
	}
	o.After, o.Interval = counters, interval
	if o.Earlier != nil {
		o.Earlier.Ago = interval
	}
	if o.Readings() > 0 {
		o.Sample(interval, counters)
	}
	if interval == 0 {
		o.Before = nil
	}
	s, err := c.readSockets()
	if err != nil {
		return err
	}
	c.warnings.Add(s.Warnings()...)
	if c.holders != nil {
		if err := c.attribute(); err != nil {
			return err
		}
	}

	conntrack, most, known := c.proc.Conntrack()
	o.Conntrack, o.ConntrackMax, o.ConntrackUnread = conntrack, most, !known
	if o.Survey.NeedsAddresses() {
		o.Addresses = c.proc.LocalAddresses()
	}
	stat, err := c.proc.SockStat()
	c.note(err)
	o.SockStat = stat
	c.readLimits()
	if err := c.readEnded(); err != nil {
		return err
	}
	o.Unseen = c.warnings.Texts()
	return nil
}

// readSockets reads the sockets into the survey.
func (c *Checkup) readSockets() (*Snapshot, error) {
	var err error
	if c.job.owners != nil {
		err = c.job.findAllOwners(c.ctx)
	} else {
		c.holders, err = newHolders(c.ctx, c.job)
	}
	if err != nil {
		return nil, err
	}
	s, err := c.job.open(c.ctx)
	if err != nil {
		return nil, err
	}
	c.source, c.missing, c.Observation.Unlisted = s.Source(), s.Missing(), s.Unlisted()
	survey := c.Observation.Survey
	for socket, err := range s.Sockets() {
		if err != nil {
			return nil, err
		}
		if c.holders != nil {
			c.holders.infer(socket)
		}
		survey.Add(socket)
		if survey.Overfull() {
			if err := c.holders.searchAll(c.ctx); err != nil {
				return nil, err
			}
			survey.Know(c.holders)
		}
	}
	if c.job.owners != nil {
		survey.Excuse(c.job.owners.late())
	}
	return s, nil
}

// findAllOwners finds the owners of all sockets, and the listeners. It needs no
// list of the sockets, but may search /proc for more than is used. Sockets that
// are opened after it are too young for a warning.
func (j *job) findAllOwners(ctx context.Context) error {
	listeners, err := j.listeners(ctx)
	if err != nil {
		return err
	}
	j.owners = NewOwners(j.query)
	j.owners.excused = true
	j.owners.SetListeners(listeners)
	if err := j.owners.searchAll(ctx); err != nil {
		return err
	}
	listening := make(map[uint32]struct{})
	listeners.addInodes(listening)
	return j.owners.settle(ctx, j, listening)
}

// readLimits reads the state and the limit of open files of the processes that
// hold the most sockets, and of the suspects. A process that has ended since then
// has none.
func (c *Checkup) readLimits() {
	proc := procnet.Open(c.job.query.Proc)
	open := make(map[int]int)
	for _, p := range c.found().Processes() {
		open[p.PID] = p.Open
		if p.Cut {
			if n, err := proc.Descriptors(p.PID); err == nil {
				open[p.PID] = n
			}
		}
	}
	o := c.Observation
	o.States = make(map[int]doctor.ProcessState)
	for _, holder := range append(o.Survey.Holders(holdersRead), c.otherSuspects(proc)...) {
		if status, err := proc.Status(holder.PID); err == nil { // it is only added to what is found
			o.States[holder.PID] = doctor.ProcessState{State: status.State, Tracer: status.Tracer}
		}
		soft, err := proc.OpenFilesLimit(holder.PID)
		switch {
		case err == nil:
			o.Limits = append(o.Limits, doctor.Limit{Process: holder, Open: open[holder.PID], Soft: soft})
		case !errors.Is(err, fs.ErrNotExist):
			c.note(wording.Wrap(err, "collect.error.limits", "pid", holder.PID))
		}
	}
}

// found returns what the searches for processes have found.
func (c *Checkup) found() *procnet.Owners {
	if c.holders != nil {
		return c.holders.found
	}
	return c.job.owners.found
}

// Source returns the source of the sockets.
func (c *Checkup) Source() Source { return c.source }

// Missing returns the JSON names of what the source cannot report.
func (c *Checkup) Missing() []string { return c.missing }

// Warnings reports what could not be read.
func (c *Checkup) Warnings() Warnings { return c.warnings }
