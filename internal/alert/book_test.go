package alert

import (
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"portwatch/internal/event"
)

var epoch = time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC)

// clock is a book and what time it is.
type clock struct {
	*Book
	now time.Duration
}

func newClock(opts Options) *clock {
	if opts.ResolveAfter == 0 {
		opts.ResolveAfter = DefaultResolveAfter
	}
	return &clock{Book: NewBook(opts), now: time.Hour}
}

func (c *clock) wall() time.Time { return epoch.Add(c.now) }

func (c *clock) event(t event.Type, port uint16) *event.Event {
	return &event.Event{
		Type: t, Time: c.wall(), Boot: c.now,
		Socket: event.Socket{Protocol: event.TCP, Family: event.IPv4, Address: netip.IPv4Unspecified(), Port: port, Scope: event.Wildcard},
		Owner:  event.OwnerKnown, Process: &event.Process{PID: 7, Comm: "vsftpd", Exe: "/usr/sbin/vsftpd"},
		Host: &event.Host{Name: "web1"},
	}
}

func portMatch(port uint16) event.Match {
	return event.Match{
		Rule: "allow", Title: fmt.Sprintf("Unexpected Port Opened: %d", port), Dedup: fmt.Sprint(port), Severity: event.High,
		Explain: "no clause allows it", Period: time.Hour,
	}
}

// open opens the port by a socket, and returns what is told as "firing 21 HIGH".
func (c *clock) open(key uint64, port uint16) string { return c.openAs(key, portMatch(port), port) }

func (c *clock) openAs(key uint64, m event.Match, port uint16) string {
	return words(c.Open(c.now, key, m, c.event(event.Open, port)))
}

func (c *clock) close(key uint64, port uint16) string {
	return words(c.Close(c.now, key, c.event(event.Close, port)))
}

// pass lets d pass and returns what was told meanwhile.
func (c *clock) pass(d time.Duration) string {
	end := c.now + d
	var told []Alert
	for {
		due, ok := c.Next()
		if !ok || due > end {
			break
		}
		c.now = max(due, c.now)
		told = append(told, c.Tick(c.now)...)
		if next, ok := c.Next(); ok && next <= c.now {
			panic("Tick left something that was due")
		}
	}
	c.now = end
	return words(told)
}

func words(alerts []Alert) string {
	var all []string
	for _, a := range alerts {
		s := a.Status.String() + " " + strings.TrimPrefix(a.Title, "Unexpected Port Opened: ")
		if a.Flapping {
			s += " flapping"
		}
		all = append(all, s)
	}
	return strings.Join(all, ", ")
}

func expect(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: told %q, want %q", what, got, want)
	}
}

func TestOneAlertFromFiringToResolved(t *testing.T) {
	c := newClock(Options{})
	first := c.Open(c.now, 1, portMatch(21), c.event(event.Open, 21))
	expect(t, "open", words(first), "firing 21")
	c.now += time.Second
	expect(t, "second socket", c.open(2, 21), "")
	expect(t, "first close", c.close(1, 21), "")
	expect(t, "a day", c.pass(24*time.Hour), "")
	expect(t, "last close", c.close(2, 21), "")
	closed := c.wall()
	expect(t, "just before resolve_after", c.pass(DefaultResolveAfter-1), "")
	due, _ := c.Next()
	told := c.Tick(due)
	expect(t, "resolve_after", words(told), "resolved 21")
	a := told[0]
	if a.Fingerprint != first[0].Fingerprint || a.Count != 2 || !a.ResolvedAt.Equal(closed) || !a.Time.Equal(closed) ||
		!a.FirstSeen.Equal(first[0].FirstSeen) || !a.LastSeen.Equal(first[0].FirstSeen.Add(time.Second)) ||
		a.Event.Type != event.Close || a.Host != "web1" {
		t.Errorf("resolved as %+v", a)
	}
}

func TestReopenWithinResolveAfterIsNotTold(t *testing.T) {
	c := newClock(Options{})
	c.open(1, 21)
	for key := uint64(1); key < 20; key++ {
		expect(t, "close", c.close(key, 21), "")
		expect(t, "while closed", c.pass(4*time.Second), "")
		expect(t, "open again", c.open(key+1, 21), "")
		expect(t, "while open", c.pass(time.Minute), "")
	}
}

