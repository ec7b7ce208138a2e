package notify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"portwatch/internal/alert"
	"portwatch/internal/notify/format"
	"portwatch/internal/notify/send"
	"portwatch/internal/state"
)

// replaceWithin is how long a receiver that is changed or removed has to end
// what it is doing.
const replaceWithin = time.Second

// Options are what receivers need besides their Spec.
type Options struct {
	Log   *slog.Logger
	Store *state.Store // nil keeps no queue on disk
	Host  string

	// Active are the alerts that fire: receivers that forget what they are
	// not reminded of go on with them.
	Active []alert.Alert
}

// Configure has the receivers of specs be told from now on, besides the
// output. Those that were there already and are asked for as before keep
// running; of those that changed the queue is kept; of those that are gone it
// is dropped. If one cannot be opened, nothing changes.
func (d *Dispatcher) Configure(specs []Spec, opts Options) error {
	d.mu.RLock()
	old := slices.Clone(d.workers)
	d.mu.RUnlock()
	senders, err := openAll(specs, old)
	if err != nil {
		return err
	}
	d.mu.Lock()
	d.opts = opts
	if len(old) == 0 {
		d.loadAlarms()
	}
	d.mu.Unlock()

	var workers, stopped, started []*worker
	for i := range specs {
		was := named(old, specs[i].Name)
		if was != nil && was.spec.source == specs[i].source {
			workers = append(workers, was)
			continue
		}
		w := d.newWorker(specs[i], senders[i], was)
		workers, started = append(workers, w), append(started, w)
	}
	for _, w := range old {
		if !slices.Contains(workers, w) {
			stopped = append(stopped, w)
		}
	}
	d.mu.Lock()
	d.workers = workers
	d.mu.Unlock()

	ctx, cancel := context.WithTimeout(context.Background(), replaceWithin)
	defer cancel()
	closeAll(ctx, stopped)
	for _, w := range stopped {
		if named(workers, w.spec.Name) == nil {
			d.discard(w)
		}
	}
	for _, w := range started {
		go w.run()
	}
	for name := range d.alarmed() {
		if named(workers, name) == nil {
			d.recovered(name)
		}
	}
	return nil
}

// openAll opens the way to each receiver that is new or changed; the others
// are nil.
func openAll(specs []Spec, old []*worker) ([]send.Sender, error) {
	senders := make([]send.Sender, len(specs))
	var errs error
	for i, s := range specs {
		if was := named(old, s.Name); was != nil && was.spec.source == s.source {
			continue
		}
		sender, err := s.open()
		if err != nil {
			errs = errors.Join(errs, fmt.Errorf("%s:%d: receiver %s: %w", s.File, s.Line, s.Name, err))
			continue
		}
		senders[i] = sender
	}
	if errs != nil {
		for _, s := range senders {
			if s != nil {
				s.Close()
			}
		}
	}
	return senders, errs
}

// Check reports whether the receivers of specs can be opened: whether the
// files that they name are there and hold what they should.
func Check(specs []Spec) error {
	senders, err := openAll(specs, nil)
	if err == nil {
		for _, s := range senders {
			s.Close()
		}
	}
	return err
}

func named(workers []*worker, name string) *worker {
	for _, w := range workers {
		if w.spec.Name == name {
			return w
		}
	}
	return nil
}

// newWorker returns a worker that takes over the queue of the one it comes
// after, or what an earlier run left of it.
func (d *Dispatcher) newWorker(spec Spec, sender send.Sender, was *worker) *worker {
	var q *queue
	if was != nil {
		q = was.queue
		q.resize(spec.QueueItems, spec.QueueBytes)
	} else {
		q = newQueue(spec.Name, d.opts.Store, spec.QueueItems, spec.QueueBytes)
		q.load(d.opts.Log)
	}
	alarms := d.alarmed()
	_, alarmed := alarms[spec.Name]
	active := slices.AppendSeq(slices.Clone(d.opts.Active), maps.Values(alarms))
	w := newWorker(spec, q, sender, d.opts.Log, d, alarmed)
	if was != nil {
		w.counts = was.stats()
	}
	if r, ok := sender.(send.Refresher); ok {
		var messages []*format.Message
		for i := range active {
			if it := (item{alert: &active[i]}); spec.accepts(&it) {
				messages = append(messages, spec.message(&it))
			}
		}
		r.Resume(messages)
	}
	return w
}

// discard drops the queue of a receiver that the configuration no longer has.
func (d *Dispatcher) discard(w *worker) {
	n, _, _ := w.queue.length()
	d.opts.Store.DeleteBucket(w.queue.bucket)
	if n > 0 {
		d.opts.Log.Warn("receiver removed: what was queued for it is dropped", "receiver", w.spec.Name, "dropped", n)
		d.Status(Status{Status: "lost", Fields: map[string]any{
			"lost": n, "receiver": w.spec.Name, "reason": "the receiver was removed from the configuration",
		}})
	}
}

// Orphans returns the names of receivers for which an earlier run left
// something, and which are not among specs.
func Orphans(store *state.Store, specs []Spec) ([]string, error) {
	buckets, err := store.Buckets()
	var names []string
	for _, b := range buckets {
		name, isQueue := strings.CutPrefix(b, queueBucket)
		if isQueue && !slices.ContainsFunc(specs, func(s Spec) bool { return s.Name == name }) {
			names = append(names, name)
		}
	}
	return names, err
}
