package alert

import (
	"encoding/json"
	"testing"
	"time"

	"portwatch/internal/event"
)

func (c *clock) moment(boot string) Moment { return Moment{Boot: c.now, Wall: c.wall(), BootID: boot} }

// restart saves the book, lets away pass and restores it; boot is which boot
// it is then.
func (c *clock) restart(t *testing.T, away time.Duration, boot string) *clock {
	t.Helper()
	b, err := json.Marshal(c.Save(c.moment("first")))
	if err != nil {
		t.Fatal(err)
	}
	var st State
	if err := json.Unmarshal(b, &st); err != nil {
		t.Fatal(err)
	}
	n := &clock{now: c.now + away}
	wall := n.wall()
	at := Moment{Boot: n.now, Wall: wall, BootID: boot}
	if boot != "first" {
		at.Boot, n.now = time.Second, time.Second
	}
	n.Book = Restore(c.opts, st, at)
	return n
}

func TestRestartTellsNothingTwice(t *testing.T) {
	c := newClock(Options{})
	c.open(1, 21)
	c.open(2, 21)
	c = c.restart(t, time.Minute, "first")
	expect(t, "snapshot", c.open(1, 21), "")
	expect(t, "reconcile", words(c.Reconcile(c.now, c.wall(), func(uint64) bool { return true })), "")
	expect(t, "later", c.pass(time.Hour), "")
	c.close(1, 21)
	expect(t, "one still open", c.pass(time.Hour), "")
	c.close(2, 21)
	expect(t, "closed", c.pass(time.Minute), "resolved 21")
}

func TestClosedWhileDownIsResolved(t *testing.T) {
	c := newClock(Options{})
	c.open(1, 21)
	c = c.restart(t, time.Minute, "first")
	expect(t, "reconcile", words(c.Reconcile(c.now, c.wall(), func(uint64) bool { return false })), "")
	expect(t, "resolve_after", c.pass(time.Minute), "resolved 21")
}

func TestResolveThatWasDueWhileDownIsTold(t *testing.T) {
	c := newClock(Options{})
	c.open(1, 21)
	c.close(1, 21)
	c = c.restart(t, time.Minute, "first")
	expect(t, "start", c.pass(0), "resolved 21")
}

func TestServiceThatComesBackAfterARebootIsNoNews(t *testing.T) {
	c := newClock(Options{})
	c.open(7, 21)
	c.open(8, 23)
	c = c.restart(t, time.Hour, "second")
	if len(c.sockets) != 0 {
		t.Error("a cookie of the last boot was taken for a socket of this one")
	}
	expect(t, "start", c.pass(10*time.Second), "")
	expect(t, "vsftpd is back", c.open(7, 21), "")
	expect(t, "telnetd is not", c.pass(2*time.Minute), "resolved 23")
	c.close(7, 21)
	expect(t, "vsftpd stops", c.pass(time.Minute), "resolved 21")
}

func TestFlappingSurvivesARestart(t *testing.T) {
	c := newClock(Options{Flaps: 1})
	c.open(1, 21)
	c.close(1, 21)
	c.pass(time.Minute)
	expect(t, "second", c.open(2, 21), "firing 21 flapping")
	c.close(2, 21)
	c = c.restart(t, time.Second, "first")
	expect(t, "quiet", c.pass(9*time.Minute), "")
	expect(t, "quiet for long enough", c.pass(2*time.Minute), "resolved 21")
}

func TestSuppressedStaysSuppressed(t *testing.T) {
	c := newClock(Options{})
	m := portMatch(21)
	m.Destinations = []string{}
	c.openAs(1, m, 21)
	c = c.restart(t, time.Second, "first")
	c.close(1, 21)
	expect(t, "close", c.pass(time.Minute), "")
}

func TestDigestSurvivesARestart(t *testing.T) {
	c := newClock(Options{})
	found := append(c.Open(c.now, 1, portMatch(21), c.event(event.Open, 21)), c.Open(c.now, 2, portMatch(23), c.event(event.Open, 23))...)
	c.Digest(c.now, c.wall(), found)
	c = c.restart(t, time.Second, "first")
	c.close(1, 21)
	expect(t, "one closes", c.pass(time.Minute), "")
	c.close(2, 23)
	expect(t, "both closed", c.pass(time.Minute), "resolved 2 Unexpected Ports Open at First Start")
}

func TestChangesAreTheBook(t *testing.T) {
	c := newClock(Options{})
	c.Track()
	kept := make(map[string]Saved)
	apply := func() {
		changed, gone := c.TakeChanges()
		for _, s := range changed {
			kept[s.Alert.Fingerprint] = s
		}
		for _, fp := range gone {
			delete(kept, fp)
		}
	}
	check := func(when string) {
		t.Helper()
		apply()
		all := c.Save(c.moment("first")).Alerts
		got := make([]Saved, 0, len(all))
		for _, s := range all {
			got = append(got, kept[s.Alert.Fingerprint])
		}
		a, _ := json.Marshal(got)
		b, _ := json.Marshal(all)
		if len(kept) != len(all) || string(a) != string(b) {
			t.Errorf("%s: kept %s\nwant %s", when, a, b)
		}
	}
	c.open(1, 21)
	c.open(2, 23)
	check("opened")
	c.close(1, 21)
	check("closed")
	c.pass(time.Minute)
	check("resolved")
	c.pass(2 * time.Hour)
	check("forgotten")
	if changed, gone := c.TakeChanges(); len(changed)+len(gone) != 0 {
		t.Errorf("%d changed, %d gone though nothing happened", len(changed), len(gone))
	}
}
