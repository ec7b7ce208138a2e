package notify

import (
	"cmp"
	"net/netip"
	"path"
	"slices"
	"strings"
	"time"

	"portwatch/internal/alert"
	"portwatch/internal/event"
	"portwatch/internal/notify/format"
	"portwatch/internal/notify/send"
)

// A Spec is a receiver as the configuration asks for it.
type Spec struct {
	Name, Type string
	File       string // where it stands, for messages
	Line       int

	MinSeverity event.Severity
	Rules       []string // globs; alerts of other rules are not for it
	Events      bool     // all events too, not only alerts

	Timeout    time.Duration // of one try
	QueueItems int
	QueueBytes int
	FirstRetry time.Duration
	LastRetry  time.Duration

	source string // the entry as it was written: what is the same keeps running
	words  templates
	open   func() (send.Sender, error)
}

// Defaults of a Spec.
const (
	DefaultTimeout    = 10 * time.Second
	DefaultQueueItems = 10_000
	DefaultQueueBytes = 32 << 20
	DefaultFirstRetry = time.Second
	DefaultLastRetry  = time.Minute
)

// accepts reports whether an item is for the receiver.
func (s *Spec) accepts(it *item) bool {
	switch {
	case it.event != nil:
		return s.Events
	case it.alert != nil:
		return it.alert.Severity >= s.MinSeverity && s.hasRule(it.alert.Rule)
	}
	return false // status lines are for who reads the output
}

func (s *Spec) hasRule(rule string) bool {
	if len(s.Rules) == 0 || strings.HasPrefix(rule, ownRule) {
		return true
	}
	return slices.ContainsFunc(s.Rules, func(glob string) bool {
		ok, _ := path.Match(glob, rule) // the glob was checked
		return ok
	})
}

// message returns what a receiver is told of an item.
func (s *Spec) message(it *item) *format.Message {
	m := &format.Message{Event: it.event, Alert: it.alert}
	s.words.fill(m)
	return m
}

// sample is an alert of every field, for templates to be tried on and for
// receivers to be tested with.
func sample() alert.Alert {
	at := time.Now().UTC()
	host := &event.Host{Name: "host"}
	return alert.Alert{
		Time: at, Status: alert.Firing, Title: "Unexpected Port Opened: 21", Severity: event.High,
		Rule: "allow", Dedup: "test", Fingerprint: strings.Repeat("0", 32), Count: 1, FirstSeen: at, LastSeen: at,
		Explain: "no clause allows tcp/21", Host: host.Name,
		Event: &event.Event{
			Time: at, Type: event.Open, Origin: event.Live, Owner: event.OwnerKnown, Verdict: event.Unexpected,
			Rule: "allow", Severity: event.High, Host: host,
			Socket:  event.Socket{Protocol: event.TCP, Family: event.IPv4, Address: netip.IPv4Unspecified(), Port: 21, Scope: event.Wildcard},
			Process: &event.Process{PID: 1, Comm: "test", Exe: "/bin/test", User: "root"},
		},
	}
}

// withDefaults fills in what the configuration leaves out.
func (s Spec) withDefaults() Spec {
	s.Timeout = cmp.Or(s.Timeout, DefaultTimeout)
	s.QueueItems = cmp.Or(s.QueueItems, DefaultQueueItems)
	s.QueueBytes = cmp.Or(s.QueueBytes, DefaultQueueBytes)
	s.FirstRetry = cmp.Or(s.FirstRetry, DefaultFirstRetry)
	s.LastRetry = max(cmp.Or(s.LastRetry, DefaultLastRetry), s.FirstRetry)
	return s
}
