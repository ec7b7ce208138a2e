// Package monitor is the way of one event: read from the kernel, who it was,
// into the inventory, what the policy says, counted, handed to the receivers.
// It is one straight function under one lock. Only receivers may be slow, and
// they have queues of their own.
package monitor

import (
	"errors"
	"log/slog"
	"sync"
	"time"

	"portwatch/internal/alert"
	"portwatch/internal/detect"
	"portwatch/internal/event"
	"portwatch/internal/identity"
	"portwatch/internal/inventory"
	"portwatch/internal/metrics"
	"portwatch/internal/notify"
	"portwatch/internal/probe"
)

// Output takes what the outside is told. Its methods must not block.
type Output interface {
	Event(*event.Event)
	Alert(alert.Alert)
	Status(notify.Status)
}

// Options are what a Monitor is made of.
type Options struct {
	Probe    *probe.Probe
	Policy   *detect.Policy
	Identity *identity.Resolver
	Book     *alert.Book
	Metrics  *metrics.Metrics
	Output   Output
	Host     *event.Host
	Log      *slog.Logger

	// Digest has what is open already told in one notification.
	Digest bool

	// Save keeps what changed in the book; nil keeps nothing.
	Save func()

	// SelfCheck is how often the inventory is compared with the kernel
	// though nothing was lost; 0 is never.
	SelfCheck time.Duration

	// MaxSockets bounds the inventory; 0 is inventory.MaxSockets.
	MaxSockets int
}

// A Monitor watches from Start to Stop.
type Monitor struct {
	Options

	mu    sync.Mutex // guards Policy, Book and what follows
	open  *inventory.Inventory
	timer *time.Timer   // the next deadline of the book
	due   time.Duration // that deadline

	losses probe.Losses // as the reader last saw them
	said   probe.Losses // as the output was last told

	heal    chan struct{} // a loss was seen
	flushed chan struct{} // the reader has read everything before a Flush
	stop    chan struct{}
	reader  sync.WaitGroup
	healer  sync.WaitGroup
}

// Start begins to watch. It returns when what was open already is in the
// inventory and judged; events flow to the output from before that.
func Start(opts Options) (*Monitor, error) {
	if opts.MaxSockets == 0 {
		opts.MaxSockets = inventory.MaxSockets
	}
	m := &Monitor{
		Options: opts,
		open:    inventory.New(opts.MaxSockets),
		heal:    make(chan struct{}, 1),
		flushed: make(chan struct{}, 1),
		stop:    make(chan struct{}),
	}
	m.timer = time.AfterFunc(time.Hour, m.tick)
	m.open.Begin()
	m.reader.Go(m.read)
	if err := m.takeStock(); err != nil {
		m.Stop()
		return nil, err
	}
	m.healer.Go(m.reconcileWhenNeeded)
	return m, nil
}

// Stop detaches from the kernel, takes what is on the ring buffer to its end
// and returns. The probe stays open; the output is the caller's to close.
func (m *Monitor) Stop() {
	close(m.stop)
	m.healer.Wait()
	if err := m.Probe.Detach(); err != nil {
		m.Log.Error("detach", "err", err)
	}
	m.barrier()
	if err := m.Probe.Close(); err != nil {
		m.Log.Error("close probe", "err", err)
	}
	m.reader.Wait()
	m.mu.Lock()
	m.timer.Stop()
	m.mu.Unlock()
}

// errorPause keeps an error that lasts from filling the log.
const errorPause = 10 * time.Millisecond

// read is the life of the reader: it blocks on nothing but the ring buffer.
func (m *Monitor) read() {
	for {
		ev := new(event.Event)
		switch err := m.Probe.Read(ev); {
		case errors.Is(err, probe.ErrClosed):
			return
		case errors.Is(err, probe.ErrFlushed):
			m.catchUp()
			m.flushed <- struct{}{}
			continue
		case err != nil: // a record that is not ours, or a ring that is broken
			m.Log.Error("read event", "err", err)
			m.wait(errorPause)
		case ev.Type != 0:
			m.mu.Lock()
			m.handle(ev)
			m.mu.Unlock()
		}
		if m.Probe.Drained() {
			m.catchUp()
		}
	}
}

// barrier waits until every event that is on the ring now was handled.
func (m *Monitor) barrier() {
	if err := m.Probe.Flush(); err != nil {
		m.Log.Error("flush", "err", err)
		return
	}
	<-m.flushed
}

// handle is the way of one event that a hook reported, or that the kernel
// side kept when the ring was full.
func (m *Monitor) handle(ev *event.Event) {
	ev.Host = m.Host
	if ev.Type == event.Close {
		if s := m.open.Close(ev); s != nil {
			m.closed(ev, s)
		}
		return
	}
	m.Identity.Enrich(ev)
	added, moved := m.open.Open(ev)
	if moved != nil {
		was := *ev
		was.Type = event.Close
		m.closed(&was, moved)
	}
	if added {
		m.judge(ev)
		m.tell(ev)
		m.notify(m.alert(ev))
	}
}

// judge gives an open event its verdict.
func (m *Monitor) judge(ev *event.Event) {
	m.Policy.Judge(ev, ev.Time)
	if ev.Origin == event.Live {
		ev.Latency = probe.Boottime() - ev.Boot
	}
	m.open.Judge(ev)
}

