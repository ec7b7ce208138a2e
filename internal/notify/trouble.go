package notify

import (
	"time"

	"portwatch/internal/notify/send"
)

func (w *worker) succeeded() {
	if w.fails > 0 {
		w.log.Info("delivers again", "failures", w.fails, "since", w.since.UTC())
	}
	if w.alarmed {
		w.alarmed = false
		w.all.recovered(w.spec.Name)
	}
	w.fails, w.since, w.last, w.notNow = 0, time.Time{}, nil, time.Time{}
	w.pause.Reset()
}

// failed puts off the next try.
func (w *worker) failed(err error) {
	if w.ctx.Err() != nil {
		return // it was interrupted
	}
	if w.fails++; w.fails == 1 {
		w.since = time.Now()
		w.log.Warn("deliver: tried again until it succeeds", "err", err)
	}
	w.last = err
	w.putOff(send.After(err))
}

// refused reports a message that will never be taken. The next one is put off
// too: should it be the receiver that is wrong and not the message, not all
// of the queue is to be spent on it.
func (w *worker) refused(err error, e *entry) {
	w.mu.Lock()
	w.counts.Failed++
	w.mu.Unlock()
	what := "an event"
	if e.alert != nil {
		what = e.alert.Title
	}
	w.log.Error("deliver: refused for good", "title", what, "err", err)
	w.all.Status(Status{Status: "error", Fields: map[string]any{
		"receiver": w.spec.Name, "error": err.Error(), "title": what, "reason": "the receiver refuses the notification for good",
	}})
	if w.fails++; w.fails == 1 {
		w.since = time.Now()
	}
	w.last = err
	w.putOff(0)
	w.alarm()
}

func (w *worker) putOff(least time.Duration) {
	w.notNow = time.Now().Add(max(w.pause.NextBackOff(), least))
}

// alarmAt returns when the next try is, or before it when the others are to
// be told that there was none that succeeded.
func (w *worker) alarmAt(now time.Time) time.Time {
	at := w.since.Add(failingAfter)
	switch {
	case w.alarmed || at.After(w.notNow):
		return w.notNow
	case !at.After(now):
		w.alarm()
		return w.notNow
	}
	return at
}

// alarm tells the others, once.
func (w *worker) alarm() {
	if w.alarmed {
		return
	}
	w.alarmed = true
	n, _, _ := w.queue.length()
	w.all.failing(w.spec.Name, w.since, n, w.last)
}

// sayDropped says how much was dropped since it was last said.
func (w *worker) sayDropped() {
	_, _, dropped := w.queue.length()
	if dropped == w.said || time.Since(w.saidAt) < sayDropped && !w.stopped() {
		return
	}
	w.log.Error("the queue is full: the oldest of the lowest severity was dropped", "dropped", dropped-w.said)
	w.all.Status(Status{Status: "lost", Fields: map[string]any{
		"lost": dropped - w.said, "receiver": w.spec.Name, "reason": "the queue of the receiver is full",
	}})
	w.said, w.saidAt = dropped, time.Now()
}
