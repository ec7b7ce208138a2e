package probe

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// A mount is a line of /proc/self/mountinfo; see proc(5).
type mount struct {
	root, point, fstype string
}

func mountinfo() ([]mount, error) {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var mounts []mount
	for s := bufio.NewScanner(f); s.Scan(); {
		before, after, ok := strings.Cut(s.Text(), " - ")
		fields := strings.Fields(before)
		if !ok || len(fields) < 5 {
			continue
		}
		fstype, _, _ := strings.Cut(after, " ")
		mounts = append(mounts, mount{root: unescape(fields[3]), point: unescape(fields[4]), fstype: fstype})
	}
	return mounts, nil
}

// unescape undoes the octal escapes of blanks in a mountinfo field.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// ErrNoCgroup2 and ErrCgroupSubtree say why cgroup programs cannot be
// attached for the whole host.
var (
	ErrNoCgroup2     = errors.New("no cgroup2 file system is mounted")
	ErrCgroupSubtree = errors.New("only a part of the cgroup2 tree is visible here")
)

// rootInode is the inode number of the root of every cgroup2 hierarchy; a
// cgroup namespace shows another directory as its root.
const rootInode = 1

// cgroupRoot returns the folder of the real root of the cgroup2 hierarchy: a
// program attached further down would miss what happens elsewhere.
func (p *Probe) cgroupRoot() (string, error) {
	p.root.once.Do(func() { p.root.path, p.root.err = findCgroupRoot() })
	return p.root.path, p.root.err
}

func findCgroupRoot() (string, error) {
	mounts, err := mountinfo()
	if err != nil {
		return "", err
	}
	err = ErrNoCgroup2
	for _, m := range mounts {
		if m.fstype != "cgroup2" {
			continue
		}
		var st unix.Stat_t
		if e := unix.Stat(m.point, &st); e != nil {
			err = fmt.Errorf("%s: %w", m.point, e)
			continue
		}
		if st.Ino == rootInode {
			return m.point, nil
		}
		err = ErrCgroupSubtree
	}
	return "", err
}
