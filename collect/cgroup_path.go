package collect

import (
	"strconv"
	"strings"

	"tcpstate/tcp"
)

// cgroupAt returns the cgroup with the unit and the container that its path
// shows. If units or containers are nested, it is the innermost of each: for a
// service that runs in a container, the service and the container.
//
// The unit is a service or a scope, with the name that systemd prints and
// systemctl(1) takes, in which escapes such as \x2d stay. A slice contains
// units, and is not the unit of a process.
func cgroupAt(path string) tcp.Cgroup {
	group := tcp.Cgroup{Path: path}
	parent := ""
	for name := range strings.SplitSeq(path, "/") {
		if isUnit(name) {
			group.Unit = name
		}
		if id := containerID(parent, name); id != "" {
			group.Container = id
		}
		parent = name
	}
	return group
}

func isUnit(name string) bool {
	for _, suffix := range [...]string{".service", ".scope"} {
		if bare, ok := strings.CutSuffix(name, suffix); ok && bare != "" {
			return true
		}
	}
	return false
}

// containerID returns the container to which a directory within the parent
// belongs, or "" if it belongs to none that is known here.
//
// Docker, containerd, CRI-O and podman use ids of 64 hexadecimal digits, alone
// (/docker/ID, /kubepods/burstable/podUID/ID) or after the name of the engine
// (docker-ID.scope, cri-containerd-ID.scope, crio-ID.scope, libpod-ID.scope,
// libpod-payload-ID, and podUID.slice:cri-containerd:ID). LXC uses names
// (lxc.payload.NAME, before version 4 lxc/NAME). The machines of
// systemd-machined have names too: machine-NAME.scope,
// systemd-nspawn@NAME.service. The virtual machines of libvirt are also
// machines of systemd-machined, but not containers.
func containerID(parent, name string) string {
	bare, scope := strings.CutSuffix(name, ".scope")
	if id := hexID(bare); id != "" {
		return id
	}
	if id, ok := strings.CutPrefix(name, "lxc.payload."); ok {
		return id
	}
	if parent == "lxc" {
		return name
	}
	if machine, ok := strings.CutPrefix(bare, "machine-"); ok && scope && !strings.HasPrefix(machine, `qemu\x2d`) {
		return unescapeUnit(machine)
	}
	if machine, ok := strings.CutPrefix(name, "systemd-nspawn@"); ok {
		if machine, ok = strings.CutSuffix(machine, ".service"); ok {
			return machine
		}
	}
	return ""
}

// hexID returns the 64 hexadecimal digits at the end of the name, if they are
// the whole name or follow the name of an engine. The monitor of a container,
// conmon, runs outside the container, so its scope gives no id.
func hexID(name string) string {
	const digits = 64
	if len(name) < digits {
		return ""
	}
	engine, id := name[:len(name)-digits], name[len(name)-digits:]
	if strings.Trim(id, "0123456789abcdef") != "" {
		return ""
	}
	if engine != "" && !strings.HasSuffix(engine, "-") && !strings.HasSuffix(engine, ":") {
		return ""
	}
	if strings.HasSuffix(engine, "conmon-") {
		return ""
	}
	return id
}

// unescapeUnit replaces the escapes of systemd's unit names, such as \x2d, by
// the characters (systemd.unit(5)).
func unescapeUnit(s string) string {
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if strings.HasPrefix(s[i:], `\x`) && i+4 <= len(s) {
			if n, err := strconv.ParseUint(s[i+2:i+4], 16, 8); err == nil {
				b = append(b, byte(n))
				i += 3
				continue
			}
		}
		b = append(b, s[i])
	}
	return string(b)
}
