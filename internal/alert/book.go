package alert

import (
	"cmp"
	"container/list"
	"fmt"
	"slices"
	"time"

	"portwatch/internal/event"
)

// Options bound and time the alerts of a Book.
type Options struct {
	// ResolveAfter is how long all sockets of an alert must be closed
	// before it is resolved: a restart of a service is no news.
	ResolveAfter time.Duration

	// MaxAlerts is how many alerts are open at a time; further ones are
	// counted into one that says so. 0 is DefaultMaxAlerts.
	MaxAlerts int

	// Flaps is how many times an alert may open anew inside its dedup
	// period before it is told once more, as flapping, and then left alone
	// until it is quiet. 0 is DefaultFlaps.
	Flaps int
}

// The defaults of Options.
const (
	DefaultMaxAlerts = 4096
	DefaultFlaps     = 5
)

// A Book holds the open alerts. It is not safe for concurrent use.
type Book struct {
	opts    Options
	entries map[string]*entry   // by fingerprint
	sockets map[uint64][]*entry // which alerts a socket is behind
	firing  map[event.Severity]int
	idle    *list.List    // resolved entries that wait for the end of their period, oldest first
	due     time.Duration // when Tick has something to do; 0 is never
}

// entry is one alert and what decides of its next step.
type entry struct {
	Alert
	threshold int
	period    time.Duration
	sockets   map[uint64]struct{}

	open      bool            // told as firing and not yet as resolved
	quiet     bool            // counted, never told: a digest did, or Destinations is empty
	last      time.Duration   // of the last match
	matches   []time.Duration // those that count towards the threshold
	fired     []time.Duration // when it was told as firing; at most Flaps + 1
	flapping  bool
	resolveAt time.Duration // when it is to be resolved; 0 while a socket is open
	closing   *event.Event  // the last close
	idle      *list.Element // its place in Book.idle
}

// NewBook returns a book without alerts.
func NewBook(opts Options) *Book {
	opts.MaxAlerts = cmp.Or(opts.MaxAlerts, DefaultMaxAlerts)
	opts.Flaps = cmp.Or(opts.Flaps, DefaultFlaps)
	return &Book{
		opts: opts, entries: make(map[string]*entry), sockets: make(map[uint64][]*entry),
		firing: make(map[event.Severity]int), idle: list.New(),
	}
}

// Firing returns how many alerts are firing, by severity.
func (b *Book) Firing() map[event.Severity]int {
	n := make(map[event.Severity]int, len(b.firing))
	for s, c := range b.firing {
		n[s] = c
	}
	return n
}

// Open takes a match on the open event of a socket, and returns what is to be
// told now.
func (b *Book) Open(now time.Duration, key uint64, m event.Match, ev *event.Event) []Alert {
	e := b.entry(m, ev)
	e.Count += max(ev.Count, 1)
	e.LastSeen, e.last = ev.Time, now
	e.resolveAt, e.closing = 0, nil
	if e.idle != nil {
		b.idle.Remove(e.idle)
		e.idle = nil
	}
	if m.Severity > e.Severity {
		if e.open {
			b.firing[e.Severity]--
			b.firing[m.Severity]++
		}
		e.Severity = m.Severity
	}
	if _, ok := e.sockets[key]; !ok && len(e.sockets) < maxSockets {
		e.sockets[key] = struct{}{}
		b.sockets[key] = append(b.sockets[key], e)
	}
	if e.open {
		return nil
	}
	e.matches = append(within(e.matches, now-e.period), now)
	if len(e.matches) > e.threshold {
		e.matches = e.matches[1:]
	}
	if len(e.matches) < e.threshold {
		return nil
	}
	e.open = true
	b.firing[e.Severity]++
	e.Event, e.Explain, e.Time, e.ResolvedAt = ev, m.Explain, ev.Time, time.Time{}
	e.Status = Firing
	if e.quiet {
		return nil
	}
	e.fired = append(within(e.fired, now-e.period), now)
	if len(e.fired) <= b.opts.Flaps {
		return []Alert{e.Alert}
	}
	e.fired = e.fired[1:]
	if e.flapping {
		return nil
	}
	e.flapping = true
	a := e.Alert
	a.Explain = fmt.Sprintf("flapping: opened %d times within %v; told again when it is quiet. %s", b.opts.Flaps+1, e.period, a.Explain)
	return []Alert{a}
}

// maxSockets bounds the sockets that one alert remembers: a service that
// opens more is resolved when those are closed.
const maxSockets = 65536

// overflowRule is the rule of the alert that stands for those beyond
// MaxAlerts.
const overflowRule = "portwatch.too_many_alerts"

