package identity

import "time"

const (
	patience   = 20 * time.Millisecond // much for a file, little for a port that opened
	afterStall = 10 * patience
	maxStalled = 4
)

// A guard asks what the watched can stall: a process can have its arguments,
// and a user his folders, served by a program that never answers. Waiting
// for it must not keep us from seeing ports.
type guard struct {
	slots chan struct{}
	until time.Time // nothing is asked before
}

func newGuard() *guard { return &guard{slots: make(chan struct{}, maxStalled)} }

// ask returns the answer of f if it comes in time. Otherwise f is left to
// itself on its goroutine: it must not touch what others use. At most
// maxStalled are left so; then nothing is asked until one returns.
func ask[T any](g *guard, f func() T) (answer T, ok bool) {
	if !g.until.IsZero() && time.Now().Before(g.until) {
		return answer, false
	}
	select {
	case g.slots <- struct{}{}:
	default:
		return answer, false
	}
	done := make(chan T, 1)
	go func() {
		done <- f()
		<-g.slots
	}()
	t := time.NewTimer(patience)
	defer t.Stop()
	select {
	case answer = <-done:
		return answer, true
	case <-t.C:
		g.until = time.Now().Add(afterStall)
		return answer, false
	}
}
