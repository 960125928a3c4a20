package fields

// Object describes a key of JSON that holds other keys.
type Object struct{ Name, When, Doc string }

// Objects lists the objects of a socket. It must not be changed.
var Objects = []Object{
	{"local", Always, "the local endpoint"},
	{"peer", Always, "the remote endpoint; a listener's is the unspecified address of its family, port 0"},
	{"timer", Always, "the timer that fires next"},
	{"listener", "processes, where there is one", "for a socket without a process, the listener to which the connection came. The kernel does not record this: it is inferred from the addresses, and it does not name an owner of the socket. An outgoing connection has none"},
	{"tls", whenExtended, "kernel TLS (include/uapi/linux/tls.h)"},
	{"mptcp", whenExtended, "the subflow of multipath TCP (include/uapi/linux/mptcp.h)"},
	{"mptcp_connection", "--mptcp, and where the doctor shows it", "a connection or listener of multipath TCP (struct mptcp_info, include/uapi/linux/mptcp.h), not one of its subflows. Its recv_q_bytes is the memory that unread data takes: the kernel does not report how many bytes they are"},
	{"memory", whenMemory, "the memory that the socket uses and may use (SK_MEMINFO)"},
	{"bbr", whenInfo, "the estimates of the path by the algorithm bbr"},
	{"dctcp", whenInfo, "the measurements of the algorithm dctcp"},
	{"vegas", whenInfo, "the measurements of the algorithm vegas"},
	{"tcp_info", whenInfo, "the kernel's struct tcp_info; a value that the kernel did not report is absent"},
}

// ObjectNamed returns the object with the name. It panics if there is none.
func ObjectNamed(name string) Object {
	for _, o := range Objects {
		if o.Name == name {
			return o
		}
	}
	panic("fields: no object is named " + name + ": add it to Objects in fields/objects.go")
}

// Elements returns the keys of each element of a list of the kind, in their
// order in JSON. They have no getters: only the encoder writes them.
func Elements(kind Kind) []Field {
	switch kind {
	case Networks:
		return networkElements
	case Processes:
		return processElements
	}
	return nil
}

// networkElements are the keys of a tcp.MD5Key, k.
var networkElements = with(Field{When: Always}, []Field{
	{Name: "prefix", Kind: Prefix, Of: "k.Prefix", Doc: "the peers to which the key applies, as address/length"},
	{Name: "key_bytes", Of: "k.Length", Doc: "length of the key; the key itself is never shown"},
})

// processElements are the keys of a tcp.Process, p.
var processElements = with(Field{When: whenCommands}, []Field{
	{Name: "pid", Of: "p.PID", When: Always, Doc: "process id"},
	{Name: "name", Kind: Text, Of: "p.Name", When: Always, Doc: "name of the process, which the process can choose"},
	{Name: "fd", Of: "p.FD", When: Always, Doc: "its lowest descriptor for the socket"},
	{Name: "fds", Kind: Integers, Of: "p.FDs", When: Always, Doc: "all its descriptors for the socket, in ascending order; for a listener, the descriptors for all sockets that share its address"},
	{Name: "uid", Of: "p.UID", Doc: "effective user id of the process, as seen from the reader's user namespace"},
	{Name: "user", Kind: Text, Of: "p.User", Doc: "name of that user"},
	{Name: "exe", Kind: Text, Of: "p.Exe", Doc: "the file that it runs, followed by ' (deleted)' if that file no longer exists"},
	{Name: "cmdline", Kind: Strings, Of: "p.Cmdline", Doc: "its arguments, its own name first; the process can change this text"},
})