// entry returns the alert of a match, a new one if there is none.
func (b *Book) entry(m event.Match, ev *event.Event) *entry {
	fp := fingerprint(m.Rule, m.Dedup)
	if e := b.entries[fp]; e != nil {
		return e
	}
	if len(b.entries) >= b.opts.MaxAlerts && !b.forget() {
		m = event.Match{
			Rule: overflowRule, Dedup: overflowRule, Severity: m.Severity, Period: m.Period,
			Title:   "Too Many Unexpected Ports",
			Explain: fmt.Sprintf("%d alerts are open; further ones are counted here and listed by 'portwatch ls --unexpected'", b.opts.MaxAlerts),
		}
		fp = fingerprint(m.Rule, m.Dedup)
		if e := b.entries[fp]; e != nil {
			return e
		}
	}
	e := &entry{
		Alert: Alert{
			Title: m.Title, Severity: m.Severity, Rule: m.Rule, Dedup: m.Dedup, Fingerprint: fp, FirstSeen: ev.Time,
			Explain: m.Explain, Description: m.Description, Runbook: m.Runbook, Reference: m.Reference,
			Destinations: m.Destinations, Context: m.Context,
		},
		threshold: max(m.Threshold, 1), period: m.Period, sockets: make(map[uint64]struct{}),
		quiet: m.Destinations != nil && len(m.Destinations) == 0,
	}
	if ev.Host != nil {
		e.Host = ev.Host.Name
	}
	b.entries[fp] = e
	return e
}

// forget drops the alert that was resolved longest ago, if one was.
func (b *Book) forget() bool {
	oldest := b.idle.Front()
	if oldest == nil {
		return false
	}
	b.drop(oldest.Value.(*entry))
	return true
}

func (b *Book) drop(e *entry) {
	if e.idle != nil {
		b.idle.Remove(e.idle)
	}
	delete(b.entries, e.Fingerprint)
}

// rest has e wait for what is to be done about it later.
func (b *Book) rest(e *entry) {
	if !e.open && len(e.sockets) == 0 && e.idle == nil {
		e.idle = b.idle.PushBack(e)
	}
	if t := e.due(); t != 0 && (b.due == 0 || t < b.due) {
		b.due = t
	}
}

// Close takes the close event of a socket, and returns what is to be told
// now.
func (b *Book) Close(now time.Duration, key uint64, ev *event.Event) []Alert {
	entries := b.sockets[key]
	delete(b.sockets, key)
	var told []Alert
	for _, e := range entries {
		delete(e.sockets, key)
		if len(e.sockets) > 0 {
			continue
		}
		if e.open {
			e.closing = ev
			e.resolveAt = now + b.opts.ResolveAfter
			if b.opts.ResolveAfter == 0 {
				told = append(told, b.resolve(e)...)
			}
		}
		b.rest(e)
	}
	return told
}

// resolve ends an alert. The entry stays until its dedup period is over: a
// match inside it opens the same alert again.
func (b *Book) resolve(e *entry) []Alert {
	e.open, e.resolveAt = false, 0
	b.firing[e.Severity]--
	a := e.Alert
	a.Status, a.Event = Resolved, e.closing
	a.Time, a.ResolvedAt = e.closing.Time, e.closing.Time
	e.closing = nil
	if e.quiet || e.flapping {
		return nil
	}
	return []Alert{a}
}

// Next returns when Tick is due; ok is false if it never is.
func (b *Book) Next() (due time.Duration, ok bool) { return b.due, b.due != 0 }

// due returns when something is to be done about an alert; 0 is never.
func (e *entry) due() time.Duration {
	switch {
	case e.resolveAt != 0:
		return e.resolveAt
	case !e.open && len(e.sockets) == 0:
		return e.last + e.period + 1
	}
	return 0
}

// Tick does what is due, and returns what is to be told.
func (b *Book) Tick(now time.Duration) []Alert {
	if b.due == 0 || b.due > now {
		return nil
	}
	b.due = 0
	var told []Alert
	for _, e := range b.entries {
		switch t := e.due(); {
		case t == 0 || t > now:
		case e.resolveAt != 0:
			told = append(told, b.resolve(e)...)
		default:
			if e.flapping { // quiet at last
				a := e.Alert
				a.Status, a.Time, a.ResolvedAt = Resolved, a.LastSeen, a.LastSeen
				told = append(told, a)
			}
			b.drop(e)
			continue
		}
		b.rest(e)
	}
	slices.SortFunc(told, func(x, y Alert) int { return x.Time.Compare(y.Time) })
	return told
}

// within returns the times that are later than start.
func within(times []time.Duration, start time.Duration) []time.Duration {
	return slices.DeleteFunc(times, func(t time.Duration) bool { return t <= start })
}
