package alert

import (
	"maps"
	"slices"
	"time"

	"portwatch/internal/event"
)

// A Moment is one moment on the clocks that matter.
type Moment struct {
	Boot   time.Duration `json:"boot"` // CLOCK_BOOTTIME
	Wall   time.Time     `json:"wall"`
	BootID string        `json:"boot_id"` // which boot, as /proc/sys/kernel/random/boot_id says
}

// State is a Book as it is kept on disk.
type State struct {
	Saved  Moment  `json:"saved"`
	Alerts []Saved `json:"alerts"`
}

// Saved is one alert as it is kept on disk. Durations are CLOCK_BOOTTIME of
// the boot in which it was saved.
type Saved struct {
	Alert     Alert           `json:"alert"`
	Sockets   []uint64        `json:"sockets,omitempty"`
	Threshold uint64          `json:"threshold,omitempty"`
	Period    time.Duration   `json:"period,omitempty"`
	Open      bool            `json:"open,omitempty"`
	Digested  bool            `json:"digested,omitempty"`
	Overflow  bool            `json:"overflow,omitempty"`
	Muted     bool            `json:"muted,omitempty"` // Destinations is empty but not nil
	Window    time.Duration   `json:"window,omitempty"`
	Matches   uint64          `json:"matches,omitempty"`
	Last      time.Duration   `json:"last,omitempty"`
	Fired     []time.Duration `json:"fired,omitempty"`
	SaidAt    time.Duration   `json:"said_at,omitempty"`
	SaidAs    uint64          `json:"said_as,omitempty"`
	ClosedAt  time.Time       `json:"closed_at,omitzero"`
	Closing   *event.Event    `json:"closing,omitempty"`
	ResolveAt time.Duration   `json:"resolve_at,omitempty"`
}

// rebootGrace is how long after a reboot a service has to open its port
// again before its alert is resolved.
const rebootGrace = time.Minute

// Track has TakeChanges tell from now on what changed.
func (b *Book) Track() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.dirty == nil {
		b.dirty = make(map[string]struct{})
	}
}

// TakeChanges returns the alerts that changed since it was last called, and
// the fingerprints of those that were forgotten.
func (b *Book) TakeChanges() (changed []Saved, gone []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.dirty) == 0 {
		return nil, nil
	}
	var want []*entry
	for _, fp := range slices.Sorted(maps.Keys(b.dirty)) {
		if e := b.entries[fp]; e != nil {
			want = append(want, e)
		} else {
			gone = append(gone, fp)
		}
	}
	clear(b.dirty)
	return b.save(want), gone
}

// Save returns the whole book.
func (b *Book) Save(at Moment) State {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := make([]*entry, 0, len(b.entries))
	for _, fp := range slices.Sorted(maps.Keys(b.entries)) {
		all = append(all, b.entries[fp])
	}
	return State{Saved: at, Alerts: b.save(all)}
}

func (b *Book) save(entries []*entry) []Saved {
	saved := make([]Saved, len(entries))
	at := make(map[*entry]int, len(entries))
	for i, e := range entries {
		at[e] = i
		saved[i] = Saved{
			Alert: e.Alert, Threshold: e.threshold, Period: e.period, Open: e.open, Digested: e.digested, Overflow: e.overflow,
			Muted: e.suppressed(), Window: e.window, Matches: e.matches, Last: e.last, Fired: slices.Clone(e.fired),
			SaidAt: e.saidAt, SaidAs: e.saidAs, ClosedAt: e.closedAt, Closing: e.closing, ResolveAt: e.resolveAt,
		}
	}
	for key, behind := range b.sockets {
		for _, e := range behind {
			if i, ok := at[e]; ok {
				saved[i].Sockets = append(saved[i].Sockets, key)
			}
		}
	}
	for i := range saved {
		slices.Sort(saved[i].Sockets)
	}
	return saved
}

// Restore returns the book that was saved, as of at. Sockets are taken for
// open until Reconcile says otherwise; those of another boot are not, as
// their keys may be those of others now.
func Restore(opts Options, st State, at Moment) *Book {
	b := NewBook(opts)
	sameBoot := at.BootID != "" && st.Saved.BootID == at.BootID && st.Saved.Boot <= at.Boot
	// What was t at Saved.Boot is now t + shift.
	var shift time.Duration
	if !sameBoot {
		shift = at.Boot - st.Saved.Boot - max(at.Wall.Sub(st.Saved.Wall), 0)
	}
	for _, s := range st.Alerts {
		if s.Alert.Fingerprint == "" || b.entries[s.Alert.Fingerprint] != nil || len(b.entries) >= 2*b.opts.MaxAlerts {
			continue
		}
		e := &entry{
			Alert: s.Alert, threshold: s.Threshold, period: s.Period, open: s.Open, digested: s.Digested, overflow: s.Overflow,
			window: s.Window + shift, matches: s.Matches, last: s.Last + shift, saidAt: s.SaidAt + shift, saidAs: s.SaidAs,
			closedAt: s.ClosedAt, closing: s.Closing,
		}
		if s.Muted {
			e.Destinations = []string{}
		}
		for _, t := range s.Fired {
			e.fired = append(e.fired, t+shift)
		}
		if e.Flapping && len(e.fired) == 0 {
			e.fired = []time.Duration{e.last}
		}
		if s.ResolveAt != 0 {
			e.resolveAt = max(s.ResolveAt+shift, 1)
		}
		if e.overflow {
			b.overflows++
		}
		b.entries[e.Fingerprint] = e
		if sameBoot {
			for _, key := range s.Sockets {
				b.attach(key, e)
			}
		}
		if e.open && e.sockets == 0 && e.resolveAt == 0 {
			e.resolveAt = at.Boot + rebootGrace
			e.closedAt = at.Wall
		}
		b.schedule(e)
	}
	return b
}

// Reconcile closes the sockets that are no longer open; wall is what time it
// is. It returns what is to be told.
func (b *Book) Reconcile(now time.Duration, wall time.Time, open func(key uint64) bool) []Alert {
	b.mu.Lock()
	defer b.mu.Unlock()
	var told []Alert
	for _, key := range slices.Sorted(maps.Keys(b.sockets)) {
		if !open(key) {
			told = append(told, b.detach(now, key, nil, wall, b.opts.ResolveAfter)...)
		}
	}
	return told
}
