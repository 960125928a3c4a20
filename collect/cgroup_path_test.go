package collect

import (
	"strings"
	"testing"

	"tcpstate/tcp"
)

const (
	hexA = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
	hexB = "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752"
)

func TestCgroupAt(t *testing.T) {
	for _, test := range []struct{ path, unit, container string }{
		{"/", "", ""},
		{"/init.scope", "init.scope", ""},
		{"/system.slice", "", ""},
		{"/system.slice/nginx.service", "nginx.service", ""},
		{"/system.slice/nginx.service/worker", "nginx.service", ""},
		{`/system.slice/system-getty.slice/getty@tty1.service`, "getty@tty1.service", ""},
		{`/system.slice/my\x2dapp.service`, `my\x2dapp.service`, ""},
		{"/user.slice/user-1000.slice/session-3.scope", "session-3.scope", ""},
		{"/user.slice/user-1000.slice/user@1000.service/app.slice/foo.service", "foo.service", ""},
		{"/user.slice/user-1000.slice/user@1000.service/init.scope", "init.scope", ""},
		{"/.service/.scope", "", ""},
		{"/system.slice/sshd.socket", "", ""},

		{"/system.slice/docker-" + hexA + ".scope", "docker-" + hexA + ".scope", hexA},
		{"/docker/" + hexA, "", hexA},
		{"/docker/" + hexA + "/docker/" + hexB, "", hexB},
		{"/docker/buildkit/x9xk2j", "", ""},
		{"/system.slice/docker-" + hexA + ".scope/system.slice/nginx.service", "nginx.service", hexA},
		{"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1_2.slice/cri-containerd-" + hexA + ".scope", "cri-containerd-" + hexA + ".scope", hexA},
		{"/kubepods.slice/kubepods-pod1_2.slice/crio-" + hexA + ".scope/container", "crio-" + hexA + ".scope", hexA},
		{"/kubepods.slice/kubepods-pod1_2.slice/crio-conmon-" + hexA + ".scope", "crio-conmon-" + hexA + ".scope", ""},
		{"/kubepods/burstable/pod1-2/" + hexA, "", hexA},
		{"/kubepods/burstable/pod1-2", "", ""},
		{"/system.slice/containerd.service/kubepods-pod1_2.slice:cri-containerd:" + hexA, "containerd.service", hexA},
		{"/machine.slice/libpod-" + hexA + ".scope/container", "libpod-" + hexA + ".scope", hexA},
		{"/machine.slice/libpod-conmon-" + hexA + ".scope", "libpod-conmon-" + hexA + ".scope", ""},
		{"/system.slice/web.service/libpod-payload-" + hexA, "web.service", hexA},
		{"/libpod_parent/libpod-conmon-" + hexA, "", ""},
		{"/system.slice/a" + hexA + ".service", "a" + hexA + ".service", ""},
		{"/x" + hexA, "", ""},
		{"/" + strings.ToUpper(hexA), "", ""},
		{"/" + hexA[1:], "", ""},

		{"/lxc.payload.web/system.slice/cron.service", "cron.service", "web"},
		{"/lxc.monitor.web", "", ""},
		{"/lxc/web/init.scope", "init.scope", "web"},
		{`/machine.slice/machine-my\x2dbox.scope`, `machine-my\x2dbox.scope`, "my-box"},
		{`/machine.slice/machine-qemu\x2d1\x2dvm.scope`, `machine-qemu\x2d1\x2dvm.scope`, ""},
		{`/machine.slice/machine-\x2.scope`, `machine-\x2.scope`, `\x2`},
		{"/machine.slice/systemd-nspawn@web.service/payload/init.scope", "init.scope", "web"},
		{"/system.slice/machine-id.service", "machine-id.service", ""},
	} {
		if got, want := cgroupAt(test.path), (tcp.Cgroup{Path: test.path, Unit: test.unit, Container: test.container}); got != want {
			t.Errorf("%s\nshows %+v\nwant  %+v", test.path, got, want)
		}
	}
}

// FuzzCgroupAt checks that the unit and the container are parts of the path.
func FuzzCgroupAt(f *testing.F) {
	for _, path := range []string{"", "/", "//", "/a.scope", "/docker/" + hexA, `/machine-\x00\x2f.scope`, "/lxc/", "/machine-\\x", "/\xff\n.service"} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		group := cgroupAt(path)
		if group.Path != path || !strings.Contains(path, group.Unit) {
			t.Errorf("of %q: %+v", path, group)
		}
		if group.Unit != "" && !strings.HasSuffix(group.Unit, ".service") && !strings.HasSuffix(group.Unit, ".scope") {
			t.Errorf("of %q: the unit is %q", path, group.Unit)
		}
		if !strings.Contains(path, `\x`) && !strings.Contains(path, group.Container) {
			t.Errorf("of %q: the container is %q", path, group.Container)
		}
	})
}
