// Package behaviour holds portwatch to its contract on a real kernel: real
// sockets are opened and closed, and what portwatch tells is compared. The
// same suite runs on every kernel and in every tier; PORTWATCH_TIER chooses
// one (auto, fexit, cgroup). It needs root.
package behaviour

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"portwatch/internal/alert"
	"portwatch/internal/config"
	"portwatch/internal/detect"
	"portwatch/internal/event"
	"portwatch/internal/identity"
	"portwatch/internal/metrics"
	"portwatch/internal/monitor"
	"portwatch/internal/notify"
	"portwatch/internal/probe"
)

// patience is how long a test waits for what must come. It comes within a
// millisecond; an emulated machine that shares its processor may be slow.
const patience = 20 * time.Second

// told records what a monitor tells, in order.
type told struct {
	mu      sync.Mutex
	changed chan struct{} // closed and replaced with every entry
	events  []*event.Event
	alerts  []alert.Alert
	status  []notify.Status
	frozen  chan struct{} // while it is open, an event waits
}

// freeze stops whoever tells of an event, until thaw.
func (r *told) freeze() (thaw func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	frozen := make(chan struct{})
	r.frozen = frozen
	return func() { close(frozen) }
}

func newTold() *told { return &told{changed: make(chan struct{})} }

func (r *told) note(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f()
	close(r.changed)
	r.changed = make(chan struct{})
}

func (r *told) Event(ev *event.Event) {
	r.mu.Lock()
	frozen := r.frozen
	r.mu.Unlock()
	if frozen != nil {
		<-frozen
	}
	r.note(func() { r.events = append(r.events, ev) })
}
func (r *told) Alert(a alert.Alert)    { r.note(func() { r.alerts = append(r.alerts, a) }) }
func (r *told) Status(s notify.Status) { r.note(func() { r.status = append(r.status, s) }) }

// until waits until found returns true of what was told.
func (r *told) until(t testing.TB, what string, found func() bool) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for {
		r.mu.Lock()
		ok, changed := found(), r.changed
		r.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-deadline.C:
			r.mu.Lock()
			defer r.mu.Unlock()
			for _, e := range r.events[max(0, len(r.events)-5):] {
				t.Logf("told: %v %v %v %v %v of netns %d", e.Time, e.Origin, e.Type, e.Socket.Protocol, e.Socket.AddrPort(), e.Socket.Netns)
			}
			t.Fatalf("%s: not told within %v", what, patience)
		}
	}
}

// watch is a running monitor and what it told.
type watch struct {
	*told
	*monitor.Monitor
	metrics *metrics.Metrics
	probe   *probe.Probe
}

// start begins to watch with the built-in policy.
func start(opts probe.Options) (*watch, error) {
	if opts.Tier == "" {
		opts.Tier = probe.Tier(os.Getenv("PORTWATCH_TIER"))
	}
	settings := config.BuiltIn().Policy
	policy, err := detect.Compile(settings)
	if err != nil {
		return nil, err
	}
	p, err := probe.Open(opts)
	if err != nil {
		return nil, err
	}
	if opts.Tier != "" && opts.Tier != probe.Auto && p.Tier() != opts.Tier {
		return nil, fmt.Errorf("tier %s was asked for and %s attached", opts.Tier, p.Tier())
	}
	w := &watch{told: newTold(), probe: p}
	w.metrics = metrics.New("test", "test", func() metrics.State { return w.State() })
	w.Monitor, err = monitor.Start(monitor.Options{
		Probe: p, Policy: policy, Identity: identity.New(identity.Options{}), Book: alert.NewBook(alert.Options{}),
		Metrics: w.metrics, Output: w.told, Host: &event.Host{Name: "test"}, Log: slog.Default(),
	})
	if err != nil {
		p.Close()
		return nil, err
	}
	return w, nil
}

// shared is the monitor of all tests that need no other: each looks only at
// the network namespace that it made for itself.
var shared *watch

func TestMain(m *testing.M) {
	if name := os.Getenv("PORTWATCH_TEST_CHILD"); name != "" {
		child(name)
		os.Exit(0)
	}
	moveToCleanFolder()
	var err error
	if shared, err = start(probe.Options{}); err != nil {
		fmt.Fprintln(os.Stderr, "start:", err)
		os.Exit(1)
	}
	fmt.Printf("tier %s\n", shared.probe.Tier())
	code := m.Run()
	shared.Stop()
	os.RemoveAll(os.Getenv(movedTo))
	os.Exit(code)
}

// movedTo names the folder that the program was copied to.
const movedTo = "PORTWATCH_TEST_FOLDER"

// moveToCleanFolder goes on as a copy of this program in a folder that only
// root can write to: go test builds in /tmp, and what runs there is suspect.
func moveToCleanFolder() {
	if os.Getenv(movedTo) != "" {
		return
	}
	dir, err := os.MkdirTemp("/run", "portwatch-test-")
	check(err)
	check(os.Chmod(dir, 0o755))
	exe := filepath.Join(dir, "behaviour.test")
	b, err := os.ReadFile("/proc/self/exe")
	check(err)
	check(os.WriteFile(exe, b, 0o755))
	check(unix.Exec(exe, os.Args, append(os.Environ(), movedTo+"="+dir)))
}

// in selects what was told of one network namespace.
type in uint32

// find returns the events of the namespace for which ok is true.
func (ns in) find(w *watch, ok func(*event.Event) bool) []*event.Event {
	w.mu.Lock()
	defer w.mu.Unlock()
	return ns.findLocked(w, ok)
}

func (ns in) findLocked(w *watch, ok func(*event.Event) bool) (found []*event.Event) {
	for _, e := range w.events {
		if e.Socket.Netns == uint32(ns) && (ok == nil || ok(e)) {
			found = append(found, e)
		}
	}
	return found
}

// one waits for an event of the namespace and returns it.
func (ns in) one(t testing.TB, w *watch, what string, ok func(*event.Event) bool) *event.Event {
	t.Helper()
	var found []*event.Event
	w.until(t, what, func() bool {
		found = ns.findLocked(w, ok)
		return len(found) > 0
	})
	if len(found) > 1 {
		t.Fatalf("%s: told %d times", what, len(found))
	}
	return found[0]
}

func isOpen(port int) func(*event.Event) bool {
	return func(e *event.Event) bool { return e.Type == event.Open && int(e.Socket.Port) == port }
}

func isClose(port int) func(*event.Event) bool {
	return func(e *event.Event) bool { return e.Type == event.Close && int(e.Socket.Port) == port }
}
