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

// processKey tells a process from a later one with the same number.
type processKey struct {
	pid   uint32
	start time.Duration
}

// known is a process that was resolved. Both are shared with whoever got
// them: neither is written again.
type known struct {
	seen *event.Process // as the kernel side told it
	full *event.Process // the same, completed

	// retry is when to resolve it anew because something was not there yet;
	// zero if all was.
	retry time.Time
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

func (r *Resolver) process(p *event.Process) *event.Process {
	if p.PID == 0 {
		// A socket without a process: all that is known is its user.
		name := r.users.name(p.UID, time.Now())
		if name == p.User {
			return p
		}
		q := *p
		q.User = name
		return &q
	}
	key := processKey{p.PID, p.Start}
	k, ok := r.processes.get(key)
	if !ok || k.seen != p && k.full != p && !says(k.seen, p) {
		k = r.resolve(p)
		r.processes.put(key, k)
	}
	if !k.retry.IsZero() {
		k = r.retry(key, k)
	}
	if k.full.PPID == p.PPID && k.full.TID == p.TID {
		return k.full
	}
	q := *k.full
	q.PPID, q.TID = p.PPID, p.TID
	return &q
}

// retry asks again for what was not there yet.
func (r *Resolver) retry(key processKey, k *known) *known {
	now := time.Now()
	if now.Before(k.retry) {
		return k
	}
	q := *k.full
	again := &known{seen: k.seen, full: &q}
	again.retry = r.group(q.Cgroup, now).tell(&q)
	r.processes.put(key, again)
	return again
}

// says reports whether all that p tells of a process was told by seen as
// well. An event that was lost and kept in short tells less.
func says(seen, p *event.Process) bool {
	return seen.UID == p.UID && seen.GID == p.GID && seen.Comm == p.Comm &&
		seen.ExeInode == p.ExeInode && seen.ExeDevice == p.ExeDevice &&
		(p.Exe == "" || p.Exe == seen.Exe && p.ExeDeleted == seen.ExeDeleted) &&
		(p.Cmdline == "" || p.Cmdline == seen.Cmdline) &&
		seen.CgroupID == p.CgroupID && (p.Cgroup == "" || p.Cgroup == seen.Cgroup) &&
		seen.Mntns == p.Mntns && seen.Pidns == p.Pidns
}

// resolve makes a copy of p with what it lacks.
func (r *Resolver) resolve(p *event.Process) *known {
	q := *p
	now := time.Now()
	q.User = r.users.name(q.UID, now)
	r.completeExe(&q, now)
	if q.Cmdline == "" {
		q.Cmdline = r.cmdline(&q)
	}
	r.completeCgroup(&q)
	retry := r.group(q.Cgroup, now).tell(&q)
	q.Ancestry = r.ancestry(&q, now)
	r.judgeFile(&q, now)
	return &known{seen: p, full: &q, retry: retry}
}
