package procnet

import (
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"tcpstate/internal/lab"
)

// Owners finds the same holders as ss(8).
func TestOwnersAgreeWithSS(t *testing.T) {
	lab.Run(t, func(t *testing.T, l *lab.Lab) {
		if err := l.Fill("est=400", "listen=40", "bound=20", "closewait=20"); err != nil {
			t.Fatal(err)
		}
		_, file := listener(t)
		hold(t, "shares", file, file)
		want := ssOwners(t)
		wanted := map[uint32]struct{}{}
		for inode := range want {
			wanted[inode] = struct{}{}
		}
		if len(wanted) < 461 { // ss does not list sockets that are only bound
			t.Fatalf("ss finds %d sockets", len(wanted))
		}
		for name, p := range ways() {
			o, err := p.Owners(t.Context(), OwnersQuery{Inodes: wanted})
			if err != nil {
				t.Fatal(err)
			}
			for inode := range wanted {
				if got := holdersOf(o, inode); got != want[inode] {
					t.Errorf("%s, socket %d: got %s, ss says %s", name, inode, got, want[inode])
				}
			}
		}
	})
}

// ssOwners returns the holders of each socket that ss lists, in the form of
// holdersOf.
func ssOwners(t *testing.T) map[uint32]string {
	t.Helper()
	output, err := exec.Command("ss", "-taepnH").Output()
	if err != nil {
		t.Fatal(err)
	}
	owners := map[uint32]string{}
	for line := range strings.Lines(string(output)) {
		match := ssInode.FindStringSubmatch(line)
		if match == nil {
			continue
		}
		inode, err := strconv.ParseUint(match[1], 10, 32)
		if err != nil {
			t.Fatal(err)
		}
		var words []string
		for _, user := range ssUser.FindAllStringSubmatch(line, -1) {
			words = append(words, fmt.Sprintf("%s/%q/%s", user[2], user[1], user[3]))
		}
		slices.Sort(words)
		owners[uint32(inode)] = strings.Join(words, " ")
	}
	return owners
}

var (
	ssInode = regexp.MustCompile(` ino:(\d+) `)
	ssUser  = regexp.MustCompile(`\("((?:[^"])*)",pid=(\d+),fd=(\d+)\)`)
)
