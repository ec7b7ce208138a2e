// Package notify hands events, alerts and status lines to receivers. Each
// receiver has a queue and a goroutine of its own: one that is slow, stuck or
// gone delays neither the others nor the detection.
package notify

import (
	"context"
	"errors"
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
	receivers []receiver
}

// New returns a dispatcher without receivers: it tells nobody.
func New() *Dispatcher { return new(Dispatcher) }

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
	for _, r := range d.receivers {
		r.offer(it)
	}
}

// Stats returns what became of everything, receiver by receiver.
func (d *Dispatcher) Stats() []Stats {
	all := make([]Stats, len(d.receivers))
	for i, r := range d.receivers {
		all[i] = r.stats()
	}
	return all
}

// Close delivers what is queued, to all receivers at the same time, until ctx
// ends. Nothing may be told after.
func (d *Dispatcher) Close(ctx context.Context) error {
	errs := make([]error, len(d.receivers))
	var all sync.WaitGroup
	for i, r := range d.receivers {
		all.Go(func() { errs[i] = r.close(ctx) })
	}
	all.Wait()
	return errors.Join(errs...)
}
