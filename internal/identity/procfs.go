package identity

import (
	"bytes"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// tick is the unit of start times in /proc/PID/stat: USER_HZ is 100 wherever
// Go runs.
const tick = 10 * time.Millisecond

func ticks(start time.Duration) uint64 { return uint64(start / tick) }

// initialPidns is the link of the first pid namespace; the number is part of
// the kernel's interface (PROC_PID_INIT_INO).
const initialPidns = "pid:[4026531836]"

// procfs reads /proc. Nothing it reads can be stalled by the process that it
// tells of, which is why the arguments are not among it.
type procfs struct {
	dir string
	buf []byte

	// host says that processes have the same numbers here as in what the
	// kernel side tells. Otherwise /proc tells of others.
	host bool

	// legacy says that there are cgroup v1 hierarchies: the path in the
	// unified one is not all.
	legacy bool

	netns uint32 // our own network namespace
}

func newProcfs(dir string) procfs {
	p := procfs{dir: dir, buf: make([]byte, 16<<10)}
	p.host = readlink(dir+"/self/ns/pid") == initialPidns
	p.netns = nsInum(readlink(dir + "/self/ns/net"))
	for line := range bytes.Lines(p.readFile(dir + "/self/cgroup")) {
		p.legacy = p.legacy || !bytes.HasPrefix(line, []byte("0::"))
	}
	return p
}

func (p *procfs) path(pid uint32, name string) string {
	return p.dir + "/" + strconv.FormatUint(uint64(pid), 10) + "/" + name
}

// read returns the first 16 KiB of a file, valid until the next read; nil if
// it cannot be read.
func (p *procfs) read(pid uint32, name string) []byte { return p.readFile(p.path(pid, name)) }

func (p *procfs) readFile(path string) []byte {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	defer unix.Close(fd)
	// The kernel writes the files that are read here in one go.
	n, err := unix.Read(fd, p.buf)
	if err != nil {
		return nil
	}
	return p.buf[:n]
}

// fill reads until buf is full or there is no more.
func fill(fd int, buf []byte) (n int) {
	for n < len(buf) {
		m, err := unix.Read(fd, buf[n:])
		if err == unix.EINTR {
			continue
		}
		if err != nil || m == 0 {
			break
		}
		n += m
	}
	return n
}

// A stat is what /proc/PID/stat says of a process.
type stat struct {
	comm  string
	ppid  uint32
	start uint64 // ticks since boot
}

func (p *procfs) stat(pid uint32) (stat, bool) { return parseStat(p.read(pid, "stat")) }

// parseStat reads a line of proc_pid_stat(5). The name stands in brackets and
// may itself hold brackets and blanks.
func parseStat(b []byte) (s stat, ok bool) {
	first, last := bytes.IndexByte(b, '('), bytes.LastIndexByte(b, ')')
	if first < 0 || last < first {
		return s, false
	}
	s.comm = string(b[first+1 : last])
	const ppid, start = 1, 19 // fields behind the name
	i := 0
	for f := range bytes.FieldsSeq(b[last+1:]) {
		var err error
		switch i {
		case ppid:
			var n uint64
			n, err = strconv.ParseUint(string(f), 10, 32)
			s.ppid = uint32(n)
		case start:
			s.start, err = strconv.ParseUint(string(f), 10, 64)
			return s, err == nil
		}
		if err != nil {
			return s, false
		}
		i++
	}
	return s, false
}

// is reports whether the process that now has the number is the one that
// started then. Asked after something of it was read, it says whose that was.
func (p *procfs) is(pid uint32, start time.Duration) bool {
	s, ok := p.stat(pid)
	return ok && s.start == ticks(start)
}

// readlink returns the target of a link, "" if it cannot be read.
func readlink(path string) string {
	var buf [unix.PathMax]byte
	n, err := unix.Readlink(path, buf[:])
	if err != nil {
		return ""
	}
	return string(buf[:n])
}

// nsInum returns the inode number in the link of a namespace, as in
// mnt:[4026531840]; 0 if it is not readable.
func nsInum(link string) uint32 {
	_, n, _ := strings.Cut(strings.TrimSuffix(link, "]"), ":[")
	inum, err := strconv.ParseUint(n, 10, 32)
	if err != nil {
		return 0
	}
	return uint32(inum)
}
