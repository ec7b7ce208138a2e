package identity

import (
	"path/filepath"

	"golang.org/x/sys/unix"
)

// host is what of the host other processes are compared with.
type host struct {
	mntns uint32 // its mount namespace, that of the first process; 0 if unknown
	root  string // a folder under which its files are seen; "" for /
}

// path returns where a file of the host is seen.
func (h host) path(name string) string {
	if h.root == "" {
		return filepath.Join("/", name)
	}
	return filepath.Join(h.root, name)
}

// initialUserns is the number of the first user namespace; it is part of the
// kernel's interface (PROC_USER_INIT_INO).
const initialUserns = 4026531837

// firstMntns are the numbers that the mount namespace of the first process
// has if it is the first one made: fixed since Linux 6.18, else the first
// that was free. They serve where /proc/1 cannot be read.
var firstMntns = [...]uint32{4026531832, 4026531840, 4026531841}

// findHost finds the mount namespace of the host. A service manager or a
// container engine may have put us into another one, where /tmp is empty and
// /usr is that of our image.
func (p *procfs) findHost(root string) host {
	h := host{root: root}
	own := nsInum(readlink(p.dir + "/self/ns/mnt"))
	h.mntns = nsInum(readlink(p.path(1, "ns/mnt")))
	if h.mntns == 0 {
		for _, n := range firstMntns {
			if n == own {
				h.mntns = own
			}
		}
	}
	if root != "" || h.mntns == own {
		return h
	}
	var st unix.Stat_t
	if first := p.path(1, "root"); p.host && unix.Stat(first+"/", &st) == nil {
		h.root = first
	}
	return h
}
