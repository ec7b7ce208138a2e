package alert

import (
	"cmp"
	"container/list"
	"fmt"
	"slices"
	"time"

	"portwatch/internal/event"
)

// overflowRetell is how often the alert that stands for those beyond
// MaxAlerts is told again while it grows.
const overflowRetell = time.Minute

// entry is an alert and what decides of its next step.
type entry struct {
	Alert
	threshold uint64
	period    time.Duration
	sockets   int // how many are open behind it

	open     bool // it fired and is not resolved
	digested bool // only a digest told of it
	overflow bool // it stands for those beyond MaxAlerts

	window   time.Duration // start of the period in which matches are counted
	matches  uint64        // in it
	last     time.Duration // of the last match
	fired    []time.Duration
	saidAt   time.Duration // when it was last told
	saidAs   uint64        // Count then
	closedAt time.Time
	closing  *event.Event

	resolveAt time.Duration // 0 while something keeps it open

	// Kept by the Book.
	counted event.Severity // as what it is in Book.active
	due     time.Duration
	index   int // in Book.deadlines, from 1
	idle    *list.Element
}

func newEntry(fp string, m *event.Match, ev *event.Event) *entry {
	e := &entry{
		Alert: Alert{
			Rule: event.Printable(m.Rule, lineBytes), Dedup: clip(m.Dedup, lineBytes), Fingerprint: fp,
			FirstSeen: ev.Time,
		},
	}
	if ev.Host != nil {
		e.Host = ev.Host.Name
	}
	return e
}

// overflowOf returns the match that stands for those of a rule that there is
// no room for.
func overflowOf(m *event.Match) event.Match {
	return event.Match{
		Rule: m.Rule, Dedup: "portwatch.overflow", Severity: m.Severity, Period: m.Period,
		Title:   "Too Many Alerts: " + m.Rule,
		Explain: "so many alerts are open that further ones are only counted; 'portwatch ls --unexpected' lists every port",
	}
}

// suppressed reports whether the rule wants nobody told.
func (e *entry) suppressed() bool { return e.Destinations != nil && len(e.Destinations) == 0 }

// active reports whether receivers take it for firing. One that flaps is,
// though its port may be closed at the moment.
func (e *entry) active() bool { return e.open || e.Flapping }

// over reports whether nothing is left to happen to it.
func (e *entry) over() bool { return !e.active() && e.sockets == 0 }

// forgetAt is when it need no longer be kept, once it is over.
func (e *entry) forgetAt() time.Duration { return e.last + max(e.period, 1) }

// match counts a match, and returns what is to be told.
func (e *entry) match(now time.Duration, m *event.Match, ev *event.Event, opts *Options) []Alert {
	e.threshold, e.period = uint64(max(m.Threshold, 1)), m.Period
	n := max(ev.Count, 1)
	if e.matches == 0 || now-e.window >= e.period {
		e.window, e.matches = now, 0
		if len(e.fired) == 0 && !e.open {
			e.Count, e.FirstSeen = 0, ev.Time
		}
	}
	e.matches += n
	e.Count += n
	e.LastSeen, e.last = ev.Time, now
	e.resolveAt, e.closing = 0, nil
	if e.sockets == 0 {
		e.resolveAt, e.closedAt = now+e.period, ev.Time
	}
	switch {
	case !e.open && e.matches >= e.threshold:
		e.take(m, ev)
		return e.fire(now, opts)
	case e.open && m.Severity > e.Severity:
		// Receivers that want only what is worse have not heard of it.
		e.take(m, ev)
		e.digested = false
		return e.tell(now, Firing, ev.Time)
	case !e.open:
		e.resolveAt = 0
	}
	return nil
}

// take makes the alert say what a match says.
func (e *entry) take(m *event.Match, ev *event.Event) {
	e.Title, e.Severity = event.Printable(m.Title, lineBytes), m.Severity
	e.Explain = event.Printable(m.Explain, lineBytes)
	e.Description, e.Runbook = clip(m.Description, textBytes), clip(m.Runbook, textBytes)
	e.Reference = clip(m.Reference, lineBytes)
	e.Destinations, e.Context, e.Event = m.Destinations, m.Context, ev
}

func (e *entry) fire(now time.Duration, opts *Options) []Alert {
	e.open = true
	e.ResolvedAt = time.Time{}
	e.fired = append(slices.DeleteFunc(e.fired, func(t time.Duration) bool { return now-t >= e.period }), now)
	if e.Flapping {
		e.fired = e.fired[max(0, len(e.fired)-opts.Flaps):]
		return nil
	}
	if len(e.fired) > opts.Flaps {
		e.Flapping = true
		e.Explain = fmt.Sprintf("flapping: opened %d times within %v, told again after %v without; %s",
			len(e.fired), e.period, opts.FlapQuiet, e.Explain)
	}
	return e.tell(now, Firing, e.Event.Time)
}

// resolve ends the alert. It is kept until its dedup period is over: a match
// inside it opens the same alert again.
func (e *entry) resolve() []Alert {
	e.open, e.resolveAt = false, 0
	if e.Flapping {
		return nil
	}
	told := e.tell(e.saidAt, Resolved, e.closedAt)
	e.digested = false
	e.closing = nil
	return told
}

// tell returns the alert as it is to be told, if anybody is.
func (e *entry) tell(now time.Duration, s Status, at time.Time) []Alert {
	e.Status, e.Time = s, at
	e.saidAt, e.saidAs = now, e.Count
	if s == Resolved {
		e.ResolvedAt = at
		e.Event = cmp.Or(e.closing, e.Event)
	}
	if e.suppressed() || e.digested {
		return nil
	}
	return []Alert{e.Alert}
}

// nextStep returns when something is to be done about it.
func (e *entry) nextStep(opts *Options) time.Duration {
	due := never
	if e.resolveAt != 0 {
		due = e.resolveAt
	}
	if e.Flapping {
		due = min(due, e.calmAt(opts))
	}
	if e.overflow && e.open && e.Count > e.saidAs {
		due = min(due, e.saidAt+overflowRetell)
	}
	return due
}

// calmAt is when it no longer flaps, if it does not open until then.
func (e *entry) calmAt(opts *Options) time.Duration { return e.fired[len(e.fired)-1] + opts.FlapQuiet }

// tick does what is due, and returns what is to be told.
func (e *entry) tick(now time.Duration, opts *Options) (told []Alert) {
	if e.resolveAt != 0 && e.resolveAt <= now {
		told = e.resolve()
	}
	if e.Flapping && e.calmAt(opts) <= now {
		e.Flapping, e.fired = false, e.fired[:0]
		if !e.open {
			told = e.resolve()
		}
	}
	if e.overflow && e.open && e.Count > e.saidAs && now-e.saidAt >= overflowRetell {
		e.Explain = fmt.Sprintf("%d matches were only counted because so many alerts are open; 'portwatch ls --unexpected' lists every port", e.Count)
		told = append(told, e.tell(now, Firing, e.LastSeen)...)
	}
	return told
}
