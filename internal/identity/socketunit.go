package identity

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"portwatch/internal/event"
)

// unitFolders are where systemd looks for the units of the system, first
// match first; see systemd.unit(5).
var unitFolders = [...]string{
	"etc/systemd/system.control", "run/systemd/system.control", "run/systemd/transient",
	"run/systemd/generator.early", "etc/systemd/system", "run/systemd/system", "run/systemd/generator",
	"usr/local/lib/systemd/system", "usr/lib/systemd/system", "lib/systemd/system", "run/systemd/generator.late",
}

const (
	maxSocketUnits = 1024
	unitFileBytes  = 64 << 10
)

// A socketUnit is a unit that systemd listens for.
type socketUnit struct {
	name   string
	active bool // systemd made its cgroup
	listen []listen
}

// socketUnits are those on disk. systemd itself is not asked: it may be the
// one that waits for us.
type socketUnits struct {
	folders []string
	cgroups []string // folders of the hierarchies
	all     []socketUnit
	version []fileVersion // of the folders
	at      time.Time
}

func newSocketUnits(etc, run string, h host, hierarchies []string) socketUnits {
	var u socketUnits
	for _, dir := range unitFolders {
		switch {
		case strings.HasPrefix(dir, "etc/"):
			dir = filepath.Join(etc, dir[len("etc/"):])
		case strings.HasPrefix(dir, "run/"):
			dir = filepath.Join(run, dir[len("run/"):])
		default:
			dir = h.path(dir)
		}
		u.folders = append(u.folders, dir)
	}
	for _, dir := range hierarchies {
		u.cgroups = append(u.cgroups, h.path(dir))
	}
	return u
}

// unitFor returns the unit for which the first process listens at s; "" if
// there is none, or several and none of them alone is active.
func (u *socketUnits) unitFor(s *event.Socket, now time.Time) string {
	u.load(now)
	name, active, several := "", false, false
	for i := range u.all {
		unit := &u.all[i]
		if !slices.ContainsFunc(unit.listen, func(l listen) bool { return l.is(s) }) {
			continue
		}
		switch {
		case name == "" || unit.active && !active:
			name, active, several = unit.name, unit.active, false
		case unit.active == active:
			several = true
		}
	}
	if several {
		return ""
	}
	return name
}

// load reads the units if a folder changed or it was long ago.
func (u *socketUnits) load(now time.Time) {
	version := make([]fileVersion, len(u.folders))
	for i, dir := range u.folders {
		version[i] = versionOf(dir)
	}
	if now.Sub(u.at) < recheck && slices.Equal(version, u.version) {
		return
	}
	u.at, u.version, u.all = now, version, nil
	seen := make(map[string]bool)
	add := func(name string, active bool) {
		if seen[name] || len(seen) >= maxSocketUnits {
			return
		}
		seen[name] = true
		if l := u.parse(name); l != nil {
			u.all = append(u.all, socketUnit{name, active, l})
		}
	}
	// Instances of templates have no file; what is active has a cgroup.
	for _, root := range u.cgroups {
		for _, name := range activeSockets(root, 3) {
			add(name, true)
		}
	}
	for _, dir := range u.folders {
		for _, name := range listDir(dir) {
			if !strings.HasSuffix(name, ".socket") || !isUnit(name) || strings.Contains(name, "@.") {
				continue
			}
			// A link to a unit of another name is an alias of it.
			if target := readlink(filepath.Join(dir, name)); target != "" && filepath.Base(target) != name {
				continue
			}
			add(name, false)
		}
	}
}

// activeSockets returns the names of the socket units that have a cgroup: in
// a slice, or in one in it.
func activeSockets(dir string, depth int) (names []string) {
	for _, name := range listDir(dir) {
		switch {
		case strings.HasSuffix(name, ".socket") && isUnit(name):
			names = append(names, name)
		case strings.HasSuffix(name, ".slice") && name != "user.slice" && depth > 0:
			names = append(names, activeSockets(filepath.Join(dir, name), depth-1)...)
		}
	}
	return names
}

// listDir returns at most the first few thousand names in a folder.
func listDir(dir string) []string {
	d, err := os.Open(dir)
	if err != nil {
		return nil
	}
	defer d.Close()
	names, _ := d.Readdirnames(4 * maxSocketUnits) // what was read counts
	slices.Sort(names)
	return names
}

// parse returns where a unit listens: its file, or that of its template, and
// the files that add to it.
func (u *socketUnits) parse(name string) []listen {
	files := []string{name}
	prefix, instance, template := strings.Cut(strings.TrimSuffix(name, ".socket"), "@")
	if template {
		files = append(files, prefix+"@.socket")
	}
	var p unitParser
	p.instance = instance
	if !u.first(files, p.read) {
		return nil
	}
	// Of files with one name the first folder's counts, also across the
	// folders of a template and its instance.
	more := make(map[string]string)
	for _, file := range files {
		for _, dir := range u.folders {
			dir = filepath.Join(dir, file+".d")
			for _, conf := range listDir(dir) {
				if _, ok := more[conf]; !ok && strings.HasSuffix(conf, ".conf") {
					more[conf] = filepath.Join(dir, conf)
				}
			}
		}
	}
	confs := make([]string, 0, len(more))
	for conf := range more {
		confs = append(confs, conf)
	}
	slices.Sort(confs)
	for _, conf := range confs {
		p.read(readAll(more[conf], unitFileBytes))
	}
	return p.listens
}

// first calls read with the first of the files that is there. One that is
// there but not to be read masks those behind it.
func (u *socketUnits) first(files []string, read func([]byte)) bool {
	for _, file := range files {
		for _, dir := range u.folders {
			path := filepath.Join(dir, file)
			if _, err := os.Lstat(path); err != nil {
				continue
			}
			b := readAll(path, unitFileBytes)
			read(b)
			return b != nil
		}
	}
	return false
}
