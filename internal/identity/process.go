package identity

import (
	"bytes"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"portwatch/internal/event"
)

// Bounds of texts that a process chooses.
const (
	exeBytes     = 1024
	cmdlineBytes = 256
	cgroupBytes  = 1024
)

// cut is what a path begins with whose leading folders the kernel side had no
// room for.
const cut = "…/"

const deleted = " (deleted)" // what a link in /proc ends with if the file is

// fileKey is a file as a mount namespace shows it.
type fileKey struct {
	device uint32
	inode  uint64
	mntns  uint32
}

// completeExe finds the path of the executable where the kernel side could
// not send it.
func (r *Resolver) completeExe(p *event.Process, now time.Time) {
	key := fileKey{p.ExeDevice, p.ExeInode, p.Mntns}
	if p.Exe != "" && !strings.HasPrefix(p.Exe, cut) {
		if p.Exe[0] == '/' && !p.ExeDeleted && p.ExeInode != 0 {
			r.paths.put(key, p.Exe)
		}
		return
	}
	if exe, gone := r.exe(p); exe != "" {
		p.Exe, p.ExeDeleted = exe, gone
		return
	}
	// The process is gone. A file that others ran has the path that they
	// had, if the host still has it there: the number of one that was
	// deleted is given to the next that anybody makes.
	if exe, ok := r.paths.get(key); ok && r.hostHas(p, exe, now) == yes {
		p.Exe = exe
	}
}

// exe asks /proc for the path of the executable of p.
func (r *Resolver) exe(p *event.Process) (path string, gone bool) {
	if !r.proc.host {
		return "", false
	}
	link := r.proc.path(p.PID, "exe")
	path = readlink(link)
	if path == "" {
		return "", false
	}
	var st unix.Statx_t
	if err := unix.Statx(unix.AT_FDCWD, link, unix.AT_STATX_DONT_SYNC, unix.STATX_INO|unix.STATX_NLINK, &st); err != nil {
		return "", false
	}
	// It may have become another program, or another process, meanwhile.
	if p.ExeInode != 0 && st.Ino != p.ExeInode || !r.proc.is(p.PID, p.Start) {
		return "", false
	}
	if st.Nlink == 0 {
		path, gone = strings.TrimSuffix(path, deleted), true
	}
	return shorten(path, exeBytes), gone
}

// shorten keeps the end of a path: the name matters more than the folder.
func shorten(path string, limit int) string {
	if len(path) <= limit {
		return path
	}
	path = path[len(path)-limit:]
	if i := strings.IndexByte(path, '/'); i >= 0 {
		path = path[i+1:]
	}
	return cut + path
}

// cmdline reads the arguments of p from its memory.
func (r *Resolver) cmdline(p *event.Process) string {
	if !r.proc.host {
		return ""
	}
	path := r.proc.path(p.PID, "cmdline")
	args, ok := ask(r.args, func() string {
		b := bytes.ReplaceAll(readAll(path, cmdlineBytes), []byte{0}, []byte{' '})
		return string(bytes.TrimRight(b, " "))
	})
	if !ok || args == "" || !r.proc.is(p.PID, p.Start) {
		return ""
	}
	return args
}
