package monitor

import (
	"fmt"
	"time"

	"portwatch/internal/alert"
	"portwatch/internal/event"
	"portwatch/internal/inventory"
	"portwatch/internal/notify"
	"portwatch/internal/probe"
)

const (
	// settle is how far what a hook reports and what an iterator shows may
	// be apart: a close is reported before the socket leaves the kernel's
	// lists, an open after it is in them. Microseconds, if nothing preempts
	// the task in between.
	settle = 50 * time.Millisecond

	// healPause is the least time between two reconciliations under a flood.
	healPause = time.Second
)

// takeStock puts what was open before into the inventory.
func (m *Monitor) takeStock() error {
	m.wait(settle)
	snap, err := m.Probe.Snapshot()
	if err != nil {
		return fmt.Errorf("take a snapshot: %w", err)
	}
	m.barrier()
	m.mu.Lock()
	defer m.mu.Unlock()
	d, ok := m.open.Merge(snap.Open, m.gone(snap))
	if !ok {
		// More happened in the last 100 ms than the inventory remembers.
		m.askHeal()
	}
	_, alerts := m.opened(d.Opened, event.Snapshot)
	if m.Digest {
		alerts = m.Book.Digest(m.now(), time.Now().UTC(), alerts)
	}
	m.notify(alerts)
	// What an earlier run had alerted on and is closed by now.
	m.notify(m.Book.Reconcile(m.now(), time.Now().UTC(), func(key uint64) bool { return m.open.Get(key) != nil }))
	m.ready(snap)
	return nil
}

// gone returns whether the absence of a socket from snap means that it is
// closed.
func (m *Monitor) gone(snap *probe.Snapshot) func(*inventory.Socket) bool {
	return func(s *inventory.Socket) bool { return snap.Complete || snap.Covers(s.Netns) }
}

// opened tells of sockets that no event had told of. A UDP client is silent:
// most of them never called bind(2), which is all that hooks see of UDP, and
// nobody would have been told of them otherwise. It returns how many were told
// of, and what is to be told of their alerts.
func (m *Monitor) opened(rows []event.Event, origin event.Origin) (told int, alerts []alert.Alert) {
	for i := range rows {
		ev := &rows[i]
		ev.Origin, ev.Host = origin, m.Host
		m.Identity.Enrich(ev)
		m.judge(ev)
		if ev.Socket.Role == event.Client {
			m.open.Get(ev.Socket.Key()).Silence()
		} else {
			m.tell(ev)
			told++
		}
		alerts = append(alerts, m.alert(ev)...)
	}
	return told, alerts
}

// catchUp looks whether the kernel side could not send something, and if so
// takes what it kept instead and asks for a reconciliation.
func (m *Monitor) catchUp() {
	l, err := m.Probe.Losses()
	if err != nil {
		m.Log.Error("read losses", "err", err)
		return
	}
	if l == m.losses {
		return
	}
	m.losses = l
	err = m.Probe.TakeOverflow(func(ev *event.Event) {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.handle(ev)
	})
	if err != nil {
		m.Log.Error("take lost events", "err", err)
	}
	m.askHeal()
}

// sayLost tells how many events were lost since it was last told: with every
// reconciliation rather than with every loss, which come by the thousand.
func (m *Monitor) sayLost() {
	l, err := m.Probe.Losses()
	if err != nil || l == m.said {
		return
	}
	m.Output.Status(notify.Status{Status: "lost", Fields: map[string]any{"lost": l.Events() - m.said.Events()}})
	m.said = l
}

func (m *Monitor) askHeal() {
	select {
	case m.heal <- struct{}{}:
	default: // asked already
	}
}

// reconcileWhenNeeded compares the inventory with the kernel's lists after a
// loss, at most once a second, and now and then though nothing was lost.
func (m *Monitor) reconcileWhenNeeded() {
	var check <-chan time.Time
	if m.SelfCheck > 0 {
		t := time.NewTicker(m.SelfCheck)
		defer t.Stop()
		check = t.C
	}
	for {
		select {
		case <-m.stop:
			return
		case <-check:
		case <-m.heal:
		}
		m.sayLost()
		if err := m.reconcile(); err != nil {
			m.Log.Error("reconcile", "err", err)
			m.askHeal()
		}
		m.wait(healPause)
	}
}

// wait returns after d, or earlier if the monitor stops.
func (m *Monitor) wait(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-m.stop:
	}
}

// reconcile compares the inventory with the kernel's lists now; see the merge
// rule in package inventory for why it waits.
func (m *Monitor) reconcile() error {
	m.mu.Lock()
	m.open.Begin()
	m.mu.Unlock()
	m.wait(settle)
	snap, err := m.Probe.Snapshot()
	if err != nil {
		m.mu.Lock()
		m.open.Abort()
		m.mu.Unlock()
		return err
	}
	m.wait(settle)
	m.barrier()

	m.mu.Lock()
	defer m.mu.Unlock()
	m.Metrics.Reconciled()
	d, ok := m.open.Merge(snap.Open, m.gone(snap))
	if !ok {
		m.askHeal()
		return nil
	}
	opened, alerts := m.opened(d.Opened, event.Repair)
	m.notify(alerts)
	closed := 0
	for _, c := range d.Closed {
		boot := m.now()
		ev := &event.Event{Type: event.Close, Origin: event.Repair, Boot: boot, Time: time.Now().UTC(), Host: m.Host}
		m.closed(ev, c.Socket)
		if !c.Socket.Silent {
			closed++
		}
	}
	if opened+closed > 0 {
		m.Output.Status(notify.Status{Status: "repaired", Fields: map[string]any{"opened": opened, "closed": closed}})
	}
	return nil
}
