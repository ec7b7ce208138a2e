// Package notify hands events, alerts and status lines to receivers. Each
// receiver has a queue and a goroutine of its own: one that is slow, stuck or
// gone delays neither the others nor the detection.
package notify

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"portwatch/internal/alert"
	"portwatch/internal/event"
)

// item is one thing to tell: exactly one of the pointers is set.
type item struct {
	event  *event.Event
	alert  *alert.Alert
	status *Status
	at     time.Time // when it was offered; monotonic, so no clock jump counts
}

// latency returns how long after the kernel's time stamp it is now; ok is
// false for what no hook reported.
func (it *item) latency(now time.Time) (d time.Duration, ok bool) {
	ev := it.event
	if it.alert != nil && it.alert.Status == alert.Firing {
		ev = it.alert.Event
	}
	if ev == nil || ev.Origin != event.Live {
		return 0, false
	}
	return ev.Latency + now.Sub(it.at), true
}

// receiver is one place that is told. offer and stats do not block. close
// delivers what is queued until the context ends, and returns what went
// wrong; nothing may be offered after.
type receiver interface {
	offer(item)
	stats() Stats
	close(context.Context) error
}

// Dispatcher hands everything to all receivers. Its methods are safe for
// concurrent use until Close.
type Dispatcher struct {
	mu      sync.RWMutex // guards what follows
	streams []receiver   // output, of which there is no queue on disk
	workers []*worker
	opts    Options
	alarms  map[string]alert.Alert // of receivers that fail, by name
}

// New returns a dispatcher without receivers: it tells nobody.
func New() *Dispatcher { return &Dispatcher{alarms: make(map[string]alert.Alert)} }

// Event tells of a socket that opened or closed. Nobody may change ev after.
func (d *Dispatcher) Event(ev *event.Event) { d.offer(item{event: ev}) }

// Alert tells of an alert.
func (d *Dispatcher) Alert(a alert.Alert) { d.offer(item{alert: &a}) }

// Status tells of portwatch itself.
func (d *Dispatcher) Status(s Status) {
	if s.Time.IsZero() {
		s.Time = time.Now()
	}
	d.offer(item{status: &s})
}

func (d *Dispatcher) offer(it item) {
	it.at = time.Now()
	d.mu.RLock()
	defer d.mu.RUnlock()
	for _, r := range d.streams {
		r.offer(it)
	}
	if it.status != nil {
		return
	}
	chosen := d.chosen(&it)
	for _, w := range d.workers {
		if chosen(w.spec.Name) {
			w.offer(it)
		}
	}
}

// chosen returns which receivers an item is for. A rule may name them; if it
// names none that there is, better all are told than nobody.
func (d *Dispatcher) chosen(it *item) func(name string) bool {
	all := func(string) bool { return true }
	if it.alert == nil || it.alert.Destinations == nil {
		return all
	}
	named := func(name string) bool { return slices.Contains(it.alert.Destinations, name) }
	if !slices.ContainsFunc(d.workers, func(w *worker) bool { return named(w.spec.Name) }) {
		return all
	}
	return named
}

// Stats returns what became of everything, receiver by receiver.
func (d *Dispatcher) Stats() []Stats {
	d.mu.RLock()
	defer d.mu.RUnlock()
	all := make([]Stats, 0, len(d.streams)+len(d.workers))
	for _, r := range d.streams {
		all = append(all, r.stats())
	}
	for _, w := range d.workers {
		all = append(all, w.stats())
	}
	return all
}

// Close delivers what is queued, to all receivers at the same time, until ctx
// ends. Nothing may be told after.
func (d *Dispatcher) Close(ctx context.Context) error {
	d.mu.RLock()
	all := slices.Clone(d.streams)
	for _, w := range d.workers {
		all = append(all, w)
	}
	d.mu.RUnlock()
	return closeAll(ctx, all)
}

func closeAll[R receiver](ctx context.Context, receivers []R) error {
	errs := make([]error, len(receivers))
	var all sync.WaitGroup
	for i, r := range receivers {
		all.Go(func() { errs[i] = r.close(ctx) })
	}
	all.Wait()
	return errors.Join(errs...)
}
