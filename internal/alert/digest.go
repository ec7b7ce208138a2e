package alert

import (
	"fmt"
	"slices"
	"time"

	"portwatch/internal/event"
)

// digestFrom is from how many alerts on the first start tells them as one.
const digestFrom = 2

const digestRule = "portwatch.first_start"

// Digest makes one notification of those that Open returned for what was open
// already at the first start: an operator who installs portwatch wants the
// list, not a page for each port. The alerts stay in the book each by itself,
// firing and counted, and each is told when it is resolved.
func Digest(alerts []Alert, now time.Time) []Alert {
	if len(alerts) < digestFrom {
		return alerts
	}
	d := Alert{
		Time: now, Status: Firing, Rule: digestRule, Dedup: digestRule,
		Title:     fmt.Sprintf("%d Unexpected Ports Open at First Start", len(alerts)),
		Count:     uint64(len(alerts)),
		FirstSeen: now, LastSeen: now, Host: alerts[0].Host,
		Fingerprint: fingerprint(digestRule, alerts[0].Host),
		Explain:     "open before portwatch first ran, and allowed by nothing; 'portwatch ls --unexpected' lists them with their owners",
	}
	alerts = slices.Clone(alerts)
	slices.SortStableFunc(alerts, func(a, b Alert) int { return int(b.Severity) - int(a.Severity) })
	for _, a := range alerts {
		d.Severity = max(d.Severity, a.Severity)
		if len(d.Folded) < maxFolded {
			d.Folded = append(d.Folded, line(a))
		}
	}
	return []Alert{d}
}

// maxFolded bounds the list in a digest.
const maxFolded = 100

func line(a Alert) string {
	if a.Event == nil {
		return a.Title
	}
	s := &a.Event.Socket
	who := a.Event.Owner.String()
	if p := a.Event.Process; p != nil && p.Exe != "" {
		who = event.Printable(p.Exe, 100)
	} else if p != nil && p.Comm != "" {
		who = event.Printable(p.Comm, 16)
	}
	return fmt.Sprintf("%s %s/%s by %s", a.Severity, s.Protocol, s.AddrPort(), who)
}
