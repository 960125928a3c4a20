package screen

import (
	"slices"

	"tcpstate/render"
	"tcpstate/tcp"
	"tcpstate/text"
	"tcpstate/wording"
)

// choice is a column that a list of sockets can have.
type choice struct {
	name   string // in render.ColumnNames
	layout column
	sorts  sortBy
	needs  tcp.Detail // of every socket, if the user requested the column
}

// choices returns the columns that a list of sockets can have, in the order in
// which they are shown. They show what a watch.Row holds. Other fields must be
// read for a single socket.
func choices() []choice {
	return []choice{
		{"netns", column{readable: 12, rank: 5}, byNetns, 0},
		{"state", column{readable: 14}, byState, 0},
		{"recv_q", column{right: true, rank: 3}, byRecvQueue, 0},
		{"send_q", column{right: true, rank: 4}, bySendQueue, 0},
		{"local", column{middle: true, readable: 21, rank: 2}, byLocal, 0},
		{"peer", column{middle: true, readable: 21}, byPeer, 0},
		{"process", column{readable: 15, rank: 1}, byProcess, tcp.DetailProcesses},
		{"age", column{right: true, rank: 6}, byAge, tcp.DetailAge},
		{"idle", column{right: true, rank: 8}, byIdle, tcp.DetailAge},
		{"timer", column{readable: 16, rank: 7}, byTimer, 0},
		{"uid", column{right: true, rank: 11}, byUID, 0},
		{"inode", column{right: true, rank: 12}, byInode, 0},
		{"cookie", column{rank: 13}, byCookie, 0},
	}
}

func choiceNames() []string {
	var names []string
	for _, c := range choices() {
		names = append(names, c.name)
	}
	return names
}

func choiceOf(name string) (choice, bool) {
	all := choices()
	if i := slices.IndexFunc(all, func(c choice) bool { return c.name == name }); i >= 0 {
		return all[i], true
	}
	return choice{}, false
}

// usualColumns returns the columns that are shown if the user chose none.
// Processes are shown only on request, since they need a search of /proc.
func usualColumns(detail tcp.Detail, within string) []string {
	list := []string{"state", "recv_q", "send_q", "local", "peer"}
	if within != "" {
		list = slices.Insert(list, 0, "netns")
	}
	if detail.Has(tcp.DetailProcesses) {
		list = append(list, "process")
	}
	return append(list, "age", "timer")
}

// ParseColumns returns the names of the columns in a list that is separated by
// commas, each once. The names are those of --columns of ls. The error is about
// a column that does not exist, or that a list on the screen cannot have.
func ParseColumns(list string) ([]string, error) {
	columns, err := render.ParseColumns(list)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, c := range columns {
		if _, ok := choiceOf(c.Name()); !ok {
			return nil, wording.Fail("screen.error.column", "name", c.Name()).WithHint("screen.error.column.hint", "columns", choiceNames())
		}
		if !slices.Contains(names, c.Name()) {
			names = append(names, c.Name())
		}
	}
	return names, nil
}

// needsOf returns the details that columns need of every socket. allAges is
// whether the ages of all sockets are wanted: see reader.detailOf.
func needsOf(names []string, allAges bool) (detail tcp.Detail) {
	for _, name := range names {
		c, _ := choiceOf(name)
		detail |= c.needs
	}
	if !allAges {
		detail &^= tcp.DetailAge
	}
	return detail
}

// columnNames returns the columns to show: those that the user chose, and the
// one by which the list is sorted.
func (m *model) columnNames() []string {
	names := m.columns
	sorted := m.frame.request.sort.by
	if sorted == byLastChange || slices.ContainsFunc(names, func(name string) bool { c, _ := choiceOf(name); return c.sorts == sorted }) {
		return names
	}
	for _, c := range choices() {
		if c.sorts == sorted {
			return append(slices.Clone(names), c.name)
		}
	}
	return names
}

// socketColumns returns the columns of a list of sockets, with their cells.
func (m *model) socketColumns(items []*item) []column {
	var columns []column
	for _, name := range m.columnNames() {
		chosen, _ := choiceOf(name)
		of := m.columnOf(name)
		c := chosen.layout
		c.heading, c.sorts, c.sortable, c.cells = of.Heading(), chosen.sorts, true, make([]string, len(items))
		if name == "state" {
			c.colors = make([]text.Style, len(items))
			if m.frame.request.focus != 0 {
				c.rank = 8 // almost all items have the same state
			}
		}
		for i, item := range items {
			if item == nil || item.socket == nil {
				continue
			}
			c.cells[i] = string(of.AppendCell(nil, item.socket))
			if name == "process" && !item.looked {
				c.cells[i] = m.ellipsis()
			}
			if c.colors != nil {
				c.colors[i] = render.StateStyle(item.socket.State)
			}
		}
		columns = append(columns, c)
	}
	return columns
}

// columnOf returns the column of the table of ls with the name, which is a
// constant of the program.
func (m *model) columnOf(name string) *render.Column {
	of, err := render.ParseColumns(name)
	if err != nil {
		panic(err)
	}
	if m.ascii {
		of = render.ASCII(of)
	}
	return of[0]
}
