package detect

import (
	"fmt"
	"slices"
	"time"

	"portwatch/internal/event"
)

// Review returns what is odd about the policy beside what was seen open:
// clauses that allow nothing of it, and the clauses that it lacks.
func (p *Policy) Review(observed []*event.Event, now time.Time) []Finding {
	all := p.Lint(now)
	serves := make([]bool, len(p.clauses))
	var missing []*event.Event
	for _, e := range observed {
		if e.Type != event.Open {
			continue
		}
		var v view
		v.look(e)
		for i, c := range p.clauses {
			serves[i] = serves[i] || c.answer(&v, now) == Yes
		}
		judged := *e
		p.judge(&judged, now)
		if judged.Verdict != event.Allowed {
			missing = append(missing, e)
		}
	}
	for i, c := range p.clauses {
		over := !c.Until.IsZero() && !now.Before(c.Until)
		if !serves[i] && !over {
			all = append(all, c.finding(Dead, "allows nothing that was seen open"))
		}
	}
	slices.SortStableFunc(all, func(a, b Finding) int { return a.Line - b.Line })
	for _, s := range learn(missing) {
		for _, c := range s.clauses() {
			text := "nothing allows it: " + s.title()
			for _, w := range s.warnings {
				text += fmt.Sprintf("; %s", w)
			}
			all = append(all, Finding{Kind: Missing, Clause: c.String(), Text: text})
		}
	}
	return all
}
