package identity

import (
	"time"

	"golang.org/x/sys/unix"

	"portwatch/internal/event"
)

const (
	maxAncestry      = 8
	ancestorExeBytes = 256

	// ancestorAge is how old a look at an ancestor may be that certainly is
	// the same process: it may have executed another program.
	ancestorAge = 10 * time.Second
)

// An ancestor is a process that started another one.
type ancestor struct {
	event.Ancestor
	ppid  uint32
	start uint64 // ticks since boot
	seen  uint64 // when it was looked at, in ticks since boot
	at    time.Time
}

// ancestry returns the parents of p, as far as they still run.
func (r *Resolver) ancestry(p *event.Process, now time.Time) []event.Ancestor {
	if !r.proc.host {
		return nil
	}
	var list []event.Ancestor
	born := ticks(p.Start)
	for pid := p.PPID; pid != 0 && len(list) < maxAncestry; {
		a, ok := r.ancestor(pid, born, now)
		// What is younger than its child has only got the number of the
		// real parent.
		if !ok || a.start > born {
			break
		}
		if list == nil {
			list = make([]event.Ancestor, 0, maxAncestry)
		}
		list = append(list, a.Ancestor)
		pid, born = a.ppid, a.start
	}
	return list
}

// ancestor looks at the parent of a process that started at born.
func (r *Resolver) ancestor(pid uint32, born uint64, now time.Time) (ancestor, bool) {
	if a, ok := r.ancestors.get(pid); ok {
		// A parent is older than its child, also one that adopted it. If
		// the child was there when we looked, so was the parent, and its
		// number had not been given to another since.
		if age := now.Sub(a.at); age < recheck || age < ancestorAge && born < a.seen {
			return a, true
		}
	}
	seen := sinceBoot()
	s, ok := r.proc.stat(pid)
	if !ok {
		return ancestor{}, false
	}
	a := ancestor{ppid: s.ppid, start: s.start, seen: seen, at: now}
	a.PID, a.Comm = pid, s.comm
	a.Exe = shorten(readlink(r.proc.path(pid, "exe")), ancestorExeBytes)
	r.ancestors.put(pid, a)
	return a, true
}

// sinceBoot returns CLOCK_BOOTTIME in ticks.
func sinceBoot() uint64 {
	var ts unix.Timespec
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts) != nil {
		return 0
	}
	return ticks(time.Duration(ts.Nano()))
}
