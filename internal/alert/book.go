package alert

import (
	"cmp"
	"container/list"
	"math"
	"slices"
	"sync"
	"time"

	"portwatch/internal/event"
)

// Options bound and time the alerts of a Book. Zero values are the defaults,
// except that of ResolveAfter.
type Options struct {
	// ResolveAfter is how long all sockets of an alert must be closed
	// before it is resolved: a restart of a service is no news.
	ResolveAfter time.Duration

	// MaxAlerts is how many alerts are kept. Further ones are counted into
	// one for each rule that says so: whoever opens ports must not choose
	// our memory use.
	MaxAlerts int

	// Flaps is how many times an alert is told as firing inside its dedup
	// period. The next time it is told as flapping, and then left alone
	// until it has not opened for FlapQuiet.
	Flaps     int
	FlapQuiet time.Duration
}

// The defaults of Options.
const (
	DefaultResolveAfter = 5 * time.Second
	DefaultMaxAlerts    = 4096
	DefaultFlaps        = 5
	DefaultFlapQuiet    = 10 * time.Minute
)

// maxSockets bounds the sockets that are remembered to be behind an alert; it
// is what the inventory holds.
const maxSockets = 65536

// A Book holds the alerts. It is safe for concurrent use. Times named now are
// readings of CLOCK_BOOTTIME and do not go back.
type Book struct {
	mu        sync.Mutex // guards what follows
	opts      Options
	entries   map[string]*entry   // by fingerprint
	sockets   map[uint64][]*entry // the alerts that a socket is behind
	deadlines deadlines
	idle      *list.List              // of *entry: over, kept for their dedup period; the oldest first
	overflows int                     // how many of entries stand for those beyond MaxAlerts
	active    [event.Critical + 1]int // by severity
	dirty     map[string]struct{}     // fingerprints of what changed since TakeChanges; nil if nobody asks
}

// NewBook returns a book without alerts.
func NewBook(opts Options) *Book {
	opts.MaxAlerts = cmp.Or(opts.MaxAlerts, DefaultMaxAlerts)
	opts.Flaps = cmp.Or(opts.Flaps, DefaultFlaps)
	opts.FlapQuiet = cmp.Or(opts.FlapQuiet, DefaultFlapQuiet)
	return &Book{
		opts:    opts,
		entries: make(map[string]*entry),
		sockets: make(map[uint64][]*entry),
		idle:    list.New(),
	}
}

// SetResolveAfter changes how long a port stays closed before its alert is
// resolved; deadlines that run already stay.
func (b *Book) SetResolveAfter(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.opts.ResolveAfter = d
}

// Firing returns how many alerts are firing, by severity.
func (b *Book) Firing() map[event.Severity]int {
	b.mu.Lock()
	defer b.mu.Unlock()
	firing := make(map[event.Severity]int)
	for s := event.Info; s <= event.Critical; s++ {
		if n := b.active[s]; n > 0 {
			firing[s] = n
		}
	}
	return firing
}

// Active returns the alerts that receivers were told are firing and not yet
// that they are resolved, the oldest first.
func (b *Book) Active() []Alert {
	b.mu.Lock()
	defer b.mu.Unlock()
	var active []Alert
	for _, e := range b.entries {
		if e.active() && !e.suppressed() && !e.digested {
			active = append(active, e.Alert)
		}
	}
	slices.SortFunc(active, func(x, y Alert) int {
		return cmp.Or(x.FirstSeen.Compare(y.FirstSeen), cmp.Compare(x.Fingerprint, y.Fingerprint))
	})
	return active
}

// Open takes a match on an event of a socket, and returns what is to be told
// now. A match on a close event has no socket behind it: its alert is
// resolved when a dedup period has passed without another.
func (b *Book) Open(now time.Duration, key uint64, m event.Match, ev *event.Event) []Alert {
	b.mu.Lock()
	defer b.mu.Unlock()
	e := b.entry(now, &m, ev)
	if e == nil {
		return nil
	}
	if ev.Type == event.Open {
		b.attach(key, e)
	}
	told := e.match(now, &m, ev, &b.opts)
	b.schedule(e)
	return told
}