// tell counts an event and hands it out.
func (m *Monitor) tell(ev *event.Event) {
	m.Metrics.Event(ev)
	m.Output.Event(ev)
}

// alert takes an open event that should not be into the book, and returns
// what is to be told of it.
func (m *Monitor) alert(ev *event.Event) []alert.Alert {
	match, ok := m.Policy.Match(ev)
	if !ok {
		return nil
	}
	m.Metrics.Opened(&ev.Socket, exeOf(ev.Process), ev.Severity)
	return m.Book.Open(m.now(), ev.Socket.Key(), match, ev)
}

// closed is the end of a socket: ev becomes the close event of s.
func (m *Monitor) closed(ev *event.Event, s *inventory.Socket) {
	ev.Socket, ev.Owner, ev.Process, ev.OpenedAt = s.Socket, s.Owner, s.Process, s.OpenedAt
	if !s.Silent {
		m.tell(ev)
	}
	if refused(s.Verdict) {
		m.Metrics.Closed(&s.Socket, exeOf(s.Process), s.Severity)
	}
	m.notify(m.Book.Close(m.now(), s.Key(), ev))
}

func refused(v event.Verdict) bool { return v == event.Unexpected || v == event.Unknown }

func exeOf(p *event.Process) string {
	if p == nil {
		return ""
	}
	return p.Exe
}

func (m *Monitor) now() time.Duration { return probe.Boottime() }

// notify hands alerts out, has the book kept, and sets the clock for the next
// alert that is due.
func (m *Monitor) notify(alerts []alert.Alert) {
	for _, a := range alerts {
		m.Metrics.Alert(a.Severity, a.Status.String())
		m.Output.Alert(a)
	}
	// Last: what the book says was told is in the queues by then, whenever
	// we are killed.
	if m.Save != nil {
		m.Save()
	}
	// To set a timer wakes a thread: only if there is another deadline.
	if due, ok := m.Book.Next(); ok && due != m.due {
		m.due = due
		m.timer.Reset(max(due-m.now(), 0))
	}
}

// tick does what the book had put off until now.
func (m *Monitor) tick() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.due = 0
	m.notify(m.Book.Tick(m.now()))
}

// SetPolicy judges by another policy from now on, also what is open: alerts
// open and are resolved as if it had been in force all the time.
func (m *Monitor) SetPolicy(p *detect.Policy) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.Policy = p
	for _, s := range m.open.All() {
		ev := s.Event(m.Host)
		m.Policy.Judge(ev, time.Now())
		if ev.Verdict == s.Verdict && ev.Rule == s.Rule && ev.Severity == s.Severity {
			continue
		}
		if refused(s.Verdict) {
			m.Metrics.Closed(&s.Socket, exeOf(s.Process), s.Severity)
			m.notify(m.Book.Close(m.now(), s.Key(), ev))
		}
		m.open.Judge(ev)
		m.notify(m.alert(ev))
	}
}

// Ports calls f for each open socket, as the event that a newcomer would be
// told, until f returns false.
func (m *Monitor) Ports(f func(*event.Event) bool) {
	m.mu.Lock()
	all := make([]*event.Event, 0, m.open.Len())
	for _, s := range m.open.All() {
		all = append(all, s.Event(m.Host))
	}
	policy := m.Policy
	m.mu.Unlock()
	now := time.Now()
	for _, ev := range all {
		policy.Judge(ev, now)
		if !f(ev) {
			return
		}
	}
}

// State is what the metrics ask for.
func (m *Monitor) State() metrics.State {
	st := metrics.State{Open: make(map[event.Protocol]map[event.Scope]int), Lost: make(map[string]uint64)}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.open.All() {
		byScope := st.Open[s.Protocol]
		if byScope == nil {
			byScope = make(map[event.Scope]int)
			st.Open[s.Protocol] = byScope
		}
		byScope[s.Scope]++
	}
	st.Refused = m.open.Refused()
	st.Firing = m.Book.Firing()
	if l, err := m.Probe.Losses(); err == nil {
		st.Lost["ring_full_open"], st.Lost["ring_full_close"] = l.Opens, l.Closes
		st.Lost["overflow_full"], st.Lost["other"] = l.Unfolded, l.Other
	}
	return st
}

// ready is the status behind a start.
func (m *Monitor) ready(snap *probe.Snapshot) {
	var hooks []string
	var all []metrics.Hook
	for _, h := range m.Probe.Hooks() {
		all = append(all, metrics.Hook{Name: h.Name, Attached: h.Attached})
		if h.Attached {
			hooks = append(hooks, h.Name)
		}
	}
	m.Metrics.Hooks(all)
	s := notify.Status{Status: "ready", Fields: map[string]any{
		"tier": string(m.Probe.Tier()), "hooks": hooks, "snapshot": m.open.Len(),
	}}
	if snap.NoEntry > 0 {
		s.Fields["namespaces_not_entered"] = snap.NoEntry
	}
	m.Output.Status(s)
}

// Alive returns once an event could be handled.
func (m *Monitor) Alive() {
	m.mu.Lock()
	defer m.mu.Unlock()
}
