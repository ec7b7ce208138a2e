package identity

import (
	"time"

	"portwatch/internal/event"
)

const (
	maxAncestry      = 8
	ancestorExeBytes = 256
)

// An ancestor is a process that started another one.
type ancestor struct {
	event.Ancestor
	ppid  uint32
	start uint64    // ticks since boot
	at    time.Time // when it was looked at: it may execute another program
}

// ancestry returns the parents of p, as far as they still run.
func (r *Resolver) ancestry(p *event.Process, now time.Time) []event.Ancestor {
	if !r.proc.host {
		return nil
	}
	var list []event.Ancestor
	born := ticks(p.Start)
	for pid := p.PPID; pid != 0 && len(list) < maxAncestry; {
		a, ok := r.ancestor(pid, now)
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

func (r *Resolver) ancestor(pid uint32, now time.Time) (ancestor, bool) {
	if a, ok := r.ancestors.get(pid); ok && now.Sub(a.at) < recheck {
		return a, true
	}
	s, ok := r.proc.stat(pid)
	if !ok {
		return ancestor{}, false
	}
	a := ancestor{ppid: s.ppid, start: s.start, at: now}
	a.PID, a.Comm = pid, s.comm
	a.Exe = shorten(readlink(r.proc.path(pid, "exe")), ancestorExeBytes)
	r.ancestors.put(pid, a)
	return a, true
}
