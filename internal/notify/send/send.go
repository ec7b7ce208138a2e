// Package send holds the ways to receivers: each takes messages and returns
// when they are acknowledged. They know nothing of queues and retries.
package send

import (
	"context"
	"errors"
	"time"

	"portwatch/internal/notify/format"
)

// A Sender delivers messages, one call at a time.
type Sender interface {
	// Send delivers messages in their order and returns how many were
	// taken. If that is not all of them, err is about the next one. It
	// gives up when ctx ends.
	Send(ctx context.Context, messages []*format.Message) (n int, err error)

	// Batch is how many messages Send can make use of at a time.
	Batch() int

	Close() error
}

// A Refresher is a Sender whose receiver forgets what it is not reminded of.
type Refresher interface {
	Sender

	// RefreshAt returns when it is to be reminded; the zero time is never.
	RefreshAt() time.Time
	Refresh(ctx context.Context) error

	// Resume takes what the receiver was told is firing by an earlier run.
	Resume(active []*format.Message)
}

// An Error is why a message was not taken. Its text holds no secret.
type Error struct {
	Err       error
	Permanent bool          // the same message will never be taken
	After     time.Duration // how long the receiver asked not to be tried again; 0 if it did not
}

func (e *Error) Error() string { return e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// permanent returns err as one that no further try would mend.
func permanent(err error) error { return &Error{Err: err, Permanent: true} }

// Permanent reports whether trying again is of no use.
func Permanent(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Permanent
}

// After returns how long the receiver asked not to be tried again.
func After(err error) time.Duration {
	var e *Error
	if errors.As(err, &e) {
		return e.After
	}
	return 0
}

// one is Send for a receiver that takes one message at a time.
func one(messages []*format.Message, send func(*format.Message) error) (int, error) {
	for i, m := range messages {
		if err := send(m); err != nil {
			return i, err
		}
	}
	return len(messages), nil
}
