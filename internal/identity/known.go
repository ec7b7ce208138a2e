package identity

import (
	"time"

	"portwatch/internal/event"
)

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

// process returns p completed: what is known of it already, if p tells nothing
// else.
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
