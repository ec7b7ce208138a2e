// Package notify hands events, alerts and status lines to receivers. Each
// receiver has a queue and a goroutine of its own: one that is slow, stuck or
// gone delays neither the others nor the detection.
package notify

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"time"

	"portwatch/internal/alert"
	"portwatch/internal/event"
)

// Status is a line about portwatch itself.
type Status struct {
	Time   time.Time // zero is now
	Status string    // ready, reload, lost, repaired, stopping
	Fields map[string]any
}

// MarshalJSON writes the fields beside kind, time and status.
func (s Status) MarshalJSON() ([]byte, error) {
	m := make(map[string]any, len(s.Fields)+3)
	maps.Copy(m, s.Fields)
	m["kind"], m["status"], m["time"] = "status", s.Status, event.FormatTime(s.Time)
	return json.Marshal(m)
}

// item is one thing to tell: exactly one of the fields is set.
type item struct {
	event  *event.Event
	alert  *alert.Alert
	status *Status
}

// Stats is what became of what a receiver was given.
type Stats struct {
	Name      string
	Delivered uint64
	Failed    uint64
	Dropped   uint64 // for want of room
	Queued    int
	OldestAge time.Duration
}

// receiver is one place that is told. Its methods but close do not block.
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

// Event tells of a socket that opened or closed.
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

// Close delivers what is queued until ctx ends. Nothing may be told after.
func (d *Dispatcher) Close(ctx context.Context) error {
	var errs error
	for _, r := range d.receivers {
		errs = errors.Join(errs, r.close(ctx))
	}
	return errs
}