func TestReopenAfterwardsFiresTheSameFingerprint(t *testing.T) {
	c := newClock(Options{})
	a := c.Open(c.now, 1, portMatch(21), c.event(event.Open, 21))[0]
	c.close(1, 21)
	expect(t, "close", c.pass(10*time.Second), "resolved 21")
	again := c.Open(c.now, 2, portMatch(21), c.event(event.Open, 21))[0]
	if again.Fingerprint != a.Fingerprint || again.Count != 2 || !again.FirstSeen.Equal(a.FirstSeen) || !again.ResolvedAt.IsZero() {
		t.Errorf("fired again as %+v", again)
	}
	c.close(2, 21)
	expect(t, "close again", c.pass(2*time.Hour), "resolved 21")
	later := c.Open(c.now, 3, portMatch(21), c.event(event.Open, 21))[0]
	if later.Fingerprint != a.Fingerprint || later.Count != 1 {
		t.Errorf("after the dedup period it is a new alert under the same fingerprint; got %+v", later)
	}
}

func TestFlappingIsFoldedIntoOneMessage(t *testing.T) {
	c := newClock(Options{})
	var told []string
	for key := range uint64(30) {
		for _, s := range []string{c.open(key, 21), c.pass(time.Second), c.close(key, 21), c.pass(9 * time.Second)} {
			if s != "" {
				told = append(told, s)
			}
		}
	}
	want := strings.Repeat("firing 21, resolved 21, ", DefaultFlaps) + "firing 21 flapping"
	expect(t, "30 restarts in 5 minutes", strings.Join(told, ", "), want)
	if got := c.Firing()[event.High]; got != 1 {
		t.Errorf("%d alerts fire while it flaps, want 1", got)
	}
	expect(t, "quiet", c.pass(20*time.Minute), "resolved 21")
	if len(c.Firing()) != 0 {
		t.Errorf("firing: %v", c.Firing())
	}
	expect(t, "after the flapping", c.open(99, 21), "firing 21")
}

func TestWhatFlappedAndStaysOpenIsResolvedWhenItCloses(t *testing.T) {
	c := newClock(Options{Flaps: 1})
	c.open(1, 21)
	c.close(1, 21)
	c.pass(time.Minute)
	expect(t, "second", c.open(2, 21), "firing 21 flapping")
	expect(t, "calm", c.pass(time.Hour), "")
	c.close(2, 21)
	expect(t, "close", c.pass(time.Minute), "resolved 21")
}

func TestThresholdCountsInsideThePeriod(t *testing.T) {
	m := portMatch(21)
	m.Threshold, m.Period = 3, 10*time.Minute
	c := newClock(Options{})
	expect(t, "first", c.openAs(1, m, 21), "")
	c.close(1, 21)
	expect(t, "second", c.openAs(2, m, 21), "")
	c.close(2, 21)
	c.pass(11 * time.Minute)
	expect(t, "after the period", c.openAs(3, m, 21), "")
	expect(t, "second", c.openAs(4, m, 21), "")
	expect(t, "nothing to resolve", c.pass(time.Minute), "")
	told := c.Open(c.now, 5, m, c.event(event.Open, 21))
	expect(t, "third", words(told), "firing 21")
	if told[0].Count != 3 {
		t.Errorf("count %d, want 3", told[0].Count)
	}
	for key := range uint64(6) {
		c.close(key, 21)
	}
	expect(t, "all closed", c.pass(time.Minute), "resolved 21")
}

func TestFoldedOpeningsCountEach(t *testing.T) {
	m := portMatch(21)
	m.Threshold = 5
	c := newClock(Options{})
	ev := c.event(event.Open, 21)
	ev.Count = 5
	told := c.Open(c.now, 1, m, ev)
	if len(told) != 1 || told[0].Count != 5 {
		t.Errorf("told %+v, want it firing with a count of 5", told)
	}
}