// Close takes the close event of a socket, and returns what is to be told
// now.
func (b *Book) Close(now time.Duration, key uint64, ev *event.Event) []Alert {
	b.mu.Lock()
	defer b.mu.Unlock()
	// The event of a socket that is open but no longer refused tells when
	// it was opened, not when that ended.
	at := ev.Time
	if ev.Type == event.Open && ev.Boot != 0 {
		at = at.Add(now - ev.Boot)
	}
	return b.detach(now, key, ev, at, b.opts.ResolveAfter)
}

func (b *Book) detach(now time.Duration, key uint64, ev *event.Event, at time.Time, grace time.Duration) []Alert {
	entries := b.sockets[key]
	delete(b.sockets, key)
	var told []Alert
	for _, e := range entries {
		if e.sockets--; e.sockets == 0 && e.open {
			e.closing, e.closedAt = ev, at
			e.resolveAt = now + grace
			if grace == 0 {
				told = append(told, e.resolve()...)
			}
		}
		b.schedule(e)
	}
	return told
}

// Next returns when Tick is due; ok is false if it never is.
func (b *Book) Next() (due time.Duration, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.deadlines) == 0 {
		return 0, false
	}
	return b.deadlines[0].due, true
}

// Tick does what is due, and returns what is to be told.
func (b *Book) Tick(now time.Duration) []Alert {
	b.mu.Lock()
	defer b.mu.Unlock()
	var told []Alert
	for len(b.deadlines) > 0 && b.deadlines[0].due <= now {
		e := b.deadlines[0]
		if e.over() && e.forgetAt() <= now {
			b.forget(e)
			continue
		}
		told = append(told, e.tick(now, &b.opts)...)
		b.schedule(e)
	}
	return told
}

// attach remembers that a socket is behind an alert. A socket for which there
// is no room is as if it had closed: see entry.match.
func (b *Book) attach(key uint64, e *entry) {
	behind := b.sockets[key]
	if slices.Contains(behind, e) || behind == nil && len(b.sockets) >= maxSockets {
		return
	}
	b.sockets[key] = append(behind, e)
	e.sockets++
}

// entry returns the alert of a match: the one that is there, a new one, or
// where there is no room the one that counts what there is no room for; m
// becomes that one's. It returns nil if there is no room and nobody to tell.
func (b *Book) entry(now time.Duration, m *event.Match, ev *event.Event) *entry {
	fp := fingerprint(m.Rule, m.Dedup)
	if e := b.entries[fp]; e != nil {
		if !e.over() || now < e.forgetAt() {
			return e
		}
		b.forget(e)
	}
	overflow := len(b.entries)-b.overflows >= b.opts.MaxAlerts && !b.forgetOldest()
	if overflow {
		if m.Destinations != nil && len(m.Destinations) == 0 {
			return nil
		}
		*m = overflowOf(m)
		fp = fingerprint(m.Rule, m.Dedup)
		if e := b.entries[fp]; e != nil {
			return e
		}
		b.overflows++
	}
	e := newEntry(fp, m, ev)
	e.overflow = overflow
	b.entries[fp] = e
	return e
}

// forgetOldest drops the alert that has been over for longest, if one is.
func (b *Book) forgetOldest() bool {
	first := b.idle.Front()
	if first == nil {
		return false
	}
	b.forget(first.Value.(*entry))
	return true
}

func (b *Book) forget(e *entry) {
	delete(b.entries, e.Fingerprint)
	if e.overflow {
		b.overflows--
	}
	if e.idle != nil {
		b.idle.Remove(e.idle)
	}
	b.deadlines.set(e, never)
	b.touch(e)
}

func (b *Book) touch(e *entry) {
	if b.dirty != nil {
		b.dirty[e.Fingerprint] = struct{}{}
	}
}

// schedule brings what the book keeps of an alert besides it up to date.
func (b *Book) schedule(e *entry) {
	b.touch(e)
	var counted event.Severity
	if e.active() {
		counted = min(e.Severity, event.Critical)
	}
	b.active[e.counted]--
	b.active[counted]++
	e.counted = counted
	if e.idle != nil {
		b.idle.Remove(e.idle)
		e.idle = nil
	}
	due := e.nextStep(&b.opts)
	if e.over() {
		due = e.forgetAt()
		if !e.overflow {
			e.idle = b.idle.PushBack(e)
		}
	}
	b.deadlines.set(e, due)
}

// never is the deadline of what waits for nothing.
const never = time.Duration(math.MaxInt64)
