package notify

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"time"

	"portwatch/internal/alert"
	"portwatch/internal/event"
	"portwatch/internal/notify/format"
)

// TestResult is what became of a test alert at one receiver.
type TestResult struct {
	Name, Type string
	Firing     time.Duration // until the receiver took it
	Resolved   time.Duration
	Err        error // why it did not
}

// SelfTest sends an alert that says it is a test, and its end, the way that
// all go to the receiver, but past its queue.
func SelfTest(ctx context.Context, spec Spec, host string) TestResult {
	r := TestResult{Name: spec.Name, Type: spec.Type}
	sender, err := spec.open()
	if err != nil {
		r.Err = fmt.Errorf("%s:%d: %w", spec.File, spec.Line, err)
		return r
	}
	defer sender.Close()
	a := testAlert(spec, host)
	if r.Firing, r.Err = try(ctx, spec, sender.Send, a); r.Err != nil {
		return r
	}
	a.Status, a.Time = alert.Resolved, time.Now().UTC()
	a.ResolvedAt = a.Time
	r.Resolved, r.Err = try(ctx, spec, sender.Send, a)
	return r
}

func testAlert(spec Spec, host string) alert.Alert {
	a := sample()
	id := make([]byte, 16)
	rand.Read(id)
	a.Title = "TEST of portwatch, not an alert: " + a.Title
	a.Explain = "sent by 'portwatch notify test' to show that alerts arrive here"
	a.Rule, a.Dedup, a.Fingerprint = ownRule+"test", "test", hex.EncodeToString(id)
	a.Severity = max(spec.MinSeverity, event.High)
	a.Host, a.Event.Host.Name = host, host
	a.Event.Severity, a.Event.Rule, a.Event.Explain = a.Severity, a.Rule, a.Explain
	a.Context = map[string]any{"test": true}
	return a
}

// try sends one alert and returns how long it took.
func try(ctx context.Context, spec Spec, send func(context.Context, []*format.Message) (int, error), a alert.Alert) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, spec.Timeout)
	defer cancel()
	start := time.Now()
	n, err := send(ctx, []*format.Message{spec.message(&item{alert: &a})})
	if err == nil && n != 1 {
		err = fmt.Errorf("the receiver took nothing, and said nothing")
	}
	return time.Since(start), err
}
