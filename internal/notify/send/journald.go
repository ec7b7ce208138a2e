package send

import (
	"context"
	"strings"

	"github.com/coreos/go-systemd/v22/journal"

	"portwatch/internal/event"
	"portwatch/internal/notify/format"
)

// Journald sends messages to systemd's journal with fields named PORTWATCH_*:
// journalctl PORTWATCH_RULE=allow finds them.
type Journald struct {
	pending chan error // of a write that outlived its deadline
}

// NewJournald returns a way to the journal of this machine.
func NewJournald() *Journald { return new(Journald) }

// Send delivers; see Sender.
func (j *Journald) Send(ctx context.Context, messages []*format.Message) (int, error) {
	return one(messages, func(m *format.Message) error { return j.send(ctx, m) })
}

// send writes in a goroutine, as a write to a journal that is stuck has no
// deadline. There is one at a time.
func (j *Journald) send(ctx context.Context, m *format.Message) error {
	if j.pending != nil {
		select {
		case <-j.pending:
			j.pending = nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	done := make(chan error, 1)
	go func() { done <- journal.Send(sentence(m), journal.Priority(syslogSeverity(m)), journalFields(m)) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		j.pending = done
		return ctx.Err()
	}
}

func journalFields(m *format.Message) map[string]string {
	vars := map[string]string{"SYSLOG_IDENTIFIER": "portwatch"}
	for _, f := range fields(m) {
		vars["PORTWATCH_"+strings.ToUpper(f.name)] = event.Printable(f.value, paramBytes)
	}
	vars["PORTWATCH_KIND"] = "event"
	if a := m.Alert; a != nil {
		vars["PORTWATCH_KIND"] = "alert"
		vars["PORTWATCH_TITLE"] = a.Title
		vars["PORTWATCH_DEDUP"] = a.Dedup
		vars["PORTWATCH_EXPLAIN"] = a.Explain
	}
	return vars
}

// Batch returns how many entries are worth one call.
func (j *Journald) Batch() int { return 256 }

// Close does nothing.
func (j *Journald) Close() error { return nil }
