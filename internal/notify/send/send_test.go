package send

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"portwatch/internal/alert"
	"portwatch/internal/event"
	"portwatch/internal/notify/format"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 123456789, time.UTC)

func opened() *format.Message {
	return &format.Message{Event: &event.Event{
		Time: noon, Type: event.Open, Origin: event.Live,
		Socket: event.Socket{
			Cookie: 7, Protocol: event.TCP, Family: event.IPv6, Address: netip.IPv6Unspecified(), Port: 21,
			Scope: event.Wildcard, DualStack: true,
		},
		Owner:   event.OwnerKnown,
		Process: &event.Process{PID: 812, Comm: "vsftpd", Exe: `/usr/sbin/vs"ft]pd\`, User: "root", Unit: "vsftpd.service"},
		Verdict: event.Unexpected, Rule: "allow", Severity: event.High, Explain: "no clause allows tcp/21",
		Host: &event.Host{Name: "web1"},
	}}
}

func firing() *format.Message {
	return &format.Message{Alert: &alert.Alert{
		Time: noon, Status: alert.Firing, Title: "Unexpected Port Opened: 21", Severity: event.High, Rule: "allow",
		Dedup: "21|web1", Fingerprint: "0011", Count: 1, FirstSeen: noon, LastSeen: noon,
		Explain: "no clause allows tcp/21", Event: opened().Event, Host: "web1",
	}}
}

func resolvedMessage() *format.Message {
	m := firing()
	a := *m.Alert
	a.Status, a.Time, a.ResolvedAt = alert.Resolved, noon.Add(time.Minute), noon.Add(time.Minute)
	return &format.Message{Alert: &a}
}

func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func deliver(t *testing.T, s Sender, messages ...*format.Message) {
	t.Helper()
	for len(messages) > 0 {
		n, err := s.Send(soon(t), messages[:min(len(messages), s.Batch())])
		if err != nil {
			t.Fatal(err)
		}
		messages = messages[n:]
	}
}

func contextWithTimeout(t *testing.T, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(t.Context(), d)
}
