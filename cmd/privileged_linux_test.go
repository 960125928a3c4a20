package cmd

import (
	"bytes"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// privilegedCopies returns copies of the program that any user can run: one is setuid
// root, the file of the other has capabilities. There are none where this user, or the
// file system, does not allow them.
func privilegedCopies(t *testing.T) map[string]string {
	t.Helper()
	dir := t.TempDir()
	var stat unix.Statfs_t
	must(t, unix.Statfs(dir, &stat))
	if os.Geteuid() != 0 || stat.Flags&unix.ST_NOSUID != 0 {
		t.Logf("user %d, flags %#x of the file system: no copy can have more rights", os.Geteuid(), stat.Flags)
		return nil
	}
	for d := dir; d != os.TempDir() && d != "/"; d = filepath.Dir(d) {
		must(t, os.Chmod(d, 0o755))
	}
	self, err := os.Executable()
	must(t, err)
	copies := map[string]string{}
	for _, name := range []string{"setuid", "capabilities"} {
		must(t, os.Mkdir(filepath.Join(dir, name), 0o755))
		to := filepath.Join(dir, name, "tcpstate")
		copyFile(t, self, to)
		must(t, os.Chmod(to, 0o755))
		copies[name] = to
	}
	must(t, unix.Chmod(copies["setuid"], 0o4755))
	// struct vfs_cap_data, include/uapi/linux/capability.h: revision 2, effective.
	data := binary.LittleEndian.AppendUint32(nil, 0x02000001)
	data = binary.LittleEndian.AppendUint32(data, 1<<unix.CAP_SYS_PTRACE|1<<unix.CAP_DAC_READ_SEARCH|1<<unix.CAP_NET_ADMIN)
	data = append(data, make([]byte, 12)...)
	if err := unix.Setxattr(copies["capabilities"], "security.capability", data, 0); err != nil {
		t.Logf("the file system keeps no capabilities: %v", err)
		delete(copies, "capabilities")
	}
	return copies
}

// TestPrivilegedProgramsReadNoOtherFiles runs programs with more rights than their
// user, who has no right to read a secret.
func TestPrivilegedProgramsReadNoOtherFiles(t *testing.T) {
	copies := privilegedCopies(t)
	for name, path := range copies {
		dir := filepath.Dir(path)
		secret := filepath.Join(dir, "secret")
		must(t, os.WriteFile(secret, []byte("s3cret word\n"), 0o600))
		must(t, os.MkdirAll(filepath.Join(dir, "proc/net"), 0o755))
		must(t, os.Symlink(secret, filepath.Join(dir, "proc/net/tcp")))
		run := func(args ...string) outcome {
			t.Helper()
			var stdout, stderr bytes.Buffer
			c := exec.CommandContext(t.Context(), path, args...)
			c.Stdout, c.Stderr = &stdout, &stderr
			c.Env = []string{"LANG=C", "XDG_CONFIG_HOME=" + dir}
			c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
			err := c.Run()
			if _, exited := err.(*exec.ExitError); err != nil && !exited {
				t.Fatal(err)
			}
			return outcome{c.ProcessState.ExitCode(), stdout.String(), stderr.String()}
		}
		for _, args := range [][]string{
			{"ls", "--proc", filepath.Join(dir, "proc")}, {"--proc=" + filepath.Join(dir, "proc")}, {"netstat", "--proc", filepath.Join(dir, "proc")},
			{"count", "-N", secret}, {"explain", "-N", secret, "LISTEN"}, {"doctor", "--baseline", secret}, {"watch", "--config", secret},
			{"__complete", "ls", "--proc", filepath.Join(dir, "proc"), "process", ""},
		} {
			got := run(args...)
			refused := got.code == exitUsage && strings.HasPrefix(got.stderr, "tcpstate: --") && strings.Contains(got.stderr, "hint: sudo tcpstate") || args[0] == "__complete"
			if !refused || strings.Contains(got.stdout+got.stderr, "s3cret") {
				t.Errorf("%s: %q: %+v", name, args, got)
			}
		}
		for _, args := range [][]string{{"ls", "-p", "--proc", "/proc"}, {"count"}, {"netstat", "-t"}} {
			if got := run(args...); got.code != exitDone {
				t.Errorf("%s: %q: %+v", name, args, got)
			}
		}
	}
}

// TestPrivilegedProgramsRunNoOthers has an environment that chooses programs and files.
func TestPrivilegedProgramsRunNoOthers(t *testing.T) {
	env := &environment{privileged: true, stdoutTTY: true, size: func() (int, int) { return 80, 24 },
		getenv: func(string) string { return "" }, lookupEnv: func(string) (string, bool) { return "sh -c id", true }}
	page := bytes.Repeat([]byte("line\n"), 100)
	if pager := pagerFor(page, env); pager != "" {
		t.Errorf("the pager is %q", pager)
	}
	env.privileged = false
	if pager := pagerFor(page, env); pager == "" {
		t.Error("without more rights there is no pager")
	}
	got := safeEnvironment([]string{"PATH=/tmp", "PAGER=id", "LANG=C.UTF-8", "LC_ALL=../x", "TERM=xterm", "TERMINFO=/tmp", "TMUX=/tmp/x,1,0",
		"HOME=/tmp", "XDG_CONFIG_HOME=/tmp", "TZ=/etc/shadow", "NO_COLOR=1", "COLORTERM=", "LD_PRELOAD=x"})
	if want := []string{"PATH=" + safePath, "LANG=C.UTF-8", "TERM=xterm", "NO_COLOR=1", "COLORTERM="}; !slices.Equal(got, want) {
		t.Errorf("the environment is %q, want %q", got, want)
	}
}