func TestWorseIsToldAgain(t *testing.T) {
	c := newClock(Options{})
	low, critical := portMatch(21), portMatch(21)
	low.Severity, critical.Severity = event.Low, event.Critical
	expect(t, "low", c.openAs(1, low, 21), "firing 21")
	expect(t, "critical", c.openAs(2, critical, 21), "firing 21")
	expect(t, "low again", c.openAs(3, low, 21), "")
	if got, want := fmt.Sprint(c.Firing()), "map[CRITICAL:1]"; got != want {
		t.Errorf("firing %s, want %s", got, want)
	}
}

func TestNoDestinationTellsNobody(t *testing.T) {
	m := portMatch(21)
	m.Destinations = []string{}
	c := newClock(Options{})
	expect(t, "open", c.openAs(1, m, 21), "")
	c.close(1, 21)
	expect(t, "close", c.pass(time.Hour), "")
}

func TestMatchOnACloseIsResolvedAfterThePeriod(t *testing.T) {
	c := newClock(Options{})
	expect(t, "close", words(c.Open(c.now, 1, portMatch(21), c.event(event.Close, 21))), "firing 21")
	expect(t, "period", c.pass(59*time.Minute), "")
	expect(t, "period over", c.pass(2*time.Minute), "resolved 21")
}

func TestASocketMayBeBehindSeveralAlerts(t *testing.T) {
	c := newClock(Options{})
	rule := portMatch(21)
	rule.Rule, rule.Title = "Custom.FTP", "ftp"
	c.open(1, 21)
	expect(t, "rule", c.openAs(1, rule, 21), "firing ftp")
	c.close(1, 21)
	got := c.pass(time.Minute)
	if got != "resolved 21, resolved ftp" && got != "resolved ftp, resolved 21" {
		t.Errorf("told %q, want both resolved", got)
	}
}

func TestWhoOpensPortsDoesNotChooseOurMemory(t *testing.T) {
	c := newClock(Options{})
	told := 0
	for i := range 200_000 {
		m := portMatch(21)
		m.Dedup = fmt.Sprint(i)
		told += len(c.Open(c.now, uint64(i), m, c.event(event.Open, 21)))
		c.now += time.Microsecond
	}
	if want := DefaultMaxAlerts + 1; told != want || len(c.entries) != want || len(c.sockets) > maxSockets {
		t.Errorf("told %d, %d kept, %d sockets; want %d alerts", told, len(c.entries), len(c.sockets), want)
	}
	told = 0
	due, _ := c.Next()
	c.now = due
	for _, a := range c.Tick(c.now) {
		told++
		if want := uint64(200_000 - DefaultMaxAlerts); a.Count != want || a.Title != "Too Many Alerts: allow" || !strings.Contains(a.Explain, fmt.Sprint(want)) {
			t.Errorf("told %+v", a)
		}
	}
	if told != 1 {
		t.Errorf("%d alerts told of those there was no room for, want 1", told)
	}
	worse := portMatch(4444)
	worse.Severity = event.Critical
	expect(t, "a worse one beyond the limit", c.openAs(200_001, worse, 4444), "firing Too Many Alerts: allow")
	for i := range 200_002 {
		c.close(uint64(i), 21)
	}
	c.pass(3 * time.Hour)
	if len(c.entries) != 0 || len(c.sockets) != 0 || len(c.deadlines) != 0 || c.idle.Len() != 0 || c.overflows != 0 || len(c.Firing()) != 0 {
		t.Errorf("left over: %d entries, %d sockets, %d deadlines, %d idle, %d overflows, active %v",
			len(c.entries), len(c.sockets), len(c.deadlines), c.idle.Len(), c.overflows, c.Firing())
	}
}

func TestWhatIsOverMakesRoom(t *testing.T) {
	c := newClock(Options{MaxAlerts: 2})
	for port := range uint16(10) {
		expect(t, "open", c.open(uint64(port), port), fmt.Sprintf("firing %d", port))
		c.close(uint64(port), port)
		expect(t, "close", c.pass(10*time.Second), fmt.Sprintf("resolved %d", port))
	}
}

