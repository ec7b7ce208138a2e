package identity

import (
	"bytes"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

const mountinfoBytes = 4 << 20

// A mount is a line of proc_pid_mountinfo(5).
type mount struct {
	device  uint32 // of the superblock, as the kernel's dev_t
	overlay bool
}

// mounts are those of the host by number.
type mounts struct {
	file string
	all  map[uint64]mount
	at   time.Time
}

// mountsAge is how old the list may be. It is long on a host with many
// containers, and a number is not given away again at once.
const mountsAge = 10 * time.Second

func (m *mounts) get(id uint64) (mount, bool) {
	if now := time.Now(); m.all == nil || now.Sub(m.at) >= mountsAge {
		m.all, m.at = parseMountinfo(readAll(m.file, mountinfoBytes)), now
	}
	mnt, ok := m.all[id]
	return mnt, ok
}

func parseMountinfo(b []byte) map[uint64]mount {
	all := make(map[uint64]mount)
	for line := range bytes.Lines(b) {
		before, after, ok := bytes.Cut(line, []byte(" - "))
		fields := bytes.Fields(before)
		if !ok || len(fields) < 3 {
			continue
		}
		id, err := strconv.ParseUint(string(fields[0]), 10, 64)
		if err != nil {
			continue
		}
		major, minor, _ := bytes.Cut(fields[2], []byte{':'})
		a, errA := strconv.ParseUint(string(major), 10, 12)
		b, errB := strconv.ParseUint(string(minor), 10, 20)
		if errA != nil || errB != nil {
			continue
		}
		all[id] = mount{device: uint32(a<<20 | b), overlay: bytes.HasPrefix(after, []byte("overlay "))}
	}
	return all
}

// readAll returns at most the first limit bytes of a file; nil if it cannot
// be read or is no ordinary one.
func readAll(path string, limit int) []byte {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if unix.Fstat(fd, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
		return nil
	}
	// Files of /proc have no size.
	buf := make([]byte, min(max(int(st.Size)+1, 16<<10), limit))
	for n := 0; ; {
		n += fill(fd, buf[n:])
		if n < len(buf) || n == limit {
			return buf[:n]
		}
		buf = append(buf, make([]byte, min(len(buf), limit-len(buf)))...)
	}
}
