package fields

// Object describes a key of JSON that holds other keys.
type Object struct{ Name, When, Doc string }

// Objects lists the objects of a socket. It must not be changed.
var Objects = []Object{
	{"local", Always, "the local endpoint"},
	{"peer", Always, "the remote endpoint; a listener's is the unspecified address of its family, port 0"},
	{"timer", Always, "the timer that fires next"},
	{"listener", "processes, where there is one", "of a socket without a process, the listener that it came in by. The kernel does not keep this: it is inferred from the addresses, and names nobody who owns the socket. A connection that was outgoing has none"},
	{"tls", whenExtended, "kernel TLS (include/uapi/linux/tls.h)"},
	{"mptcp", whenExtended, "the subflow of multipath TCP (include/uapi/linux/mptcp.h)"},
	{"memory", whenMemory, "what the socket holds and may hold (SK_MEMINFO)"},
	{"bbr", whenInfo, "what the algorithm bbr believes of the path"},
	{"dctcp", whenInfo, "what the algorithm dctcp has seen"},
	{"vegas", whenInfo, "what the algorithm vegas has measured"},
	{"tcp_info", whenInfo, "the kernel's struct tcp_info; what its kernel did not tell is absent"},
}

// ObjectNamed returns the object with the name. It panics if there is none.
func ObjectNamed(name string) Object {
	for _, o := range Objects {
		if o.Name == name {
			return o
		}
	}
	panic("fields: no object is named " + name)
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
	{Name: "prefix", Kind: Prefix, Of: "k.Prefix", Doc: "the peers that the key is for, as address/length"},
	{Name: "key_bytes", Of: "k.Length", Doc: "length of the key; the key itself is never shown"},
})

// processElements are the keys of a tcp.Process, p.
var processElements = with(Field{When: whenCommands}, []Field{
	{Name: "pid", Of: "p.PID", When: Always, Doc: "process id"},
	{Name: "name", Kind: Text, Of: "p.Name", When: Always, Doc: "name of the process, as it gave it to itself"},
	{Name: "fd", Of: "p.FD", When: Always, Doc: "its lowest descriptor of the socket"},
	{Name: "fds", Kind: Integers, Of: "p.FDs", When: Always, Doc: "all its descriptors of the socket, in ascending order; in a listener, of all sockets that share its address"},
	{Name: "uid", Of: "p.UID", Doc: "effective user id of the process, as seen from the reader's user namespace"},
	{Name: "user", Kind: Text, Of: "p.User", Doc: "name of that user"},
	{Name: "exe", Kind: Text, Of: "p.Exe", Doc: "the file that it runs, with ' (deleted)' after it where that is gone"},
	{Name: "cmdline", Kind: Strings, Of: "p.Cmdline", Doc: "its arguments, its own name first; it may have written anything there"},
})
