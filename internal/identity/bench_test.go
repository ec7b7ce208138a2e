package identity

import (
	"os/exec"
	"testing"
	"time"

	"portwatch/internal/event"
)

func BenchmarkKnown(b *testing.B) {
	r := New(Options{})
	p := running(b, exec.Command("/bin/cat", "-"))
	ev := &event.Event{Process: p}
	for b.Loop() {
		ev.Process = p
		r.Enrich(ev)
	}
}

// BenchmarkKnownAnew has the process in another record each time, as when
// processes take turns.
func BenchmarkKnownAnew(b *testing.B) {
	r := New(Options{})
	p := running(b, exec.Command("/bin/cat", "-"))
	q := *p
	ev := &event.Event{}
	for i := 0; b.Loop(); i++ {
		if ev.Process = p; i&1 == 0 {
			ev.Process = &q
		}
		r.Enrich(ev)
	}
}

// BenchmarkNew is a process that was not seen before, of which the kernel
// side told everything.
func BenchmarkNew(b *testing.B) {
	r := New(Options{})
	r.proc.legacy = false // with cgroup v1 its cgroups are read from /proc
	p := enrich(r, running(b, exec.Command("/bin/cat", "-")))
	p.Cgroup, p.CgroupID = "/system.slice/cat.service", 7
	ev := &event.Event{}
	for i := 0; b.Loop(); i++ {
		q := *p
		q.Start += time.Duration(i) // within a tick for the first million
		q.Ancestry = nil
		ev.Process = &q
		r.Enrich(ev)
	}
}

// BenchmarkNewOfKnownGrandparents is a daemon started from a shell that was
// there some seconds ago.
func BenchmarkNewOfKnownGrandparents(b *testing.B) {
	p := enrich(New(Options{}), running(b, exec.Command("/bin/cat", "-")))
	p.Cgroup, p.CgroupID = "/system.slice/cat.service", 7
	r := New(Options{})
	ev := &event.Event{}
	for i := 0; b.Loop(); i++ {
		q := *p
		q.Start += time.Duration(i)
		ev.Process = &q
		delete(r.ancestors.newer, p.PPID)
		r.Enrich(ev)
	}
	b.ReportMetric(float64(len(p.Ancestry)), "parents")
}

// BenchmarkNewOfNewParents is the same with nothing remembered.
func BenchmarkNewOfNewParents(b *testing.B) {
	p := enrich(New(Options{}), running(b, exec.Command("/bin/cat", "-")))
	p.Cgroup, p.CgroupID = "/system.slice/cat.service", 7
	r := New(Options{})
	ev := &event.Event{}
	for i := 0; b.Loop(); i++ {
		q := *p
		q.Start += time.Duration(i)
		ev.Process = &q
		clear(r.ancestors.newer)
		clear(r.folders.newer)
		r.Enrich(ev)
	}
}

// BenchmarkNewFromProc is a process of which the kernel side could tell no
// text, as after a flood.
func BenchmarkNewFromProc(b *testing.B) {
	r := New(Options{})
	p := running(b, exec.Command("/bin/cat", "-"))
	ev := &event.Event{}
	for i := 0; b.Loop(); i++ {
		q := *p
		q.Start += time.Duration(i)
		ev.Process = &q
		r.Enrich(ev)
	}
}
