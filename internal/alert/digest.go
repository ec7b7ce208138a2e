package alert

import (
	"fmt"
	"slices"
	"time"

	"portwatch/internal/event"
)

const (
	digestRule = "portwatch.first_start"
	digestFrom = 2   // alerts that are told as one
	maxFolded  = 100 // lines in a digest
)

// Digest makes one notification of those that Open returned for what was open
// already when portwatch first started; wall is what time it is.
//
// Whoever installs portwatch wants the list, and not a page for each port,
// neither now nor in the night when one of them closes. So the digest is an
// alert of its own, as severe as the worst of them, and is resolved when the
// last of their sockets is closed. The alerts stay in the book each by
// itself, counted as firing, but are not told when they are resolved. A port
// of them that opens again after that is told like any other, and so is one
// that turns out to be worse.
func (b *Book) Digest(now time.Duration, wall time.Time, alerts []Alert) []Alert {
	if len(alerts) < digestFrom {
		return alerts
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	alerts = slices.Clone(alerts)
	slices.SortStableFunc(alerts, func(x, y Alert) int { return int(y.Severity) - int(x.Severity) })
	host := alerts[0].Host
	m := event.Match{
		Rule: digestRule, Dedup: digestRule + host, Severity: alerts[0].Severity,
		Period:  time.Hour,
		Title:   fmt.Sprintf("%d Unexpected Ports Open at First Start", len(alerts)),
		Explain: "open before portwatch first ran, and allowed by nothing; 'portwatch ls --unexpected' lists them, 'portwatch learn' writes a policy",
	}
	fp := fingerprint(m.Rule, m.Dedup)
	if b.entries[fp] != nil {
		return alerts
	}
	d := newEntry(fp, &m, &event.Event{Time: wall, Host: &event.Host{Name: host}})
	for i, a := range alerts {
		if i < maxFolded {
			d.Folded = append(d.Folded, line(a))
		}
	}
	if more := len(alerts) - maxFolded; more > 0 {
		d.Folded = append(d.Folded, fmt.Sprintf("and %d more", more))
	}
	b.entries[fp] = d
	folded := make(map[*entry]bool)
	for _, a := range alerts {
		if e := b.entries[a.Fingerprint]; e != nil {
			e.digested = true
			folded[e] = true
		}
	}
	for key, behind := range b.sockets {
		if slices.ContainsFunc(behind, func(e *entry) bool { return folded[e] }) {
			b.attach(key, d)
		}
	}
	told := d.match(now, &m, &event.Event{Time: wall, Count: uint64(len(alerts))}, &b.opts)
	d.Event, told[0].Event = nil, nil
	b.schedule(d)
	return told
}

func line(a Alert) string {
	if a.Event == nil {
		return fmt.Sprintf("%s %s", a.Severity, a.Title)
	}
	s := &a.Event.Socket
	who := a.Event.Owner.String()
	if p := a.Event.Process; p != nil && p.Exe != "" {
		who = event.Printable(p.Exe, 100)
	} else if p != nil && p.Comm != "" {
		who = event.Printable(p.Comm, 16)
	}
	return fmt.Sprintf("%s %s %s by %s", a.Severity, s.Protocol, s.AddrPort(), who)
}
