package alert

import (
	"testing"
	"time"
)

// FuzzLife drives a book by any sequence of opens, closes, waits and
// restarts, and holds what receivers are told against what is open.
func FuzzLife(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9})
	f.Add([]byte{0x10, 0x50, 0x90, 0xd0, 0x10, 0x50, 0x90})
	f.Fuzz(func(t *testing.T, steps []byte) {
		steps = steps[:min(len(steps), 100)]
		c := newClock(Options{MaxAlerts: 3, Flaps: 2})
		const ports = 8
		firing := make(map[string]bool)
		open := make(map[uint64]bool)
		hear := func(told []Alert) {
			for _, a := range told {
				if a.Status == Resolved && !firing[a.Fingerprint] {
					t.Fatalf("resolved %q, which was not firing", a.Title)
				}
				firing[a.Fingerprint] = a.Status == Firing
			}
		}
		for _, s := range steps {
			port := uint16(s & (ports - 1))
			key := uint64(s&0x1f) + 1 // several sockets a port
			switch s >> 6 {
			case 0:
				hear(c.Open(c.now, key, portMatch(port), c.event(1, port)))
				open[key] = true
			case 1:
				hear(c.Close(c.now, key, c.event(2, port)))
				delete(open, key)
			case 2:
				end := c.now + time.Duration(s&0x3f)*time.Second
				for due, ok := c.Next(); ok && due <= end; due, ok = c.Next() {
					c.now = max(c.now, due)
					hear(c.Tick(c.now))
				}
				c.now = end
			case 3:
				c = c.restart(t, time.Duration(s&0x3f)*time.Second, "first")
				hear(c.Reconcile(c.now, c.wall(), func(k uint64) bool { return open[k] }))
			}
			if len(c.entries) > 3+1 {
				t.Fatalf("%d alerts are kept", len(c.entries))
			}
			for _, a := range c.Active() {
				if !firing[a.Fingerprint] {
					t.Fatalf("%q is active, which nobody was told", a.Title)
				}
			}
		}
		for key := range open {
			hear(c.Close(c.now, key, c.event(2, uint16(key-1)&(ports-1))))
		}
		for due, ok := c.Next(); ok; due, ok = c.Next() {
			c.now = max(c.now, due)
			hear(c.Tick(c.now))
		}
		for fp, f := range firing {
			if f {
				t.Fatalf("%s is never resolved", fp)
			}
		}
		if len(c.entries)+len(c.sockets)+len(c.Firing())+c.idle.Len() != 0 {
			t.Fatalf("left over: %v %v %v", c.entries, c.sockets, c.Firing())
		}
	})
}
