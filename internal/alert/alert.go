// Package alert is the life of an alert: it opens with the first match of its
// key, counts the further ones, and is resolved when the last socket behind
// it is closed. It does no I/O and has no clock: every call says what time it
// is, on CLOCK_BOOTTIME, which neither jumps nor stops in a suspend.
package alert

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"portwatch/internal/event"
)

// Status says whether what an alert is about goes on.
type Status uint8

// The states of an alert.
const (
	Firing Status = iota + 1
	Resolved
)

func (s Status) String() string {
	switch s {
	case Firing:
		return "firing"
	case Resolved:
		return "resolved"
	}
	return ""
}

// MarshalText and UnmarshalText give the words above to JSON.

func (s Status) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

func (s *Status) UnmarshalText(b []byte) error {
	for _, v := range []Status{Firing, Resolved} {
		if v.String() == string(b) {
			*s = v
			return nil
		}
	}
	return fmt.Errorf("%q is not firing or resolved", b)
}

// An Alert is what receivers are notified of.
type Alert struct {
	Time        time.Time // of the event that led to this notification
	Status      Status
	Title       string // one printable line
	Severity    event.Severity
	Rule        string
	Dedup       string
	Fingerprint string // the same from first firing to resolved, and after a re-opening
	Count       uint64 // matches so far
	FirstSeen   time.Time
	LastSeen    time.Time
	ResolvedAt  time.Time
	Explain     string // why, one printable line
	Description string
	Runbook     string
	Reference   string

	// Flapping says that the alert opened so often that it is told no more
	// until it has been quiet.
	Flapping bool

	// Destinations names the receivers; nil means those of the
	// configuration, empty but not nil none.
	Destinations []string
	Context      map[string]any

	// Event is the open event that made it fire; of a resolved alert the
	// close event of its last socket, if that was seen.
	Event *event.Event

	// Folded names the alerts that a digest stands for, a line each.
	Folded []string

	Host string
}

// record is an Alert as JSON: the outward contract, and how alerts are kept
// on disk.
type record struct {
	Kind         string         `json:"kind"`
	Time         string         `json:"time"`
	Status       Status         `json:"status"`
	Title        string         `json:"title"`
	Severity     event.Severity `json:"severity"`
	Rule         string         `json:"rule"`
	Dedup        string         `json:"dedup"`
	Fingerprint  string         `json:"fingerprint"`
	Count        uint64         `json:"count"`
	FirstSeen    string         `json:"first_seen"`
	LastSeen     string         `json:"last_seen"`
	ResolvedAt   string         `json:"resolved_at,omitempty"`
	Explain      string         `json:"explain,omitempty"`
	Description  string         `json:"description,omitempty"`
	Runbook      string         `json:"runbook,omitempty"`
	Reference    string         `json:"reference,omitempty"`
	Flapping     bool           `json:"flapping,omitempty"`
	Destinations []string       `json:"destinations,omitempty"`
	Context      map[string]any `json:"alert_context,omitempty"`
	Folded       []string       `json:"folded,omitempty"`
	Event        *event.Event   `json:"event,omitempty"`
	Host         string         `json:"host,omitempty"`
}

// MarshalJSON writes the alert as the contract has it. A context that JSON
// cannot hold is replaced by the reason: it must not cost the alert.
func (a Alert) MarshalJSON() ([]byte, error) {
	r := record{
		"alert", event.FormatTime(a.Time), a.Status, a.Title, a.Severity, a.Rule, a.Dedup, a.Fingerprint, a.Count,
		event.FormatTime(a.FirstSeen), event.FormatTime(a.LastSeen), event.FormatTime(a.ResolvedAt),
		a.Explain, a.Description, a.Runbook, a.Reference, a.Flapping, a.Destinations, a.Context, a.Folded, a.Event, a.Host,
	}
	b, err := json.Marshal(&r)
	if err != nil && r.Context != nil {
		r.Context = map[string]any{"error": err.Error()}
		b, err = json.Marshal(&r)
	}
	return b, err
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (a *Alert) UnmarshalJSON(b []byte) error {
	var r record
	if err := json.Unmarshal(b, &r); err != nil {
		return err
	}
	if r.Kind != "alert" {
		return fmt.Errorf("kind is %q, not alert", r.Kind)
	}
	*a = Alert{
		Status: r.Status, Title: r.Title, Severity: r.Severity, Rule: r.Rule, Dedup: r.Dedup,
		Fingerprint: r.Fingerprint, Count: r.Count, Explain: r.Explain, Description: r.Description,
		Runbook: r.Runbook, Reference: r.Reference, Flapping: r.Flapping, Destinations: r.Destinations,
		Context: r.Context, Folded: r.Folded, Event: r.Event, Host: r.Host,
	}
	for _, t := range []struct {
		text string
		to   *time.Time
	}{{r.Time, &a.Time}, {r.FirstSeen, &a.FirstSeen}, {r.LastSeen, &a.LastSeen}, {r.ResolvedAt, &a.ResolvedAt}} {
		if t.text == "" {
			continue
		}
		at, err := time.Parse(time.RFC3339Nano, t.text)
		if err != nil {
			return err
		}
		*t.to = at.UTC()
	}
	return nil
}

// fingerprint is stable over restarts: receivers know an alert by it. Whoever
// names executables has a say in dedup, hence a hash in which nobody finds
// two keys that share a fingerprint.
func fingerprint(rule, dedup string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d:%s%s", len(rule), rule, dedup))
	return hex.EncodeToString(sum[:16])
}

// The most bytes that the texts of an alert have. Panther allows 1,000
// characters for title and dedup.
const (
	lineBytes = 1000
	textBytes = 4096
)

// clip returns at most limit bytes of s, as valid UTF-8.
func clip(s string, limit int) string {
	if len(s) > limit {
		s = s[:limit]
		for i := 0; i < utf8.UTFMax && !utf8.ValidString(s); i++ {
			s = s[:len(s)-1]
		}
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}
