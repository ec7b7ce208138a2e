package notify

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"

	"portwatch/internal/notify/format"
	"portwatch/internal/notify/send"
)

const (
	// failingAfter is how long a receiver fails before the others are told.
	failingAfter = 5 * time.Minute

	// sayDropped is how often it is said at most that a queue is full.
	sayDropped = 10 * time.Second
)

// worker tells one receiver, at its pace. It has a goroutine of its own.
type worker struct {
	spec   Spec
	queue  *queue
	sender send.Sender
	log    *slog.Logger
	all    *Dispatcher // to tell the others of trouble

	mu     sync.Mutex
	counts Stats

	wake chan struct{}
	stop chan struct{} // closed: deliver what can be, then end
	once sync.Once     // of that
	done chan struct{}
	ctx  context.Context // ends: give up what is being delivered
	end  context.CancelFunc

	// Of run alone.
	pause   *backoff.ExponentialBackOff
	notNow  time.Time // no try before
	since   time.Time // of the first failure; zero if the last try did not fail
	fails   int
	last    error
	alarmed bool // the others were told
	said    uint64
	saidAt  time.Time
}

func newWorker(spec Spec, q *queue, sender send.Sender, log *slog.Logger, all *Dispatcher, alarmed bool) *worker {
	ctx, end := context.WithCancel(context.Background())
	pause := backoff.NewExponentialBackOff()
	pause.InitialInterval, pause.MaxInterval, pause.Multiplier = spec.FirstRetry, spec.LastRetry, 2
	pause.Reset()
	_, _, dropped := q.length()
	return &worker{
		spec: spec, queue: q, sender: sender, log: log.With("receiver", spec.Name), all: all,
		counts: Stats{Name: spec.Name}, pause: pause, alarmed: alarmed, said: dropped,
		wake: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{}), ctx: ctx, end: end,
	}
}

func (w *worker) offer(it item) {
	if w.spec.accepts(&it) {
		w.queue.push(it)
		signal(w.wake)
	}
}

func (w *worker) stats() Stats {
	w.mu.Lock()
	st := w.counts
	w.mu.Unlock()
	var oldest time.Time
	st.Queued, oldest, st.Dropped = w.queue.length()
	if st.Queued > 0 {
		st.OldestAge = max(0, time.Since(oldest))
	}
	return st
}

// close delivers what can be delivered until ctx ends. What cannot stays in
// the queue.
func (w *worker) close(ctx context.Context) error {
	w.once.Do(func() { close(w.stop) })
	defer context.AfterFunc(ctx, w.end)()
	defer w.end()
	select {
	case <-w.done:
	case <-ctx.Done():
		// One that does not heed its deadline, as a write to a file on
		// a network that is gone, is left behind.
		select {
		case <-w.done:
		case <-time.After(100 * time.Millisecond):
		}
	}
	if n, _, _ := w.queue.length(); n > 0 && w.queue.store == nil {
		return fmt.Errorf("%d notifications for %s were not delivered and are lost: no state folder is kept", n, w.spec.Name)
	}
	return nil
}

// run is the life of the goroutine.
func (w *worker) run() {
	defer close(w.done)
	defer w.sender.Close()
	for {
		w.sayDropped()
		now := time.Now()
		switch due := w.due(); {
		case w.stopped() && (now.Before(w.notNow) || w.ctx.Err() != nil):
			return
		case now.Before(w.notNow):
			w.wait(w.alarmAt(now), nil)
		case !due.IsZero() && !now.Before(due):
			w.refresh()
		default:
			batch := w.queue.next(w.sender.Batch())
			if len(batch) > 0 {
				w.deliver(batch)
				continue
			}
			if w.stopped() {
				return
			}
			w.wait(due, w.wake)
		}
	}
}

func (w *worker) stopped() bool {
	select {
	case <-w.stop:
		return true
	default:
		return false
	}
}

// wait returns at a time (the zero time is never), when c is signalled, or
// when the worker is to stop.
func (w *worker) wait(until time.Time, c <-chan struct{}) {
	var at <-chan time.Time
	if !until.IsZero() {
		t := time.NewTimer(time.Until(until))
		defer t.Stop()
		at = t.C
	}
	select {
	case <-at:
	case <-c:
	case <-w.stop:
	}
}

// due returns when the receiver is to be reminded of what fires.
func (w *worker) due() time.Time {
	r, ok := w.sender.(send.Refresher)
	if !ok || w.stopped() {
		return time.Time{}
	}
	return r.RefreshAt()
}

func (w *worker) refresh() {
	ctx, cancel := context.WithTimeout(w.ctx, w.spec.Timeout)
	defer cancel()
	if err := w.sender.(send.Refresher).Refresh(ctx); err != nil {
		w.failed(err)
		return
	}
	w.succeeded()
}

// deliver sends a batch.
func (w *worker) deliver(batch []*entry) {
	messages := make([]*format.Message, len(batch))
	for i, e := range batch {
		messages[i] = w.spec.message(&e.item)
	}
	ctx, cancel := context.WithTimeout(w.ctx, w.spec.Timeout)
	defer cancel()
	n, err := w.sender.Send(ctx, messages)
	n = min(n, len(batch))
	w.queue.done(batch[:n])
	w.count(batch[:n])
	if n > 0 {
		w.succeeded()
	}
	rest := batch[n:]
	switch {
	case err == nil || len(rest) == 0 || w.ctx.Err() != nil:
		w.queue.back(rest, false)
	case send.Permanent(err):
		w.queue.done(rest[:1])
		w.queue.back(rest[1:], false)
		w.refused(err, rest[0])
	default:
		w.queue.back(rest, true)
		w.failed(err)
	}
}

func (w *worker) count(delivered []*entry) {
	now := time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.counts.Delivered += uint64(len(delivered))
	for _, e := range delivered {
		if d, ok := e.latency(now); ok {
			w.counts.Latency.observe(d)
		}
	}
}
