package inventory

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"portwatch/internal/event"
)

// The model: a kernel with a handful of sockets in which one thing happens at
// a step. What a hook reports and what an iterator shows do not change in the
// same instant: the event of a close is sent before the socket is out of the
// lists, that of an open after it is in them. lag is the greatest distance.
const (
	lag     = 3
	sockets = 6 // few, so that the same socket closes and opens again
)

// A change is the state of a socket from a step on, and the event of it.
type change struct {
	socket   uint64
	open     bool
	port     uint16
	visible  int // step from which iterators show it
	reported int // step at which its event is put on the ring
	lost     bool
}

// kernel plays a random history.
type kernel struct {
	rng     *rand.Rand
	step    int
	lossy   bool
	changes []change
	ring    []change // reported and not yet read; in order
	lost    int
}

func (k *kernel) last(socket uint64) change {
	for _, c := range slices.Backward(k.changes) {
		if c.socket == socket {
			return c
		}
	}
	return change{socket: socket}
}

// shown returns what an iterator sees of a socket now.
func (k *kernel) shown(socket uint64) change {
	for _, c := range slices.Backward(k.changes) {
		if c.socket == socket && c.visible <= k.step {
			return c
		}
	}
	return change{socket: socket}
}

// tick lets time pass: things happen, and events arrive on the ring.
func (k *kernel) tick(busy bool) {
	k.step++
	if busy && k.rng.IntN(2) == 0 {
		k.happen(1 + k.rng.Uint64N(sockets))
	}
	for i := range k.changes {
		c := &k.changes[i]
		if c.reported != k.step {
			continue
		}
		if k.lossy && k.rng.IntN(4) == 0 {
			c.lost = true
			k.lost++
			continue
		}
		k.ring = append(k.ring, *c)
	}
}

func (k *kernel) happen(socket uint64) {
	was := k.last(socket)
	// One socket's changes follow one another: the socket lock sees to it.
	now := max(k.step, was.visible, was.reported) + 1
	c := change{socket: socket, visible: now, reported: now}
	switch {
	case !was.open:
		c.open, c.port = true, uint16(1+k.rng.IntN(3))
		c.reported += k.rng.IntN(lag)
	case k.rng.IntN(4) == 0: // bound anew, without a close that a hook sees
		c.open, c.port = true, was.port%3+1
		c.reported += k.rng.IntN(lag)
	default:
		c.visible += k.rng.IntN(lag)
	}
	k.changes = append(k.changes, c)
}

func (k *kernel) truth() map[uint64]uint16 {
	open := make(map[uint64]uint16)
	for s := uint64(1); s <= sockets; s++ {
		if c := k.shown(s); c.open {
			open[s] = c.port
		}
	}
	return open
}

func eventOf(c change) event.Event {
	e := event.Event{Type: event.Close, Origin: event.Live, Socket: event.Socket{Cookie: c.socket}}
	if c.open {
		e.Type = event.Open
		e.Socket.Port, e.Socket.Address = c.port, netip.IPv4Unspecified()
	}
	return e
}

// read gives the inventory some or all of what is on the ring.
func (k *kernel) read(v *Inventory, n int) {
	for ; n > 0 && len(k.ring) > 0; n-- {
		ev := eventOf(k.ring[0])
		k.ring = k.ring[1:]
		if ev.Type == event.Open {
			v.Open(&ev)
		} else {
			v.Close(&ev)
		}
	}
}

// reconcile is what the monitor does: begin, wait, list, wait, read all that
// is on the ring, merge. Events go on being read all the while.
func (k *kernel) reconcile(v *Inventory, busy bool) Diff {
	v.Begin()
	wait := func(steps int) {
		for range steps {
			k.tick(busy)
			k.read(v, k.rng.IntN(3))
		}
	}
	wait(lag + 1)
	var rows []event.Event
	for _, s := range k.rng.Perm(sockets) { // rows are read one after the other
		wait(k.rng.IntN(3))
		if c := k.shown(uint64(s) + 1); c.open {
			row := eventOf(c)
			row.Origin = event.Snapshot
			rows = append(rows, row)
		}
	}
	wait(lag + 1)
	k.read(v, len(k.ring))
	d, ok := v.Merge(rows, func(*Socket) bool { return true })
	if !ok {
		panic("merge was refused")
	}
	return d
}

func (k *kernel) settle(v *Inventory) {
	for range 4 * lag {
		k.tick(false)
	}
	k.read(v, len(k.ring))
}

func compare(v *Inventory, want map[uint64]uint16) error {
	got := make(map[uint64]uint16)
	for key, s := range v.All() {
		got[key] = s.Port
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		return fmt.Errorf("inventory has %v, the kernel %v", got, want)
	}
	return nil
}

const seeds = 20000

func TestMergeIsExactUnderAnyInterleaving(t *testing.T) {
	repaired := 0
	for seed := range uint64(seeds) {
		k := &kernel{rng: rand.New(rand.NewPCG(seed, 1))}
		for range k.rng.IntN(10) { // before portwatch starts
			k.tick(true)
		}
		for range lag + 1 { // hooks are attached: older events are passed over
			k.tick(false)
		}
		k.ring = nil
		v := New(MaxSockets)
		k.reconcile(v, true)
		for range 1 + k.rng.IntN(3) {
			d := k.reconcile(v, true)
			if len(d.Opened)+len(d.Closed) > 0 {
				t.Fatalf("seed %d: nothing was lost, and yet repaired: %+v", seed, d)
			}
		}
		k.settle(v)
		if err := compare(v, k.truth()); err != nil {
			t.Fatalf("seed %d: without loss: %v", seed, err)
		}

		k.lossy = true
		for range 20 {
			k.tick(true)
			k.read(v, k.rng.IntN(3))
		}
		// Losses go on during this one: it need not be exact.
		k.reconcile(v, true)
		k.lossy = false
		d := k.reconcile(v, true)
		repaired += len(d.Opened) + len(d.Closed)
		k.settle(v)
		if err := compare(v, k.truth()); err != nil {
			t.Fatalf("seed %d: after a loss of %d events and a reconciliation: %v", seed, k.lost, err)
		}
	}
	if repaired == 0 {
		t.Error("no seed had anything to repair: the test shows nothing")
	}
}
