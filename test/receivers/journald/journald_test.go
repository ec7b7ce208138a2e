//go:build vm

// Package journald delivers to the journal of a machine that runs systemd.
package journald

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/netip"
	"os/exec"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"portwatch/internal/alert"
	"portwatch/internal/event"
	"portwatch/internal/notify"
)

// TestJournal has journalctl find an alert by the fields that it came with.
func TestJournal(t *testing.T) {
	var n yaml.Node
	if err := yaml.Unmarshal([]byte("{type: journald}"), &n); err != nil {
		t.Fatal(err)
	}
	spec, err := notify.Decode("test.yaml", n.Content[0])
	if err != nil {
		t.Fatal(err)
	}
	d := notify.New()
	if err := d.Configure([]notify.Spec{spec}, notify.Options{Log: slog.New(slog.DiscardHandler), Host: "web1"}); err != nil {
		t.Fatal(err)
	}
	now := time.Now().UTC()
	a := alert.Alert{
		Time: now, Status: alert.Firing, Title: "Unexpected Port Opened: 21", Severity: event.High, Rule: "journal.test",
		Dedup: "21", Fingerprint: "0011", Count: 1, FirstSeen: now, LastSeen: now, Explain: "no clause allows tcp/21", Host: "web1",
		Event: &event.Event{
			Time: now, Type: event.Open, Socket: event.Socket{Protocol: event.TCP, Family: event.IPv4, Address: netip.IPv4Unspecified(), Port: 21},
			Owner:   event.OwnerKnown,
			Process: &event.Process{PID: 812, Comm: "x\nPORTWATCH_RULE=forged", Exe: "/usr/sbin/vsftpd", User: "root"},
		},
	}
	d.Alert(a)
	a.Status, a.ResolvedAt = alert.Resolved, now
	d.Alert(a)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := d.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if st := d.Stats()[0]; st.Delivered != 2 {
		t.Fatalf("stats %+v", st)
	}

	var found []map[string]any
	for end := time.Now().Add(30 * time.Second); len(found) < 2 && time.Now().Before(end); {
		found = journal(t, "PORTWATCH_RULE=journal.test", "PORTWATCH_PORT=21")
	}
	if len(found) != 2 {
		t.Fatalf("journalctl found %d entries: %v", len(found), found)
	}
	for name, want := range map[string]string{
		"PORTWATCH_STATUS": "firing", "PORTWATCH_SEVERITY": "HIGH", "PORTWATCH_EXE": "/usr/sbin/vsftpd", "PORTWATCH_FINGERPRINT": "0011",
		"PORTWATCH_KIND": "alert", "PORTWATCH_TITLE": a.Title, "PORTWATCH_COMM": `x\x0aPORTWATCH_RULE=forged`,
		"SYSLOG_IDENTIFIER": "portwatch", "PRIORITY": "3",
		"MESSAGE": `Unexpected Port Opened: 21: no clause allows tcp/21 (tcp 0.0.0.0:21 by x\x0aPORTWATCH_RULE…[812])`,
	} {
		if got := found[0][name]; got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if got := found[1]["PORTWATCH_STATUS"]; got != "resolved" {
		t.Errorf("the second is %q, want resolved", got)
	}
	if forged := journal(t, "PORTWATCH_RULE=forged"); len(forged) != 0 {
		t.Errorf("the name of a process made fields of its own: %v", forged)
	}
}

// journal returns the entries with these fields.
func journal(t *testing.T, fields ...string) []map[string]any {
	t.Helper()
	out, err := exec.Command("journalctl", append([]string{"--output=json", "--no-pager", "--quiet"}, fields...)...).Output()
	if err != nil && len(out) > 0 {
		t.Fatal(err)
	}
	var all []map[string]any
	for line := range strings.Lines(string(out)) {
		var e map[string]any
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		all = append(all, e)
	}
	return all
}
