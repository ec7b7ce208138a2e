package identity

import (
	"errors"
	"path"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"portwatch/internal/event"
)

// An answer is to a question that cannot always be answered.
type answer uint8

const (
	cannotTell answer = iota
	yes
	no
)

// runs reports whether p runs the file f. The number of the device that
// statx(2) shows is not always that of the superblock, which the kernel side
// sends: on btrfs each subvolume has one of its own. Then the superblock of
// the mount decides; of two subvolumes of one file system that leaves only
// the inode. On overlayfs the inode may differ as well.
func (r *Resolver) runs(p *event.Process, f file) answer {
	if p.ExeInode == 0 {
		return cannotTell
	}
	if f.inode == p.ExeInode && f.device == p.ExeDevice {
		return yes
	}
	m, ok := r.mounts.get(f.mount)
	switch {
	case !ok:
		return cannotTell
	case m.overlay && m.device == p.ExeDevice:
		return cannotTell
	case f.inode == p.ExeInode && m.device == p.ExeDevice:
		return yes
	}
	return no
}

// hostHas reports whether p runs the file that the host has at path.
func (r *Resolver) hostHas(p *event.Process, path string, now time.Time) answer {
	f, err := r.onHost(path, now)
	switch {
	case err == nil:
		return r.runs(p, f)
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENOTDIR):
		return no
	}
	return cannotTell
}

// onHost looks at a file of the host.
func (r *Resolver) onHost(name string, now time.Time) (file, error) {
	if r.folder(path.Dir(name), now).steady {
		return statAt(r.host.root + name)
	}
	type found struct {
		file
		err error
	}
	root := r.host.root
	f, ok := ask(r.look, func() found {
		f, err := statAt(root + name)
		return found{f, err}
	})
	if !ok {
		return file{}, unix.EAGAIN
	}
	return f.file, f.err
}

// folder returns what is known of a folder of the host.
func (r *Resolver) folder(dir string, now time.Time) folder {
	l, ok := r.folders.get(dir)
	if ok && now.Sub(l.at) < recheck {
		return l.value
	}
	root := r.host.root
	if l.value.steady {
		l.value = lookInto(root, dir)
	} else if l.value, ok = ask(r.look, func() folder { return lookInto(root, dir) }); !ok {
		return folder{}
	}
	l.at = now
	r.folders.put(dir, l)
	return l.value
}

// judgeFile finds out whether the path of the executable of p proves
// anything: whether it is the word of whoever made the mount namespace of p,
// and whether anybody may have put the file there.
func (r *Resolver) judgeFile(p *event.Process, now time.Time) {
	if !isPath(p.Exe) {
		return
	}
	hosts := yes
	if p.Mntns != 0 && r.host.mntns != 0 && p.Mntns != r.host.mntns {
		hosts = cannotTell
		if !p.ExeDeleted {
			hosts = r.hostHas(p, p.Exe, now)
		}
		p.ExeForeign = r.foreign(p, hosts)
	}
	p.ExeWorldWritable = r.worldWritable(p, hosts == yes, now)
}

// foreign reports whether p, in a mount namespace of its own, may run another
// file than the host's. systemd makes a namespace for every service that it
// confines, mostly with the host's files in it: those are told by comparing
// the file. Where that is not possible (it was deleted, or is on an overlay),
// only the host's root can have made a namespace for a process in the first
// user namespace.
func (r *Resolver) foreign(p *event.Process, hosts answer) bool {
	return hosts == no || hosts == cannotTell && !r.inFirstUserns(p)
}

func (r *Resolver) inFirstUserns(p *event.Process) bool {
	return r.proc.host && nsInum(readlink(r.proc.path(p.PID, "ns/user"))) == initialUserns && r.proc.is(p.PID, p.Start)
}

// isPath reports whether exe is the whole path of a file in a folder.
func isPath(exe string) bool {
	return strings.HasPrefix(exe, "/") && !strings.HasPrefix(exe, "/memfd:")
}

// worldWritable reports whether anybody may write to the executable of p or
// to a folder above it: on the host if that is where it is, else as p sees it.
func (r *Resolver) worldWritable(p *event.Process, onHost bool, now time.Time) bool {
	exe, inode, gone := p.Exe, p.ExeInode, p.ExeDeleted
	if onHost {
		if r.folder(path.Dir(exe), now).worldWritable {
			return true
		}
		if gone {
			return false
		}
		f, err := r.onHost(exe, now)
		return err == nil && f.inode == inode && f.worldWritable()
	}
	if !r.proc.host {
		return false
	}
	// Not remembered: the process may have another root than the others of
	// its mount namespace.
	root := r.proc.path(p.PID, "root")
	w, _ := ask(r.look, func() bool {
		if f, err := statAt(root + exe); !gone && err == nil && f.inode == inode && f.worldWritable() {
			return true
		}
		return lookInto(root, path.Dir(exe)).worldWritable
	})
	return w
}
