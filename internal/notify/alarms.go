package notify

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"time"

	"portwatch/internal/alert"
	"portwatch/internal/event"
)

// ownRule begins the names of the rules of alerts about portwatch itself.
const ownRule = "portwatch."

const (
	failingRule   = ownRule + "receiver_failing"
	failingBucket = "failing"
)

// alarmed returns the alerts about receivers that fail, by their names.
func (d *Dispatcher) alarmed() map[string]alert.Alert {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return maps.Clone(d.alarms)
}

// loadAlarms takes over what an earlier run told of failing receivers.
func (d *Dispatcher) loadAlarms() {
	err := d.opts.Store.Load(failingBucket, func(name string, value []byte) {
		var a alert.Alert
		if json.Unmarshal(value, &a) == nil {
			d.alarms[name] = a
		}
	})
	if err != nil {
		d.opts.Log.Error("read which receivers fail", "err", err)
	}
}

// failing tells all but the receiver itself that it fails.
func (d *Dispatcher) failing(name string, since time.Time, waiting int, last error) {
	now := time.Now().UTC()
	sum := sha256.Sum256([]byte(failingRule + d.opts.Host + name))
	a := alert.Alert{
		Time: now, Status: alert.Firing, Severity: event.High, Rule: failingRule,
		Title: "Receiver Failing: " + event.Printable(name, 100), Dedup: failingRule + "|" + d.opts.Host + "|" + name,
		Fingerprint: hex.EncodeToString(sum[:16]), Count: 1, FirstSeen: since.UTC(), LastSeen: now, Host: d.opts.Host,
		Explain: event.Printable(fmt.Sprintf("%d notifications wait for it: %v", waiting, last), lineBytes),
	}
	d.mu.Lock()
	d.alarms[name] = a
	store := d.opts.Store
	d.mu.Unlock()
	store.Put(failingBucket, name, func() ([]byte, error) { return a.MarshalJSON() })
	d.tellOthers(name, a)
}

// recovered tells all but the receiver itself that it no longer fails.
func (d *Dispatcher) recovered(name string) {
	d.mu.Lock()
	a, ok := d.alarms[name]
	delete(d.alarms, name)
	store := d.opts.Store
	d.mu.Unlock()
	if !ok {
		return
	}
	store.Delete(failingBucket, name)
	a.Status, a.Time = alert.Resolved, time.Now().UTC()
	a.ResolvedAt, a.LastSeen = a.Time, a.Time
	d.tellOthers(name, a)
}

func (d *Dispatcher) tellOthers(name string, a alert.Alert) {
	it := item{alert: &a, at: time.Now()}
	d.mu.RLock()
	defer d.mu.RUnlock()
	for _, r := range d.streams {
		r.offer(it)
	}
	for _, w := range d.workers {
		if w.spec.Name != name {
			w.offer(it)
		}
	}
}
