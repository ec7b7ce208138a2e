package detect

import (
	"slices"
	"strings"
	"time"
)

// A Finding is what is odd about one clause, or about a socket that no
// clause allows.
type Finding struct {
	Kind   FindingKind `json:"kind"`
	File   string      `json:"file,omitempty"`
	Line   int         `json:"line,omitempty"`
	Where  string      `json:"where,omitempty"` // portwatch.yaml:7
	Clause string      `json:"clause"`          // a line of YAML; of Missing, the one to add
	Text   string      `json:"text"`
}

// FindingKind says what is odd.
type FindingKind string

// The kinds of findings.
const (
	Expired     FindingKind = "expired"     // its last day is over
	Duplicate   FindingKind = "duplicate"   // says what an earlier clause says
	Shadowed    FindingKind = "shadowed"    // an earlier clause allows all of it
	Weakened    FindingKind = "weakened"    // a later clause allows all of it and more
	Overlapping FindingKind = "overlapping" // another clause allows some of it
	Dead        FindingKind = "dead"        // allows nothing that is open
	Missing     FindingKind = "missing"     // nothing allows what is open
)

func (f Finding) String() string {
	s := string(f.Kind)
	if f.Where != "" {
		s = f.Where + ": " + s
	}
	return s + ": " + f.Clause + ": " + f.Text
}

// Lint returns what is odd about the clauses themselves.
func (p *Policy) Lint(now time.Time) []Finding {
	var all []Finding
	var live []*clause
	for _, c := range p.clauses {
		if !c.Until.IsZero() && !now.Before(c.Until) {
			all = append(all, c.finding(Expired, "allows nothing since its last day, "+showUntil(c.Until)+", is over"))
			continue
		}
		if f, ok := c.against(live); ok {
			all = append(all, f)
		}
		live = append(live, c)
	}
	for i, c := range live {
		for _, later := range live[i+1:] {
			if later.covers(c) && !c.covers(later) {
				all = append(all, c.finding(Weakened, "binds nothing, for "+later.where+" allows all of it and more"))
				break
			}
		}
	}
	slices.SortStableFunc(all, func(a, b Finding) int { return a.Line - b.Line })
	return all
}

// against compares a clause with the earlier ones; the worst comes first.
func (c *clause) against(earlier []*clause) (Finding, bool) {
	var overlaps []string
	for _, e := range earlier {
		switch {
		case e.covers(c) && c.covers(e):
			return c.finding(Duplicate, "says what "+e.where+" says"), true
		case e.covers(c):
			return c.finding(Shadowed, "is never reached, for "+e.where+" allows all of it"), true
		case e.overlaps(c):
			overlaps = append(overlaps, e.where)
		}
	}
	if len(overlaps) == 0 {
		return Finding{}, false
	}
	return c.finding(Overlapping, "shares sockets with "+anyOf(overlaps, strings.Clone)), true
}

func (c *clause) finding(kind FindingKind, text string) Finding {
	return Finding{Kind: kind, File: c.File, Line: c.Line, Where: c.where, Clause: c.String(), Text: text}
}
