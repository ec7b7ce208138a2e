package notify

import (
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"portwatch/internal/alert"
	"portwatch/internal/event"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 123456000, time.UTC)

func vsftpd() *event.Event {
	return &event.Event{
		Time: noon, Type: event.Open, Origin: event.Live,
		Socket: event.Socket{
			Cookie: 7, Protocol: event.TCP, Family: event.IPv6, Address: netip.IPv6Unspecified(), Port: 21,
			RequestedPort: 21, Scope: event.Wildcard, DualStack: true, Netns: 4026531840, HostNetns: true,
		},
		Owner:   event.OwnerKnown,
		Process: &event.Process{PID: 812, PPID: 1, Comm: "vsftpd", Exe: "/usr/sbin/vsftpd", User: "root", Unit: "vsftpd.service"},
		Verdict: event.Unexpected, Rule: "allow", Severity: event.High, Explain: "no clause allows tcp/21",
		Latency: 150 * time.Microsecond,
		Host:    &event.Host{Name: "web1", BootID: "b"},
	}
}

func alarm() alert.Alert {
	return alert.Alert{
		Time: noon, Status: alert.Firing, Title: "Unexpected Port Opened: 21", Severity: event.High, Rule: "allow",
		Dedup: "Unexpected Port Opened: 21|web1", Fingerprint: "00112233445566778899aabbccddeeff", Count: 1,
		FirstSeen: noon, LastSeen: noon, Explain: "no clause allows tcp/21", Event: vsftpd(), Host: "web1",
	}
}

func resolved() alert.Alert {
	a := alarm()
	ev := vsftpd()
	ev.Type, ev.OpenedAt, ev.Time = event.Close, noon, noon.Add(90*time.Second)
	a.Status, a.Event, a.ResolvedAt, a.Time = alert.Resolved, ev, ev.Time, ev.Time
	return a
}

func TestTextLines(t *testing.T) {
	time.Local = time.UTC
	closing := resolved().Event
	client := vsftpd()
	client.Socket.Protocol, client.Socket.Role, client.Verdict = event.UDP, event.Client, event.Allowed
	allowed := vsftpd()
	allowed.Verdict, allowed.Explain, allowed.Origin, allowed.Count = event.Allowed, "allowed by portwatch.yaml:7", event.Repair, 3
	nobody := vsftpd()
	nobody.Process, nobody.Owner = nil, event.OwnerKernel
	digest := alarm()
	digest.Title, digest.Event, digest.Folded = "2 Unexpected Ports Open at First Start", nil, []string{"HIGH tcp *:21 by /usr/sbin/vsftpd", "LOW tcp 127.0.0.1:25 by \x1b[2Jx"}
	digest.Count = 2
	ended := resolved()
	for name, c := range map[string]struct {
		it   item
		want string
	}{
		"open":     {item{event: vsftpd()}, "12:00:00.123  open     tcp *:21                  vsftpd[812]              unexpected no clause allows tcp/21\n"},
		"close":    {item{event: closing}, "12:01:30.123  close    tcp *:21                  vsftpd[812]              after 1m30s\n"},
		"repair":   {item{event: allowed}, "12:00:00.123  open     tcp *:21                  vsftpd[812]              allowed    allowed by portwatch.yaml:7 (3 times) (repair)\n"},
		"kernel":   {item{event: nobody}, "12:00:00.123  open     tcp *:21                  kernel                   unexpected no clause allows tcp/21\n"},
		"client":   {item{event: client}, ""},
		"alert":    {item{alert: new(alarm())}, "12:00:00.123  ALERT    HIGH  Unexpected Port Opened: 21  tcp *:21 by vsftpd[812] /usr/sbin/vsftpd as root\n"},
		"resolved": {item{alert: &ended}, "12:01:30.123  RESOLVED HIGH  Unexpected Port Opened: 21  tcp *:21 by vsftpd[812] /usr/sbin/vsftpd as root  after 1m30s\n"},
		"digest": {item{alert: &digest}, "12:00:00.123  ALERT    HIGH  2 Unexpected Ports Open at First Start\n" +
			"12:00:00.123    HIGH tcp *:21 by /usr/sbin/vsftpd\n12:00:00.123    LOW tcp 127.0.0.1:25 by \\x1b[2Jx\n"},
		"status": {item{status: &Status{Time: noon, Status: "ready", Fields: map[string]any{"tier": "fexit", "hooks": []string{"a", "b"}, "snapshot": 12}}},
			"12:00:00.123  ready: hooks a b, snapshot 12, tier fexit\n"},
	} {
		if got := string(text{}.append(nil, &c.it)); got != c.want {
			t.Errorf("%s:\ngot  %q\nwant %q", name, got, c.want)
		}
	}
}

func TestAlertsStandOutInColour(t *testing.T) {
	got := string(text{colour: true}.append(nil, &item{alert: new(alarm())}))
	if !strings.Contains(got, white+"ALERT") || !strings.Contains(got, reset) {
		t.Errorf("got %q", got)
	}
}

// FuzzHostileText has processes, policies and rules choose any bytes.
func FuzzHostileText(f *testing.F) {
	f.Add("\x1b[2J\x1b]0;owned\x07", "\r\nALERT", "\xff\xfe\u202e")
	f.Add(strings.Repeat("x", 100_000), "", "\u009b31m")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		ev := vsftpd()
		ev.Process.Comm, ev.Process.Exe, ev.Process.User, ev.Explain = a, b, c, a+b
		ev.Process.PID = uint32(len(a) & 1)
		al := alarm()
		al.Title, al.Event, al.Folded = b, ev, []string{c, a}
		st := &Status{Status: "error", Fields: map[string]any{"err": a, "list": []string{b, c}}}
		for _, it := range []item{{event: ev}, {alert: &al}, {status: st}} {
			line := text{}.append(nil, &it)
			if !utf8.Valid(line) || len(line) > 16384 {
				t.Fatalf("%d bytes: %q", len(line), line)
			}
			for _, r := range string(line) {
				if r != '\n' && !unicode.IsPrint(r) && r != utf8.RuneError {
					t.Fatalf("%q holds %q", line, r)
				}
			}
			if n := strings.Count(string(line), "\n"); it.alert == nil && n != 1 || n > 3 {
				t.Fatalf("%d lines: %q", n, line)
			}
		}
		for _, it := range []item{{event: ev}, {alert: &al}} {
			if line := appendJSON(nil, &it); !utf8.Valid(line) || strings.Count(string(line), "\n") != 1 || strings.ContainsRune(string(line), 0x1b) {
				t.Fatalf("json %q", line)
			}
		}
	})
}
