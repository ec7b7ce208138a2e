package probe

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"

	"portwatch/internal/event"
)

// Losses counts what the kernel side could not report, since Open. The
// counters only grow.
type Losses struct {
	Opens    uint64 // opens that the ring buffer had no room for
	Unfolded uint64 // of these: ports that are not even in the overflow map
	Closes   uint64 // closes that the ring buffer had no room for
	Other    uint64 // sockets whose close may go unseen, rows left out of a snapshot
}

// Events returns how many events and rows were lost in all.
func (l Losses) Events() uint64 { return l.Opens + l.Closes + l.Other }

// Losses returns the counters. They are shared memory: it costs no system
// call.
func (p *Probe) Losses() (Losses, error) {
	var l bpfLosses
	if err := p.maps.Variables[bpfVarLost].Get(&l); err != nil {
		return Losses{}, fmt.Errorf("read loss counters: %w", err)
	}
	return Losses{Opens: l.Opens, Unfolded: l.Unfolded + l.Scratch, Closes: l.Closes, Other: l.Tags + l.Rows}, nil
}

// TakeOverflow empties the map of opens that could not be sent and calls f
// for each distinct port in it; ev.Count says how many opens were folded into
// it, ev.Socket and ev.Process are those of the first. The process's path and
// arguments are not known.
func (p *Probe) TakeOverflow(f func(*event.Event)) error {
	m := p.maps.Maps[bpfMapPwOverflow]
	var key bpfOverflowKey
	var o bpfOverflow
	for {
		// Each pass starts anew: what was taken is gone from the map.
		if err := m.NextKey(nil, &key); errors.Is(err, ebpf.ErrKeyNotExist) {
			return nil
		} else if err != nil {
			return fmt.Errorf("read the overflow map: %w", err)
		}
		if err := m.LookupAndDelete(&key, &o); errors.Is(err, ebpf.ErrKeyNotExist) {
			continue
		} else if err != nil {
			return fmt.Errorf("take from the overflow map: %w", err)
		}
		r := raw{bpfEvent: o.Event}
		ev := event.Event{Type: event.Open, Origin: event.Repair, Owner: r.owner(), Boot: bootTime(r.Time), Count: o.Count}
		ev.Time = wall(ev.Boot)
		var err error
		if ev.Socket, err = r.socket(p.hostNetns); err != nil {
			return err
		}
		r.Flags &^= flagHasExe
		ev.Process = r.process()
		ev.Process.Cgroup = ""
		f(&ev)
	}
}
