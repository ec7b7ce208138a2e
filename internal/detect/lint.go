package detect

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"portwatch/internal/event"
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

// covers reports whether c surely allows everything that d allows.
func (c *clause) covers(d *clause) bool {
	return (len(c.Ports) == 0 || len(d.Ports) > 0 && portsWithin(d.ports, c.ports)) &&
		within(d.Protocols, c.Protocols, allProtocols) &&
		within(d.Scopes, c.Scopes, allScopes) &&
		coverEach(c.Addresses, d.Addresses, prefixCovers) &&
		(!c.HostNetns || d.HostNetns) &&
		(c.Until.IsZero() || !d.Until.IsZero() && !d.Until.After(c.Until)) &&
		coverEach(c.exes, d.exes, globCovers) &&
		coverEach(c.Users, d.Users, sameUser) &&
		coverEach(c.units, d.units, globCovers) &&
		// With a user beside it, a unit may be one of the user's own.
		(len(c.units) == 0 || len(c.Users) > 0 || len(d.Users) == 0) &&
		c.coversContainer(d)
}

func (c *clause) coversContainer(d *clause) bool {
	switch {
	case c.InContainer != nil:
		return d.InContainer != nil && *d.InContainer == *c.InContainer || len(d.conts) > 0 && *c.InContainer
	case len(c.conts) > 0:
		return len(d.conts) > 0 && coverEach(c.conts, d.conts, globCovers)
	}
	return true
}

// overlaps reports whether nothing that both ask for keeps them apart, so
// that both may allow the same socket. A clause without a port meets nearly
// all others; that is not worth a word.
func (c *clause) overlaps(d *clause) bool {
	return (len(c.Ports) == 0) == (len(d.Ports) == 0) &&
		meet(c.ports, d.ports, func(a, b PortRange) bool { return a.First <= b.Last && b.First <= a.Last }) &&
		meet(c.Protocols, d.Protocols, same) &&
		meet(c.Scopes, d.Scopes, same) &&
		meet(c.Addresses, d.Addresses, netip.Prefix.Overlaps) &&
		meet(c.exes, d.exes, globsMeet) &&
		meet(c.Users, d.Users, sameUser) &&
		meet(c.units, d.units, globsMeet) &&
		meet(c.conts, d.conts, globsMeet) &&
		(c.InContainer == nil || d.InContainer == nil || *c.InContainer == *d.InContainer) &&
		(len(d.conts) == 0 || c.InContainer == nil || *c.InContainer) &&
		(len(c.conts) == 0 || d.InContainer == nil || *d.InContainer)
}

// coverEach reports whether each value of d is covered by one of c. No
// values ask for nothing.
func coverEach[T any](c, d []T, covers func(c, d T) bool) bool {
	if len(c) == 0 {
		return true
	}
	if len(d) == 0 {
		return false
	}
	for _, v := range d {
		if !slices.ContainsFunc(c, func(w T) bool { return covers(w, v) }) {
			return false
		}
	}
	return true
}

func meet[T any](c, d []T, both func(c, d T) bool) bool {
	return len(c) == 0 || len(d) == 0 ||
		slices.ContainsFunc(c, func(v T) bool { return slices.ContainsFunc(d, func(w T) bool { return both(v, w) }) })
}

func same[T comparable](a, b T) bool { return a == b }

var (
	allProtocols = []event.Protocol{event.TCP, event.UDP}
	allScopes    = []event.Scope{event.Loopback, event.LinkLocal, event.Private, event.Public, event.Wildcard}
)

// within reports whether every value of some is in others; none at all stand
// for all.
func within[T comparable](some, others, all []T) bool {
	if len(others) == 0 {
		return true
	}
	if len(some) == 0 {
		some = all
	}
	return !slices.ContainsFunc(some, func(v T) bool { return !slices.Contains(others, v) })
}

// portsWithin reports whether some lie in others, which are joined.
func portsWithin(some, others []PortRange) bool {
	return !slices.ContainsFunc(some, func(r PortRange) bool {
		return !slices.ContainsFunc(others, func(o PortRange) bool { return o.First <= r.First && r.Last <= o.Last })
	})
}

func prefixCovers(c, d netip.Prefix) bool { return c.Bits() <= d.Bits() && c.Contains(d.Addr()) }

func sameUser(a, b User) bool {
	return a.Known && b.Known && a.UID == b.UID || a.Name == b.Name
}

// globCovers reports whether c surely matches all that d matches.
func globCovers(c, d glob) bool {
	return c.text == d.text || d.segments == nil && c.match(d.text) || c.text == "/**"
}

// globsMeet reports whether a text surely exists that both match.
func globsMeet(c, d glob) bool { return globCovers(c, d) || globCovers(d, c) }

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
