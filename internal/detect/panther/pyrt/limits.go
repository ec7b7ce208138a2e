package pyrt

import (
	"fmt"
	"sync"
	"time"
)

// Limits bound what one call of a rule's function may use.
type Limits struct {
	Steps uint64        // of the interpreter; work of built-in functions counts as well
	Bytes int64         // of all text, lists and numbers made, garbage included
	Depth int           // of calls within calls
	Time  time.Duration // by the wall clock
}

// DefaultLimits are far above what a rule needs and stop one that runs away
// within some 20 ms.
func DefaultLimits() Limits {
	return Limits{Steps: 1_000_000, Bytes: 32 << 20, Depth: 500, Time: time.Second}
}

func (l Limits) orDefault() Limits {
	d := DefaultLimits()
	if l.Steps == 0 {
		l.Steps = d.Steps
	}
	if l.Bytes == 0 {
		l.Bytes = d.Bytes
	}
	if l.Depth == 0 {
		l.Depth = d.Depth
	}
	if l.Time == 0 {
		l.Time = d.Time
	}
	return l
}

// A LimitError says that a rule was stopped because it used too much.
type LimitError struct{ Msg string }

func (e *LimitError) Error() string { return e.Msg }

// exceeded stops the rule; nothing of it can catch that.
func (rt *Runtime) exceeded(what string) *LimitError {
	if rt.stop == nil {
		l := rt.Limits
		msg := map[string]string{
			"steps":  fmt.Sprintf("the rule ran away: more than %d steps", l.Steps),
			"memory": fmt.Sprintf("the rule ran away: more than %d MiB of memory", l.Bytes>>20),
			"time":   fmt.Sprintf("the rule ran away: it took longer than %v", l.Time),
		}[what]
		rt.stop = &LimitError{msg}
		rt.thread.Cancel(msg)
	}
	return rt.stop
}

// Charge counts n steps of work.
func (rt *Runtime) Charge(n int) error {
	if n < 0 {
		n = 0
	}
	rt.thread.Steps += uint64(n)
	if rt.thread.Steps >= rt.Limits.Steps {
		return rt.exceeded("steps")
	}
	return nil
}

// bytesPerStep is how much may be copied for one step of work.
const bytesPerStep = 64

// Alloc counts n bytes that are about to be made. The order matters: a rule
// that asks for a terabyte must not get it first.
func (rt *Runtime) Alloc(n int64) error {
	if n < 0 || rt.spent > rt.Limits.Bytes-n {
		return rt.exceeded("memory")
	}
	rt.spent += n
	return rt.Charge(int(n / bytesPerStep))
}

// valueBytes is what an element costs in a list.
const valueBytes = 16

func (rt *Runtime) allocValues(n int) error { return rt.Alloc(int64(n) * valueBytes) }

func (rt *Runtime) begin() {
	rt.thread.Steps = 0
	rt.spent = 0
	rt.stop = nil
	rt.handling = rt.handling[:0]
	if rt.thread.CallStackDepth() > 0 {
		rt.newThread() // a panic passed through the old one
	}
	rt.thread.Uncancel()
	rt.timedOut.Store(false)
	rt.guard.watch(rt.Limits.Time, rt.cancel)
}

func (rt *Runtime) end() { rt.guard.release() }

// A guard stops what runs for too long. It keeps one timer, which it does not
// touch for a call that ends soon: most do so within microseconds.
type guard struct {
	mu       sync.Mutex
	deadline time.Time // of what runs now; zero if nothing does
	stop     func()
	timer    *time.Timer
	armed    bool
}

func (g *guard) watch(limit time.Duration, stop func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.deadline, g.stop = time.Now().Add(limit), stop
	if g.armed {
		return
	}
	g.armed = true
	if g.timer == nil {
		g.timer = time.AfterFunc(limit, g.look)
	} else {
		g.timer.Reset(limit)
	}
}

func (g *guard) release() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.deadline, g.stop = time.Time{}, nil
}

// look is what the timer calls.
func (g *guard) look() {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch left := time.Until(g.deadline); {
	case g.deadline.IsZero():
		g.armed = false
	case left > 0:
		g.timer.Reset(left)
	default:
		g.stop()
		g.armed = false
	}
}