func TestHostileTextsAreBoundedAndPrintable(t *testing.T) {
	c := newClock(Options{})
	m := portMatch(21)
	m.Title = "\x1b[2J\r\nBcc: x" + strings.Repeat("\xff", 5000)
	m.Description = strings.Repeat("ü", 50_000)
	a := c.Open(c.now, 1, m, c.event(event.Open, 21))[0]
	if strings.ContainsAny(a.Title, "\x1b\r\n") || len(a.Title) > 4*lineBytes+10 || len(a.Description) > textBytes {
		t.Errorf("title %q of %d bytes, description of %d", a.Title, len(a.Title), len(a.Description))
	}
}

func TestDigestIsOneNotification(t *testing.T) {
	c := newClock(Options{})
	var found []Alert
	for port := range uint16(150) {
		m := portMatch(port)
		if port == 149 {
			m.Severity = event.Critical
		}
		found = append(found, c.Open(c.now, uint64(port), m, c.event(event.Open, port))...)
	}
	told := c.Digest(c.now, c.wall(), found)
	expect(t, "first start", words(told), "firing 150 Unexpected Ports Open at First Start")
	d := told[0]
	if d.Severity != event.Critical || d.Count != 150 || len(d.Folded) != maxFolded+1 || d.Folded[0] != "CRITICAL tcp 0.0.0.0:149 by /usr/sbin/vsftpd" || d.Folded[maxFolded] != "and 50 more" {
		t.Errorf("digest %+v", d)
	}
	if got := len(c.Active()); got != 1 {
		t.Errorf("receivers know of %d alerts, want the digest alone", got)
	}
	c.close(5, 5)
	expect(t, "one of them closes in the night", c.pass(time.Hour), "")
	expect(t, "and opens again", c.open(500, 5), "firing 5")
	c.close(500, 5)
	expect(t, "and closes", c.pass(time.Minute), "resolved 5")
	for port := range uint16(150) {
		c.close(uint64(port), port)
	}
	expect(t, "all closed", c.pass(time.Minute), "resolved 150 Unexpected Ports Open at First Start")
}

func TestOneAlertNeedsNoDigest(t *testing.T) {
	c := newClock(Options{})
	expect(t, "first start", words(c.Digest(c.now, c.wall(), c.Open(c.now, 1, portMatch(21), c.event(event.Open, 21)))), "firing 21")
	c.close(1, 21)
	expect(t, "close", c.pass(time.Minute), "resolved 21")
}

func TestAlertJSON(t *testing.T) {
	c := newClock(Options{})
	m := portMatch(21)
	m.Context = map[string]any{"who": "vsftpd"}
	want := c.Open(c.now, 1, m, c.event(event.Open, 21))[0]
	b, err := want.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{
		`{"kind":"alert","time":"2026-11-23T04:00:00.000000Z","status":"firing","title":"Unexpected Port Opened: 21","severity":"HIGH","rule":"allow","dedup":"21"`,
		`"count":1,"first_seen":"2026-11-23T04:00:00.000000Z","last_seen":"2026-11-23T04:00:00.000000Z","explain":"no clause allows it"`,
		`"event":{"kind":"event",`, `"host":"web1"}`,
	} {
		if !strings.Contains(string(b), s) {
			t.Errorf("%s has no %s", b, s)
		}
	}
	var got Alert
	if err := got.UnmarshalJSON(b); err != nil {
		t.Fatal(err)
	}
	got.Event.Boot = want.Event.Boot // not part of the record
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestContextThatJSONCannotHoldDoesNotCostTheAlert(t *testing.T) {
	b, err := Alert{Status: Firing, Title: "x", Context: map[string]any{"f": func() {}}}.MarshalJSON()
	if err != nil || !strings.Contains(string(b), `"alert_context":{"error":`) {
		t.Errorf("got %s, %v", b, err)
	}
}

// BenchmarkOpenClose has as many alerts in the book as it takes.
func BenchmarkOpenClose(b *testing.B) {
	c := newClock(Options{})
	for i := range DefaultMaxAlerts {
		m := portMatch(21)
		m.Dedup = fmt.Sprint("busy", i)
		c.Open(c.now, uint64(i+1), m, c.event(event.Open, 21))
	}
	open, closing := c.event(event.Open, 21), c.event(event.Close, 21)
	m := portMatch(21)
	for b.Loop() {
		c.Open(c.now, 1<<40, m, open)
		c.Close(c.now, 1<<40, closing)
		c.Next()
		c.now += time.Microsecond
	}
}
