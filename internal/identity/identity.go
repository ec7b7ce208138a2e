// Package identity adds to the kernel's capture what only user space knows of
// the opener of a socket: names of users, units and containers, and whether
// the path of the executable proves anything. It reads /proc and local files
// and asks nobody: no D-Bus, no container engine, no network.
//
// What is not known stays empty. What a process can choose (its name, its
// arguments, the cgroups below its own) is bounded here and believed nowhere.
package identity

import (
	"path/filepath"
	"strings"
	"time"

	"portwatch/internal/event"
)

// The caches are bounded: whoever starts processes must not choose our memory
// use.
const (
	maxProcesses = 4096
	maxPaths     = 1024
	maxCgroups   = 1024
	maxAncestors = 1024
	maxFolders   = 1024
)

// Options choose where a Resolver looks; the zero value is this machine.
type Options struct {
	Proc string // /proc

	// Root is the folder under which the host's files are seen: / or, in a
	// mount namespace of our own, that of the first process.
	Root   string
	Etc    string // Root/etc
	Run    string // Root/run
	VarLib string // Root/var/lib
}

// A Resolver completes events. It is not safe for concurrent use, but for
// Covers.
type Resolver struct {
	proc  procfs
	host  host
	users users
	look  *guard // at files
	args  *guard // at the memory of processes

	processes cache[processKey, *known]
	paths     cache[fileKey, string]
	cgroups   cache[uint64, string] // path by id
	ancestors cache[uint32, ancestor]
	folders   cache[string, looked[folder]]
	groups    cache[string, *group]
	mounts    mounts
	engines   engines
	sockets   socketUnits
	loopback  cache[uint32, looked[bool]]
	devices   cache[deviceKey, looked[string]]

	hierarchies []string // folders of cgroups that are there
}

// New returns a resolver.
func New(opts Options) *Resolver {
	if opts.Proc == "" {
		opts.Proc = "/proc"
	}
	r := &Resolver{
		proc: newProcfs(opts.Proc),
		look: newGuard(), args: newGuard(),
		processes: newCache[processKey, *known](maxProcesses),
		paths:     newCache[fileKey, string](maxPaths),
		cgroups:   newCache[uint64, string](maxCgroups),
		ancestors: newCache[uint32, ancestor](maxAncestors),
		folders:   newCache[string, looked[folder]](maxFolders),
		groups:    newCache[string, *group](maxCgroups),
		loopback:  newCache[uint32, looked[bool]](maxNetns),
		devices:   newCache[deviceKey, looked[string]](maxNetns),
	}
	r.host = r.proc.findHost(opts.Root)
	r.mounts.file = opts.Proc + "/self/mountinfo"
	if strings.HasPrefix(r.host.root, opts.Proc) {
		r.mounts.file = opts.Proc + "/1/mountinfo"
	}
	in := func(dir, name string) string {
		if dir != "" {
			return dir
		}
		return r.host.path(name)
	}
	etc, run, varLib := in(opts.Etc, "etc"), in(opts.Run, "run"), in(opts.VarLib, "var/lib")
	r.users = users{passwd: filepath.Join(etc, "passwd"), dynamic: filepath.Join(run, "systemd/dynamic-uid")}
	r.engines = engines{etc: etc, run: run, varLib: varLib, host: r.host}
	r.findHierarchies()
	r.sockets = newSocketUnits(etc, run, r.host, r.hierarchies)
	return r
}

// Enrich completes ev in place. The process that it points to may belong to
// other events as well and is not written: ev gets another one.
func (r *Resolver) Enrich(ev *event.Event) {
	r.locate(ev)
	if ev.Process == nil {
		return
	}
	ev.Process = r.process(ev.Process)
	if ev.Process.PID == 1 && ev.Process.Unit == "init.scope" && ev.Type == event.Open {
		// systemd listens for others. In the kernels where it makes their
		// sockets in a child in the unit's own cgroup, only a snapshot
		// has the first process for their opener.
		if unit := r.sockets.unitFor(&ev.Socket, time.Now()); unit != "" {
			p := *ev.Process
			p.Unit = unit
			ev.Process = &p
		}
	}
}
